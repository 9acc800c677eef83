# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""3D Nearby Attention (3DNA): the operator, its definition and its backends."""

from .backends import NEARBY_ATTENTION_BACKENDS
from .functional import choose_backend, nearby_attention
from .neighborhood import (
    NearbyPattern,
    causal_offsets,
    check_window,
    neighbor_table,
    neighborhood,
    neighborhood_mask,
    offsets,
)


__all__ = [
    "NEARBY_ATTENTION_BACKENDS",
    "NearbyPattern",
    "causal_offsets",
    "check_window",
    "choose_backend",
    "nearby_attention",
    "neighbor_table",
    "neighborhood",
    "neighborhood_mask",
    "offsets",
]
