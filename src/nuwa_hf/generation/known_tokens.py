# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Known tokens (in completion, prediction and manipulation), which are kept rather than sampled."""

import torch

from nuwa_hf.argument_types import shown
from nuwa_hf.grid import Grid


def check_known_tokens(
    known_tokens: torch.Tensor | None, known_mask: torch.Tensor | None, grid: Grid, batch_size: int, codebook_size: int
) -> None:
    """Check known tokens and their mask before any work.

    Args:
        known_tokens (`torch.LongTensor` of shape `(B, T, H, W)`, *optional*): tokens; ignored where unknown.
        known_mask (`torch.BoolTensor` of shape `(B, T, H, W)`, *optional*): True where a token is known.
        grid (`Grid`): (T, H, W).
        batch_size (`int`): B.
        codebook_size (`int`): tokens are in [0, codebook_size).

    Raises:
        TypeError: If a dtype is wrong.
        ValueError: If only one of the two is given, or a shape or a value is wrong.
    """
    if known_tokens is None and known_mask is None:
        return
    if known_tokens is None or known_mask is None:
        missing = "known_tokens" if known_tokens is None else "known_mask"
        raise ValueError(
            f"`known_tokens` and `known_mask` go together, but `{missing}` is missing; give both or neither."
        )
    for name, tensor in (("known_tokens", known_tokens), ("known_mask", known_mask)):
        if not isinstance(tensor, torch.Tensor):
            raise TypeError(f"`{name}` must be a tensor (B, T, H, W), got {shown(tensor)}; give one, or None.")
    if known_tokens.dtype != torch.long or known_mask.dtype != torch.bool:
        raise TypeError(
            "`known_tokens` must be torch.long and `known_mask` torch.bool, got "
            f"{known_tokens.dtype} and {known_mask.dtype}; convert them by `.long()` and `.bool()`."
        )
    expected = (batch_size, *grid)
    for name, tensor in (("known_tokens", known_tokens), ("known_mask", known_mask)):
        if tuple(tensor.shape) != expected:
            raise ValueError(
                f"`{name}` must have shape (batch, t, h, w) = {expected}, got {tuple(tensor.shape)}; reshape it."
            )
    given = known_tokens[known_mask]
    if given.numel() and (given.min() < 0 or given.max() >= codebook_size):
        raise ValueError(
            f"`known_tokens` must be in [0, {codebook_size}), the codebook, where given, got values from "
            f"{int(given.min())} to {int(given.max())}; give what the codec's `encode` returns."
        )
