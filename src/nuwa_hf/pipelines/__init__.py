# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The pipelines, one for each task."""

from nuwa_hf.pipelines.pipeline_base import NuwaPipelineBase
from nuwa_hf.pipelines.pipeline_output import NuwaVideoPipelineOutput
from nuwa_hf.pipelines.pipeline_text_to_video import NuwaTextToVideoPipeline


__all__ = ["NuwaPipelineBase", "NuwaTextToVideoPipeline", "NuwaVideoPipelineOutput"]
