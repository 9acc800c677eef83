# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The steps of a pipeline that streams: the tokens of each frame once it is complete, and their pixels.

Legend: B outputs, H, W token rows and columns, Y, X pixel rows and columns, L text length.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import wraps
from inspect import signature
from typing import Any

import numpy as np
import PIL.Image
import torch
from accelerate.hooks import CpuOffload

from nuwa_hf.generation.sampling import SamplingSettings
from nuwa_hf.modeling.sampling_arguments import ONE_OUTPUT_EACH
from nuwa_hf.pipelines.argument_names import own_names
from nuwa_hf.pipelines.checked_call import CheckedCall
from nuwa_hf.pipelines.checks import check_whole_number
from nuwa_hf.pipelines.learnt import reads_known_parts
from nuwa_hf.pipelines.long_video import chunks_of
from nuwa_hf.pipelines.run_options import RunOptions


Frame = list[PIL.Image.Image] | np.ndarray | torch.Tensor


@dataclass(frozen=True)
class CheckedStream:
    """What a stream is to do. Nothing has been computed yet.

    Args:
        call (`CheckedCall`): the call whose frames it yields.
        num_frames (`int`, *optional*): frames of the video; None for an endless one.
    """

    call: CheckedCall
    num_frames: int | None


def runs_checked_stream(check: Callable[..., CheckedStream]) -> Callable[..., Iterator[Frame]]:
    """A decorator that completes a pipeline's `stream`, whose own body checks the arguments: what it returns is run.

    Args:
        check (`Callable`): a method that returns a `CheckedStream`.

    Returns:
        `Callable`: a method that returns the frames; its attribute `check` returns the `CheckedStream`.
    """
    parameters = signature(check).parameters

    def check_named(self, *arguments: Any, **named: Any) -> CheckedStream:
        return check(self, *arguments, **own_names(named, parameters))

    @wraps(check)
    def stream(self, *arguments: Any, **named: Any) -> Iterator[Frame]:
        return self.run_checked_stream(check_named(self, *arguments, **named))

    stream.check = check_named
    return stream


class StreamingMixin:
    """Streaming for `NuwaPipelineBase`, which has the components, checks, `decode_images` and `progress_bar`."""

    @property
    def is_offloaded(self) -> bool:
        """Whether whole components move to the device only while they are used (`enable_model_cpu_offload`)."""
        return isinstance(getattr(self.transformer, "_hf_hook", None), CpuOffload)

    def check_stream(self, num_frames: int | None, overlap_frames: int | None) -> None:
        """Check that a video can be streamed.

        Args:
            num_frames (`int`, *optional*): frames of a video; None for an endless one.
            overlap_frames (`int`, *optional*): frames that a chunk sees of the one before; None for no chunks.

        Raises:
            TypeError: If a number is not an `int`.
            ValueError: If a number is out of range, the checkpoint draws images alone, or components are missing or
                offloaded.
        """
        self.check_components("transformer")
        if self.is_offloaded:
            raise ValueError(
                "`stream` alternates between transformer and codec, which offloading would move at every frame; call "
                "`pipeline.remove_all_hooks()` and move the pipeline to its device, or call the pipeline itself."
            )
        if num_frames is not None:
            check_whole_number("num_frames", num_frames)
        elif self.max_frames == 1:
            raise ValueError(
                "`num_frames` must be 1, all that this checkpoint has positions for, got None, a video without end; "
                "say 1."
            )
        if overlap_frames is not None:
            self.check_num_frames(self.max_frames + 1 if num_frames is None else num_frames, overlap_frames)

    def run_checked_stream(self, stream: CheckedStream) -> Iterator[Frame]:
        """Do what a stream is to do: read the text now, and make each frame when it is asked for.

        Args:
            stream (`CheckedStream`): the stream.

        Returns:
            `Iterator`: the frames, as `decode_stream` yields them.
        """
        call = stream.call

        # 1. The text, once for each video.
        conditions, _ = self.encode_conditions(call)

        # 2. Frames of tokens, each as soon as it is complete, and their pixels.
        frames = self.stream_tokens(conditions, call.sampling, call.options, num_frames=stream.num_frames)
        return self.decode_stream(frames, stream.num_frames, call.options)

    def stream_tokens(
        self,
        conditions: dict[str, Any],
        sampling: SamplingSettings,
        options: RunOptions,
        *,
        num_frames: int | None,
    ) -> Iterator[torch.Tensor]:
        """Sample visual tokens and yield each frame as soon as it is complete; memory does not grow with the video.

        Args:
            conditions (`dict[str, Any]`): `input_ids` of shape `(B, L)` or `encoder_hidden_states` of shape
                `(B, L, D)`, `attention_mask` of shape `(B, L)`, and their negatives.
            sampling (`SamplingSettings`): how tokens are drawn.
            options (`RunOptions`): generators, schedule; with overlapping frames the video continues in chunks.
            num_frames (`int`, *optional*): frames of the video; None for an endless one.

        Yields:
            `torch.LongTensor` of shape `(B, H, W)`: the tokens of each frame.
        """
        options.call.guidance_scale = sampling.guidance_scale
        options.call.num_outputs = len(conditions["attention_mask"])
        self._calls.begin(options.call)
        given = conditions | asdict(sampling) | {"schedule": options.schedule, "generator": options.generator}
        given |= ONE_OUTPUT_EACH
        _, height, width = self.transformer.config.visual_grid
        if options.overlap_frames is None:
            yield from self.transformer.stream(grid=(num_frames, height, width), **given)
            return
        given["condition_on_known"] = reads_known_parts(self.transformer)
        last = None  # the frames before the next chunk
        for chunk in chunks_of(num_frames, self.max_frames, options.overlap_frames):
            grid = (chunk.stop - chunk.start, height, width)
            if chunk.num_written:
                known = last[:, -chunk.num_written :]
                tokens = known.new_zeros(len(known), *grid)
                tokens[:, : chunk.num_written] = known
                mask = torch.zeros_like(tokens, dtype=torch.bool)
                mask[:, : chunk.num_written] = True
                given |= {"known_tokens": tokens, "known_mask": mask}
            frames = []
            for number, frame in enumerate(self.transformer.stream(grid=grid, **given)):
                frames.append(frame.clone())  # the one that is yielded belongs to the caller
                if number >= chunk.num_written:
                    yield frame
            last = torch.stack(frames, 1)

    @torch.no_grad()
    def decode_stream(
        self, frames: Iterator[torch.Tensor], num_frames: int | None, options: RunOptions
    ) -> Iterator[Frame]:
        """Decode the tokens of one frame after another, with a progress bar; `interrupt` ends it.

        Args:
            frames (`Iterator[torch.LongTensor]`): the tokens of each frame, of shape `(B, H, W)`.
            num_frames (`int`, *optional*): how many there will be; None for an endless video.
            options (`RunOptions`): the call, and the output type.

        Yields:
            A list of B images, an array `(B, Y, X, 3)`, a tensor `(B, 3, Y, X)`, or tokens `(B, H, W)`.
        """
        with self.progress_bar(total=num_frames or math.inf) as progress_bar:
            while not self._calls.is_stopped(options.call):
                tokens = next(frames, None)
                if tokens is None:
                    return
                decoded = self.decode_images(tokens[:, None], options.output_type)
                progress_bar.update()
                yield tokens if options.output_type == "latent" else decoded
