# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The feed-forward sub-layer of encoder and decoder."""

import torch
from torch import nn

from nuwa_hf.generation.cache import StepCache
from nuwa_hf.modeling.configuration_nuwa import NuwaConfig
from nuwa_hf.modeling.laid_out_weights import apply_each


class NuwaFeedForward(nn.Module):
    """Two linear maps around a GELU, `D -> intermediate_size -> D`.

    Args:
        config (`NuwaConfig`): sizes.
    """

    def __init__(self, config: NuwaConfig):
        super().__init__()
        self.up_proj = nn.Linear(config.hidden_size, config.intermediate_size, bias=False)
        self.down_proj = nn.Linear(config.intermediate_size, config.hidden_size, bias=False)

    def forward(self, hidden_states: torch.Tensor, cache: StepCache | None = None) -> torch.Tensor:
        """Apply the sub-layer to each place.

        Args:
            hidden_states (`torch.Tensor` of shape `(B, N, D)`): hidden states of any places.
            cache (`StepCache`, *optional*): the cache of a sampling step, which says how linear layers are applied.

        Returns:
            `torch.Tensor` of shape `(B, N, D)`.
        """
        linear = apply_each if cache is None else cache.linear
        (widened,) = linear(hidden_states, self.up_proj, use_gelu=True)
        return linear(widened, self.down_proj)[0]
