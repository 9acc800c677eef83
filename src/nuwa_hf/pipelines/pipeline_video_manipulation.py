# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Text-guided video manipulation (NUWA, task TV2V)."""

from collections.abc import Callable

import torch
from diffusers.callbacks import MultiPipelineCallbacks, PipelineCallback
from diffusers.utils import replace_example_docstring

from nuwa_hf.pipelines.checked_call import CheckedCall, runs_checked_call
from nuwa_hf.pipelines.clip_sampling import ClipSampler
from nuwa_hf.pipelines.input_types import MaskInput, VideoInput
from nuwa_hf.pipelines.mask_input import prepare_masks
from nuwa_hf.pipelines.pipeline_base import NuwaPipelineBase
from nuwa_hf.pipelines.pipeline_output import NuwaVideoPipelineOutput
from nuwa_hf.pipelines.run_options import RunOptions
from nuwa_hf.pipelines.scorers import Scorer
from nuwa_hf.pipelines.task_pages import for_task
from nuwa_hf.pipelines.video_input import prepare_videos


EXAMPLE_DOC_STRING = """
    Examples:
        ```py
        >>> import torch
        >>> from diffusers.utils import export_to_gif
        >>> from nuwa_hf import DEMO_CHECKPOINT, EmojiMotion
        >>> from nuwa_hf import NuwaTextGuidedVideoManipulationPipeline

        >>> pipeline = NuwaTextGuidedVideoManipulationPipeline.from_pretrained(DEMO_CHECKPOINT)
        >>> clip = EmojiMotion(split="val")[0]["video"]  # uint8, (6, 128, 128, 3)
        >>> generator = torch.Generator().manual_seed(0)
        >>> video = pipeline("a cat bounces up and down in the snow", clip, generator=generator).frames[0]
        >>> path = export_to_gif(video, "edited.gif", fps=pipeline.frame_rate)
        ```
"""


@for_task("TV2V")
class NuwaTextGuidedVideoManipulationPipeline(NuwaPipelineBase):
    """Videos of which part is drawn anew for a text.

    The size of the frames is that of the checkpoint: `transformer.config.visual_grid` times the codec's
    downsampling.

    Args:
    """

    @runs_checked_call
    @replace_example_docstring(EXAMPLE_DOC_STRING)
    def __call__(
        self,
        prompt: str | list[str] | None,
        video: VideoInput,
        mask: MaskInput | None = None,
        num_frames: int | None = None,
        frame_rate: float | None = None,
        negative_prompt: str | list[str] | None = None,
        guidance_scale: float | list[float] | None = None,
        temperature: float | list[float] | None = None,
        top_k: int | list[int] | None = None,
        top_p: float | list[float] | None = None,
        min_p: float | list[float] | None = None,
        condition_on_known: bool = True,
        composite: bool = True,
        num_videos_per_prompt: int = 1,
        num_candidates: int = 1,
        scorer: Scorer | None = None,
        overlap_frames: int | None = None,
        generator: torch.Generator | list[torch.Generator] | None = None,
        schedule: str = "wavefront",
        height: int | None = None,
        width: int | None = None,
        prompt_embeds: torch.Tensor | None = None,
        negative_prompt_embeds: torch.Tensor | None = None,
        prompt_attention_mask: torch.Tensor | None = None,
        negative_prompt_attention_mask: torch.Tensor | None = None,
        output_type: str = "pil",
        return_dict: bool = True,
        callback_on_step_end: Callable | PipelineCallback | MultiPipelineCallbacks | None = None,
        callback_on_step_end_tensor_inputs: list[str] = ["tokens"],  # noqa: B006 (diffusers' signature; only read)
    ) -> NuwaVideoPipelineOutput | tuple:
        r"""Edit videos.

        Args:
            prompt (`str` or `list[str]`): what the video is to show, one text for all videos or one for each.
            video (`list[PIL.Image.Image]`, `str`, `np.ndarray`, `torch.Tensor` or a list of them): what to edit, two
                frames or more: a list of images, a path or URL of a GIF or MP4, an array of shape `(T, Y, X, 3)` or a
                tensor of shape `(T, 3, Y, X)`, uint8 or floats in [0, 1].
            mask (`PIL.Image.Image`, `str`, `np.ndarray`, `torch.Tensor` or a list of them, *optional*): white,
                True or 1 where the video is to be filled, and grey from half on; of the frames' size, one for all
                frames, `(Y, X)`, or one for each, `(T, Y, X)`. By default all frames but the first are filled.
            num_frames (`int`, *optional*): edit at most so many of the clip's first frames, at the checkpoint's rate;
                what comes after them is left out, with a warning. By default as many as the checkpoint has positions
                for.
            num_videos_per_prompt (`int`, *optional*, defaults to 1): versions of each video.

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
            num_candidates=num_candidates,
            scorer=scorer,
            overlap_frames=overlap_frames,
            height=height,
            width=width,
        )
        self.check_components("transformer", "vqgan")
        height, width = self.image_size
        num_frames = self.check_num_frames(num_frames, overlap_frames)
        sampler = ClipSampler.first_frames(self.frame_rate, frame_rate, num_frames)
        videos = prepare_videos(video, height=height, width=width, sampler=sampler)
        num_frames = self.check_num_frames(videos.pixels.shape[1], overlap_frames)
        if num_frames < 2:
            self.check_num_frames(2, overlap_frames)  # a checkpoint of images can take no more
            raise ValueError(
                f"`video` must have at least 2 frames, got 1 at the checkpoint's {self.frame_rate:g} frames a second; "
                "give a longer clip or more `num_frames`, or edit an image with a pipeline for images."
            )
        if mask is None:
            masks = torch.ones_like(videos.pixels[:, :, 0], dtype=torch.bool)
            masks[:, 0] = False
        else:
            sampler = sampler if videos.is_cut else ClipSampler(self.frame_rate, frame_rate)
            masks = prepare_masks(
                mask, sizes=videos.sizes, height=height, width=width, num_frames=num_frames, sampler=sampler
            )
        self.check_masks(masks)
        texts = self.read_texts(
            prompt,
            negative_prompt,
            prompt_embeds,
            negative_prompt_embeds,
            prompt_attention_mask,
            negative_prompt_attention_mask,
            num_inputs=len(masks),
            is_required=True,
        )
        self.check_call(options, len(masks), num_videos_per_prompt)
        return CheckedCall(
            options=options,
            sampling=self.choose_sampling(guidance_scale, temperature, top_k, top_p, min_p),
            num_inputs=len(masks),
            num_outputs_each=num_videos_per_prompt,
            num_frames=num_frames,
            prompts=texts.prompts,
            negative_prompts=texts.negative_prompts,
            pixels=videos.pixels,
            masks=masks,
            condition_on_known=condition_on_known,
            composite=composite,
        )
