# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Lower bounds for the time of sampling on a device: reading the weights once per step, and multiplying by them.

    seconds >= max(waves * bytes of the weights / bandwidth,  2 * rows * weights / matrix rate)

Keys, values and activations are left out, so the real minimum is higher.
"""

from typing import Any

import torch

from benchmarks.measuring.devices import seconds_of
from nuwa_hf import NuwaForConditionalGeneration


# Large enough that a cache or the start of a kernel does not count; a tensor's bytes and a matrix's side.
COPIED_BYTES = {"cpu": 2**28, "cuda": 2**30}
MATRIX_SIDE = {"cpu": 1536, "cuda": 8192}
REPETITIONS = 5


def copy_bandwidth(device: str) -> float:
    """Bytes a second of copying a large tensor, reading and writing both counted; the fastest of five copies."""
    source = torch.ones(COPIED_BYTES[device], dtype=torch.uint8, device=device)
    target = torch.zeros_like(source)
    return 2 * source.nbytes / min(seconds_of(lambda: target.copy_(source), device) for _ in range(REPETITIONS))


def matrix_rate(dtype: torch.dtype, device: str) -> float:
    """Operations a second of a large square product, additions and multiplications counted; the fastest of five.

    Args:
        dtype (`torch.dtype`): of the matrices; int8 is `torch._int_mm`.
        device (`str`): where.

    Returns:
        `float`: operations a second.
    """
    side = MATRIX_SIDE[device]
    left, right = torch.ones(2, side, side, dtype=dtype, device=device)
    multiply = torch._int_mm if dtype == torch.int8 else torch.matmul
    multiply(left, right)
    return 2 * side**3 / min(seconds_of(lambda: multiply(left, right), device) for _ in range(REPETITIONS))


def weights_of_waves(model: NuwaForConditionalGeneration) -> list[torch.Tensor]:
    """The weights that every wave reads as a whole: the decoder's layers and the head.

    The cross-attention's keys and values are computed once a video, and embeddings are looked up.
    """
    decoder = model.model.decoder
    once = [layer.cross_attn.get_submodule(name) for layer in decoder.layers for name in ("k_proj", "v_proj")]
    left_out = {id(tensor) for module in once for tensor in (*module.parameters(), *module.buffers())}
    modules = (decoder.layers, decoder.norm, model.head)
    read = [tensor for module in modules for tensor in (*module.parameters(), *module.buffers())]
    return [tensor for tensor in read if id(tensor) not in left_out]


def floors(
    model: NuwaForConditionalGeneration, num_waves: int, num_rows: int, matrix_dtype: torch.dtype, device: str
) -> dict[str, Any]:
    """Rates of this device now, and the seconds that they leave to the waves at least.

    Args:
        model (`NuwaForConditionalGeneration`): the model.
        num_waves (`int`): steps.
        num_rows (`int`): rows that go through the decoder in all: tokens times batch, twice under guidance.
        matrix_dtype (`torch.dtype`): what is multiplied.
        device (`str`): where.

    Returns:
        `dict`: `bandwidth`, `matrix_rate`, `bytes_per_wave`, `operations`, `reading_seconds`, `multiplying_seconds`
        and `seconds`, the larger of both.
    """
    weights = weights_of_waves(model)
    bytes_per_wave = sum(tensor.nbytes for tensor in weights)
    operations = 2 * num_rows * sum(tensor.numel() for tensor in weights if tensor.ndim == 2)
    bandwidth, rate = copy_bandwidth(device), matrix_rate(matrix_dtype, device)
    reading, multiplying = num_waves * bytes_per_wave / bandwidth, operations / rate
    return {
        "bandwidth": bandwidth,
        "matrix_rate": rate,
        "bytes_per_wave": bytes_per_wave,
        "operations": operations,
        "reading_seconds": reading,
        "multiplying_seconds": multiplying,
        "seconds": max(reading, multiplying),
    }
