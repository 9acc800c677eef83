# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""A tiny model and its inputs, for the tests of sampling."""

import torch
from seeding import seed_torch

from nuwa_hf.generation.noise import PlaceNoise
from nuwa_hf.grid import Grid
from nuwa_hf.modeling.configuration_nuwa import NuwaConfig
from nuwa_hf.modeling.modeling_nuwa import NuwaForConditionalGeneration


def random_model(window=(3, 3, 3), dtype=torch.float64, condition_window=(3, 3, 3), input_window=None):
    """A tiny model with weights large enough that every input matters to every token."""
    seed_torch(0)
    config = NuwaConfig(
        vocab_size=40,
        codebook_size=29,
        sketch_codebook_size=17,
        hidden_size=24,
        num_attention_heads=2,
        num_encoder_layers=1,
        num_decoder_layers=3,
        visual_grid=(4, 5, 5),
        window=window,
        input_window=input_window,
        condition_window=condition_window,
    )
    model = NuwaForConditionalGeneration(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.3)
    return model.to(dtype)


def texts():
    input_ids = torch.randint(5, 40, (3, 6), generator=torch.Generator().manual_seed(5))
    attention_mask = torch.ones_like(input_ids)
    attention_mask[1, 3:] = 0
    return input_ids, attention_mask


def generators():
    return [torch.Generator().manual_seed(seed) for seed in (11, 12, 13)]


def drawn_from(logits, grid):
    """The tokens that `generators()` draw from `(3, T, H, W, 29)` logits at all places of a grid."""
    noise = PlaceNoise(Grid(*grid), 3, logits.shape[-1], generators(), torch.device("cpu"))
    for frame in range(grid[0]):
        noise.begin_frame(frame)
    return (logits + noise.at(torch.arange(Grid(*grid).numel)).view(logits.shape)).argmax(-1)
