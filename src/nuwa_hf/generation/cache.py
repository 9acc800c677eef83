# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The cache of one sampling run: keys and values of the recently sampled places and of the conditions.

Legend: B batch, S slots, n places of one step, M condition places, D hidden size, A heads, E head size.
"""

import math
from collections.abc import Callable, Sequence

import torch
from torch import nn

from nuwa_hf.generation.condition_cache import CachedCondition, ConditionReach
from nuwa_hf.generation.step_tables import Step
from nuwa_hf.grid import Grid
from nuwa_hf.nearby_attention.neighborhood import Window


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
        self._former: list[CachedCondition] = []  # those of the run before, whose memory the next ones take

    def restart(self) -> None:
        """Forget what is kept, but not the memory it stands in."""
        for ring in (self.key, self.value):
            ring.zero_()  # a slot that nobody sees yet must not hold what is not a number
        self.forget_conditions(reuse_memory=True)

    def forget_conditions(self, reuse_memory: bool) -> None:
        """Forget the conditions, of which the next step keeps others.

        Args:
            reuse_memory (`bool`): whether these, of the same shapes, take their memory.
        """
        self.conditions, self._former = [], self.conditions if reuse_memory else []

    def keep_condition(self, key: torch.Tensor, value: torch.Tensor, reach: ConditionReach) -> None:
        """Keep the keys and values of the next condition.

        Args:
            key (`torch.Tensor` of shape `(B, A, M, E)`): keys.
            value (`torch.Tensor` of shape `(B, A, M, E)`): values.
            reach (`ConditionReach`): which of them each visual place sees.
        """
        if len(self.conditions) < len(self._former):
            condition = self._former[len(self.conditions)]
            condition.load(key, value)
        else:
            condition = CachedCondition(key, value, reach)
        self.conditions.append(condition)

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
    """The decoder's state between the steps of a sampling run, and the function that applies its linear layers.

    Args:
        num_layers (`int`): number of decoder layers.
        num_slots (`int`): S, the number of slots in the step plan.
        grid (`Grid`): the visual grid, which determines what each place sees of a condition.
        linear (`Callable`): `linear(hidden_states, *layers, use_gelu=False)` returns the output of each of several
            linear layers that read the same input of shape `(B, n, D)`.
        is_padded (`bool`): whether steps are padded.

    Attributes:
        conditions (`list`, *optional*): the encoded conditions; None until the first step has encoded them.
        equal_rows (`dict`): for `"text"`, `"sketch"` and `"known"`, which of the B rows are equal
            (`nuwa_hf.modeling.equal_rows`); those that are missing or None all differ.
    """

    def __init__(
        self,
        num_layers: int,
        num_slots: int,
        grid: Grid,
        linear: Callable[..., Sequence[torch.Tensor]],
        is_padded: bool,
    ):
        self.num_slots = num_slots
        self.grid = grid
        self.linear = linear
        self.is_padded = is_padded
        self.conditions, self.equal_rows = None, {}
        self.layers = [LayerCache(num_slots) for _ in range(num_layers)]
        self._reaches: list[ConditionReach] = []
        self._former: list[ConditionReach] = []
        self._visible = None

    def restart(self) -> None:
        """Begin another run with conditions of the same shapes, in the same memory: recorded steps read it."""
        self.conditions = self._visible = None
        self._reaches, self._former = [], self._reaches
        for layer in self.layers:
            layer.restart()

    def forget_conditions(self) -> None:
        """Let the next step read other conditions; what earlier steps kept of the places stays."""
        reuse_memory = self.is_padded  # only then do all conditions have the same shapes
        self.conditions = None
        self._reaches, self._former = [], self._reaches if reuse_memory else []
        for layer in self.layers:
            layer.forget_conditions(reuse_memory)

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
            reach = ConditionReach(
                self.grid, condition_grid, window, key_padding_mask, key.dtype, key.device, self.is_padded
            )
            if number < len(self._former):
                self._former[number].load(reach)
                reach = self._former[number]
            self._reaches.append(reach)
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
