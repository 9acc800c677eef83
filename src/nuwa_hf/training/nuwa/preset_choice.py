# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Which preset to train: as large as the clips, the hours and the memory allow."""

from functools import cache

from nuwa_hf.modeling.configuration_nuwa import NuwaConfig
from nuwa_hf.modeling.presets import PRESETS
from nuwa_hf.training.nuwa.memory_estimate import estimate_memory, weight_shapes
from nuwa_hf.training.nuwa.preset_defaults import FROM_NOTHING, TABLE
from nuwa_hf.training.run.run_arguments import require


SMALLEST = "emoji-motion"
# Samples (windows of clips, or images) from which on a preset is worth its weights.
MIN_SAMPLES = {
    "nuwa-336": 1_000_000,
    "nuwa-256": 1_000_000,
    "base": 100_000,
    "small": 10_000,
    "tiny": 1_000,
    SMALLEST: 1,
}
# Tokens that a model should at least be trained on for each of its weights, repeats included.
TOKENS_PER_WEIGHT = 2.0
# What `train` reports for the smallest preset on two cores of a CPU (docs/benchmarks.md).
CPU_TOKENS_PER_SECOND = 3200.0
BYTES_PER_GB = 1e9


def tokens_per_second_of(preset: str, tokens_per_second: float) -> float:
    """The speed of training a preset, from that of the smallest: a token costs in proportion to the weights.

    Args:
        preset (`str`): its name.
        tokens_per_second (`float`): what `train` reports for the preset `emoji-motion`.

    Returns:
        `float`: tokens a second.
    """
    return tokens_per_second * num_weights(SMALLEST) / num_weights(preset)


@cache
def num_weights(preset: str) -> int:
    """The weights of a preset.

    Args:
        preset (`str`): its name.

    Returns:
        `int`: how many.
    """
    return sum(shape.numel() for shape in weight_shapes(NuwaConfig.from_preset(preset)).values())


def suggest_preset(
    num_clips: int,
    *,
    hours: float = 1.0,
    tokens_per_second: float | None = None,
    memory_gb: float | None = None,
) -> str:
    """The largest preset for which there are enough clips, hours and memory; the smallest where none fits.

        clips    at least `MIN_SAMPLES`
        hours    at least 2 tokens a weight at the speed of the machine
        memory   one clip of the preset's grid at a time in 32 bits, with gradient checkpointing

    Args:
        num_clips (`int`): samples to train on, at least 1: windows of clips, or images.
        hours (`float`, defaults to 1.0): for the transformer, above 0.
        tokens_per_second (`float`, *optional*): what `train` reports for the preset `emoji-motion` on the machine,
            above 0; by default that of two CPU cores, 3200.
        memory_gb (`float`, *optional*): of the GPU, or of the machine without one, in 1e9 bytes; by default it does
            not count.

    Returns:
        `str`: the preset's name.

    Raises:
        ValueError: If a number is out of range.

    Example:
        >>> from nuwa_hf.training.nuwa.preset_choice import suggest_preset

        >>> suggest_preset(180)
        'emoji-motion'
        >>> suggest_preset(200_000, hours=24, tokens_per_second=1_000_000, memory_gb=24)
        'base'
    """
    if tokens_per_second is None:
        tokens_per_second = CPU_TOKENS_PER_SECOND
    for name, value in (("num_clips", num_clips), ("hours", hours), ("tokens_per_second", tokens_per_second)):
        require(value > 0, name, "above 0", value, "see docs/presets.md")
    require(memory_gb is None or memory_gb > 0, "memory_gb", "above 0", memory_gb, "leave it out")
    for preset in PRESETS:
        if num_clips < MIN_SAMPLES[preset]:
            continue
        seconds_needed = TOKENS_PER_WEIGHT * num_weights(preset) / tokens_per_second_of(preset, tokens_per_second)
        if seconds_needed <= 3600 * hours and (memory_gb is None or _least_memory(preset) <= memory_gb * BYTES_PER_GB):
            return preset
    return SMALLEST


@cache
def _least_memory(preset: str) -> int:
    optimizer = TABLE[preset][FROM_NOTHING].optimizer
    setting = {"optimizer": optimizer, "mixed_precision": "no", "gradient_checkpointing": True}
    return estimate_memory(NuwaConfig.from_preset(preset), rows=1, **setting).total
