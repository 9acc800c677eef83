# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The cache of one sampling run: keys and values of the recently sampled places and of the conditions.

Legend: B batch, N visual places, S slots, n places of one step, K places near one query, M condition places, D hidden
size, A heads, E head size.
"""

import math
from collections.abc import Callable, Sequence

import torch
from torch import nn

from nuwa_hf.generation.step_plan import Step
from nuwa_hf.grid import Grid
from nuwa_hf.nearby_attention.backends.masked_sdpa import additive_mask
from nuwa_hf.nearby_attention.neighborhood import NearbyPattern, Window, neighbor_table, pattern_mask


class ConditionReach:
    """Which places of a condition each visual place sees. All layers share it, so it is computed once per run.

    Args:
        grid (`Grid`): the visual grid, with N places.
        condition_grid (`Grid`): the condition's grid, with M places.
        window (`tuple`): full odd extents (t, h, w) of the nearby cross-attention; `None` on an axis means all of it.
        key_padding_mask (`torch.BoolTensor` of shape `(B, M)`, *optional*): True where a place may be seen.
        dtype (`torch.dtype`): dtype of the queries.
        device (`torch.device`): device of the queries.

    Attributes:
        near (`torch.LongTensor` of shape `(N, K)`, *optional*): the condition places near each visual place. None if
            most of the condition is near, because a mask over all of it is then cheaper than a gather.
        inside (`torch.BoolTensor` of shape `(N, K)` or `(B, N, K)`): set together with `near`; which of those places
            may be seen.
        bias (`torch.Tensor` of shape `(B or 1, 1, N or 1, M)`, *optional*): the additive mask used without `near`, 0
            where a place may be seen and -inf elsewhere; None if everything may be seen.
        blind (`torch.BoolTensor` of shape `(B or 1, 1, N or 1, 1)`, *optional*): set together with `bias`; True for
            queries that see nothing. None if every query sees something.
    """

    def __init__(
        self,
        grid: Grid,
        condition_grid: Grid,
        window: Window,
        key_padding_mask: torch.Tensor | None,
        dtype: torch.dtype,
        device: torch.device,
    ):
        self.near = self.bias = None
        pattern, seen, visible = NearbyPattern(grid, condition_grid, window), key_padding_mask, None
        if not pattern.sees_whole_grid:
            near, inside = neighbor_table(grid, pattern.window, key_grid=condition_grid, device=device)
            if 2 * near.shape[1] < condition_grid.numel:
                self.near, self.inside = near, inside if seen is None else inside & seen[:, near]
                return
            visible = pattern_mask(pattern, device)[None, None]
        if seen is not None:
            seen = seen[:, None, None, :]
            visible = seen if visible is None else visible & seen
        if visible is not None:
            blind = ~visible.any(-1, keepdim=True)
            # Kernels disagree on a row without any key, so a blind query attends to everything and is then zeroed.
            self.bias = additive_mask(visible | blind, dtype)
            self.blind = blind if blind.any() else None


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
        self.key, self.value = (states.permute(layout).contiguous() for states in (key, value))
        self.reach = reach

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


class LayerCache:
    """The keys and values that one layer keeps between steps.

    The rings hold `2 B S D` numbers, however many steps there are. They are allocated with the first keys, in the
    dtype of these. Each condition adds `2 B M D` numbers.

    Args:
        num_slots (`int`): S, the number of slots in the step plan.
    """

    def __init__(self, num_slots: int):
        self.num_slots = num_slots
        self.key = self.value = None  # the rings, (B, A, S, E)
        self.conditions: list[CachedCondition] = []

    def attend(
        self, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, step: Step, bias: torch.Tensor
    ) -> torch.Tensor:
        """Store the keys and values of a step's places, then attend from each place to the keys it sees.

        Args:
            query (`torch.Tensor` of shape `(B, A, n, E)`): queries.
            key (`torch.Tensor` of shape `(B, A, n, E)`): keys.
            value (`torch.Tensor` of shape `(B, A, n, E)`): values.
            step (`Step`): the slots to write to, and which places attend together.
            bias (`torch.Tensor` of shape `(n, S)`): the additive mask from `StepCache.visible`.

        Returns:
            `torch.Tensor` of shape `(B, A, n, E)`, before the output projection.
        """
        if self.key is None:
            batch, heads, _, size = key.shape
            self.key, self.value = (states.new_zeros(batch, heads, self.num_slots, size) for states in (key, value))
        for ring, new in ((self.key, key), (self.value, value)):
            ring.index_copy_(2, step.slots, new if step.rows is None else new.index_select(2, step.rows))
        parts = []
        for piece in step.pieces:
            places, slots = slice(piece.first, piece.last), slice(piece.first_slot, piece.last_slot)
            parts.append(
                nn.functional.scaled_dot_product_attention(
                    query[:, :, places],
                    self.key[:, :, slots],
                    self.value[:, :, slots],
                    attn_mask=bias[None, None, places, slots],
                )
            )
        return parts[0] if len(parts) == 1 else torch.cat(parts, 2)


class StepCache:
    """The decoder's state between the steps of one sampling run, and the function that applies its linear layers.

    Args:
        num_layers (`int`): number of decoder layers.
        num_slots (`int`): S, the number of slots in the step plan.
        grid (`Grid`): the visual grid, which determines what each place sees of a condition.
        linear (`Callable`): `linear(hidden_states, *layers, use_gelu=False)` returns the output of each of several
            linear layers that read the same input of shape `(B, n, D)`.

    Attributes:
        conditions (`list`, *optional*): the encoded conditions; None until the first step has encoded them.
    """

    def __init__(self, num_layers: int, num_slots: int, grid: Grid, linear: Callable[..., Sequence[torch.Tensor]]):
        self.num_slots = num_slots
        self.grid = grid
        self.linear = linear
        self.conditions = None
        self.layers = [LayerCache(num_slots) for _ in range(num_layers)]
        self._reaches: list[ConditionReach] = []
        self._visible = None

    def visible(self, step: Step, query: torch.Tensor) -> torch.Tensor:
        """The additive mask over the slots for the places of a step.

        Args:
            step (`Step`): the step.
            query (`torch.Tensor`): the queries; the mask gets their dtype and device.

        Returns:
            `torch.Tensor` of shape `(n, S)`: 0 where a slot is seen, -inf elsewhere.
        """
        if self._visible is None or self._visible[0] is not step:  # the same in every layer
            bias = query.new_full((len(step.places), self.num_slots), -math.inf)
            self._visible = step, bias.scatter_(1, step.near_slots, 0.0)
        return self._visible[1]

    def reach(
        self,
        number: int,
        condition_grid: Grid,
        window: Window,
        key_padding_mask: torch.Tensor | None,
        key: torch.Tensor,
    ) -> ConditionReach:
        """Which places of a condition each visual place sees.

        Args:
            number (`int`): index of the condition; conditions must be requested in order.
            condition_grid (`Grid`): the condition's grid.
            window (`tuple`): the window on that grid.
            key_padding_mask (`torch.BoolTensor` of shape `(B, M)`, *optional*): True where a place may be seen.
            key (`torch.Tensor`): the condition's keys, for their dtype and device.

        Returns:
            `ConditionReach`: shared by all layers.
        """
        if number == len(self._reaches):
            self._reaches.append(
                ConditionReach(self.grid, condition_grid, window, key_padding_mask, key.dtype, key.device)
            )
        return self._reaches[number]


def ring_bytes(num_layers: int, num_slots: int, batch_size: int, hidden_size: int, dtype: torch.dtype) -> int:
    """Memory of the rings of all layers.

        2 layers B S D e,     with e bytes per number

    Args:
        num_layers (`int`): number of decoder layers.
        num_slots (`int`): S.
        batch_size (`int`): B, doubled under guidance.
        hidden_size (`int`): D.
        dtype (`torch.dtype`): dtype of keys and values.

    Returns:
        `int`: the memory in bytes.
    """
    return 2 * num_layers * batch_size * num_slots * hidden_size * dtype.itemsize
