# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Text to video (NUWA, task T2V)."""

from collections.abc import Callable, Iterator

import torch
from diffusers.callbacks import MultiPipelineCallbacks, PipelineCallback
from diffusers.utils import replace_example_docstring

from nuwa_hf.pipelines.checked_call import CheckedCall, runs_checked_call
from nuwa_hf.pipelines.pipeline_base import NuwaPipelineBase
from nuwa_hf.pipelines.pipeline_output import NuwaVideoPipelineOutput
from nuwa_hf.pipelines.run_options import RunOptions
from nuwa_hf.pipelines.scorers import Scorer
from nuwa_hf.pipelines.streaming import CheckedStream, Frame, runs_checked_stream
from nuwa_hf.pipelines.task_pages import for_task


EXAMPLE_DOC_STRING = """
    Examples:
        ```py
        >>> import torch
        >>> from diffusers.utils import export_to_gif
        >>> from nuwa_hf import DEMO_CHECKPOINT, NuwaTextToVideoPipeline

        >>> pipeline = NuwaTextToVideoPipeline.from_pretrained(DEMO_CHECKPOINT)
        >>> generator = torch.Generator().manual_seed(0)
        >>> video = pipeline("a rocket flies upwards over the sea", generator=generator).frames[0]
        >>> path = export_to_gif(video, "rocket.gif", fps=pipeline.frame_rate)
        ```
"""


@for_task("T2V")
class NuwaTextToVideoPipeline(NuwaPipelineBase):
    """Videos for a text.

    The size of the frames is that of the checkpoint: `transformer.config.visual_grid` times the codec's
    downsampling.

    Args:
    """

    @runs_checked_call
    @replace_example_docstring(EXAMPLE_DOC_STRING)
    def __call__(
        self,
        prompt: str | list[str] | None = None,
        negative_prompt: str | list[str] | None = None,
        num_frames: int | None = None,
        guidance_scale: float | list[float] | None = None,
        temperature: float | list[float] | None = None,
        top_k: int | list[int] | None = None,
        top_p: float | list[float] | None = None,
        min_p: float | list[float] | None = None,
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
        r"""Generate videos.

        Args:
            prompt (`str` or `list[str]`, *optional*): what to show. The videos of one prompt follow each other in the
                output. Without one, a video as the checkpoint learnt it without a text, unguided.
            num_frames (`int`, *optional*): frames of a video; by default as many as the checkpoint
                has positions for.
            num_videos_per_prompt (`int`, *optional*, defaults to 1): videos of each prompt.

        Examples:

        Returns:
            [`NuwaVideoPipelineOutput`] or `tuple`: the frames and the tokens.

        Raises:
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
        texts = self.read_texts(
            prompt,
            negative_prompt,
            prompt_embeds,
            negative_prompt_embeds,
            prompt_attention_mask,
            negative_prompt_attention_mask,
        )
        self.check_call(options, texts.num_inputs, num_videos_per_prompt)
        num_frames = self.check_num_frames(num_frames, overlap_frames)
        if texts.prompts is None:
            guidance_scale = self.guidance_without_prompt(guidance_scale, texts.negative_prompts, options)
        return CheckedCall(
            options=options,
            sampling=self.choose_sampling(guidance_scale, temperature, top_k, top_p, min_p),
            num_inputs=texts.num_inputs,
            num_outputs_each=num_videos_per_prompt,
            num_frames=num_frames,
            prompts=texts.prompts,
            negative_prompts=texts.negative_prompts,
        )

    @runs_checked_stream
    def stream(
        self,
        prompt: str | list[str] | None = None,
        negative_prompt: str | list[str] | None = None,
        num_frames: int | None = None,
        guidance_scale: float | list[float] | None = None,
        temperature: float | list[float] | None = None,
        top_k: int | list[int] | None = None,
        top_p: float | list[float] | None = None,
        min_p: float | list[float] | None = None,
        num_videos_per_prompt: int = 1,
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
    ) -> Iterator[Frame]:
        """Generate videos frame by frame, each frame as soon as it is complete, in constant memory.

        Up to the checkpoint's frames these are the frames of a call with the same arguments; docs/streaming.md says
        how the video continues from there. To stop, ask for no more frames, or set `pipeline.interrupt = True`.

        Args:
            prompt (`str` or `list[str]`, *optional*): what to show. The videos of one prompt follow each other in the
                output. Without one, a video as the checkpoint learnt it without a text, unguided.
            num_frames (`int`, *optional*): frames of a video; by default it is endless.
            num_videos_per_prompt (`int`, *optional*, defaults to 1): videos of each prompt.
            overlap_frames (`int`, *optional*): by default the video continues beyond the checkpoint's positions in the
                same wavefront, one frame every few waves without a pause, and reuses these positions in turn. With a
                number it continues in chunks, each of which sees this many frames of the one before: the frames of a
                call with the same number, at a third of the pace.

        Returns:
            `Iterator`: for each frame a list of B images, an array `(B, Y, X, 3)` or a tensor `(B, 3, Y, X)` in
            [0, 1], or tokens `(B, H, W)`.

        Raises:
            TypeError: If an argument has the wrong type; raised by the call and not by the iterator, before any work.
            ValueError: If an argument has no valid value, or components are offloaded, since a stream alternates
                between transformer and codec.

        Example:
            >>> from nuwa_hf import DEMO_CHECKPOINT, NuwaTextToVideoPipeline

            >>> pipeline = NuwaTextToVideoPipeline.from_pretrained(DEMO_CHECKPOINT)
            >>> for (frame,) in pipeline.stream("a rocket flies upwards over the sea", num_frames=12):
            ...     frame.save("latest.png")
        """
        # The stream starts; everything is checked before any work.
        self.check_stream(num_frames, overlap_frames)
        call = self.check_inputs(
            prompt,
            negative_prompt,
            num_frames,
            guidance_scale,
            temperature,
            top_k,
            top_p,
            min_p,
            num_videos_per_prompt,
            overlap_frames=overlap_frames,
            generator=generator,
            schedule=schedule,
            height=height,
            width=width,
            prompt_embeds=prompt_embeds,
            negative_prompt_embeds=negative_prompt_embeds,
            prompt_attention_mask=prompt_attention_mask,
            negative_prompt_attention_mask=negative_prompt_attention_mask,
            output_type=output_type,
        )
        return CheckedStream(call, num_frames)
