# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""NUWA for Hugging Face: one model for text, images and video.

Importing the package registers its classes with transformers' Auto classes and with diffusers.
"""

from importlib import import_module
from pathlib import Path

from transformers import AutoConfig, AutoModel, AutoModelForSeq2SeqLM, AutoTokenizer

from nuwa_hf.diffusers_registry import register_with_diffusers
from nuwa_hf.grid import Grid
from nuwa_hf.modeling.autoencoder_vqgan import NuwaVQGAN
from nuwa_hf.modeling.configuration_nuwa import NuwaConfig
from nuwa_hf.modeling.int8_quantizer import NuwaInt8Config
from nuwa_hf.modeling.modeling_nuwa import NuwaForConditionalGeneration, NuwaModel, NuwaPreTrainedModel
from nuwa_hf.modeling.tokenization_nuwa import NuwaTokenizer
from nuwa_hf.pipelines import (
    ClipScorer,
    NuwaImageCompletionPipeline,
    NuwaImagePipelineOutput,
    NuwaPipelineBase,
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
from nuwa_hf.tasks import TASKS


__version__ = "0.1.0"

DEMO_CHECKPOINT = Path(__file__).parent / "checkpoints" / "emoji-motion"

AutoConfig.register("nuwa", NuwaConfig, exist_ok=True)
AutoModel.register(NuwaConfig, NuwaModel, exist_ok=True)
AutoModelForSeq2SeqLM.register(NuwaConfig, NuwaForConditionalGeneration, exist_ok=True)
AutoTokenizer.register(NuwaConfig, tokenizer_class=NuwaTokenizer, exist_ok=True)
register_with_diffusers(
    component_bases=[NuwaVQGAN, NuwaPreTrainedModel, NuwaTokenizer],
    resolvable=[NuwaVQGAN, *(globals()[task.pipeline] for task in TASKS)],
)

# Public names that a user of a pipeline does not need, imported when first asked for.
_LAZY = {"EmojiMotion": "nuwa_hf.datasets.emoji_motion"}

__all__ = [
    "DEMO_CHECKPOINT",
    "TASKS",
    "ClipScorer",
    "EmojiMotion",
    "Grid",
    "NuwaConfig",
    "NuwaForConditionalGeneration",
    "NuwaImageCompletionPipeline",
    "NuwaImagePipelineOutput",
    "NuwaInt8Config",
    "NuwaModel",
    "NuwaPipelineBase",
    "NuwaPreTrainedModel",
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
    "color_class_map",
]


def __getattr__(name: str):
    if name in _LAZY:
        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
