# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The pipelines, one for each task, imported when they are first asked for."""

from typing import TYPE_CHECKING

from nuwa_hf.imports.lazy_names import lazy_names


if TYPE_CHECKING:
    from nuwa_hf.pipelines.pipeline_base import NuwaPipelineBase
    from nuwa_hf.pipelines.pipeline_image_completion import NuwaImageCompletionPipeline
    from nuwa_hf.pipelines.pipeline_image_manipulation import NuwaTextGuidedImageManipulationPipeline
    from nuwa_hf.pipelines.pipeline_output import NuwaImagePipelineOutput, NuwaVideoPipelineOutput
    from nuwa_hf.pipelines.pipeline_sketch_to_image import NuwaSketchToImagePipeline
    from nuwa_hf.pipelines.pipeline_sketch_to_video import NuwaSketchToVideoPipeline
    from nuwa_hf.pipelines.pipeline_text_to_image import NuwaTextToImagePipeline
    from nuwa_hf.pipelines.pipeline_text_to_video import NuwaTextToVideoPipeline
    from nuwa_hf.pipelines.pipeline_video_manipulation import NuwaTextGuidedVideoManipulationPipeline
    from nuwa_hf.pipelines.pipeline_video_prediction import NuwaVideoPredictionPipeline
    from nuwa_hf.pipelines.processing_nuwa import NuwaProcessor
    from nuwa_hf.pipelines.scorers import ClipScorer
    from nuwa_hf.pipelines.sketch_input import color_class_map


__all__ = [
    "ClipScorer",
    "NuwaImageCompletionPipeline",
    "NuwaImagePipelineOutput",
    "NuwaPipelineBase",
    "NuwaProcessor",
    "NuwaSketchToImagePipeline",
    "NuwaSketchToVideoPipeline",
    "NuwaTextGuidedImageManipulationPipeline",
    "NuwaTextGuidedVideoManipulationPipeline",
    "NuwaTextToImagePipeline",
    "NuwaTextToVideoPipeline",
    "NuwaVideoPipelineOutput",
    "NuwaVideoPredictionPipeline",
    "color_class_map",
]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "ClipScorer": "nuwa_hf.pipelines.scorers",
        "NuwaImageCompletionPipeline": "nuwa_hf.pipelines.pipeline_image_completion",
        "NuwaImagePipelineOutput": "nuwa_hf.pipelines.pipeline_output",
        "NuwaPipelineBase": "nuwa_hf.pipelines.pipeline_base",
        "NuwaProcessor": "nuwa_hf.pipelines.processing_nuwa",
        "NuwaSketchToImagePipeline": "nuwa_hf.pipelines.pipeline_sketch_to_image",
        "NuwaSketchToVideoPipeline": "nuwa_hf.pipelines.pipeline_sketch_to_video",
        "NuwaTextGuidedImageManipulationPipeline": "nuwa_hf.pipelines.pipeline_image_manipulation",
        "NuwaTextGuidedVideoManipulationPipeline": "nuwa_hf.pipelines.pipeline_video_manipulation",
        "NuwaTextToImagePipeline": "nuwa_hf.pipelines.pipeline_text_to_image",
        "NuwaTextToVideoPipeline": "nuwa_hf.pipelines.pipeline_text_to_video",
        "NuwaVideoPipelineOutput": "nuwa_hf.pipelines.pipeline_output",
        "NuwaVideoPredictionPipeline": "nuwa_hf.pipelines.pipeline_video_prediction",
        "color_class_map": "nuwa_hf.pipelines.sketch_input",
    },
)
