# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""What is called: pipelines, `generate`, the processor, configurations, models, training arguments and data sets."""

import tempfile
from collections.abc import Callable
from inspect import signature
from numbers import Real
from pathlib import Path
from typing import Any

import torch
from clip_folders import write_clips
from hypothesis import strategies as st
from tiny import (
    CAPTIONS,
    FRAME_SIZE,
    MAX_TEXT_LENGTH,
    VISUAL_GRID,
    tiny_config,
    tiny_inputs,
    tiny_pipeline,
    tiny_vqgan,
)

from nuwa_hf import EmojiMotion, NuwaConfig, NuwaPipelineBase, NuwaProcessor, NuwaVQGAN
from nuwa_hf.datasets.captioned_media import CaptionedMedia
from nuwa_hf.datasets.open_dataset import open_dataset
from nuwa_hf.tasks import TASKS
from nuwa_hf.training.nuwa.nuwa_arguments import NuwaArguments
from nuwa_hf.training.tokens.tokenize_arguments import TokenizeArguments
from nuwa_hf.training.vqgan.vqgan_arguments import VQGANArguments


WIDTH, HEIGHT = FRAME_SIZE
FRAMES = VISUAL_GRID[0]


def each(rule: Callable[[Any], bool]) -> Callable[[Any], bool | None]:
    """A rule for a single value; whether a list has the right length, only the called function can tell."""

    def is_valid(value: Any) -> bool | None:
        if value is None:
            return True
        if isinstance(value, list | tuple):
            found = [is_valid(one) for one in value]
            return False if False in found else None
        return bool(rule(value)) if isinstance(value, Real) else None

    return is_valid


def one_of(*choices: Any) -> Callable[[Any], bool]:
    """A rule for a choice; arrays, which compare place by place, are none."""
    return lambda value: any(type(value) is type(choice) and value == choice for choice in choices)


SAMPLING_RULES = {
    "temperature": each(lambda value: value >= 0),
    "top_k": each(lambda value: value >= 0),
    "top_p": each(lambda value: 0 < value <= 1),
    "min_p": each(lambda value: 0 <= value <= 1),
    "guidance_scale": each(lambda value: value >= 1),
    "schedule": one_of("wavefront", "raster"),
}
SAMPLING = {
    "temperature": st.floats(0, 5),
    "top_k": st.integers(0, 50),
    "top_p": st.floats(0.01, 1),
    "min_p": st.floats(0, 1),
    "schedule": st.sampled_from(["wavefront", "raster"]),
}
PIPELINE_RULES = {
    **SAMPLING_RULES,
    "output_type": one_of("pil", "np", "pt", "latent"),
    "height": one_of(None, HEIGHT),
    "width": one_of(None, WIDTH),
    "callback_on_step_end": lambda value: value is None,
    "callback_on_step_end_tensor_inputs": lambda value: (
        isinstance(value, list | tuple) and all(isinstance(one, str) and one == "tokens" for one in value)
    ),
    "prompt": lambda value: None if isinstance(value, str) and value.strip() else value is None,
    "num_candidates": lambda value: value == 1,
    **{
        f"num_{kind}s_per_prompt": lambda value: isinstance(value, int) and value >= 1 and (value <= 7 or None)
        for kind in ("image", "video")
    },
}
RIGHT = {
    **SAMPLING,
    "guidance_scale": st.floats(1, 10),
    "output_type": st.sampled_from(["pil", "np", "pt", "latent"]),
    "return_dict": st.booleans(),
    "height": st.sampled_from([None, HEIGHT]),
    "width": st.sampled_from([None, WIDTH]),
    "num_images_per_prompt": st.integers(1, 3),
    "num_videos_per_prompt": st.integers(1, 3),
    "condition_on_known": st.booleans(),
    "composite": st.booleans(),
    "negative_prompt": st.one_of(st.none(), st.sampled_from(CAPTIONS)),
    "num_frames": st.one_of(st.none(), st.just(FRAMES)),
    "overlap_frames": st.integers(1, FRAMES - 1),
}


