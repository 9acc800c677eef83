# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The conditions of a sampling run: which of their places each visual place sees, and their keys and values.

Legend: B batch, N visual places, n places of one step, K places near one query, M condition places, A heads, E head
size.
"""

import math
from typing import Self

import torch
from torch import nn

from nuwa_hf.grid import Grid
from nuwa_hf.nearby_attention.backends.masked_sdpa import additive_mask
from nuwa_hf.nearby_attention.neighborhood import NearbyPattern, Window, neighbor_table, pattern_mask


VECTOR = 16  # float32 numbers of a CPU's widest vector


class ConditionReach:
    """Which places of a condition each visual place sees. All layers share it, so it is computed once per run.

    Args:
        grid (`Grid`): the visual grid, with N places.
        condition_grid (`Grid`): the condition's grid, with M places.
        window (`tuple`): full odd extents (t, h, w) of the nearby cross-attention; `None` on an axis means all of it.
        key_padding_mask (`torch.BoolTensor` of shape `(B, M)`, *optional*): True where a place may be seen.
        dtype (`torch.dtype`): dtype of the queries.
        device (`torch.device`): device of the queries.
        is_padded (`bool`): whether steps are padded. Then no number is read from the device, and what is kept depends
            on the arguments' shapes only, so that another condition can take its place.

    Attributes:
        near (`torch.LongTensor` of shape `(N, K)`, *optional*): the condition places near each visual place. None if
            most of the condition is near, because a mask over all of it is then cheaper than a gather.
        inside (`torch.BoolTensor` of shape `(N, K)` or `(B, N, K)`): set together with `near`; which of those places
            may be seen.
        bias (`torch.Tensor` of shape `(B or 1, 1, N or 1, M)`, *optional*): the additive mask used without `near`, 0
            where a place may be seen and -inf elsewhere; None if everything may be seen.
        num_kept (`int`): how many of the M places steps read; those after them are padding in every item, unless
            `is_padded`. M stands for this number in `bias`.
        blind (`torch.BoolTensor` of shape `(B or 1, 1, N, 1)`, *optional*): set together with `bias`; True for queries
            that see nothing. None if all places see the same, or every query is known to see something.
        blind_items (`torch.BoolTensor` of shape `(B, 1, 1, 1)`, *optional*): in place of `blind` if all places see the
            same; True for items that see nothing.
    """

    def __init__(
        self,
        grid: Grid,
        condition_grid: Grid,
        window: Window,
        key_padding_mask: torch.Tensor | None,
        dtype: torch.dtype,
        device: torch.device,
        is_padded: bool,
    ):
        self.near = self.inside = self.bias = self.blind = self.blind_items = None
        self.num_kept = condition_grid.numel
        pattern, seen, visible = NearbyPattern(grid, condition_grid, window), key_padding_mask, None
        if not pattern.sees_whole_grid:
            near, inside = neighbor_table(grid, pattern.window, key_grid=condition_grid, device=device)
            if 2 * near.shape[1] < condition_grid.numel:
                self.near, self.inside = near, inside if seen is None else inside & seen[:, near]
                return
            visible = pattern_mask(pattern, device)[None, None]
        if seen is not None:
            self.num_kept = condition_grid.numel if is_padded else _without_padding(seen)
            seen = seen[:, None, None, : self.num_kept]
            visible = seen if visible is None else visible[..., : self.num_kept] & seen
        if visible is not None:
            blind = ~visible.any(-1, keepdim=True)
            # Kernels disagree on a row without any key, so a blind query attends to everything and is then zeroed.
            self.bias = additive_mask(visible | blind, dtype)
            if is_padded or blind.any():
                self.blind, self.blind_items = (None, blind) if blind.shape[2] == 1 else (blind, None)

    def load(self, other: Self) -> None:
        """Write what is seen of another condition, of the same shapes, over this."""
        for name in ("inside", "bias", "blind", "blind_items"):
            mine, new = getattr(self, name), getattr(other, name)
            if mine is not None and mine is not new:  # conditions without padding share a table
                mine.copy_(new)


def _without_padding(seen: torch.Tensor) -> int:
    """How many places of a condition there are up to the last one that any item sees, in whole vectors of a CPU."""
    places = torch.nonzero(seen.any(0))
    last = int(places.max()) if len(places) else 0
    return min(seen.shape[1], (last // VECTOR + 1) * VECTOR)


class CachedCondition:
    """Keys and values of one condition in one layer, computed in the first step.

    Args:
        key (`torch.Tensor` of shape `(B, A, M, E)`): keys.
        value (`torch.Tensor` of shape `(B, A, M, E)`): values.
        reach (`ConditionReach`): which of them each visual place sees.
    """

    def __init__(self, key: torch.Tensor, value: torch.Tensor, reach: ConditionReach):
        # (B, M, A, E) for gathers, (B, A, M, E) otherwise: in that layout the reads of a step are contiguous.
        layout = (0, 2, 1, 3) if reach.near is not None else (0, 1, 2, 3)
        kept = (states[:, :, : reach.num_kept] for states in (key, value))
        self.key, self.value = (states.permute(layout).contiguous() for states in kept)
        self.reach = reach
        self._blank()

    def load(self, key: torch.Tensor, value: torch.Tensor) -> None:
        """Write keys and values of another condition, of the same shapes and reach, over these."""
        for mine, new in ((self.key, key), (self.value, value)):
            mine.copy_(new if self.reach.near is None else new.transpose(1, 2))
        self._blank()

    def _blank(self) -> None:
        """Without values, an item that sees nothing reads zeros wherever it looks."""
        if self.reach.blind_items is not None:
            self.value.masked_fill_(self.reach.blind_items, 0.0)

    def attend(self, query: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
        """Attend from the places of a step to the condition.

        Args:
            query (`torch.Tensor` of shape `(B, A, n, E)`): the queries of these places.
            places (`torch.LongTensor` of shape `(n,)`): their raster indices.

        Returns:
            `torch.Tensor` of shape `(B, A, n, E)`, before the output projection; zero where a query sees nothing of
            the condition.
        """
        reach = self.reach
        if reach.near is not None:
            return self._attend_near(query, reach.near[places], reach.inside[..., places, :])
        if reach.bias is None:
            return nn.functional.scaled_dot_product_attention(query, self.key, self.value)
        rows = slice(None) if reach.bias.shape[2] == 1 else places
        bias = reach.bias[:, :, rows]
        attended = nn.functional.scaled_dot_product_attention(query, self.key, self.value, attn_mask=bias)
        return attended if reach.blind is None else attended.masked_fill(reach.blind[:, :, rows], 0.0)

    def _attend_near(self, query: torch.Tensor, near: torch.Tensor, inside: torch.Tensor) -> torch.Tensor:
        """`attend` by a gather of the K keys near each place: `near` is (n, K), `inside` (n, K) or (B, n, K)."""
        key, value = (
            states.index_select(1, near.flatten()).unflatten(1, near.shape).permute(0, 3, 1, 2, 4)
            for states in (self.key, self.value)
        )  # (B, A, n, K, E)
        scores = (query[..., None, :] @ key.mT).squeeze(-2) / math.sqrt(query.shape[-1])
        hidden = ~inside if inside.ndim == 2 else ~inside[:, None]
        weights = scores.masked_fill(hidden, torch.finfo(scores.dtype).min).softmax(-1)
        if inside.ndim == 3:  # padding may hide a whole row from an item
            weights = weights.masked_fill(hidden, 0.0)
        return (weights[..., None, :] @ value).squeeze(-2)
