# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The only place where the tests' sizes live: real models with random weights that run in milliseconds."""

import copy
from functools import cache
from typing import Any

import numpy as np
import torch
from diffusers import ModelMixin, VQModel
from quick_copies import built_once
from seeding import seed_torch

import nuwa_hf
from nuwa_hf import NuwaConfig, NuwaForConditionalGeneration, NuwaPipelineBase, NuwaTokenizer, NuwaVQGAN
from nuwa_hf.modeling.class_maps import class_maps_to_pixels
from nuwa_hf.modeling.codec import as_codec
from nuwa_hf.tasks import get_task


CODEBOOK_SIZE = 32
SKETCH_CODEBOOK_SIZE = 16
NUM_CLASSES = 25  # of EmojiMotion's sketches, so that examples run on the tiny checkpoint
VISUAL_GRID = (3, 4, 5)  # three different extents, so that no two axes can be swapped unnoticed
FRAME_RATE = 4
MAX_TEXT_LENGTH = 12
FACTOR = 2  # pixels of a token's side
FRAME_SIZE = (VISUAL_GRID[2] * FACTOR, VISUAL_GRID[1] * FACTOR)  # width, height
CAPTIONS = ("a red apple rolls to the left", "two birds rise over the sea", "a rocket shrinks on a meadow")


def tiny_vqgan(**overrides) -> NuwaVQGAN:
    seed_torch(1)
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
        "frame_rate": FRAME_RATE,
        "initializer_range": 0.6,  # at 0.02 a random model hardly looks at its condition
    }
    return NuwaConfig(**{**sizes, **overrides})


@built_once
def tiny_transformer(**overrides) -> NuwaForConditionalGeneration:
    seed_torch(2)
    return NuwaForConditionalGeneration(tiny_config(**overrides)).eval()


@cache
def _trained_tokenizer() -> NuwaTokenizer:
    return NuwaTokenizer.train(CAPTIONS, vocab_size=100)


def tiny_tokenizer() -> NuwaTokenizer:
    return copy.deepcopy(_trained_tokenizer())


def tiny_sketch_vqgan(**overrides) -> NuwaVQGAN:
    sizes = {"in_channels": NUM_CLASSES, "out_channels": NUM_CLASSES, "codebook_size": SKETCH_CODEBOOK_SIZE}
    return tiny_vqgan(**{**sizes, **overrides})


def tiny_vqmodel(num_channels: int = 3, codebook_size: int = CODEBOOK_SIZE, **overrides) -> VQModel:
    """diffusers' own class."""
    seed_torch(1)
    sizes = {
        "in_channels": num_channels,
        "out_channels": num_channels,
        "block_out_channels": (8, 8),
        "down_block_types": ("DownEncoderBlock2D",) * 2,
        "up_block_types": ("UpDecoderBlock2D",) * 2,
        "layers_per_block": 1,
        "latent_channels": 4,
        "num_vq_embeddings": codebook_size,
        "norm_num_groups": 4,
        "mid_block_add_attention": False,
        "sample_size": 8,
    }
    return VQModel(**{**sizes, **overrides}).eval()


def tiny_fsq_vqgan(num_channels: int = 3, levels: tuple[int, ...] = (4, 2, 2, 2)) -> NuwaVQGAN:
    vqgan = tiny_vqgan(
        in_channels=num_channels,
        out_channels=num_channels,
        quantizer="fsq",
        fsq_levels=levels,
        codebook_dim=None,
        codebook_size=None,
    )
    with torch.no_grad():
        vqgan.quant_conv.weight *= 20  # latents beyond the first levels
    return vqgan


def with_spread_codes(model: ModelMixin, pixels: torch.Tensor) -> ModelMixin:
    """With latents of these pixels as codes: a random codec gives nearly every pixel the same token."""
    latents = model.encode(pixels).latents.movedim(1, -1).flatten(0, -2)
    chosen = torch.randperm(len(latents), generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        model.quantize.embedding.weight.copy_(latents[chosen[: as_codec(model).codebook_size]])
    return model


@built_once
def tiny_codecs(kind: str = "nearest") -> dict[str, ModelMixin]:
    """The components `vqgan` and `sketch_vqgan`: NuwaVQGANs, their like with "fsq", or diffusers' "vqmodel"."""
    if kind == "fsq":
        return {"vqgan": tiny_fsq_vqgan(), "sketch_vqgan": tiny_fsq_vqgan(NUM_CLASSES, (4, 4))}
    generator = torch.Generator().manual_seed(0)
    width, height = FRAME_SIZE
    pixels = torch.rand(4, 3, height, width, generator=generator) * 2 - 1
    sketches = torch.randint(0, NUM_CLASSES, (4, height, width), generator=generator)
    if kind == "vqmodel":
        codecs = (tiny_vqmodel(), tiny_vqmodel(NUM_CLASSES, SKETCH_CODEBOOK_SIZE, lookup_from_codebook=True))
    else:
        codecs = (tiny_vqgan(), tiny_sketch_vqgan())
    return {
        "vqgan": with_spread_codes(codecs[0], pixels),
        "sketch_vqgan": with_spread_codes(codecs[1], class_maps_to_pixels(sketches, NUM_CLASSES)),
    }


def tiny_pipeline(task: str = "T2V", **components) -> NuwaPipelineBase:
    """The pipeline of the task with the paper's short name, with all four components."""
    everything = {**tiny_codecs(), "transformer": tiny_transformer(), "tokenizer": tiny_tokenizer()}
    pipeline = getattr(nuwa_hf, get_task(task).pipeline)(**{**everything, **components})
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def tiny_inputs(task: str, seed: int = 0, num_frames: int = VISUAL_GRID[0]) -> dict[str, Any]:
    """What a task's pipeline must be given for one output, of the model's size; masks do not align with tokens."""
    random = np.random.default_rng(seed)
    width, height = FRAME_SIZE
    clip = random.integers(0, 256, (num_frames, height, width, 3), dtype=np.uint8)
    sketch = random.integers(0, NUM_CLASSES, (num_frames, height, width))
    mask = np.zeros((num_frames, height, width), dtype=bool)
    mask[-1, 1 : 4 + seed % 3, 3:8] = True
    moving = mask.copy()
    moving[1:, height // 2 + 1 :] = True
    prompt = CAPTIONS[seed % len(CAPTIONS)]
    return {
        "T2I": {"prompt": prompt},
        "T2V": {"prompt": prompt},
        "S2I": {"sketch": sketch[0]},
        "S2V": {"sketch": sketch},
        "I2I": {"image": clip[0], "mask": mask[-1]},
        "V2V": {"video": clip[: num_frames - 1]},
        "TI2I": {"prompt": prompt, "image": clip[0], "mask": mask[-1]},
        "TV2V": {"prompt": prompt, "video": clip, "mask": moving},
    }[task]


def tiny_batch(task: str, seeds: tuple[int, ...]) -> dict[str, list]:
    """The same for several outputs, one for each seed."""
    rows = [tiny_inputs(task, seed) for seed in seeds]
    return {name: [row[name] for row in rows] for name in rows[0]}


def seeded(*seeds: int) -> list[torch.Generator]:
    return [torch.Generator().manual_seed(seed) for seed in seeds]
