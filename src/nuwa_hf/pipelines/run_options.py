# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""How one call of a pipeline runs, whatever its task."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
from diffusers.callbacks import MultiPipelineCallbacks, PipelineCallback

from nuwa_hf.argument_types import shown
from nuwa_hf.generation.sampling import check_generators
from nuwa_hf.generation.schedule import SCHEDULES
from nuwa_hf.pipelines.calls import Call
from nuwa_hf.pipelines.checks import OUTPUT_TYPES, check_callback, check_choice, check_switch, check_whole_number
from nuwa_hf.pipelines.scorers import Scorer


MOST_OUTPUTS = 2**16  # of one input in one call


@dataclass(frozen=True)
class RunOptions:
    """One call: the arguments that all tasks have, those that many have, and the state that belongs to the call.

    A pipeline makes it first, since what tells the pipeline to stop applies to the calls that have started.

    Args:
        generator (`torch.Generator` or `list[torch.Generator]`, *optional*): one, or one for each output.
        schedule (`str`): `"wavefront"` or `"raster"`.
        output_type (`str`): `"pil"`, `"np"`, `"pt"` or `"latent"`.
        return_dict (`bool`, defaults to `True`): whether the output is a dataclass or a plain tuple.
        callback_on_step_end (`Callable`, *optional*): called after every wave as `callback(pipeline, step, step,
            kwargs)`; diffusers' own callbacks say which tensors they ask for.
        callback_on_step_end_tensor_inputs (`Sequence[str]`): which tensors `kwargs` holds; none by default.
        num_candidates (`int`, defaults to 1): candidates of each output.
        scorer (`Callable`, *optional*): judges them; by default the model's own likelihood ratio does.
        overlap_frames (`int`, *optional*): frames that a chunk sees of the one before; by default half a chunk.
        height (`int`, *optional*): rows of pixels that the call asks for.
        width (`int`, *optional*): columns.
        call (`Call`): the state of the call, made with the options.
    """

    generator: torch.Generator | list[torch.Generator] | None
    schedule: str
    output_type: str
    return_dict: bool = True
    callback_on_step_end: Callable | PipelineCallback | MultiPipelineCallbacks | None = None
    callback_on_step_end_tensor_inputs: Sequence[str] = ()
    num_candidates: int = 1
    scorer: Scorer | None = None
    overlap_frames: int | None = None
    height: int | None = None
    width: int | None = None
    call: Call = field(default_factory=Call)

    def __post_init__(self):
        if isinstance(self.callback_on_step_end, PipelineCallback | MultiPipelineCallbacks):
            asked = self.callback_on_step_end.tensor_inputs
            object.__setattr__(self, "callback_on_step_end_tensor_inputs", asked)
        for name in ("generator", "callback_on_step_end_tensor_inputs"):
            if isinstance(getattr(self, name), list):  # which the caller may go on to change
                object.__setattr__(self, name, list(getattr(self, name)))

    @property
    def needs_pixels(self) -> bool:
        """Whether tokens are decoded, for the output or for a scorer."""
        return self.output_type != "latent" or (self.scorer is not None and self.num_candidates > 1)

    def check(self, num_inputs: int, count_name: str, count: int, available_tensors: Sequence[str]) -> None:
        """Check everything that does not depend on the task.

        Args:
            num_inputs (`int`): prompts, images or videos that were given.
            count_name (`str`): `"num_images_per_prompt"` or `"num_videos_per_prompt"`.
            count (`int`): its value.
            available_tensors (`Sequence[str]`): what a callback may ask for.

        Raises:
            TypeError: If an argument has the wrong type.
            ValueError: If an argument has no valid value.
        """
        check_choice("schedule", self.schedule, SCHEDULES)
        check_choice("output_type", self.output_type, OUTPUT_TYPES)
        check_switch("return_dict", self.return_dict)
        for name, number in ((count_name, count), ("num_candidates", self.num_candidates)):
            check_whole_number(name, number, maximum=MOST_OUTPUTS, reason=" in one call")
        if self.scorer is not None and not callable(self.scorer):
            given = shown(self.scorer)
            raise TypeError(
                f"`scorer` must be callable as `scorer(frames, prompts)`, got {given}; give a function, or None."
            )
        check_generators(self.generator, num_inputs * count)
        check_callback(self.callback_on_step_end, self.callback_on_step_end_tensor_inputs, available_tensors)
