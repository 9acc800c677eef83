# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The feed-forward sub-layer of encoder and decoder."""

import torch
from torch import nn

from nuwa_hf.modeling.configuration_nuwa import NuwaConfig


class NuwaFeedForward(nn.Module):
    """Two linear maps around a GELU, `D -> intermediate_size -> D`.

    Args:
        config (`NuwaConfig`): sizes.
    """

    def __init__(self, config: NuwaConfig):
        super().__init__()
        self.up_proj = nn.Linear(config.hidden_size, config.intermediate_size, bias=False)
        self.down_proj = nn.Linear(config.intermediate_size, config.hidden_size, bias=False)

    def forward(self, hidden_states: torch.Tensor) -> torch.Tensor:
        """Apply to each place.

        Args:
            hidden_states (`torch.Tensor` of shape `(B, N, D)`): any places.

        Returns:
            `torch.Tensor` of shape `(B, N, D)`.
        """
        return self.down_proj(nn.functional.gelu(self.up_proj(hidden_states)))
