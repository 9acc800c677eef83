# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Gumbel noise tied to places and codes, so that a token survives rounding and a change of the sampling order.

Legend: B batch, R kept frames, H, W rows and columns of a frame, n places of one step, V codebook size.
"""

from contextlib import nullcontext

import torch

from nuwa_hf.generation.cuda_graphs import RECORDING
from nuwa_hf.grid import Grid


# SplitMix64 (Steele, Lea and Flood 2014, "Fast splittable pseudorandom number generators"), as signed numbers.
GOLDEN = 0x9E3779B97F4A7C15 - 2**64
FIRST_FACTOR = 0xBF58476D1CE4E5B9 - 2**64
SECOND_FACTOR = 0x94D049BB133111EB - 2**64


class PlaceNoise:
    """One Gumbel number for each item, place and code.

        g = -log(-log1p(-u)),     u = splitmix64(key of item and place, code) in (0, 1)

    The largest of `logits + g` is a draw from `softmax(logits)`. The item's generator draws a 63-bit key for
    each place, frame by frame and in raster order within a frame, and everything else is computed from the key. Only
    the keys are stored, and the noise does not depend on the schedule, the rest of the batch, the device or the number
    of threads.

    Args:
        kept (`Grid`): the grid (R, H, W) of kept frames; frame t is stored at index t modulo R.
        batch_size (`int`): B.
        codebook_size (`int`): V.
        generator (`torch.Generator` or `list[torch.Generator]`, *optional*): one per item, or one for the whole batch,
            which draws each frame's keys item by item. A generator draws on its own device.
        device (`torch.device`): where the noise is used.

    Raises:
        ValueError: If a generator is on an MPS device.
    """

    def __init__(
        self,
        kept: Grid,
        batch_size: int,
        codebook_size: int,
        generator: torch.Generator | list[torch.Generator] | None,
        device: torch.device,
    ):
        self._kept = kept
        self._keys = torch.zeros(batch_size, kept.numel, dtype=torch.long, device=device)
        self.draw_from(generator)
        self._codes = torch.arange(codebook_size, device=device) * GOLDEN  # wraps around at 64 bits

    def draw_from(self, generator: torch.Generator | list[torch.Generator] | None) -> None:
        """Draw the keys of all further frames from other generators, as those that `PlaceNoise` takes."""
        device, batch_size = self._keys.device, len(self._keys)
        home = torch.device("cpu") if device.type == "mps" else device  # MPS cannot draw 64-bit numbers
        one_each = isinstance(generator, list)
        rows = 1 if one_each else batch_size
        self._draws = [
            (rows, one, home if one is None else one.device) for one in (generator if one_each else [generator])
        ]
        if any(home.type == "mps" for _, _, home in self._draws):
            raise ValueError("`generator` must draw numbers of 64 bits, got one on mps; use `torch.Generator()`.")

    def begin_frame(self, frame: int) -> None:
        """Draw the keys of a frame, which replace those of an old one. Frames must begin in order, each once.

        Args:
            frame (`int`): t, counted from 0 without limit.
        """
        size = self._kept.h * self._kept.w
        start = frame % self._kept.t * size
        for row, (count, one, home) in enumerate(self._draws):
            with RECORDING if one is None and home.type == "cuda" else nullcontext():
                keys = torch.randint(2**63 - 1, (count, size), generator=one, device=home)
            self._keys[row : row + count, start : start + size] = keys

    def at(self, places: torch.Tensor) -> torch.Tensor:
        """The noise of some places.

        Args:
            places (`torch.LongTensor` of shape `(n,)`): raster indices in the kept frames, all of which have begun.

        Returns:
            `torch.Tensor` of shape `(B, n, V)`: float32 within [-2.9, 43.7], so never infinite and never NaN.
        """
        bits = self._codes + self._keys[:, places, None]
        _xor_shift(bits, 30)
        bits *= FIRST_FACTOR
        _xor_shift(bits, 27)
        bits *= SECOND_FACTOR
        # The last shift of SplitMix64 is left out: it would not change the high bits, and only those matter here.
        bits |= -(2**63)
        minus_u = bits.float()  # float32 is precise near 0, where the largest noise comes from
        del bits
        minus_u *= 2.0**-63
        return minus_u.clamp_(min=2.0**-24 - 1).log1p_().neg_().log_().neg_()  # log1p(-1) would be -inf


def _xor_shift(bits: torch.Tensor, count: int) -> None:
    """`bits ^= bits >> count` in place, for unsigned numbers: torch's shift would fill in the sign bit."""
    bits ^= (bits >> count).bitwise_and_((1 << (64 - count)) - 1)
