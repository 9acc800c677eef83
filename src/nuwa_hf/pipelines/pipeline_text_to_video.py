# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Text to video (NUWA, task T2V)."""

from collections.abc import Callable, Iterator

import numpy as np
import PIL.Image
import torch
from diffusers.callbacks import MultiPipelineCallbacks, PipelineCallback
from diffusers.utils import replace_example_docstring

from nuwa_hf.pipelines.candidates import Scorer
from nuwa_hf.pipelines.checks import as_prompt_list
from nuwa_hf.pipelines.pipeline_base import NuwaPipelineBase
from nuwa_hf.pipelines.pipeline_output import NuwaVideoPipelineOutput
from nuwa_hf.pipelines.run_options import RunOptions


EXAMPLE_DOC_STRING = """
    Examples:
        ```py
        >>> import torch
        >>> from diffusers.utils import export_to_gif
        >>> from nuwa_hf import DEMO_CHECKPOINT, NuwaTextToVideoPipeline

        >>> pipeline = NuwaTextToVideoPipeline.from_pretrained(DEMO_CHECKPOINT)
        >>> generator = torch.Generator().manual_seed(0)
        >>> video = pipeline("a rocket flies upwards over the sea", generator=generator).frames[0]
        >>> path = export_to_gif(video, "rocket.gif", fps=4)
        ```
"""


