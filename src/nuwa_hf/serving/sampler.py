# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""A long-lived sampler for servers and for many inputs: requests of different settings, sampled together."""

import threading
import time
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self, TypeVar

import torch

from nuwa_hf import pipelines
from nuwa_hf.pipelines.checked_call import CheckedCall
from nuwa_hf.pipelines.checks import check_whole_number
from nuwa_hf.pipelines.pipeline_base import NuwaPipelineBase
from nuwa_hf.serving.joined_calls import EncodedCall, kind_of, sample_together, with_generators
from nuwa_hf.tasks import TASKS, find_task


Result = TypeVar("Result")


class SamplerFullError(RuntimeError):
    """As many requests wait as a `NuwaSampler` takes; try again later."""


@dataclass(frozen=True, eq=False)
class _Request:
    """A request: its call, what it may be batched with, and where its result goes."""

    task: str
    call: CheckedCall
    kind: Hashable
    future: Future = field(default_factory=Future)
    arrived: float = field(default_factory=time.monotonic)


class NuwaSampler:
    """Answers requests for any task from one checkpoint, as many at a time as fit together.

    A thread of its own takes the requests in their order. Those of the same task, grid and conditions are sampled
    together, whatever their texts, seeds and sampling settings; each result is that of its single call, but for the
    rounding of sums. The weights must not change while the sampler is open: what is laid out for sampling is then made
    once, and kept.

    Args:
        pipeline (`NuwaPipelineBase`): the checkpoint, as the pipeline of any task; its components are shared.
        max_batch_size (`int`, defaults to 8): outputs that are sampled together; a request for more runs alone.
        max_wait (`float`, defaults to 0.01): seconds for which an incomplete batch waits for more requests.
        max_waiting (`int`, defaults to 256): requests that may wait.

    Raises:
        TypeError: If a number is of the wrong type.
        ValueError: If it is out of range.

    Example:
        >>> import torch
        >>> from nuwa_hf import DEMO_CHECKPOINT, NuwaSampler, NuwaTextToVideoPipeline

        >>> pipeline = NuwaTextToVideoPipeline.from_pretrained(DEMO_CHECKPOINT)
        >>> with NuwaSampler(pipeline) as sampler:
        ...     wanted = [
        ...         sampler.submit("text-to-image", prompt="a red apple on the grass", guidance_scale=scale)
        ...         for scale in (1.0, 2.0, 4.0)
        ...     ]
        ...     images = [future.result().images[0] for future in wanted]
    """

    def __init__(
        self, pipeline: NuwaPipelineBase, *, max_batch_size: int = 8, max_wait: float = 0.01, max_waiting: int = 256
    ):
        check_whole_number("max_batch_size", max_batch_size)
        check_whole_number("max_waiting", max_waiting)
        if not max_wait >= 0:
            raise ValueError(f"`max_wait` must be at least 0 seconds, got {max_wait!r}; 0 waits for nothing.")
        self.max_batch_size, self.max_wait, self.max_waiting = max_batch_size, max_wait, max_waiting
        self._pipelines = {task.name: getattr(pipelines, task.pipeline).from_pipe(pipeline) for task in TASKS}
        for one in self._pipelines.values():
            one.set_progress_bar_config(disable=True)
        self._waiting: list[_Request] = []
        self._is_closed = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._work, name="nuwa-sampler", daemon=True)
        self._thread.start()

    def pipeline(self, task: str) -> NuwaPipelineBase:
        """The pipeline that answers the requests of a task.

        Args:
            task (`str`): its name or abbreviation, such as `"text-to-video"` or `"T2V"`.

        Returns:
            `NuwaPipelineBase`: with the components of the sampler.

        Raises:
            ValueError: If there is no such task.
        """
        return self._pipelines[find_task(task).name]

    def submit(self, task: str, **arguments: Any) -> Future:
        """Ask for the result of a call. The arguments are checked, and files read, before this returns.

        Args:
            task (`str`): its name or abbreviation, such as `"text-to-video"` or `"T2V"`.
            arguments: those of the task's pipeline, without a callback. `generator` makes the result repeatable; it is
                the request's own until the result is there.

        Returns:
            `concurrent.futures.Future`: its result is what the pipeline returns. It can be cancelled while it waits.

        Raises:
            RuntimeError: If the sampler is closed.
            SamplerFullError: If `max_waiting` requests wait.
            TypeError: If an argument has the wrong type.
            ValueError: If an argument has no valid value.
        """
        pipeline = self.pipeline(task)
        self._check_room()  # before files are read in vain
        call = pipeline.check_inputs(**arguments)
        if call.options.callback_on_step_end is not None:
            raise ValueError(
                "`callback_on_step_end` must be left out, since it would see the tokens of other requests too; call "
                "the pipeline itself."
            )
        call = with_generators(call, pipeline.transformer.device)
        name = pipeline.task.name
        request = _Request(name, call, (name, kind_of(call, pipeline.max_frames)))
        with self._changed:
            self._check_room()
            self._waiting.append(request)
            self._changed.notify()
        return request.future

    def close(self, *, cancel_waiting: bool = False) -> None:
        """Take no more requests, and return when those that are there are answered.

        Args:
            cancel_waiting (`bool`, defaults to `False`): whether to cancel those that still wait.
        """
        with self._changed:
            self._is_closed = True
            if cancel_waiting:
                for request in self._waiting:
                    request.future.cancel()
            self._changed.notify()
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close(cancel_waiting=error is not None)

    def _check_room(self) -> None:
        with self._changed:
            if self._is_closed:
                raise RuntimeError("This `NuwaSampler` is closed and takes no more requests; make a new one.")
            self._drop_cancelled()
            if len(self._waiting) >= self.max_waiting:
                raise SamplerFullError(
                    f"No more than {self.max_waiting} requests may wait (`max_waiting`), and as many do; try again "
                    "when some are answered."
                )

    def _drop_cancelled(self) -> None:
        self._waiting = [request for request in self._waiting if not request.future.cancelled()]

    def _work(self) -> None:
        """What the sampler's thread does until it is closed."""
        transformer = self._pipelines[TASKS[0].name].transformer
        with torch.no_grad(), transformer.with_fixed_weights():
            while batch := self._next_batch():
                self._answer(batch)
                del batch  # what was answered is not kept until the next request comes

    def _next_batch(self) -> list[_Request]:
        """Wait for requests that go together with the oldest; none once the sampler is closed and all are answered."""
        with self._changed:
            while True:
                self._drop_cancelled()
                if not self._waiting:
                    if self._is_closed:
                        return []
                    self._changed.wait()
                    continue
                oldest, batch, is_full = self._waiting[0], [], False
                for request in self._waiting:
                    if request.kind == oldest.kind and not is_full:
                        size = sum(one.call.num_outputs for one in [*batch, request])
                        is_full = size >= self.max_batch_size
                        if size <= self.max_batch_size or not batch:
                            batch.append(request)
                remaining = oldest.arrived + self.max_wait - time.monotonic()
                if is_full or remaining <= 0 or self._is_closed:
                    self._waiting = [request for request in self._waiting if request not in batch]
                    return batch
                self._changed.wait(remaining)

    def _answer(self, batch: Sequence[_Request]) -> None:
        pipeline, encoded = self.pipeline(batch[0].task), {}
        for request in batch:
            if request.future.set_running_or_notify_cancel():
                conditions = _attempt(request, lambda call=request.call: pipeline.encode_conditions(call))
                if conditions is not None:
                    encoded[request] = EncodedCall(request.call, *conditions)
        for request, tokens in self._sample(pipeline, encoded).items():
            kept = encoded[request].known if request.call.composite else None
            output = _attempt(
                request,
                lambda options=request.call.options, tokens=tokens, kept=kept: pipeline.make_output(
                    tokens, options, kept
                ),
            )
            if output is not None:
                request.future.set_result(output)

    def _sample(
        self, pipeline: NuwaPipelineBase, encoded: dict[_Request, EncodedCall]
    ) -> dict[_Request, torch.Tensor]:
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
        except Exception:  # whoever caused it meets it again alone
            for generator, state in generators.items():
                generator.set_state(state)
        answers = {}
        for request in requests:
            answers |= self._sample(pipeline, {request: encoded[request]})
        return answers


def _attempt(request: _Request, work: Callable[[], Result]) -> Result | None:
    """Do something for a request. Whatever goes wrong, only its own future says so."""
    try:
        return work()
    except BaseException as error:
        request.future.set_exception(error)
        return None
