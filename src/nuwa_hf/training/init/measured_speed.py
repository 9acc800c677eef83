# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""How fast this machine is, measured for a few seconds: a training step of a transformer and of a codec, a clip read
and encoded.

Legend: B batch, L text length.
"""

import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from statistics import median

import torch
from accelerate import Accelerator
from diffusers import ModelMixin

from nuwa_hf.datasets.captioned_media import ClipReader
from nuwa_hf.datasets.row_source import Rows
from nuwa_hf.grid import Grid
from nuwa_hf.media.errors import BrokenMediaError
from nuwa_hf.modeling.autoencoder_vqgan import NuwaVQGAN
from nuwa_hf.modeling.codec import as_codec
from nuwa_hf.modeling.codec.few_frames import few_at_once
from nuwa_hf.modeling.configuration_nuwa import NuwaConfig
from nuwa_hf.modeling.modeling_nuwa import NuwaForConditionalGeneration
from nuwa_hf.tasks import get_task
from nuwa_hf.training.nuwa.optimizers import build_optimizers
from nuwa_hf.training.nuwa.task_batches import TaskBatch
from nuwa_hf.training.nuwa.throughput import training_flops
from nuwa_hf.training.vqgan.discriminator import PatchDiscriminator
from nuwa_hf.training.vqgan.reconstruction_targets import FrameTarget
from nuwa_hf.training.vqgan.vqgan_arguments import VQGANArguments
from nuwa_hf.training.vqgan.vqgan_steps import VQGANTraining, vqgan_step


REPEATS = 2  # after one that is not counted
TEXT_LENGTH = 24  # of a typical caption; a batch is as long as its longest
CODEC_IMAGES = 4
RATES = {"learning_rate": 1e-4, "muon_learning_rate": 1e-4, "betas": (0.9, 0.95), "weight_decay": 0.01}


@dataclass(frozen=True)
class Measured:
    """How long something takes, by a few repetitions.

    Args:
        all_seconds (`tuple[float, ...]`): of each.
    """

    all_seconds: tuple[float, ...]

    @property
    def seconds(self) -> float:
        """The median."""
        return median(self.all_seconds)


def batch_of(task: str, rows: int, grid: Grid, codebook_size: int, device: str) -> TaskBatch:
    """A batch of a task with random tokens.

    Args:
        task (`str`): its short name; one whose condition is a text, or V2V.
        rows (`int`): B.
        grid (`Grid`): of a clip.
        codebook_size (`int`): tokens that there are.
        device (`str`): where; `"meta"` for shapes alone.

    Returns:
        `TaskBatch`.
    """
    shape = (rows, 1 if get_task(task).output == "image" else grid.t, grid.h, grid.w)
    tokens = torch.randint(codebook_size, shape, device=device)
    ids = torch.full((rows, TEXT_LENGTH), 5, device=device)
    known = torch.zeros(shape, dtype=torch.bool, device=device) if task == "V2V" else None
    return TaskBatch(ids, torch.ones_like(ids), tokens, tokens, known_mask=known)


def step_operations(config: NuwaConfig, counts: dict[str, int]) -> int:
    """Floating point operations of an optimiser step's passes, counted.

    Args:
        config (`NuwaConfig`): the sizes.
        counts (`dict[str, int]`): task to its rows in a step.

    Returns:
        `int`: as `training_flops` counts them.
    """
    grid = Grid(*config.visual_grid)
    batches = (batch_of(task, rows, grid, config.codebook_size, "meta") for task, rows in counts.items())
    return sum(training_flops(config, batch) for batch in batches)


def measure_transformer(config: NuwaConfig, counts: dict[str, int], optimizer: str, device: str) -> Measured:
    """Time optimiser steps of a fresh transformer on random tokens; on CUDA in bf16.

    Args:
        config (`NuwaConfig`): the sizes.
        counts (`dict[str, int]`): task to its rows in a step.
        optimizer (`str`): `"muon"` or `"adamw"`.
        device (`str`): the type of the device.

    Returns:
        `Measured`: of a step.
    """
    model = NuwaForConditionalGeneration(config).to(device).train()
    optimizers = build_optimizers(model, optimizer, **RATES)
    grid = Grid(*config.visual_grid)
    batches = [batch_of(task, rows, grid, config.codebook_size, device) for task, rows in counts.items()]

    def step() -> None:
        for batch in batches:
            with torch.autocast("cuda", torch.bfloat16) if device == "cuda" else nullcontext():
                loss = model(**vars(batch), logits_to_keep=[]).loss
            loss.backward()
        for one in optimizers:
            one.step()
            one.zero_grad()

    return _timed(step, device)


def measure_codec(vqgan: NuwaVQGAN, arguments: VQGANArguments, device: str) -> Measured:
    """Time optimiser steps of a codec on random images, and divide by these. Steps without and with the discriminator
    count by their shares.

    Args:
        vqgan (`NuwaVQGAN`): the codec; it is changed.
        arguments (`VQGANArguments`): those of the run.
        device (`str`): the type of the device.

    Returns:
        `Measured`: of an image.
    """
    side = arguments.image_size
    layout = torch.channels_last if arguments.channels_last else torch.contiguous_format
    vqgan = vqgan.to(device, memory_format=layout).train()
    channels, layers = arguments.discriminator_channels, arguments.discriminator_layers
    discriminator = PatchDiscriminator(3, channels, layers).to(device, memory_format=layout)
    optimizers = [torch.optim.AdamW(model.parameters(), lr=0.0) for model in (vqgan, discriminator)]
    accelerator = Accelerator(cpu=device == "cpu")
    prepared = accelerator.prepare(vqgan, discriminator, *optimizers)
    training = VQGANTraining(arguments, FrameTarget(arguments), accelerator, *prepared, None, None, 0)
    pixels = torch.rand(CODEC_IMAGES, 3, side, side, device=device).mul(2).sub(1).to(memory_format=layout)
    batch = {"pixels": pixels, "object_mask": torch.ones(CODEC_IMAGES, side, side, dtype=torch.bool, device=device)}
    shares = {False: arguments.discriminator_start, True: 1 - arguments.discriminator_start}
    found = [
        _timed(lambda which=which: vqgan_step(training, [batch], is_adversarial=which), device) for which in shares
    ]
    weighted = zip(*(one.all_seconds for one in found), strict=True)
    return Measured(
        tuple(sum(s * t for s, t in zip(shares.values(), times, strict=True)) / CODEC_IMAGES for times in weighted)
    )


@torch.no_grad()
def measure_tokenising(
    vqgan: ModelMixin, reader: ClipReader, rows: Rows, device: str
) -> tuple[Measured, Measured] | None:
    """Time how a sample is read from its file and how it is encoded.

    Args:
        vqgan (`ModelMixin`): the codec: `NuwaVQGAN` or another that `as_codec` takes.
        reader (`ClipReader`): reads samples.
        rows (`Rows`): rows to read.
        device (`str`): the type of the device.

    Returns:
        `tuple[Measured, Measured]`: of reading a sample, and of encoding one; None if no row can be read.
    """
    codec = as_codec(vqgan.to(device).eval())
    reading, encoding = [], []
    for number, row in rows:
        start = time.perf_counter()
        try:
            sample = next(iter(reader.read(number, row)))
        except BrokenMediaError:  # `inspect` names it
            continue
        reading.append(time.perf_counter() - start)
        frames = torch.from_numpy(sample["video"]).to(device, torch.float32).div(127.5).sub(1).movedim(-1, 1)
        height, width = frames.shape[-2:]
        encode = partial(few_at_once, lambda images: codec.encode(images).tokens, frames, height=height, width=width)
        encoding += _timed(encode, device, repeats=1).all_seconds
    return (Measured(tuple(reading)), Measured(tuple(encoding))) if reading else None


def _timed(step: Callable[[], object], device: str, repeats: int = REPEATS) -> Measured:
    seconds = []
    for _ in range(1 + repeats):
        start = time.perf_counter()
        step()
        if device != "cpu":
            torch.accelerator.synchronize()
        seconds.append(time.perf_counter() - start)
    return Measured(tuple(seconds[1:]))