class NuwaTextToVideoPipeline(NuwaPipelineBase):
    """Videos for a text.

    The size of the frames is that of the checkpoint: `transformer.config.visual_grid` times the codec's
    downsampling.

    Args:
        vqgan (`NuwaVQGAN`): pixels to visual tokens and back.
        transformer (`NuwaForConditionalGeneration`): samples visual tokens for a condition.
        tokenizer (`NuwaTokenizer`): text to tokens.
        sketch_vqgan (`NuwaVQGAN`, *optional*): not used by this task, kept for the others.
    """

    @torch.no_grad()
    @replace_example_docstring(EXAMPLE_DOC_STRING)
    def __call__(
        self,
        prompt: str | list[str],
        negative_prompt: str | list[str] | None = None,
        num_frames: int | None = None,
        guidance_scale: float | None = None,
        temperature: float | None = None,
        top_k: int | None = None,
        top_p: float | None = None,
        num_videos_per_prompt: int = 1,
        num_candidates: int = 1,
        scorer: Scorer | None = None,
        overlap_frames: int | None = None,
        generator: torch.Generator | list[torch.Generator] | None = None,
        schedule: str = "wavefront",
        output_type: str = "pil",
        return_dict: bool = True,
        callback_on_step_end: Callable | PipelineCallback | MultiPipelineCallbacks | None = None,
        callback_on_step_end_tensor_inputs: list[str] = ["tokens"],  # noqa: B006 (diffusers' signature; only read)
    ) -> NuwaVideoPipelineOutput | tuple:
        r"""Generate videos.

        Args:
            prompt (`str` or `list[str]`): what to show. The videos of one prompt follow each other in the output.
            negative_prompt (`str` or `list[str]`, *optional*): what guidance leads away from, one text for all prompts
                or one for each; by default the constant "None" condition. It counts only with `guidance_scale` > 1.
            num_frames (`int`, *optional*): frames of a video; by default the checkpoint's.
            guidance_scale (`float`, *optional*): classifier-free guidance, at least 1; 1 is none, and faster. This and
                the next three are by default what `transformer.generation_config` says.
            temperature (`float`, *optional*): what the logits are divided by: below 1 is safer, above 1 more varied.
            top_k (`int`, *optional*): sample only among so many of the likeliest tokens.
            top_p (`float`, *optional*): sample only among the likeliest tokens that together have this probability.
            num_videos_per_prompt (`int`, *optional*, defaults to 1): videos of each prompt.
            num_candidates (`int`, *optional*, defaults to 1): draw so many for each output and keep the best.
            scorer (`Callable`, *optional*): who says which is best: `scorer(frames, prompts)` gives a number for each
                row of `frames`, of shape `(B, T, 3, Y, X)` in [0, 1], such as [`ClipScorer`]; by default the model's
                own likelihood ratio of the text over "None".
            overlap_frames (`int`, *optional*): a video longer than the checkpoint's positions is written in chunks,
                each of which sees so many of the last frames; by default half of a chunk.
            generator (`torch.Generator` or `list[torch.Generator]`, *optional*): makes the call repeatable. With a
                list, one for each video, every video is the one that its generator makes alone.
            schedule (`str`, *optional*, defaults to `"wavefront"`): `"wavefront"` samples all tokens of a wave in one
                step; `"raster"` one token a step, for the same video, slowly.
            output_type (`str`, *optional*, defaults to `"pil"`): `"pil"`, `"np"`, `"pt"`, or `"latent"`: the tokens.
            return_dict (`bool`, *optional*, defaults to `True`): whether to return a [`NuwaVideoPipelineOutput`] or a
                tuple of the same.
            callback_on_step_end (`Callable`, *optional*): called after every wave as
                `callback(pipeline, step, timestep, callback_kwargs)`; the timestep is the wave's number too. To stop,
                set `pipeline.interrupt = True` in it. It may return `{"tokens": ...}`, which replace those so far.
            callback_on_step_end_tensor_inputs (`list[str]`, *optional*, defaults to `["tokens"]`): the tensors that
                `callback_kwargs` holds. `tokens` is of shape `(B, T, H, W)`, B counting candidates too, T the frames
                of one chunk of a long video.

        Examples:

        Returns:
            [`NuwaVideoPipelineOutput`] or `tuple`: the frames and the tokens.

        Raises:
            TypeError: If an argument is of a wrong type. Nothing was computed then.
            ValueError: If an argument has no valid value. Nothing was computed then.
        """  # noqa: D414
        # 1. Check everything before any work.
        prompts = as_prompt_list("prompt", prompt)
        negative_prompts = self.match_prompt(negative_prompt, len(prompts), name="negative_prompt")
        options = RunOptions(
            generator,
            schedule,
            output_type,
            callback_on_step_end,
            callback_on_step_end_tensor_inputs,
            num_candidates,
            scorer,
            overlap_frames,
        )
        self.check_call(options, len(prompts), "num_videos_per_prompt", num_videos_per_prompt)
        num_frames = self.check_num_frames(num_frames, overlap_frames)
        sampling = self.choose_sampling(guidance_scale, temperature, top_k, top_p)

        # 2. The text, once for each video.
        batch_size = len(prompts) * num_videos_per_prompt
        conditions = self.encode_prompt(prompts, negative_prompts, batch_size=batch_size)

        # 3. Sample the tokens, wave by wave.
        tokens = self.generate_tokens(conditions, sampling, options, num_frames=num_frames, prompts=prompts)

        # 4. Tokens to pixels.
        frames = self.decode_frames(tokens, output_type)
        self.maybe_free_model_hooks()
        return NuwaVideoPipelineOutput(frames, tokens) if return_dict else (frames, tokens)

    def stream(
        self,
        prompt: str | list[str],
        negative_prompt: str | list[str] | None = None,
        num_frames: int | None = None,
        guidance_scale: float | None = None,
        temperature: float | None = None,
        top_k: int | None = None,
        top_p: float | None = None,
        num_videos_per_prompt: int = 1,
        overlap_frames: int | None = None,
        generator: torch.Generator | list[torch.Generator] | None = None,
        schedule: str = "wavefront",
        output_type: str = "pil",
    ) -> Iterator[list[PIL.Image.Image] | np.ndarray | torch.Tensor]:
        """Generate videos frame by frame, each frame as soon as it is complete, in constant memory.

        Up to the checkpoint's frames these are the frames of a call with the same arguments; how it goes on then is
        said in docs/streaming.md. To stop, ask for no more frames, or set `pipeline.interrupt = True`.

        Args:
            prompt (`str` or `list[str]`): what to show. The videos of one prompt follow each other in a frame's list.
            negative_prompt (`str` or `list[str]`, *optional*): as in a call.
            num_frames (`int`, *optional*): frames of a video; by default without end.
            guidance_scale (`float`, *optional*): as in a call, like the next three.
            temperature (`float`, *optional*): what the logits are divided by.
            top_k (`int`, *optional*): sample only among so many of the likeliest tokens.
            top_p (`float`, *optional*): sample only among the likeliest tokens that together have this probability.
            num_videos_per_prompt (`int`, *optional*, defaults to 1): videos of each prompt.
            overlap_frames (`int`, *optional*): by default the video goes on beyond the checkpoint's positions in the
                same wavefront, a frame every few waves without a pause, and goes round these positions again. With a
                number it goes on in chunks, each of which sees so many of the last frames: the frames of a call with
                the same number, at a third of the pace.
            generator (`torch.Generator` or `list[torch.Generator]`, *optional*): makes the stream repeatable.
            schedule (`str`, *optional*, defaults to `"wavefront"`): `"raster"` gives the same tokens slowly.
            output_type (`str`, *optional*, defaults to `"pil"`): `"pil"`, `"np"`, `"pt"`, or `"latent"`: the tokens.

        Returns:
            `Iterator`: for each frame a list of B images, an array `(B, Y, X, 3)` or a tensor `(B, 3, Y, X)` in
            [0, 1], or tokens `(B, H, W)`.

        Raises:
            TypeError: If an argument is of a wrong type; raised by the call and not by the iterator, before any work.
            ValueError: If an argument has no valid value, or components are offloaded: a stream needs transformer and
                codec in turns.

        Example:
            >>> from nuwa_hf import DEMO_CHECKPOINT, NuwaTextToVideoPipeline

            >>> pipeline = NuwaTextToVideoPipeline.from_pretrained(DEMO_CHECKPOINT)
            >>> for (frame,) in pipeline.stream("a rocket flies upwards over the sea", num_frames=12):
            ...     frame.save("latest.png")
        """
        # 1. Check everything before any work.
        prompts = as_prompt_list("prompt", prompt)
        negative_prompts = self.match_prompt(negative_prompt, len(prompts), name="negative_prompt")
        options = RunOptions(generator, schedule, output_type, None, [], overlap_frames=overlap_frames)
        self.check_call(options, len(prompts), "num_videos_per_prompt", num_videos_per_prompt)
        self.check_stream(num_frames, overlap_frames)
        sampling = self.choose_sampling(guidance_scale, temperature, top_k, top_p)

        # 2. The text, once for each video.
        batch_size = len(prompts) * num_videos_per_prompt
        conditions = self.encode_prompt(prompts, negative_prompts, batch_size=batch_size)

        # 3. Frames of tokens, each as soon as it is complete, and at once its pixels.
        frames = self.stream_tokens(conditions, sampling, options, num_frames=num_frames)
        return self.decode_stream(frames, num_frames, output_type)
