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


class CachedCondition:
    """Keys and values of one condition in one layer, computed once per sampling.

    Args:
        attention (`NuwaAttention`): the layer's cross-attention.
        condition (`NuwaCondition`): what it reads.
        grid (`Grid`): the visual grid, with N places.
    """

    def __init__(self, attention: NuwaAttention, condition: NuwaCondition, grid: Grid):
        heads = (attention.num_heads, -1)
        self.key = attention.k_proj(condition.hidden_states).unflatten(-1, heads)  # (B, M, A, E)
        self.value = attention.v_proj(condition.hidden_states).unflatten(-1, heads)
        self.near = self.visible = None
        pattern, seen = NearbyPattern(grid, condition.grid, condition.window), condition.key_padding_mask
        device = condition.hidden_states.device
        if not pattern.sees_whole_grid:
            near, inside = neighbor_table(grid, pattern.window, key_grid=condition.grid, device=device)
            if 2 * near.shape[1] < condition.grid.numel:
                self.near, self.inside = near, inside if seen is None else inside & seen[:, near]
                return
            self.visible = pattern_mask(pattern, device)[None, None]  # (1, 1, N, M)
        if seen is not None:
            seen = seen[:, None, None, :]
            self.visible = seen if self.visible is None else self.visible & seen

    def attend(self, attention: NuwaAttention, query: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
        """What the places of a step read from the condition.

        Args:
            attention (`NuwaAttention`): the layer's cross-attention.
            query (`torch.Tensor` of shape `(B, n, A, E)`): their queries.
            places (`torch.LongTensor` of shape `(n,)`): their raster indices.

        Returns:
            `torch.Tensor` of shape `(B, n, D)`; zero for an item that may see nothing of the condition.
        """
        if self.near is not None:
            near = self.near[places]
            key, value = (
                states.index_select(1, near.flatten()).unflatten(1, near.shape) for states in (self.key, self.value)
            )
            return attention.attend_gathered(query, key, value, self.inside[..., places, :])
        query, key, value = (states.transpose(1, 2) for states in (query, self.key, self.value))
        bias = blind = None
        if self.visible is not None:
            visible = self.visible if self.visible.shape[2] == 1 else self.visible[:, :, places]
            blind = ~visible.any(-1, keepdim=True)
            # Kernels differ on a row without any key, so a blind query looks at everything and is then erased.
            bias = additive_mask(visible | blind, query.dtype)
        attended = nn.functional.scaled_dot_product_attention(query, key, value, attn_mask=bias)
        if blind is not None:
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
        # One list of conditions for each layer.
        self.conditions = [
            [CachedCondition(layer.cross_attn, condition, grid) for condition in conditions]
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
