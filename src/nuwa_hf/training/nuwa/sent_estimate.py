# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Estimates the bytes that a process sends in a training step, from the sizes of the model."""

from nuwa_hf.modeling.configuration_nuwa import NuwaConfig
from nuwa_hf.training.nuwa.memory_estimate import FLOAT, Precision, weight_shapes


def sent_bytes(
    config: NuwaConfig, *, num_processes: int, strategy: str = "ddp", mixed_precision: Precision = "bf16"
) -> int:
    """Bytes that each process sends in a step of one pass in which all weights are learnt, round a ring.

        ddp:    2 (n - 1) / n x 4 bytes a weight, an all-reduce of the gradients in float32
        fsdp:   (n - 1) / n x (2 e + 4) bytes a weight: gathered for the forward and for the backward pass, in e bytes
                a number, 4 or 2 in bf16; and the gradients scattered in float32

    Args:
        config (`NuwaConfig`): the sizes.
        num_processes (`int`): n.
        strategy (`str`, defaults to `"ddp"`): or `"fsdp"`.
        mixed_precision (`str`, defaults to `"bf16"`): or `"no"`.

    Returns:
        `int`: bytes.
    """
    weights = sum(shape.numel() for shape in weight_shapes(config).values())
    gathered = 2 if mixed_precision == "bf16" else FLOAT
    each = 2 * FLOAT if strategy == "ddp" else 2 * gathered + FLOAT
    return round(weights * each * (num_processes - 1) / num_processes)
