# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Image completion (NUWA, task I2I)."""

from collections.abc import Callable

import torch
from diffusers.callbacks import MultiPipelineCallbacks, PipelineCallback
from diffusers.utils import replace_example_docstring

from nuwa_hf.pipelines.checked_call import CheckedCall, runs_checked_call
from nuwa_hf.pipelines.image_input import prepare_images
from nuwa_hf.pipelines.input_types import ImageInput, MaskInput
from nuwa_hf.pipelines.mask_input import prepare_masks
from nuwa_hf.pipelines.pipeline_base import NuwaPipelineBase
from nuwa_hf.pipelines.pipeline_output import NuwaImagePipelineOutput
from nuwa_hf.pipelines.run_options import RunOptions
from nuwa_hf.pipelines.task_pages import for_task


EXAMPLE_DOC_STRING = """
    Examples:
        ```py
        >>> import numpy as np
        >>> import torch
        >>> from nuwa_hf import DEMO_CHECKPOINT, EmojiMotion, NuwaImageCompletionPipeline

        >>> pipeline = NuwaImageCompletionPipeline.from_pretrained(DEMO_CHECKPOINT)
        >>> image = EmojiMotion(split="val")[0]["image"]  # uint8, (128, 128, 3)
        >>> mask = np.zeros((128, 128), bool)
        >>> mask[:64] = True  # fill the upper half
        >>> completed = pipeline(image, mask, generator=torch.Generator().manual_seed(0)).images[0]
        ```
"""


@for_task("I2I")
class NuwaImageCompletionPipeline(NuwaPipelineBase):
    """Images of which part is given.

    The size of the images is that of the checkpoint: `transformer.config.visual_grid` times the codec's
    downsampling.

    Args:
    """

    _callback_tensor_inputs = ["tokens"]  # noqa: RUF012 (declared so by diffusers)

    @runs_checked_call
    @replace_example_docstring(EXAMPLE_DOC_STRING)
    def __call__(
        self,
        image: ImageInput,
        mask: MaskInput,
        temperature: float | list[float] | None = None,
        top_k: int | list[int] | None = None,
        top_p: float | list[float] | None = None,
        min_p: float | list[float] | None = None,
        condition_on_known: bool = True,
        composite: bool = True,
        num_images_per_prompt: int = 1,
        generator: torch.Generator | list[torch.Generator] | None = None,
        schedule: str = "wavefront",
        height: int | None = None,
        width: int | None = None,
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
            mask (`PIL.Image.Image`, `str`, `np.ndarray`, `torch.Tensor` or a list of them): white, True or 1
                where the image is to be filled, and grey from half on; of the image's size, one for all images or one
                for each.
            num_images_per_prompt (`int`, *optional*, defaults to 1): completions of each image.

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
        self.check_components("transformer", "vqgan")
        height, width = self.image_size
        images = prepare_images(image, height=height, width=width)
        masks = prepare_masks(mask, sizes=images.sizes, height=height, width=width)
        self.check_masks(masks)
        self.check_call(options, len(images.pixels), num_images_per_prompt)
        return CheckedCall(
            options=options,
            sampling=self.choose_unguided_sampling(temperature, top_k, top_p, min_p),
            num_inputs=len(masks),
            num_outputs_each=num_images_per_prompt,
            num_frames=1,
            pixels=images.pixels[:, None],
            masks=masks[:, None],
            condition_on_known=condition_on_known,
            composite=composite,
        )
