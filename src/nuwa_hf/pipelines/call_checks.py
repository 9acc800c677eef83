# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The step of a pipeline that checks a call before any work.

Legend: B inputs, T frames, Y, X pixel rows and columns.
"""

import torch

from nuwa_hf.generation.sampling import or_else
from nuwa_hf.pipelines.checks import check_whole_number
from nuwa_hf.pipelines.encoded_text import EncodedText
from nuwa_hf.pipelines.fused_adapters import check_active_adapters_draw
from nuwa_hf.pipelines.learnt import warn_of_unlearnt_task
from nuwa_hf.pipelines.mask_input import check_places, known_places
from nuwa_hf.pipelines.run_options import RunOptions


class CallChecksMixin:
    """Checks for `NuwaPipelineBase`, which has the components, their sizes and the task."""

    def check_components(self, *names: str) -> None:
        """Check that components are loaded.

        Args:
            names (`str`): the components that the call needs.

        Raises:
            ValueError: If one is None.
        """
        for name in names:
            if getattr(self, name) is None:
                raise ValueError(f"This call needs the component `{name}`, which is None; load the pipeline with it.")

    def check_masks(self, masks: torch.Tensor) -> None:
        """Check that a mask leaves tokens to fill and tokens to keep.

        Args:
            masks (`torch.BoolTensor` of shape `(B, Y, X)` or `(B, T, Y, X)`): True where pixels are to be filled.

        Raises:
            ValueError: If it does not.
        """
        check_places(known_places(masks, self.codec.spatial_factor))

    def check_num_frames(self, num_frames: int | None, overlap_frames: int | None, num_given: int = 0) -> int:
        """Check the number of frames to generate, and fill it in if the user left it open.

        Args:
            num_frames (`int`, *optional*): what the user gave.
            overlap_frames (`int`, *optional*): frames that a chunk of a long video sees of the one before.
            num_given (`int`, defaults to 0): frames that are given; there must be at least one more.

        Returns:
            `int`: the same number; by default as many as the checkpoint has positions for.

        Raises:
            TypeError: If a number is not an `int`.
            ValueError: If a number is out of range.
        """
        if num_frames is None:
            num_frames = max(self.max_frames, num_given + 1)
        check_whole_number("num_frames", num_frames)
        if self.max_frames == 1 and (num_frames > 1 or num_given):
            got = num_frames if num_frames > 1 else f"1 beside {num_given} that are given"
            raise ValueError(
                f"`num_frames` must be 1, all that this checkpoint has positions for, got {got}; it draws images "
                "alone, so take a checkpoint of videos, or a pipeline for images."
            )
        if num_frames <= num_given:
            raise ValueError(
                f"`num_frames` must be more than the {num_given} frames that are given, got {num_frames}; it counts "
                "them too."
            )
        if overlap_frames is not None:
            check_whole_number(
                "overlap_frames",
                overlap_frames,
                maximum=max(1, self.max_frames - 1),
                reason=" (one less than the positions that this checkpoint learnt)",
            )
        return num_frames

    def guidance_without_prompt(
        self,
        guidance_scale: float | list[float] | None,
        negative_prompts: list[str] | EncodedText | None,
        options: RunOptions,
    ) -> float | list[float] | None:
        """Check a call without a prompt, and choose its guidance: none, unless a negative prompt is there to avoid.

        Args:
            guidance_scale (`float` or `list[float]`, *optional*): what the user gave.
            negative_prompts (`list[str]` or `EncodedText`, *optional*): likewise.
            options (`RunOptions`): likewise.

        Returns:
            `float`, `list[float]` or `None`: the scale to use; None for the checkpoint's.

        Raises:
            ValueError: If guidance or candidates are asked for, which a text alone gives a meaning.
        """
        if options.num_candidates > 1:
            raise ValueError(
                f"`num_candidates` must be 1 without a `prompt`, which candidates are judged by, got "
                f"{options.num_candidates}; give a prompt, or draw several and choose yourself."
            )
        if negative_prompts is not None:
            return guidance_scale
        guidance_scale = or_else(guidance_scale, 1.0)
        scales = guidance_scale if isinstance(guidance_scale, list) else [guidance_scale]
        if any(isinstance(scale, int | float) and scale > 1 for scale in scales):
            raise ValueError(
                f"`guidance_scale` must be 1 without a `prompt` or `negative_prompt`, got {guidance_scale}; there is "
                "nothing to guide to or away from, so leave it out."
            )
        return guidance_scale

    def check_call(self, options: RunOptions, num_inputs: int, num_outputs: int) -> None:
        """Check what does not depend on the task, and warn of a task that the transformer never learnt.

        Args:
            options (`RunOptions`): what the user gave.
            num_inputs (`int`): prompts, images or videos that were given.
            num_outputs (`int`): outputs of each, `num_images_per_prompt` or `num_videos_per_prompt`.

        Raises:
            TypeError: If an argument has the wrong type.
            ValueError: If an argument has no valid value, a component is missing, or an adapter would be left out.
        """
        count_name = f"num_{self.task.output}s_per_prompt"
        options.check(num_inputs, count_name, num_outputs, self._callback_tensor_inputs)
        self.check_components("transformer", *(("vqgan",) if options.needs_pixels else ()))
        self.check_size(options.height, options.width)
        check_active_adapters_draw(self.transformer)
        warn_of_unlearnt_task(self.task, self.transformer)