def surfaces(make: Callable[..., Any]) -> dict[str, Any]:
    """All of them.

    Args:
        make (`Callable`): builds one of the fields of `campaign.wrong_calls.Surface`.

    Returns:
        `dict[str, Surface]`: by name.
    """
    pipeline = tiny_pipeline("T2V")
    of_pipelines = {task.abbreviation: _of_pipeline(make, tiny_pipeline(task.abbreviation)) for task in TASKS}
    return {
        **of_pipelines,
        "NuwaForConditionalGeneration.generate": _of_generate(make, pipeline.transformer),
        "processor": _of_processor(make, pipeline),
        "NuwaConfig": make(NuwaConfig, own_hints(NuwaConfig.__init__), tiny_config().to_diff_dict),
        "NuwaVQGAN": make(
            NuwaVQGAN,
            own_hints(NuwaVQGAN.__init__),
            lambda: {name: value for name, value in tiny_vqgan().config.items() if not name.startswith("_")},
        ),
        **{
            cls.__name__: make(cls, own_hints(cls.__init__), lambda needed=needed: dict(needed))
            for cls, needed in (
                (NuwaArguments, {"output_dir": "run", "tokens": ["tokens"]}),
                (VQGANArguments, {"output_dir": "run"}),
                (TokenizeArguments, {"output_dir": "run", "vqgan": "vqgan", "tokenizer": "tokenizer"}),
            )
        },
        **_of_data_sets(make),
    }


def own_hints(function: Callable) -> dict[str, Any]:
    """The annotations of the arguments, without those that a base class has as texts."""
    parameters = signature(function).parameters.items()
    hints = {name: one.annotation for name, one in parameters if name != "self"}
    return {name: hint for name, hint in hints.items() if not isinstance(hint, str)}


def _of_pipeline(make: Callable, pipeline: NuwaPipelineBase) -> Any:
    task = next(one for one in TASKS if type(pipeline).__name__ == one.pipeline)
    hints = own_hints(type(pipeline).__call__)

    def check(found: Any) -> None:
        values = next(iter(found.values())) if isinstance(found, dict) else found[0]
        assert len(values) > 0

    return make(
        pipeline,
        hints,
        lambda: {**tiny_inputs(task.abbreviation), "generator": torch.Generator().manual_seed(3)},
        right={name: strategy for name, strategy in RIGHT.items() if name in hints},
        is_valid={name: rule for name, rule in PIPELINE_RULES.items() if name in hints},
        check=check,
        models=[pipeline.vqgan, pipeline.transformer, pipeline.sketch_vqgan],
        errors=(OSError,),
    )


def _of_generate(make: Callable, model: torch.nn.Module) -> Any:
    def base() -> dict[str, Any]:
        ids = torch.arange(4).reshape(1, 4)
        return {"input_ids": ids, "generator": torch.Generator().manual_seed(3), "return_dict_in_generate": False}

    def check(found: Any) -> None:
        assert found.shape[1:] == VISUAL_GRID
        assert 0 <= found.min() <= found.max() < model.config.codebook_size

    rules = {name: rule for name, rule in SAMPLING_RULES.items() if name != "guidance_scale"}
    right = {**SAMPLING, "num_return_sequences": st.integers(1, 3), "do_sample": st.booleans()}
    hints = own_hints(model.generate)
    return make(model.generate, hints, base, right=right, is_valid=rules, check=check, models=[model])


def _of_processor(make: Callable, pipeline: NuwaPipelineBase) -> Any:
    processor = NuwaProcessor(
        pipeline.tokenizer,
        pipeline.vqgan,
        pipeline.sketch_vqgan,
        visual_grid=VISUAL_GRID,
        frame_rate=4.0,
        max_text_length=MAX_TEXT_LENGTH,
    )

    def check(found: Any) -> None:
        assert found["input_ids"].shape == found["attention_mask"].shape

    texts = st.one_of(st.sampled_from(CAPTIONS), st.lists(st.sampled_from(CAPTIONS), min_size=1, max_size=3))
    return make(
        processor,
        own_hints(NuwaProcessor.__call__),
        lambda: {"text": CAPTIONS[0]},
        right={"text": texts, "negative_text": st.sampled_from(CAPTIONS), "num_frames": st.integers(1, FRAMES)},
        check=check,
        models=[pipeline.vqgan, pipeline.sketch_vqgan],
        errors=(OSError,),
    )


def _of_data_sets(make: Callable) -> dict[str, Any]:
    folder = Path(tempfile.mkdtemp(), "clips")
    write_clips(folder, 3)
    opened = open_dataset(folder)
    hints = own_hints(CaptionedMedia.__init__)
    return {
        "CaptionedMedia": make(
            CaptionedMedia, hints, lambda: {"dataset": opened, "height": 8, "width": 8, "num_frames": 2}
        ),
        "open_dataset": make(open_dataset, own_hints(open_dataset), lambda: {"path": folder}, errors=(OSError,)),
        "EmojiMotion": make(
            EmojiMotion,
            own_hints(EmojiMotion.__init__),
            dict,
            right={"split": st.sampled_from(["train", "val", "zeroshot"]), "seed": st.integers(0, 2**31)},
            check=lambda found: found[0],
        ),
    }
