# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""A call whose arguments have been checked, and the steps that all tasks have in common from there.

Legend: B inputs, T frames, Y, X pixel rows and columns, H, W token rows and columns.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from inspect import signature
from typing import Any

import torch

from nuwa_hf.generation.sampling import SamplingSettings
from nuwa_hf.pipelines.argument_names import own_names
from nuwa_hf.pipelines.checks import check_switch
from nuwa_hf.pipelines.encoded_text import EncodedText
from nuwa_hf.pipelines.known_part import KnownPart
from nuwa_hf.pipelines.pipeline_output import NuwaImagePipelineOutput, NuwaVideoPipelineOutput
from nuwa_hf.pipelines.run_options import RunOptions


@dataclass(frozen=True, kw_only=True)
class CheckedCall:
    """What a call is to do. Nothing has been computed yet.

    Args:
        options (`RunOptions`): generators, schedule, output type, candidates and callback.
        sampling (`SamplingSettings`): how tokens are drawn.
        num_inputs (`int`): B.
        num_outputs_each (`int`): outputs of each input; they follow each other.
        num_frames (`int`): T, 1 for an image.
        prompts (`list[str]` or `EncodedText`, *optional*): a text for each input; None for the constant "None"
            condition.
        negative_prompts (`list[str]` or `EncodedText`, *optional*): what guidance leads away from, likewise.
        sketches (`torch.LongTensor` of shape `(B, T, Y, X)`, *optional*): class maps.
        pixels (`torch.Tensor` of shape `(B, T, 3, Y, X)`, *optional*): what is given in part, in [0, 1].
        masks (`torch.BoolTensor` of shape `(B, T, Y, X)`, *optional*): True where its pixels are to be filled.
        condition_on_known (`bool`, defaults to `True`): whether the known part is a condition too.
        composite (`bool`, defaults to `True`): whether the pixels that are kept come back unchanged.

    Raises:
        ValueError: If a list of settings does not hold one for each output, or a scorer has no text to read.
    """

    options: RunOptions
    sampling: SamplingSettings
    num_inputs: int
    num_outputs_each: int
    num_frames: int
    prompts: list[str] | EncodedText | None = None
    negative_prompts: list[str] | EncodedText | None = None
    sketches: torch.Tensor | None = None
    pixels: torch.Tensor | None = None
    masks: torch.Tensor | None = None
    condition_on_known: bool = True
    composite: bool = True

    def __post_init__(self):
        check_switch("condition_on_known", self.condition_on_known)
        check_switch("composite", self.composite)
        self.sampling.check_batch(self.num_outputs)
        if isinstance(self.prompts, EncodedText) and self.options.scorer is not None:
            raise ValueError("`scorer` must be None with `prompt_embeds`, since it reads texts; give `prompt`.")

    @property
    def num_outputs(self) -> int:
        """Images or videos that the call makes."""
        return self.num_inputs * self.num_outputs_each


def runs_checked_call(check: Callable[..., CheckedCall]) -> Callable[..., Any]:
    """A decorator that completes a pipeline's `__call__`, whose own body checks the arguments: what it returns is run.

    Args:
        check (`Callable`): a method that returns a `CheckedCall`.

    Returns:
        `Callable`: a method that returns the output; its attribute `check` returns the `CheckedCall`.
    """
    parameters = signature(check).parameters

    def check_named(self, *arguments: Any, **named: Any) -> CheckedCall:
        return check(self, *arguments, **own_names(named, parameters))

    @wraps(check)
    @torch.no_grad()
    def call(self, *arguments: Any, **named: Any) -> NuwaImagePipelineOutput | NuwaVideoPipelineOutput | tuple:
        return self.run_checked_call(check_named(self, *arguments, **named))

    call.check = check_named
    return call


class CheckedCallMixin:
    """The steps of a call for `NuwaPipelineBase`, which has the components and the single steps."""

    @torch.no_grad()
    def check_inputs(self, *arguments: Any, **named: Any) -> CheckedCall:
        """Check the arguments of a call, and read what is given, without computing anything.

        Args:
            arguments: of the call.
            named: of the call.

        Returns:
            `CheckedCall`: what the call would do.

        Raises:
            TypeError: If an argument has the wrong type, or this is the pipeline of no task.
            ValueError: If an argument has no valid value.
        """
        for one in type(self).__mro__:  # a subclass may have put a `__call__` of its own over its task's
            call = vars(one).get("__call__")
            if hasattr(call, "check"):
                return call.check(self, *arguments, **named)
        raise TypeError(
            f"`check_inputs` must be that of a task's pipeline, got {type(self).__name__}, which has no checked call; "
            "inherit from one of the tasks' pipelines."
        )

    @torch.no_grad()
    def run_checked_call(self, call: CheckedCall) -> NuwaImagePipelineOutput | NuwaVideoPipelineOutput | tuple:
        """Do what a call is to do.

        Args:
            call (`CheckedCall`): the call.

        Returns:
            `NuwaImagePipelineOutput`, `NuwaVideoPipelineOutput` or `tuple`: what the call returns.
        """
        # 1. The text, the sketch and the part that is kept, once for each output.
        conditions, known = self.encode_conditions(call)

        # 2. Sample the other tokens, wave by wave.
        tokens = self.generate_tokens(
            conditions, call.sampling, call.options, num_frames=call.num_frames, prompts=call.prompts
        )

        # 3. Tokens to pixels; those that are kept are unchanged.
        return self.make_output(tokens, call.options, known if call.composite else None)

    def encode_conditions(self, call: CheckedCall) -> tuple[dict[str, Any], KnownPart | None]:
        """The conditions of every output, as `NuwaForConditionalGeneration.generate` takes them.

        Args:
            call (`CheckedCall`): the call.

        Returns:
            `tuple`: the conditions, whose tensors have a row for each output, and the known part, if there is one.
        """
        conditions: dict[str, Any] = self.text_conditions(
            call.prompts,
            call.negative_prompts,
            batch_size=call.num_outputs,
            do_classifier_free_guidance=call.sampling.uses_guidance,
        )
        if call.sketches is not None:
            sketch_tokens = self.encode_sketch(call.sketches)
            conditions["sketch_tokens"] = sketch_tokens.repeat_interleave(call.num_outputs_each, dim=0)
        if call.pixels is None:
            return conditions, None
        known = self.encode_known_part(call.pixels, call.masks, call.num_outputs_each)
        return conditions | known.conditions(call.condition_on_known), known
