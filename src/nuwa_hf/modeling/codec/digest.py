# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""A digest of what gives a codec's tokens their meaning, to notice a codec whose tokens were not the ones learnt."""

import math
import struct

import torch
from diffusers import ModelMixin

from nuwa_hf.storage.offloaded_weights import offload_folder


# The codebook, and the projection of the encoder's output to the codes (all that FSQ has). Not the encoder, which is
# large, nor what decodes: a codec whose decoder alone has learnt on still speaks the same tokens.
PARTS = ("quantize.", "quantizer.", "quant_conv.")
SUMS = 4  # signed sums of each tensor
TOLERANCE = 0.01  # of a tensor's root mean square; rounding to bfloat16 moves a sum by about a tenth of this


def codec_digest(model: ModelMixin) -> str | None:
    """The digest of a codec, the same up to rounding in float32, bfloat16 and float16.

    For each tensor, its root mean square and four sums of every fourth number with signs that look random, each over
    the square root of how many there are: numbers that change with any change of the tensor, as much as it changed.

    Args:
        model (`ModelMixin`): a codec, `NuwaVQGAN` or another.

    Returns:
        `str` or None: 16-bit floats in hexadecimal digits; None where nothing can be said: the codec has no tensors of
        the known names, they are not in memory (offloaded, or on the meta device), or they have 8 bits.
    """
    if offload_folder(model) is not None:
        return None
    tensors = sorted((name, tensor) for name, tensor in model.state_dict().items() if name.startswith(PARTS))
    numbers = []
    for _, tensor in tensors:
        if tensor.is_meta or not tensor.is_floating_point() or tensor.element_size() < 2 or tensor.numel() == 0:
            return None
        numbers += _summary(tensor.detach())
    return struct.pack(f"<{len(numbers)}e", *numbers).hex() if numbers else None


def is_same_codec(digest: str, other: str) -> bool:
    """Whether two digests are of codecs whose tokens mean the same, up to rounding; never if a number is not finite.

    Args:
        digest (`str`): what `codec_digest` gave.
        other (`str`): likewise.

    Returns:
        `bool`.

    Raises:
        ValueError: If one is no digest.
    """
    one, two = read_digest(digest), read_digest(other)
    if len(one) != len(two) or not all(map(math.isfinite, (*one, *two))):
        return False
    width = SUMS + 1
    for start in range(0, len(one), width):
        first, second = one[start : start + width], two[start : start + width]
        allowed = TOLERANCE * max(first[0], second[0])  # the root mean squares
        if any(abs(a - b) > allowed for a, b in zip(first, second, strict=True)):
            return False
    return True


def read_digest(digest: str) -> tuple[float, ...]:
    """The numbers of a digest.

    Args:
        digest (`str`): what `codec_digest` gave.

    Returns:
        `tuple[float, ...]`.

    Raises:
        ValueError: If it is no digest.
    """
    try:
        data = bytes.fromhex(digest)
        return struct.unpack(f"<{len(data) // 2}e", data)
    except (ValueError, struct.error) as error:
        raise ValueError(f"a digest must be 16-bit floats in hexadecimal digits, got {digest!r}.") from error


@torch.no_grad()
def _summary(tensor: torch.Tensor) -> list[float]:
    flat = tensor.float().flatten()
    index = torch.arange(len(flat), device=flat.device)
    signed = flat * (1 - 2 * (index * 0x9E3779B1 >> 16 & 1))
    sums = torch.nn.functional.pad(signed, (0, -len(flat) % SUMS)).view(-1, SUMS).sum(0)
    return [flat.square().mean().sqrt().item(), *(sums / (len(flat) / SUMS) ** 0.5).tolist()]
