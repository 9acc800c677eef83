# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Which codes some tokens use, in a form that a shard keeps, so that no token is read again to count them."""

import numpy as np
import torch


LARGEST_CODE = 65535  # of those that are kept: the head of a shard stays short


def used_codes(tokens: torch.Tensor) -> int | None:
    """The codes that tokens use, as the bits of a number: bit k is 1 if k is among them.

    Args:
        tokens (`torch.IntTensor` of any shape): the tokens, on the CPU.

    Returns:
        `int`, or None if one of them is below 0 or above 65535.
    """
    if tokens.numel() == 0:
        return 0
    lowest, highest = (int(bound) for bound in tokens.aminmax())
    if lowest < 0 or highest > LARGEST_CODE:
        return None
    is_used = np.zeros(highest + 1, dtype=bool)
    is_used[tokens.numpy()] = True
    return int.from_bytes(np.packbits(is_used, bitorder="little").tobytes(), "little")


def in_either(codes: int | None, others: int | None) -> int | None:
    """The codes of two parts together; None where those of one are not known.

    Args:
        codes (`int`, *optional*): as `used_codes` gives them.
        others (`int`, *optional*): likewise.

    Returns:
        `int`, or None.
    """
    return None if codes is None or others is None else codes | others
