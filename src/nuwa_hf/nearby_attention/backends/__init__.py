# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The backends of `nearby_attention`: one file each, all with the same signature and tested against the reference."""

from collections.abc import Callable
from dataclasses import dataclass

from .blockwise import blockwise_attention, can_run_blockwise
from .flex import can_run_flex, flex_nearby_attention
from .masked_sdpa import can_run_masked_sdpa, masked_sdpa
from .reference import can_run_reference, reference_attention
from .shift_and_add import can_run_shift_and_add, shift_and_add
from .triton_attention import can_run_triton, triton_attention


@dataclass(frozen=True)
class NearbyAttentionBackend:
    """A way to compute `nearby_attention`.

    Args:
        can_run (`Callable`): `can_run(query, pattern, *, raise_error=False) -> bool`; with `raise_error`, an
            error explains why not.
        run (`Callable`): `run(query, key, value, pattern, key_padding_mask) -> torch.Tensor` of the query's shape.
    """

    can_run: Callable
    run: Callable


NEARBY_ATTENTION_BACKENDS: dict[str, NearbyAttentionBackend] = {
    "reference": NearbyAttentionBackend(can_run_reference, reference_attention),
    "shift_and_add": NearbyAttentionBackend(can_run_shift_and_add, shift_and_add),
    "masked_sdpa": NearbyAttentionBackend(can_run_masked_sdpa, masked_sdpa),
    "blockwise": NearbyAttentionBackend(can_run_blockwise, blockwise_attention),
    "flex": NearbyAttentionBackend(can_run_flex, flex_nearby_attention),
    "triton": NearbyAttentionBackend(can_run_triton, triton_attention),
}


__all__ = ["NEARBY_ATTENTION_BACKENDS", "NearbyAttentionBackend"]
