# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""NUWA for Hugging Face: one model for text, images and video.

Importing the package makes transformers' Auto classes and diffusers know its classes. It imports neither: what is
named here is imported when it is first asked for.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from nuwa_hf.grid import Grid
from nuwa_hf.imports.lazy_names import lazy_names
from nuwa_hf.imports.registration import AFTER_IMPORT
from nuwa_hf.tasks import TASKS


if TYPE_CHECKING:
    from nuwa_hf import generation as generation
    from nuwa_hf import modeling as modeling
    from nuwa_hf import pipelines as pipelines
    from nuwa_hf.datasets.emoji_motion import EmojiMotion
    from nuwa_hf.modeling.autoencoder_vqgan import NuwaVQGAN
    from nuwa_hf.modeling.codec import Codec, FrameCodec, as_codec, load_codec
    from nuwa_hf.modeling.configuration_nuwa import NuwaConfig
    from nuwa_hf.modeling.int8_quantizer import NuwaInt8Config
    from nuwa_hf.modeling.modeling_nuwa import NuwaForConditionalGeneration, NuwaModel, NuwaPreTrainedModel
    from nuwa_hf.modeling.tokenization_nuwa import NuwaTokenizer
    from nuwa_hf.pipelines import (
        ClipScorer,
        NuwaImageCompletionPipeline,
        NuwaImagePipelineOutput,
        NuwaPipelineBase,
        NuwaProcessor,
        NuwaSketchToImagePipeline,
        NuwaSketchToVideoPipeline,
        NuwaTextGuidedImageManipulationPipeline,
        NuwaTextGuidedVideoManipulationPipeline,
        NuwaTextToImagePipeline,
        NuwaTextToVideoPipeline,
        NuwaVideoPipelineOutput,
        NuwaVideoPredictionPipeline,
        color_class_map,
    )
    from nuwa_hf.serving import NuwaSampler, SamplerFullError


__version__ = "0.1.0"

DEMO_CHECKPOINT = Path(__file__).parent / "checkpoints" / "emoji-motion"
"""The folder of the small checkpoint that is part of the package; commands call it `embedded`."""

__all__ = [
    "DEMO_CHECKPOINT",
    "TASKS",
    "ClipScorer",
    "Codec",
    "EmojiMotion",
    "FrameCodec",
    "Grid",
    "NuwaConfig",
    "NuwaForConditionalGeneration",
    "NuwaImageCompletionPipeline",
    "NuwaImagePipelineOutput",
    "NuwaInt8Config",
    "NuwaModel",
    "NuwaPipelineBase",
    "NuwaPreTrainedModel",
    "NuwaProcessor",
    "NuwaSampler",
    "NuwaSketchToImagePipeline",
    "NuwaSketchToVideoPipeline",
    "NuwaTextGuidedImageManipulationPipeline",
    "NuwaTextGuidedVideoManipulationPipeline",
    "NuwaTextToImagePipeline",
    "NuwaTextToVideoPipeline",
    "NuwaTokenizer",
    "NuwaVQGAN",
    "NuwaVideoPipelineOutput",
    "NuwaVideoPredictionPipeline",
    "SamplerFullError",
    "as_codec",
    "color_class_map",
    "load_codec",
]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "ClipScorer": "nuwa_hf.pipelines",
        "Codec": "nuwa_hf.modeling.codec",
        "EmojiMotion": "nuwa_hf.datasets.emoji_motion",
        "FrameCodec": "nuwa_hf.modeling.codec",
        "NuwaConfig": "nuwa_hf.modeling.configuration_nuwa",
        "NuwaForConditionalGeneration": "nuwa_hf.modeling.modeling_nuwa",
        "NuwaImageCompletionPipeline": "nuwa_hf.pipelines",
        "NuwaImagePipelineOutput": "nuwa_hf.pipelines",
        "NuwaInt8Config": "nuwa_hf.modeling.int8_quantizer",
        "NuwaModel": "nuwa_hf.modeling.modeling_nuwa",
        "NuwaPipelineBase": "nuwa_hf.pipelines",
        "NuwaPreTrainedModel": "nuwa_hf.modeling.modeling_nuwa",
        "NuwaProcessor": "nuwa_hf.pipelines",
        "NuwaSampler": "nuwa_hf.serving",
        "NuwaSketchToImagePipeline": "nuwa_hf.pipelines",
        "NuwaSketchToVideoPipeline": "nuwa_hf.pipelines",
        "NuwaTextGuidedImageManipulationPipeline": "nuwa_hf.pipelines",
        "NuwaTextGuidedVideoManipulationPipeline": "nuwa_hf.pipelines",
        "NuwaTextToImagePipeline": "nuwa_hf.pipelines",
        "NuwaTextToVideoPipeline": "nuwa_hf.pipelines",
        "NuwaTokenizer": "nuwa_hf.modeling.tokenization_nuwa",
        "NuwaVQGAN": "nuwa_hf.modeling.autoencoder_vqgan",
        "NuwaVideoPipelineOutput": "nuwa_hf.pipelines",
        "NuwaVideoPredictionPipeline": "nuwa_hf.pipelines",
        "SamplerFullError": "nuwa_hf.serving",
        "as_codec": "nuwa_hf.modeling.codec",
        "color_class_map": "nuwa_hf.pipelines",
        "generation": "nuwa_hf.generation",
        "load_codec": "nuwa_hf.modeling.codec",
        "modeling": "nuwa_hf.modeling",
        "pipelines": "nuwa_hf.pipelines",
    },
)
AFTER_IMPORT.install()
