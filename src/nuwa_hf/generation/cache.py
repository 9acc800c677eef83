# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Keys and values of the places sampled lately, and of the conditions.

Legend: B batch, N visual places, S slots, n places of one step, K places near one query, M condition places, D hidden
size, A heads, E head size.
"""

import math

import torch
from torch import nn

from nuwa_hf.generation.step_plan import Step
from nuwa_hf.grid import Grid
from nuwa_hf.modeling.attention import NuwaAttention
from nuwa_hf.modeling.configuration_nuwa import NuwaConfig
from nuwa_hf.modeling.modeling_outputs import NuwaCondition
from nuwa_hf.nearby_attention.backends.masked_sdpa import additive_mask
from nuwa_hf.nearby_attention.neighborhood import NearbyPattern, neighbor_table, pattern_mask


class ConditionReach:
    """Which places of a condition each visual place sees: the same in every layer, computed once per sampling.

    Args:
        condition (`NuwaCondition`): with M places.
        grid (`Grid`): the visual grid, with N places.

    Attributes:
        near (`torch.LongTensor` of shape `(N, K)`, *optional*): the places near each; None where most of the condition
            is, and a mask over all of it is cheaper than a gather.
        inside (`torch.BoolTensor` of shape `(N, K)` or `(B, N, K)`): with `near`, which of them may be seen.
        bias (`torch.Tensor` of shape `(B or 1, 1, N or 1, M)`, *optional*): without `near`, 0 and -inf; None where
            everything may be seen.
        blind (`torch.BoolTensor` of shape `(B or 1, 1, N or 1, 1)`, *optional*): with `bias`, who sees nothing; None
            where everyone sees something.
    """

    def __init__(self, condition: NuwaCondition, grid: Grid):
        self.near = self.bias = None
        pattern, seen = NearbyPattern(grid, condition.grid, condition.window), condition.key_padding_mask
        device, visible = condition.hidden_states.device, None
        if not pattern.sees_whole_grid:
            near, inside = neighbor_table(grid, pattern.window, key_grid=condition.grid, device=device)
            if 2 * near.shape[1] < condition.grid.numel:
                self.near, self.inside = near, inside if seen is None else inside & seen[:, near]
                return
            visible = pattern_mask(pattern, device)[None, None]
        if seen is not None:
            seen = seen[:, None, None, :]
            visible = seen if visible is None else visible & seen
        if visible is not None:
            blind = ~visible.any(-1, keepdim=True)
            # Kernels differ on a row without any key, so a blind query looks at everything and is then erased.
            self.bias = additive_mask(visible | blind, condition.hidden_states.dtype)
            self.blind = blind if blind.any() else None


class CachedCondition:
    """Keys and values of one condition in one layer, computed once per sampling.

    Args:
        attention (`NuwaAttention`): the layer's cross-attention.
        condition (`NuwaCondition`): what it reads.
        reach (`ConditionReach`): which of it each place sees.
    """

    def __init__(self, attention: NuwaAttention, condition: NuwaCondition, reach: ConditionReach):
        projected = attention.k_proj(condition.hidden_states), attention.v_proj(condition.hidden_states)
        self.key, self.value = (states.unflatten(-1, (attention.num_heads, -1)) for states in projected)
        if reach.near is None:  # (B, A, M, E), else (B, M, A, E), whichever a step reads in one piece
            self.key, self.value = (states.transpose(1, 2).contiguous() for states in (self.key, self.value))
        self.reach = reach

    def attend(self, query: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
        """What the places of a step read from the condition.

        Args:
            query (`torch.Tensor` of shape `(B, A, n, E)`): their queries.
            places (`torch.LongTensor` of shape `(n,)`): their raster indices.

        Returns:
            `torch.Tensor` of shape `(B, A, n, E)`, before the output projection; zero for an item that may see nothing
            of the condition.
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
        """The same where each place sees K of the M: `near` (n, K), `inside` (n, K) or (B, n, K)."""
        key, value = (
            states.index_select(1, near.flatten()).unflatten(1, near.shape).permute(0, 3, 1, 2, 4)
            for states in (self.key, self.value)
        )  # (B, A, n, K, E)
        scores = (query[..., None, :] @ key.mT).squeeze(-2) / math.sqrt(query.shape[-1])
        hidden = ~inside if inside.ndim == 2 else ~inside[:, None]
        weights = scores.masked_fill(hidden, torch.finfo(scores.dtype).min).softmax(-1)
        if inside.ndim == 3:  # a whole row may be hidden from an item
            weights = weights.masked_fill(hidden, 0.0)
        return (weights[..., None, :] @ value).squeeze(-2)


