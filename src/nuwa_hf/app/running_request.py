# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""A request while the sampler works on it: its frames as they come, and its end when its time is over.

Legend: B results, T frames, H, W token rows and columns.
"""

from collections.abc import Iterator
from concurrent.futures import CancelledError
from dataclasses import replace
from queue import Empty, SimpleQueue
from time import monotonic

import PIL.Image
import torch

from nuwa_hf.app.loaded_checkpoint import LoadedCheckpoint
from nuwa_hf.pipelines import NuwaPipelineBase
from nuwa_hf.pipelines.checked_call import CheckedCall
from nuwa_hf.pipelines.finished_frames import frames_after_waves
from nuwa_hf.pipelines.mask_input import composite
from nuwa_hf.pipelines.pipeline_output import NuwaImagePipelineOutput, NuwaVideoPipelineOutput
from nuwa_hf.pipelines.token_pixels import frames_of


LOOK_SECONDS = 1.0  # from one look whether the visitor is still there to the next


class RunningRequest:
    """A request while the sampler works on it.

    Once its time is over, or nobody asks for its frames any longer, it stops after the step that is being computed,
    and the model is free for the next request.

    Args:
        checkpoint (`LoadedCheckpoint`): what answers it.
        task (`str`): the name of the task.
        call (`CheckedCall`): what is to be done.
        max_seconds (`int`): how long it may take.
        deadline (`float`): when that is over, by the monotonic clock, in seconds.

    Raises:
        SamplerFullError: If as many requests wait as may.
    """

    def __init__(self, checkpoint: LoadedCheckpoint, task: str, call: CheckedCall, max_seconds: int, deadline: float):
        self._pipeline = checkpoint.pipeline(task)
        self._max_seconds, self._deadline = max_seconds, deadline
        self._is_wanted = True
        self._finished: SimpleQueue[tuple[int, torch.Tensor] | None] = SimpleQueue()
        self._frames_after_waves = []
        self._call = replace(call, options=replace(call.options, callback_on_step_end=self._end_step))
        if self._pipeline.task.output == "video" and call.options.num_candidates == 1:
            self._frames_after_waves = frames_after_waves(self._pipeline, call)
        self._future = checkpoint.sampler.submit_checked(task, self._call)
        self._future.add_done_callback(lambda _: self._finished.put(None))

    def frames(self) -> Iterator[list[PIL.Image.Image] | None]:
        """The frames of a video as they come; none where the best of several candidates is still to be chosen.

        Yields:
            `list[PIL.Image.Image]`: the next frame of each video; None if there is none for a while.

        Raises:
            TimeoutError: If it takes too long.
        """
        try:
            while True:
                left = self._deadline - monotonic()
                if left <= 0:
                    raise self._too_long()
                try:
                    finished = self._finished.get(timeout=min(left, LOOK_SECONDS))
                except Empty:
                    yield None
                    continue
                if finished is None:
                    return
                yield self._pictures(*finished)
        except BaseException:
            self._is_wanted = False
            self._future.cancel()  # if it still waits
            raise

    def output(self) -> NuwaImagePipelineOutput | NuwaVideoPipelineOutput:
        """What the pipeline's call returns, once there are no more frames.

        Returns:
            `NuwaImagePipelineOutput` or `NuwaVideoPipelineOutput`.

        Raises:
            TimeoutError: If it took too long.
        """
        try:
            return self._future.result()
        except CancelledError:
            raise TimeoutError("The app is about to be closed; try again later.") from None

    def _end_step(
        self, pipeline: NuwaPipelineBase, step: int, _: int, tensors: dict[str, torch.Tensor]
    ) -> dict[str, torch.Tensor]:
        """What the sampler calls after each step, in its own thread."""
        if not self._is_wanted or monotonic() > self._deadline:
            raise self._too_long()
        for frame in self._frames_after_waves[step] if self._frames_after_waves else ():
            self._finished.put((frame.number, tensors["tokens"][:, frame.place].clone()))
        return {}

    @torch.no_grad()
    def _pictures(self, number: int, tokens_BHW: torch.Tensor) -> list[PIL.Image.Image]:
        """A frame of each video, with what is kept of a picture or clip that was given."""
        call, here = self._call, slice(number, number + 1)
        pixels = self._pipeline.decode_tokens(tokens_BHW[:, None])
        if call.pixels is not None and call.composite:
            kept = (given[:, here].repeat_interleave(call.num_outputs_each, 0) for given in (call.pixels, call.masks))
            pixels = composite(pixels, *kept)
        return [frames[0] for frames in frames_of(pixels, "pil")]

    def _too_long(self) -> TimeoutError:
        return TimeoutError(
            f"No result within {self._max_seconds} seconds (the limit of this app); ask for less, or try again later."
        )
