# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""A long-lived sampler for servers and for many inputs: requests of different settings, sampled together."""

import atexit
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import replace
from numbers import Real
from types import TracebackType
from typing import Any, Self

import torch

from nuwa_hf import pipelines
from nuwa_hf.argument_types import shown
from nuwa_hf.pipelines.checked_call import CheckedCall
from nuwa_hf.pipelines.checks import check_whole_number
from nuwa_hf.pipelines.pipeline_base import NuwaPipelineBase
from nuwa_hf.serving.joined_calls import kind_of, with_generators
from nuwa_hf.serving.requests import Request, answer
from nuwa_hf.serving.shared_streams import SharedStream, StreamInTurn
from nuwa_hf.tasks import TASKS, find_task


class SamplerFullError(RuntimeError):
    """As many requests wait, or as many streams run, as a `NuwaSampler` takes; try again later."""


class NuwaSampler:
    """Answers requests for any task from one checkpoint, as many at a time as fit together.

    A thread of its own takes the requests in their order. Those of the same task, grid and conditions are sampled
    together, whatever their texts, seeds and sampling settings; each result is that of its single call, but for the
    rounding of sums. Between two batches, each stream gets its next frame. The weights must not change while the
    sampler is open: what is laid out for sampling is then made once, and kept.

    Args:
        pipeline (`NuwaPipelineBase`): the checkpoint, as the pipeline of any task; its components are shared.
        max_batch_size (`int`, defaults to 8): outputs that are sampled together; a request for more runs alone.
        max_wait (`float`, defaults to 0.01): seconds for which an incomplete batch waits for more requests.
        max_waiting (`int`, defaults to 256): requests that may wait.
        max_streams (`int`, defaults to 8): streams that may run at a time.

    Raises:
        TypeError: If `pipeline` is no pipeline, or a number is of the wrong type.
        ValueError: If a number is out of range.

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
        self,
        pipeline: NuwaPipelineBase,
        *,
        max_batch_size: int = 8,
        max_wait: float = 0.01,
        max_waiting: int = 256,
        max_streams: int = 8,
    ):
        check_whole_number("max_batch_size", max_batch_size)
        check_whole_number("max_waiting", max_waiting)
        check_whole_number("max_streams", max_streams)
        if isinstance(max_wait, bool) or not isinstance(max_wait, Real):
            raise TypeError(f"`max_wait` must be a number of seconds, got {shown(max_wait)}; 0 waits for nothing.")
        if not 0 <= max_wait <= threading.TIMEOUT_MAX:
            raise ValueError(
                f"`max_wait` must be from 0 to {threading.TIMEOUT_MAX:.0f} seconds, got {shown(max_wait)}; 0 waits "
                "for nothing."
            )
        self.max_batch_size, self.max_wait = max_batch_size, max_wait
        self.max_waiting, self.max_streams = max_waiting, max_streams
        self._pipelines = {task.name: getattr(pipelines, task.pipeline).from_pipe(pipeline) for task in TASKS}
        for one in self._pipelines.values():
            one.set_progress_bar_config(disable=True)
        self._waiting: list[Request] = []
        self._streams: list[StreamInTurn] = []
        self._is_closed = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._work, name="nuwa-sampler", daemon=True)
        self._thread.start()
        atexit.register(self.close, cancel_waiting=True)  # a thread that is at work must not outlive the interpreter

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
        """Ask for the result of a call. Arguments are checked, files read and lists copied before this returns.

        Args:
            task (`str`): its name or abbreviation, such as `"text-to-video"` or `"T2V"`.
            arguments: those of the task's pipeline. `generator` makes the result repeatable; it is the request's own
                until the result is there. `callback_on_step_end` is called in the sampler's thread, and the request is
                then sampled alone, so that it sees no tokens of others; an error that it raises ends the request.

        Returns:
            `concurrent.futures.Future`: its result is what the pipeline returns. It can be cancelled while it waits.

        Raises:
            RuntimeError: If the sampler is closed, or was made before this process was forked.
            SamplerFullError: If `max_waiting` requests wait.
            TypeError: If an argument has the wrong type.
            ValueError: If an argument has no valid value.
        """
        (future,) = self.submit_many([(task, arguments)])
        return future

    def submit_many(self, calls: Sequence[tuple[str, dict[str, Any]]]) -> list[Future]:
        """Ask for the results of several calls, all of them or, if one cannot be taken, none.

        Args:
            calls (`Sequence[tuple[str, dict[str, Any]]]`): of each the task and the arguments, as `submit` takes them.

        Returns:
            `list[Future]`: as `submit` gives them.

        Raises:
            RuntimeError: If the sampler is closed, or was made before this process was forked.
            SamplerFullError: If there is no room for all of them.
            TypeError: If an argument has the wrong type.
            ValueError: If an argument has no valid value.
        """
        self._check_room(len(calls))  # before files are read in vain
        requests = []
        for task, arguments in calls:
            pipeline = self.pipeline(task)
            requests.append(self._request(pipeline, pipeline.check_inputs(**arguments)))
        self._add(requests)
        return [request.future for request in requests]

    def submit_checked(self, task: str, call: CheckedCall) -> Future:
        """Ask for the result of a call that was checked before, whose files are not read again.

        Args:
            task (`str`): its name or abbreviation, such as `"text-to-video"` or `"T2V"`.
            call (`CheckedCall`): what `check_inputs` of the task's pipeline returned; the request's own from then on.

        Returns:
            `concurrent.futures.Future`: as `submit` gives it.

        Raises:
            RuntimeError: If the sampler is closed, or was made before this process was forked.
            SamplerFullError: If `max_waiting` requests wait.
            ValueError: If there is no such task, or a single generator for several outputs.
        """
        request = self._request(self.pipeline(task), call)
        self._add([request])
        return request.future

    def stream(self, task: str, **arguments: Any) -> SharedStream:
        """Ask for the frames of a video one by one. The arguments are checked before this returns.

        Args:
            task (`str`): the name or abbreviation of a task whose pipeline has `stream`: `"text-to-video"`.
            arguments: those of its `stream`. `generator` makes the frames repeatable; it is the stream's own.

        Returns:
            `SharedStream`: an iterator of what the pipeline's `stream` yields. To stop, close it or let go of it.

        Raises:
            RuntimeError: If the sampler is closed, or was made before this process was forked.
            SamplerFullError: If `max_streams` streams run.
            TypeError: If an argument has the wrong type.
            ValueError: If an argument has no valid value, or the task cannot be streamed.
        """
        pipeline = self.pipeline(task)
        if not hasattr(pipeline, "stream"):
            streamed = [name for name, one in self._pipelines.items() if hasattr(one, "stream")]
            raise ValueError(f"`task` must be one that can be streamed ({', '.join(streamed)}), got {shown(task)}.")
        self._check_room(0, 1)
        checked = type(pipeline).stream.check(pipeline, **arguments)
        checked = replace(checked, call=with_generators(checked.call, pipeline.transformer.device))
        stream = SharedStream(self._changed)
        with self._changed:
            self._check_room(0, 1)
            self._streams.append(StreamInTurn(pipeline, checked, stream))
            self._changed.notify_all()
        return stream

    @staticmethod
    def _request(pipeline: NuwaPipelineBase, call: CheckedCall) -> Request:
        call, name = with_generators(call, pipeline.transformer.device), pipeline.task.name
        return Request(name, call, (name, kind_of(call)))

    def _add(self, requests: Sequence[Request]) -> None:
        with self._changed:
            self._check_room(len(requests))
            self._waiting += requests
            self._changed.notify_all()

    def close(self, *, cancel_waiting: bool = False) -> None:
        """Take no more requests, and return when those that are there are answered. Streams end with an error.

        Args:
            cancel_waiting (`bool`, defaults to `False`): whether to cancel those that still wait.
        """
        with self._changed:
            self._is_closed = True
            for stream in self._streams:
                stream.end(RuntimeError("The `NuwaSampler` of this stream was closed; make a new one."))
            if cancel_waiting:
                for request in self._waiting:
                    request.future.cancel()
            self._changed.notify_all()
        self._thread.join()
        atexit.unregister(self.close)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close(cancel_waiting=error is not None)

    def _check_room(self, num_requests: int, num_streams: int = 0) -> None:
        if not self._is_closed and not self._thread.is_alive():  # and the lock is as the fork found it
            raise RuntimeError(
                "This `NuwaSampler` was made before a fork, and its thread is not in this process; make one here."
            )
        with self._changed:
            if self._is_closed:
                raise RuntimeError("This `NuwaSampler` is closed and takes no more requests; make a new one.")
            self._forget_finished()
            if len(self._streams) + num_streams > self.max_streams:
                raise SamplerFullError(
                    f"No more than {self.max_streams} streams may run (`max_streams`), and {len(self._streams)} do; "
                    "try again when one has ended."
                )
            if len(self._waiting) + num_requests > self.max_waiting:
                raise SamplerFullError(
                    f"No more than {self.max_waiting} requests may wait (`max_waiting`), and {len(self._waiting)} do; "
                    "try again when some are answered."
                )

    def _forget_finished(self) -> None:
        self._waiting = [request for request in self._waiting if not request.is_withdrawn()]
        self._streams = [stream for stream in self._streams if not stream.is_over]

    def _work(self) -> None:
        """What the sampler's thread does until it is closed."""
        transformer = self._pipelines[TASKS[0].name].transformer
        with torch.no_grad(), transformer.with_fixed_weights():
            while (work := self._next_work()) is not None:
                batch, streams = work
                if batch:
                    answer(self.pipeline(batch[0].task), batch)
                for stream in streams:
                    stream.make_frame()
                del work, batch, streams  # what was answered is not kept until the next request comes

    def _next_work(self) -> tuple[list[Request], list[StreamInTurn]] | None:
        """Wait for requests that go together with the oldest, and for streams that want a frame.

        None once the sampler is closed and all are answered.
        """
        with self._changed:
            while True:
                self._forget_finished()
                streams = [stream for stream in self._streams if stream.wants_frame]
                if not self._waiting:
                    if streams:
                        return [], streams
                    if self._is_closed:
                        return None
                    self._changed.wait()
                    continue
                oldest, batch, is_full = self._waiting[0], [], False
                for request in self._waiting:
                    if request.kind == oldest.kind and not is_full:
                        size = sum(one.call.num_outputs for one in [*batch, request])
                        is_full = size >= self.max_batch_size
                        if size <= self.max_batch_size or not batch:
                            batch.append(request)
                is_alone = oldest.call.options.callback_on_step_end is not None  # nothing that comes goes with it
                remaining = oldest.arrived + self.max_wait - time.monotonic()
                if is_full or is_alone or remaining <= 0 or self._is_closed:
                    self._waiting = [request for request in self._waiting if request not in batch]
                    return batch, streams
                if streams:
                    return [], streams
                self._changed.wait(remaining)
