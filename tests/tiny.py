# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The only place where the tests' sizes live: real models with random weights that run in milliseconds."""

import torch

from nuwa_hf import NuwaConfig, NuwaForConditionalGeneration, NuwaTextToVideoPipeline, NuwaTokenizer, NuwaVQGAN


CODEBOOK_SIZE = 32
SKETCH_CODEBOOK_SIZE = 16
VISUAL_GRID = (3, 4, 5)  # three different extents, so that no two axes can be swapped unnoticed
MAX_TEXT_LENGTH = 12
FACTOR = 2  # pixels of a token's side
FRAME_SIZE = (VISUAL_GRID[2] * FACTOR, VISUAL_GRID[1] * FACTOR)  # width, height
CAPTIONS = ("a red apple rolls to the left", "two birds rise over the sea", "a rocket shrinks on a meadow")


def tiny_vqgan(**overrides) -> NuwaVQGAN:
    torch.manual_seed(1)
    sizes = {
        "block_out_channels": (8, 8),
        "layers_per_block": 1,
        "attention_levels": (),
        "latent_channels": 4,
        "codebook_dim": 4,
        "codebook_size": CODEBOOK_SIZE,
        "norm_num_groups": 4,
        "mid_block_attention": False,
        "sample_size": 8,
    }
    return NuwaVQGAN(**{**sizes, **overrides}).eval()


def tiny_config(**overrides) -> NuwaConfig:
    sizes = {
        "vocab_size": 128,
        "codebook_size": CODEBOOK_SIZE,
        "sketch_codebook_size": SKETCH_CODEBOOK_SIZE,
        "hidden_size": 16,
        "num_attention_heads": 2,
        "num_encoder_layers": 1,
        "num_decoder_layers": 2,
        "max_text_length": MAX_TEXT_LENGTH,
        "visual_grid": VISUAL_GRID,
        "initializer_range": 0.3,  # at 0.02 a random model hardly looks at its condition
    }
    return NuwaConfig(**{**sizes, **overrides})


def tiny_transformer(**overrides) -> NuwaForConditionalGeneration:
    torch.manual_seed(2)
    return NuwaForConditionalGeneration(tiny_config(**overrides)).eval()


def tiny_tokenizer() -> NuwaTokenizer:
    return NuwaTokenizer.train(CAPTIONS, vocab_size=100)


def tiny_text_to_video_pipeline() -> NuwaTextToVideoPipeline:
    pipeline = NuwaTextToVideoPipeline(vqgan=tiny_vqgan(), transformer=tiny_transformer(), tokenizer=tiny_tokenizer())
    pipeline.set_progress_bar_config(disable=True)
    return pipeline
