# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Sketch to image (NUWA, task S2I)."""

from collections.abc import Callable

import torch
from diffusers.callbacks import MultiPipelineCallbacks, PipelineCallback
from diffusers.utils import replace_example_docstring

from nuwa_hf.pipelines.checked_call import CheckedCall, runs_checked_call
from nuwa_hf.pipelines.input_types import SketchInput
from nuwa_hf.pipelines.pipeline_base import NuwaPipelineBase
from nuwa_hf.pipelines.pipeline_output import NuwaImagePipelineOutput
from nuwa_hf.pipelines.run_options import RunOptions
from nuwa_hf.pipelines.sketch_input import prepare_sketches
from nuwa_hf.pipelines.task_pages import for_task


EXAMPLE_DOC_STRING = """
    Examples:
        ```py
        >>> import torch
        >>> from nuwa_hf import DEMO_CHECKPOINT, EmojiMotion, NuwaSketchToImagePipeline

        >>> pipeline = NuwaSketchToImagePipeline.from_pretrained(DEMO_CHECKPOINT)
        >>> sketch = EmojiMotion(split="val")[0]["image_sketch"]  # classes, (128, 128)
        >>> image = pipeline(sketch, generator=torch.Generator().manual_seed(0)).images[0]
        >>> image.save("drawn.png")
        ```
"""


@for_task("S2I")
class NuwaSketchToImagePipeline(NuwaPipelineBase):
    """Images for a class map, and a text if one is given.

    The size of the images is that of the checkpoint: `transformer.config.visual_grid` times the codec's
    downsampling.

    Args:
    """

    @runs_checked_call
    @replace_example_docstring(EXAMPLE_DOC_STRING)
    def __call__(
        self,
        sketch: SketchInput,
        prompt: str | list[str] | None = None,
        negative_prompt: str | list[str] | None = None,
        guidance_scale: float | list[float] | None = None,
        temperature: float | list[float] | None = None,
        top_k: int | list[int] | None = None,
        top_p: float | list[float] | None = None,
        min_p: float | list[float] | None = None,
        num_images_per_prompt: int = 1,
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
    ) -> NuwaImagePipelineOutput | tuple:
        r"""Generate images.

        Args:
            sketch (`PIL.Image.Image`, `str`, `np.ndarray`, `torch.Tensor` or a list of them): class maps: images of
                mode "P" or "L" or their paths, whole-number arrays or tensors of shape `(Y, X)` or `(B, Y, X)`; each
                value a class in [0, `sketch_codec.in_channels`).
            prompt (`str` or `list[str]`, *optional*): what to show, one text for all sketches or one for each; by
                default the constant "None" condition.
            num_images_per_prompt (`int`, *optional*, defaults to 1): images of each sketch.

        Examples:

        Returns:
            [`NuwaImagePipelineOutput`] or `tuple`: the images and the tokens.

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
            height=height,
            width=width,
        )
        self.check_components("transformer", "sketch_vqgan")
        sketches = prepare_sketches(sketch, **self.sketch_sizes)
        texts = self.read_texts(
            prompt,
            negative_prompt,
            prompt_embeds,
            negative_prompt_embeds,
            prompt_attention_mask,
            negative_prompt_attention_mask,
            num_inputs=len(sketches),
        )
        self.check_call(options, len(sketches), num_images_per_prompt)
        return CheckedCall(
            options=options,
            sampling=self.choose_sampling(guidance_scale, temperature, top_k, top_p, min_p),
            num_inputs=len(sketches),
            num_outputs_each=num_images_per_prompt,
            num_frames=1,
            prompts=texts.prompts,
            negative_prompts=texts.negative_prompts,
            sketches=sketches,
        )
