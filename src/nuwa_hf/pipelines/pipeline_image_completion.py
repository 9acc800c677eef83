# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Image completion (NUWA, task I2I)."""

from collections.abc import Callable

import torch
from diffusers.callbacks import MultiPipelineCallbacks, PipelineCallback
from diffusers.utils import replace_example_docstring

from nuwa_hf.pipelines.image_input import prepare_images
from nuwa_hf.pipelines.input_types import ImageInput, MaskInput
from nuwa_hf.pipelines.mask_input import prepare_masks
from nuwa_hf.pipelines.pipeline_base import NuwaPipelineBase
from nuwa_hf.pipelines.pipeline_output import NuwaImagePipelineOutput
from nuwa_hf.pipelines.run_options import RunOptions


EXAMPLE_DOC_STRING = """
    Examples:
        ```py
        >>> import numpy as np
        >>> import torch
        >>> from nuwa_hf import DEMO_CHECKPOINT, EmojiMotion, NuwaImageCompletionPipeline

        >>> pipeline = NuwaImageCompletionPipeline.from_pretrained(DEMO_CHECKPOINT)
        >>> image = EmojiMotion(setting="small", split="val")[0]["image"]  # uint8, (64, 64, 3)
        >>> mask = np.zeros((64, 64), bool)
        >>> mask[:32] = True  # fill the upper half
        >>> completed = pipeline(image, mask, generator=torch.Generator().manual_seed(0)).images[0]
        ```
"""


class NuwaImageCompletionPipeline(NuwaPipelineBase):
    """Images of which a part is given.

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
        image: ImageInput,
        mask: MaskInput,
        temperature: float | None = None,
        top_k: int | None = None,
        top_p: float | None = None,
        condition_on_known: bool = True,
        composite: bool = True,
        num_images_per_prompt: int = 1,
        generator: torch.Generator | list[torch.Generator] | None = None,
        schedule: str = "wavefront",
        output_type: str = "pil",
        return_dict: bool = True,
        callback_on_step_end: Callable | PipelineCallback | MultiPipelineCallbacks | None = None,
        callback_on_step_end_tensor_inputs: list[str] = ["tokens"],  # noqa: B006 (diffusers' signature; only read)
    ) -> NuwaImagePipelineOutput | tuple:
        r"""Complete images.

        Args:
            image (`PIL.Image.Image`, `str`, `np.ndarray`, `torch.Tensor` or a list of them): what to complete: PIL
                images, paths or URLs, arrays of shape `(Y, X, 3)` or tensors of shape `(3, Y, X)`, uint8 or floats in
                [0, 1].
            mask (`PIL.Image.Image`, `str`, `np.ndarray`, `torch.Tensor` or a list of them): white, or nonzero, where
                the image is to be filled, of the image's size; one for all images or one for each.
            temperature (`float`, *optional*): what the logits are divided by: below 1 is safer, above 1 more varied.
                This and the next two are by default what `transformer.generation_config` says, of which
                `unguided_temperature` is this one's.
            top_k (`int`, *optional*): sample only among so many of the likeliest tokens.
            top_p (`float`, *optional*): sample only among the likeliest tokens that together have this probability.
            condition_on_known (`bool`, *optional*, defaults to `True`): whether what is kept is a condition too, so
                that every place sees all that is kept around it; `False` is the paper's way, where a place sees only
                what comes before it in raster order.
            composite (`bool`, *optional*, defaults to `True`): whether pixels outside the mask come back bit-equal;
                `False` gives all pixels as the codec decodes them.
            num_images_per_prompt (`int`, *optional*, defaults to 1): completions of each image.
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
                `callback_kwargs` holds. `tokens` is of shape `(B, T, H, W)`, `T` 1.

        Examples:

        Returns:
            [`NuwaImagePipelineOutput`] or `tuple`: the images and the tokens.

        Raises:
            TypeError: If an argument is of a wrong type. Nothing was computed then.
            ValueError: If an argument has no valid value. Nothing was computed then.
        """  # noqa: D414
        # 1. Check everything before any work.
        self.check_components("transformer", "vqgan")
        height, width = self.image_size
        images = prepare_images(image, height=height, width=width)
        masks = prepare_masks(mask, sizes=images.sizes, height=height, width=width)
        self.check_masks(masks)
        options = RunOptions(
            generator,
            schedule,
            output_type,
            callback_on_step_end,
            callback_on_step_end_tensor_inputs,
        )
        self.check_call(options, len(images.pixels), "num_images_per_prompt", num_images_per_prompt)
        sampling = self.choose_unguided_sampling(temperature, top_k, top_p)

        # 2. The constant condition "None", and the part that is given.
        known = self.encode_known_part(images.pixels[:, None], masks[:, None], num_images_per_prompt)
        conditions = self.encode_prompt(None, batch_size=len(known.tokens))
        conditions |= {"known_tokens": known.tokens, "known_mask": known.places}
        conditions["condition_on_known"] = condition_on_known

        # 3. Sample the other tokens, wave by wave.
        tokens = self.generate_tokens(conditions, sampling, options, num_frames=1)

        # 4. Tokens to pixels; those outside the mask as they were.
        images = self.decode_images(tokens, output_type, known if composite else None)
        self.maybe_free_model_hooks()
        return NuwaImagePipelineOutput(images, tokens) if return_dict else (images, tokens)
