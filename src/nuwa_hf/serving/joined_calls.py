# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Calls of different settings that are sampled together; each gets the tokens of a call of its own.

Legend: B outputs of all calls, T frames, H, W token rows and columns.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch

from nuwa_hf.generation.sampling import PER_OUTPUT, SamplingSettings
from nuwa_hf.pipelines.calls import Call
from nuwa_hf.pipelines.candidates import seeded_by
from nuwa_hf.pipelines.checked_call import CheckedCall
from nuwa_hf.pipelines.encoded_text import EncodedText
from nuwa_hf.pipelines.known_part import KnownPart
from nuwa_hf.pipelines.pipeline_base import NuwaPipelineBase


@dataclass(frozen=True)
class EncodedCall:
    """A call whose conditions have been computed.

    Args:
        call (`CheckedCall`): the call.
        conditions (`dict[str, Any]`): as `NuwaForConditionalGeneration.generate` takes them.
        known (`KnownPart`, *optional*): the part that is given.
    """

    call: CheckedCall
    conditions: dict[str, Any]
    known: KnownPart | None


def kind_of(call: CheckedCall) -> Hashable:
    """What calls must have in common to be sampled together: the grid, and whatever is not said for each row.

    Args:
        call (`CheckedCall`): the call.

    Returns:
        A value that is equal for such calls of one task.
    """
    options = call.options
    return (
        call.num_frames,
        call.num_outputs_each,
        _shape_of(call.prompts),
        _shape_of(call.negative_prompts if call.sampling.uses_guidance else None),
        call.condition_on_known,
        call.sampling.do_sample,
        options.schedule,
        options.overlap_frames,
        options.num_candidates,
        options.scorer,
        None if options.callback_on_step_end is None else object(),  # equal to no other: its tokens are its own
    )


def with_generators(call: CheckedCall, device: torch.device) -> CheckedCall:
    """A call with a generator for each of its outputs.

    Args:
        call (`CheckedCall`): the call.
        device (`torch.device`): where generators are made if the call has none.

    Returns:
        `CheckedCall`: without any, each output gets one with a seed that torch's global generator gives.

    Raises:
        ValueError: If the call has one for several outputs: what it gives them depends on the batch.
    """
    generator, count = call.options.generator, call.num_outputs
    if isinstance(generator, torch.Generator) and count > 1:
        raise ValueError(
            f"`generator` must be a list with one for each of the {count} outputs, got a single one, whose numbers "
            "would depend on the rest of the batch; give a list."
        )
    if generator is None:
        generator = seeded_by(None, count, device)
    elif not isinstance(generator, list):
        generator = [generator]
    return replace(call, options=replace(call.options, generator=generator))


def sample_together(pipeline: NuwaPipelineBase, encoded: Sequence[EncodedCall]) -> list[torch.Tensor]:
    """Sample the tokens of calls of one kind.

    Args:
        pipeline (`NuwaPipelineBase`): of their task.
        encoded (`Sequence[EncodedCall]`): the calls, each with a generator for each output; one with a callback alone.

    Returns:
        `list[torch.LongTensor]`: the tokens of each call, of shape `(its outputs, T, H, W)`.
    """
    calls = [one.call for one in encoded]
    first = calls[0]
    conditions = {
        name: torch.cat([one.conditions[name] for one in encoded]) if isinstance(value, torch.Tensor) else value
        for name, value in encoded[0].conditions.items()
    }
    options = replace(first.options, generator=[one for call in calls for one in call.options.generator], call=Call())
    prompts = [prompt for call in calls for prompt in call.prompts] if isinstance(first.prompts, list) else None
    tokens = pipeline.generate_tokens(
        conditions, _joined_settings(calls), options, num_frames=first.num_frames, prompts=prompts
    )
    return [rows.clone() for rows in tokens.split([call.num_outputs for call in calls])]


def _shape_of(texts: list[str] | EncodedText | None) -> Hashable:
    """Texts are padded to one length; encoded ones have any."""
    return tuple(texts.states.shape[1:]) if isinstance(texts, EncodedText) else texts is None


def _joined_settings(calls: Sequence[CheckedCall]) -> SamplingSettings:
    rows = {name: [] for name in PER_OUTPUT}
    for call in calls:
        for name, values in rows.items():
            values += call.sampling.of_outputs(name, call.num_outputs)
    return SamplingSettings(do_sample=calls[0].sampling.do_sample, **rows)
