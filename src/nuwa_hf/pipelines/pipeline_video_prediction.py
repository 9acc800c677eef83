# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Video prediction (NUWA, task V2V)."""

from collections.abc import Callable

import torch
from diffusers.callbacks import MultiPipelineCallbacks, PipelineCallback
from diffusers.utils import replace_example_docstring

from nuwa_hf.pipelines.checked_call import CheckedCall, runs_checked_call
from nuwa_hf.pipelines.clip_sampling import ClipSampler
from nuwa_hf.pipelines.input_types import VideoInput
from nuwa_hf.pipelines.pipeline_base import NuwaPipelineBase
from nuwa_hf.pipelines.pipeline_output import NuwaVideoPipelineOutput
from nuwa_hf.pipelines.run_options import RunOptions
from nuwa_hf.pipelines.task_pages import for_task
from nuwa_hf.pipelines.video_input import prepare_videos


EXAMPLE_DOC_STRING = """
    Examples:
        ```py
        >>> import torch
        >>> from diffusers.utils import export_to_gif
        >>> from nuwa_hf import DEMO_CHECKPOINT, EmojiMotion, NuwaVideoPredictionPipeline

        >>> pipeline = NuwaVideoPredictionPipeline.from_pretrained(DEMO_CHECKPOINT)
        >>> clip = EmojiMotion(split="val")[0]["video"]  # uint8, (6, 128, 128, 3)
        >>> video = pipeline(clip[:2], generator=torch.Generator().manual_seed(0)).frames[0]
        >>> path = export_to_gif(video, "continued.gif", fps=pipeline.frame_rate)
        ```
"""


@for_task("V2V")
class NuwaVideoPredictionPipeline(NuwaPipelineBase):
    """Videos that continue an image or a video.

    The size of the frames is that of the checkpoint: `transformer.config.visual_grid` times the codec's
    downsampling.

    Args:
    """

    _callback_tensor_inputs = ["tokens"]  # noqa: RUF012 (declared so by diffusers)

    @runs_checked_call
    @replace_example_docstring(EXAMPLE_DOC_STRING)
    def __call__(
        self,
        video: VideoInput,
        num_frames: int | None = None,
        frame_rate: float | None = None,
        temperature: float | list[float] | None = None,
        top_k: int | list[int] | None = None,
        top_p: float | list[float] | None = None,
        min_p: float | list[float] | None = None,
        condition_on_known: bool = True,
        composite: bool = True,
        num_videos_per_prompt: int = 1,
        overlap_frames: int | None = None,
        generator: torch.Generator | list[torch.Generator] | None = None,
        schedule: str = "wavefront",
        height: int | None = None,
        width: int | None = None,
        output_type: str = "pil",
        return_dict: bool = True,
        callback_on_step_end: Callable | PipelineCallback | MultiPipelineCallbacks | None = None,
        callback_on_step_end_tensor_inputs: list[str] = ["tokens"],  # noqa: B006 (diffusers' signature; only read)
    ) -> NuwaVideoPipelineOutput | tuple:
        r"""Continue videos.

        Args:
            video (`list[PIL.Image.Image]`, `str`, `np.ndarray`, `torch.Tensor` or a list of them): what to continue: a
                list of images, a path or URL of a GIF or MP4, an array of shape `(T, Y, X, 3)` or a tensor of shape
                `(T, 3, Y, X)`, uint8 or floats in [0, 1]; or a single image. Of a clip that has `num_frames` frames or
                more at the checkpoint's rate the last are given, half as many as the model sees, with a warning.
            num_frames (`int`, *optional*): frames of the whole video, including those given; by default as many as the
                checkpoint has positions for.
            num_videos_per_prompt (`int`, *optional*, defaults to 1): continuations of each video.

        Examples:

        Returns:
            [`NuwaVideoPipelineOutput`] or `tuple`: the frames and the tokens.

        Raises:
            OSError: If a file does not exist or a URL cannot be reached. Nothing has been computed then.
            TypeError: If an argument has the wrong type. Nothing has been computed then.
            ValueError: If an argument has no valid value. Nothing has been computed then.
        """
        # The call starts; everything is checked before any work.
        options = RunOptions(
            generator,
            schedule,
            output_type,
            return_dict,
            callback_on_step_end,
            callback_on_step_end_tensor_inputs,
            overlap_frames=overlap_frames,
            height=height,
            width=width,
        )
        self.check_components("transformer", "vqgan")
        height, width = self.image_size
        num_frames = self.check_num_frames(num_frames, overlap_frames)
        sampler = ClipSampler.last_frames(self.frame_rate, frame_rate, num_frames, self.max_frames)
        videos = prepare_videos(video, height=height, width=width, sampler=sampler).pixels
        num_given = videos.shape[1]
        self.check_call(options, len(videos), num_videos_per_prompt)
        num_frames = self.check_num_frames(num_frames, overlap_frames, num_given)
        pixels = torch.cat([videos, videos[:, -1:].expand(-1, num_frames - num_given, -1, -1, -1)], dim=1)
        masks = torch.zeros_like(pixels[:, :, 0], dtype=torch.bool)
        masks[:, num_given:] = True
        return CheckedCall(
            options=options,
            sampling=self.choose_unguided_sampling(temperature, top_k, top_p, min_p),
            num_inputs=len(videos),
            num_outputs_each=num_videos_per_prompt,
            num_frames=num_frames,
            pixels=pixels,
            masks=masks,
            condition_on_known=condition_on_known,
            composite=composite,
        )
