# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Text to image (NUWA, task T2I)."""

from collections.abc import Callable

import torch
from diffusers.callbacks import MultiPipelineCallbacks, PipelineCallback
from diffusers.utils import replace_example_docstring

from nuwa_hf.pipelines.candidates import Scorer
from nuwa_hf.pipelines.checks import as_prompt_list
from nuwa_hf.pipelines.pipeline_base import NuwaPipelineBase
from nuwa_hf.pipelines.pipeline_output import NuwaImagePipelineOutput
from nuwa_hf.pipelines.run_options import RunOptions


EXAMPLE_DOC_STRING = """
    Examples:
        ```py
        >>> import torch
        >>> from nuwa_hf import DEMO_CHECKPOINT, NuwaTextToImagePipeline

        >>> pipeline = NuwaTextToImagePipeline.from_pretrained(DEMO_CHECKPOINT)
        >>> generator = torch.Generator().manual_seed(0)
        >>> image = pipeline("a red apple on the grass", generator=generator).images[0]
        >>> image.save("apple.png")
        ```
"""


class NuwaTextToImagePipeline(NuwaPipelineBase):
    """Images for a text.

    The size of the images is that of the checkpoint: `transformer.config.visual_grid` times the codec's
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
        guidance_scale: float | None = None,
        temperature: float | None = None,
        top_k: int | None = None,
        top_p: float | None = None,
        num_images_per_prompt: int = 1,
        num_candidates: int = 1,
        scorer: Scorer | None = None,
        generator: torch.Generator | list[torch.Generator] | None = None,
        schedule: str = "wavefront",
        output_type: str = "pil",
        return_dict: bool = True,
        callback_on_step_end: Callable | PipelineCallback | MultiPipelineCallbacks | None = None,
        callback_on_step_end_tensor_inputs: list[str] = ["tokens"],  # noqa: B006 (diffusers' signature; only read)
    ) -> NuwaImagePipelineOutput | tuple:
        r"""Generate images.

        Args:
            prompt (`str` or `list[str]`): what to show. The images of one prompt follow each other in the output.
            negative_prompt (`str` or `list[str]`, *optional*): what guidance leads away from, one text for all prompts
                or one for each; by default the constant "None" condition. It counts only with `guidance_scale` > 1.
            guidance_scale (`float`, *optional*): classifier-free guidance, at least 1; 1 is none, and faster. This and
                the next three are by default what `transformer.generation_config` says.
            temperature (`float`, *optional*): what the logits are divided by: below 1 is safer, above 1 more varied.
            top_k (`int`, *optional*): sample only among so many of the likeliest tokens.
            top_p (`float`, *optional*): sample only among the likeliest tokens that together have this probability.
            num_images_per_prompt (`int`, *optional*, defaults to 1): images of each prompt.
            num_candidates (`int`, *optional*, defaults to 1): draw so many for each output and keep the best.
            scorer (`Callable`, *optional*): who says which is best: `scorer(frames, prompts)` gives a number for each
                row of `frames`, of shape `(B, T, 3, Y, X)` in [0, 1], such as [`ClipScorer`]; by default the model's
                own likelihood ratio of the text over "None".
            generator (`torch.Generator` or `list[torch.Generator]`, *optional*): makes the call repeatable. With a
                list, one for each image, every image is the one that its generator makes alone.
            schedule (`str`, *optional*, defaults to `"wavefront"`): `"wavefront"` samples all tokens of a wave in one
                step; `"raster"` one token a step, for the same image, slowly.
            output_type (`str`, *optional*, defaults to `"pil"`): `"pil"`, `"np"`, `"pt"`, or `"latent"`: the tokens.
            return_dict (`bool`, *optional*, defaults to `True`): whether to return a [`NuwaImagePipelineOutput`] or a
                tuple of the same.
            callback_on_step_end (`Callable`, *optional*): called after every wave as
                `callback(pipeline, step, timestep, callback_kwargs)`; the timestep is the wave's number too. To stop,
                set `pipeline.interrupt = True` in it. It may return `{"tokens": ...}`, which replace those so far.
            callback_on_step_end_tensor_inputs (`list[str]`, *optional*, defaults to `["tokens"]`): the tensors that
                `callback_kwargs` holds. `tokens` is of shape `(B, T, H, W)`, B counting candidates too, T being 1.

        Examples:

        Returns:
            [`NuwaImagePipelineOutput`] or `tuple`: the images and the tokens.

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
        )
        self.check_call(options, len(prompts), "num_images_per_prompt", num_images_per_prompt)
        sampling = self.choose_sampling(guidance_scale, temperature, top_k, top_p)

        # 2. The text, once for each image.
        batch_size = len(prompts) * num_images_per_prompt
        conditions = self.encode_prompt(prompts, negative_prompts, batch_size=batch_size)

        # 3. Sample the tokens, wave by wave.
        tokens = self.generate_tokens(conditions, sampling, options, num_frames=1, prompts=prompts)

        # 4. Tokens to pixels.
        images = self.decode_images(tokens, output_type)
        self.maybe_free_model_hooks()
        return NuwaImagePipelineOutput(images, tokens) if return_dict else (images, tokens)
