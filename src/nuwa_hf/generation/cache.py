# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Keys and values of the places sampled so far, and of the conditions.

Legend: B batch, N visual places, n places of one step, K places near one query, M condition places, A heads, E head
size.
"""

import torch
from torch import nn

from nuwa_hf.grid import Grid
from nuwa_hf.modeling.attention import NuwaAttention
from nuwa_hf.modeling.configuration_nuwa import NuwaConfig
from nuwa_hf.modeling.modeling_outputs import NuwaCondition
from nuwa_hf.modeling.nearby_attention.backends.masked_sdpa import additive_mask
from nuwa_hf.modeling.nearby_attention.neighborhood import NearbyPattern, neighbor_table, pattern_mask
from nuwa_hf.modeling.token_decoder import NuwaTokenDecoder


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
        blind (`torch.BoolTensor` of shape `(B or 1, 1, N or 1, 1)`): with `bias`, who sees nothing.
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
            self.blind = ~visible.any(-1, keepdim=True)
            # Kernels differ on a row without any key, so a blind query looks at everything and is then erased.
            self.bias = additive_mask(visible | self.blind, condition.hidden_states.dtype)


class CachedCondition:
    """Keys and values of one condition in one layer, computed once per sampling.

    Args:
        attention (`NuwaAttention`): the layer's cross-attention.
        condition (`NuwaCondition`): what it reads.
        reach (`ConditionReach`): which of it each place sees.
    """

    def __init__(self, attention: NuwaAttention, condition: NuwaCondition, reach: ConditionReach):
        heads = (attention.num_heads, -1)
        self.key = attention.k_proj(condition.hidden_states).unflatten(-1, heads)  # (B, M, A, E)
        self.value = attention.v_proj(condition.hidden_states).unflatten(-1, heads)
        self.reach = reach

    def attend(self, attention: NuwaAttention, query: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
        """What the places of a step read from the condition.

        Args:
            attention (`NuwaAttention`): the layer's cross-attention.
            query (`torch.Tensor` of shape `(B, n, A, E)`): their queries.
            places (`torch.LongTensor` of shape `(n,)`): their raster indices.

        Returns:
            `torch.Tensor` of shape `(B, n, D)`; zero for an item that may see nothing of the condition.
        """
        reach = self.reach
        if reach.near is not None:
            near = reach.near[places]
            key, value = (
                states.index_select(1, near.flatten()).unflatten(1, near.shape) for states in (self.key, self.value)
            )
            return attention.attend_gathered(query, key, value, reach.inside[..., places, :])
        query, key, value = (states.transpose(1, 2) for states in (query, self.key, self.value))
        if reach.bias is None:
            attended = nn.functional.scaled_dot_product_attention(query, key, value)
        else:
            rows = slice(None) if reach.bias.shape[2] == 1 else places
            bias, blind = reach.bias[:, :, rows], reach.blind[:, :, rows]
            attended = nn.functional.scaled_dot_product_attention(query, key, value, attn_mask=bias)
            attended = attended.masked_fill(blind, 0.0)
        return attention.o_proj(attended.transpose(1, 2).flatten(2))


class DecoderCache:
    """What a cached decoding step reads instead of computing it again.

    Self-attention takes `2 * layers * B * N * D` numbers (`num_bytes`), each condition `2 * layers * B * M * D`.

    Args:
        decoder (`NuwaTokenDecoder`): whose layers project the conditions.
        config (`NuwaConfig`): sizes.
        grid (`Grid`): the visual grid, with N places.
        conditions (`list[NuwaCondition]`): what the cross-attention reads; fixes batch, dtype and device.
    """

    def __init__(self, decoder: NuwaTokenDecoder, config: NuwaConfig, grid: Grid, conditions: list[NuwaCondition]):
        template = conditions[0].hidden_states
        head_size = config.hidden_size // config.num_attention_heads
        # One tensor, keys beside values: a step writes once and gathers once per layer.
        self.states = template.new_zeros(
            config.num_decoder_layers, template.shape[0], grid.numel, 2, config.num_attention_heads, head_size
        )
        reaches = [ConditionReach(condition, grid) for condition in conditions]
        # One list of conditions for each layer.
        self.conditions = [
            [CachedCondition(layer.cross_attn, *pair) for pair in zip(conditions, reaches, strict=True)]
            for layer in decoder.layers
        ]

    def write(self, layer_index: int, places: torch.Tensor, key: torch.Tensor, value: torch.Tensor) -> None:
        """Store keys and values of the places of a step.

        Args:
            layer_index (`int`): the layer.
            places (`torch.LongTensor` of shape `(n,)`): raster indices.
            key (`torch.Tensor` of shape `(B, n, A, E)`): keys.
            value (`torch.Tensor` of shape `(B, n, A, E)`): values.
        """
        self.states[layer_index].index_copy_(1, places, torch.stack((key, value), 2))

    def gather(self, layer_index: int, near: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Read keys and values near each place of a step.

        Args:
            layer_index (`int`): the layer.
            near (`torch.LongTensor` of shape `(n, K)`): raster indices; anything for places outside the grid.

        Returns:
            `tuple[torch.Tensor, torch.Tensor]`: keys and values of shape `(B, n, K, A, E)`.
        """
        gathered = self.states[layer_index].index_select(1, near.flatten()).unflatten(1, near.shape)
        return gathered.unbind(3)

    @staticmethod
    def num_bytes(config: NuwaConfig, grid: Grid, batch_size: int, dtype: torch.dtype) -> int:
        """Memory of the self-attention cache.

        Args:
            config (`NuwaConfig`): sizes.
            grid (`Grid`): the visual grid.
            batch_size (`int`): items, counted twice under guidance.
            dtype (`torch.dtype`): of the model.

        Returns:
            `int`: bytes.
        """
        return 2 * config.num_decoder_layers * batch_size * grid.numel * config.hidden_size * dtype.itemsize
