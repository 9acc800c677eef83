# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Keys and values of the places sampled so far, and of the conditions.

Legend: B batch, N visual places, n places of one step, K places near one query, M condition places, A heads, E head
size.
"""

import torch

from nuwa_hf.grid import Grid
from nuwa_hf.modeling.configuration_nuwa import NuwaConfig
from nuwa_hf.modeling.modeling_outputs import NuwaCondition
from nuwa_hf.modeling.token_decoder import NuwaTokenDecoder, condition_visibility


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
        visible = [condition_visibility(condition, grid) for condition in conditions]
        self._conditions = [
            [(*layer.condition_keys(condition), seen) for condition, seen in zip(conditions, visible, strict=True)]
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

    def conditions_at(self, layer_index: int, places: torch.Tensor):
        """Yield keys, values `(B, A, M, E)` and visibility `(B or 1, 1, n or 1, M)` or `None` of each condition."""
        for key, value, visible in self._conditions[layer_index]:
            yield key, value, visible if visible is None or visible.shape[2] == 1 else visible[:, :, places]

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
