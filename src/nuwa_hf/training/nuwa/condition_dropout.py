# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Drops conditions in training, so that the model learns the constant "None" condition and works without a sketch."""

from collections.abc import Sequence

import torch


def draw_dropped(rows: int, probability: float, generator: torch.Generator | None = None) -> torch.Tensor:
    """Which rows lose a condition, each with the same probability and independently of the others.

    Args:
        rows (`int`): B.
        probability (`float`): that of *dropping*, in [0, 1]: 0 keeps every condition, 1 drops every one.
        generator (`torch.Generator`, *optional*): source of the random numbers, one for each row.

    Returns:
        `torch.BoolTensor` of shape `(B,)`: True where the condition is dropped.

    Raises:
        ValueError: If `probability` is outside [0, 1].
    """
    if not 0.0 <= probability <= 1.0:
        raise ValueError(f"`probability` must be in [0, 1], got {probability}; it is the share of rows to drop.")
    # `rand` is in [0, 1): below 0 never, below 1 always.
    return torch.rand(rows, generator=generator) < probability


def drop_condition(
    input_ids: torch.Tensor,
    attention_mask: torch.Tensor,
    is_dropped: torch.Tensor,
    none_token_id: int | Sequence[int],
    pad_token_id: int,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Replace the text of some rows by the "None" condition.

    A dropped row is `[none_token_id, pad, pad, ...]` with mask `[1, 0, 0, ...]`, or likewise with several tokens if
    "None" has several.

    Args:
        input_ids (`torch.Tensor` of shape `(B, L)`): text tokens.
        attention_mask (`torch.Tensor` of shape `(B, L)`): 1 for text, 0 for padding.
        is_dropped (`torch.BoolTensor` of shape `(B,)`): True for the rows to replace.
        none_token_id (`int` or `Sequence[int]`): the token of the "None" condition, or its tokens, at most L.
        pad_token_id (`int`): the token of padding.

    Returns:
        `tuple[torch.Tensor, torch.Tensor]`: new `input_ids` and `attention_mask`, both of shape `(B, L)`; the given
        ones stay as they were.

    Raises:
        ValueError: If the shapes differ or are not `(B, L)`, or "None" is longer than L.
    """
    if input_ids.ndim != 2 or input_ids.shape != attention_mask.shape:
        raise ValueError(
            "`input_ids` and `attention_mask` must have one shape `(B, L)`, "
            f"got {tuple(input_ids.shape)} and {tuple(attention_mask.shape)}."
        )
    none = torch.as_tensor(none_token_id, device=input_ids.device).reshape(-1)
    if len(none) > input_ids.shape[1]:
        raise ValueError(
            f"`none_token_id` must be at most as long as the texts, {input_ids.shape[1]} tokens, got {len(none)}."
        )
    none_ids_BL = torch.full_like(input_ids, pad_token_id)
    none_ids_BL[:, : len(none)] = none
    none_mask_BL = torch.zeros_like(attention_mask)
    none_mask_BL[:, : len(none)] = 1
    return (
        torch.where(is_dropped[:, None], none_ids_BL, input_ids),
        torch.where(is_dropped[:, None], none_mask_BL, attention_mask),
    )


def drop_sketch(sketch_tokens: torch.Tensor, is_dropped: torch.Tensor) -> torch.Tensor:
    """A mask that shows the whole sketch of a row, or nothing of it.

    Args:
        sketch_tokens (`torch.Tensor` of shape `(B, T, H, W)`): the sketches.
        is_dropped (`torch.BoolTensor` of shape `(B,)`): True for the rows to hide.

    Returns:
        `torch.BoolTensor` of shape `(B, T, H, W)`: the `sketch_attention_mask`.
    """
    return (~is_dropped)[:, None, None, None].expand(sketch_tokens.shape).clone()
