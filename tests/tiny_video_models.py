# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The sizes of a tiny VideoMAE of four frames of 8 pixels, and what prepares its frames."""

from typing import Any

from transformers.models.videomae.image_processing_pil_videomae import VideoMAEImageProcessorPil


def tiny_videomae_sizes() -> dict[str, Any]:
    return {
        "hidden_size": 16,
        "intermediate_size": 16,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "image_size": 8,
        "patch_size": 4,
        "num_frames": 4,
        "initializer_range": 0.5,
    }


def tiny_videomae_processor() -> VideoMAEImageProcessorPil:
    return VideoMAEImageProcessorPil(size={"shortest_edge": 8}, crop_size={"height": 8, "width": 8})