class StepCache:
    """Keys and values of what the next steps can still see, in rings, and of the conditions.

    The rings take `2 * layers * B * S * D` numbers (`num_bytes`), whatever the number of steps; each condition
    `2 * layers * B * M * D`.

    Args:
        layers (`nn.ModuleList`): the decoder's layers, which project the conditions.
        config (`NuwaConfig`): sizes.
        num_slots (`int`): S, of the plan of steps.
        grid (`Grid`): the visual grid, for what each place sees of a condition.
        conditions (`list[NuwaCondition]`): what the cross-attention reads; fixes batch, dtype and device.
    """

    def __init__(
        self,
        layers: nn.ModuleList,
        config: NuwaConfig,
        num_slots: int,
        grid: Grid,
        conditions: list[NuwaCondition],
    ):
        template = conditions[0].hidden_states
        heads = config.num_attention_heads
        # One tensor, keys beside values, so that a step writes once per layer.
        self.states = template.new_zeros(
            len(layers), 2, template.shape[0], heads, num_slots, config.hidden_size // heads
        )
        reaches = [ConditionReach(condition, grid) for condition in conditions]
        # One list of conditions for each layer.
        self.conditions = [
            [CachedCondition(layer.cross_attn, *pair) for pair in zip(conditions, reaches, strict=True)]
            for layer in layers
        ]

    def visible(self, step: Step) -> torch.Tensor:
        """Which slots each place of a step sees.

        Args:
            step (`Step`): the step.

        Returns:
            `torch.Tensor` of shape `(n, S)`: 0 where a slot is seen, -inf elsewhere.
        """
        bias = self.states.new_full((len(step.places), self.states.shape[4]), -math.inf)
        return bias.scatter_(1, step.near_slots, 0.0)

    def attend(
        self, layer_index: int, step: Step, query: torch.Tensor, new: torch.Tensor, bias: torch.Tensor
    ) -> torch.Tensor:
        """Store keys and values of the places of a step, and attend from each place to what it sees.

        Args:
            layer_index (`int`): the layer.
            step (`Step`): where keys and values go, and which places attend together.
            query (`torch.Tensor` of shape `(B, A, n, E)`): queries.
            new (`torch.Tensor` of shape `(2, B, A, n, E)`): keys and values.
            bias (`torch.Tensor` of shape `(n, S)`): as `visible` gives it.

        Returns:
            `torch.Tensor` of shape `(B, A, n, E)`, before the output projection.
        """
        states = self.states[layer_index]
        states.index_copy_(3, step.slots, new if step.rows is None else new.index_select(3, step.rows))
        parts = []
        for piece in step.pieces:
            places, slots = slice(piece.first, piece.last), slice(piece.first_slot, piece.last_slot)
            key, value = states[:, :, :, slots]
            mask = bias[None, None, places, slots]
            parts.append(nn.functional.scaled_dot_product_attention(query[:, :, places], key, value, attn_mask=mask))
        return parts[0] if len(parts) == 1 else torch.cat(parts, 2)

    @staticmethod
    def num_bytes(config: NuwaConfig, num_slots: int, batch_size: int, dtype: torch.dtype) -> int:
        """Memory of the rings.

        Args:
            config (`NuwaConfig`): sizes.
            num_slots (`int`): S.
            batch_size (`int`): items, counted twice under guidance.
            dtype (`torch.dtype`): of the model.

        Returns:
            `int`: bytes.
        """
        return 2 * config.num_decoder_layers * batch_size * num_slots * config.hidden_size * dtype.itemsize
