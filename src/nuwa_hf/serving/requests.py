# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Requests of one kind, answered together."""

import time
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import Future
from contextvars import Context, copy_context
from dataclasses import dataclass, field
from typing import TypeVar

import torch

from nuwa_hf.pipelines.checked_call import CheckedCall
from nuwa_hf.pipelines.pipeline_base import NuwaPipelineBase
from nuwa_hf.serving.joined_calls import EncodedCall, sample_together


Result = TypeVar("Result")


@dataclass(frozen=True, eq=False)
class Request:
    """A request: its call, what it may be batched with, and where its result goes.

    Args:
        task (`str`): the name of the task.
        call (`CheckedCall`): the call, with a generator for each output.
        kind (`Hashable`): equal for requests that may be sampled together.
        future (`concurrent.futures.Future`): gets the result.
        arrived (`float`): when it came, by the monotonic clock, in seconds.
        context (`contextvars.Context`): the context variables of whoever asked; what is done for it alone sees them.
    """

    task: str
    call: CheckedCall
    kind: Hashable
    future: Future = field(default_factory=Future)
    arrived: float = field(default_factory=time.monotonic)
    context: Context = field(default_factory=copy_context)

    def is_withdrawn(self) -> bool:
        """Whether it was cancelled while it waited. Asked once for each: `concurrent.futures.wait` is told then."""
        return self.future.cancelled() and not self.future.set_running_or_notify_cancel()


def answer(pipeline: NuwaPipelineBase, batch: Sequence[Request]) -> None:
    """Answer requests of one kind; whatever goes wrong for one is the exception of its own future.

    Args:
        pipeline (`NuwaPipelineBase`): of their task.
        batch (`Sequence[Request]`): the requests.
    """
    encoded: dict[Request, EncodedCall] = {}
    for request in batch:
        if request.future.set_running_or_notify_cancel():
            conditions = _attempt(request, lambda call=request.call: pipeline.encode_conditions(call))
            if conditions is not None:
                encoded[request] = EncodedCall(request.call, *conditions)
    for request, tokens in _sample(pipeline, encoded).items():
        kept = encoded[request].known if request.call.composite else None
        output = _attempt(
            request,
            lambda options=request.call.options, tokens=tokens, kept=kept: pipeline.make_output(tokens, options, kept),
        )
        if output is not None:
            request.future.set_result(output)


def _sample(pipeline: NuwaPipelineBase, encoded: dict[Request, EncodedCall]) -> dict[Request, torch.Tensor]:
    """The tokens of each request; where they cannot be sampled together, each tries alone."""
    if not encoded:
        return {}
    requests, calls = list(encoded), list(encoded.values())
    if len(calls) == 1:
        tokens = _attempt(requests[0], lambda: sample_together(pipeline, calls))
        return {} if tokens is None else {requests[0]: tokens[0]}
    generators = {one: one.get_state() for call in calls for one in call.call.options.generator}
    try:
        return dict(zip(requests, sample_together(pipeline, calls), strict=True))
    except BaseException:  # whoever caused it meets it again alone; the sampler's thread goes on
        for generator, state in generators.items():
            generator.set_state(state)
    answers = {}
    for request in requests:
        answers |= _sample(pipeline, {request: encoded[request]})
    return answers


def _attempt(request: Request, work: Callable[[], Result]) -> Result | None:
    """Do something for a request. Whatever goes wrong, only its own future says so."""
    try:
        return request.context.run(work)
    except BaseException as error:
        request.future.set_exception(error)
        return None
