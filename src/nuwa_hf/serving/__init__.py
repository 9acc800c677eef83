# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Requests of different settings, answered together by one long-lived sampler."""

from typing import TYPE_CHECKING

from nuwa_hf.imports.lazy_names import lazy_names


if TYPE_CHECKING:
    from nuwa_hf.serving.sampler import NuwaSampler, SamplerFullError


__all__ = ["NuwaSampler", "SamplerFullError"]

__getattr__, __dir__ = lazy_names(
    __name__,
    {"NuwaSampler": "nuwa_hf.serving.sampler", "SamplerFullError": "nuwa_hf.serving.sampler"},
)
