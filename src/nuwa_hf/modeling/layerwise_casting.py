# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Weights stored in fewer bits than they are computed in, by the method that diffusers' models have."""

import torch
from diffusers.hooks import apply_layerwise_casting


# Norms lose more in 8 bits than they save.
KEPT = ("norm",)


class LayerwiseCastingMixin:
    """Gives a model of transformers diffusers' `enable_layerwise_casting`."""

    def enable_layerwise_casting(
        self,
        storage_dtype: torch.dtype = torch.float8_e4m3fn,
        compute_dtype: torch.dtype | None = None,
        skip_modules_pattern: tuple[str, ...] | None = None,
    ) -> None:
        """Store the weights of linear layers and embeddings in one dtype and cast each when its layer is called.

        Args:
            storage_dtype (`torch.dtype`, defaults to `torch.float8_e4m3fn`): what weights are stored in.
            compute_dtype (`torch.dtype`, *optional*): what layers compute in; by default the model's dtype.
            skip_modules_pattern (`tuple[str, ...]`, *optional*): layers whose names match one of these patterns stay
                as they are; by default the norms.
        """
        apply_layerwise_casting(
            self,
            storage_dtype=storage_dtype,
            compute_dtype=self.dtype if compute_dtype is None else compute_dtype,
            skip_modules_pattern=KEPT if skip_modules_pattern is None else skip_modules_pattern,
        )
