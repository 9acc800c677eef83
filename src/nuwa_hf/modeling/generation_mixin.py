# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""What a model with a head over the codebook is used for: `generate`, `stream` and the number of their steps.

Legend: B batch, L text length, T, H, W visual grid.
"""

from collections.abc import Iterator

import torch
from diffusers.utils.accelerate_utils import apply_forward_hook
from transformers import GenerationConfig
from transformers.generation import GenerationMixin

from nuwa_hf.generation.sampler import sample_grid
from nuwa_hf.generation.schedule import plan_steps
from nuwa_hf.generation.step_plan import EndlessPlan, plan_grid
from nuwa_hf.generation.stream import frames_of_grid, frames_without_end
from nuwa_hf.grid import Grid
from nuwa_hf.modeling.modeling_outputs import NuwaGenerateOutput
from nuwa_hf.modeling.sampling_call import ModelSteps, SamplingCall
from nuwa_hf.modeling.token_checks import check_grid


class NuwaGenerationMixin(GenerationMixin):
    """Sampling of visual tokens, in the place of transformers' sampling of texts."""

    @apply_forward_hook
    @torch.no_grad()
    def generate(
        self,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor | None = None,
        *,
        grid: Grid | tuple[int, int, int],
        generator: torch.Generator | list[torch.Generator] | None = None,
        schedule: str = "wavefront",
        generation_config: GenerationConfig | None = None,
        do_sample: bool | None = None,
        temperature: float | None = None,
        top_k: int | None = None,
        top_p: float | None = None,
        guidance_scale: float | None = None,
        negative_input_ids: torch.Tensor | None = None,
        negative_attention_mask: torch.Tensor | None = None,
        sketch_tokens: torch.Tensor | None = None,
        known_tokens: torch.Tensor | None = None,
        known_mask: torch.Tensor | None = None,
        condition_on_known: bool = True,
        callback=None,
    ) -> NuwaGenerateOutput:
        """Sample visual tokens.

        Every place has Gumbel noise of its own, one number for each token, which follows from its item's generator;
        the token at which logits and noise are largest together is a draw from the softmax. So the tokens do not
        depend on the schedule, and in a list of generators not on the batch either, and few of them change with the
        precision (docs/sampling.md).

        Args:
            input_ids (`torch.LongTensor` of shape `(B, L)`): text tokens.
            attention_mask (`torch.Tensor` of shape `(B, L)`, *optional*): nonzero at real tokens.
            grid (`Grid` or `tuple[int, int, int]`): extents (t, h, w) to write, at most the learnt ones.
            generator (`torch.Generator` or `list[torch.Generator]`, *optional*): one for all or one an item.
            schedule (`str`, defaults to `"wavefront"`): `"wavefront"` samples all places of a wave at once, `"raster"`
                one after another.
            generation_config (`GenerationConfig`, *optional*): defaults for the next five; else the model's own.
            do_sample (`bool`, *optional*): `False` takes the likeliest token; sampling unless set.
            temperature (`float`, *optional*): divides the logits, above 0.
            top_k (`int`, *optional*): keep the k likeliest tokens, at least 1.
            top_p (`float`, *optional*): keep the smallest set of tokens with this much mass, in (0, 1].
            guidance_scale (`float`, *optional*): s in `none + s (given - none)`, at least 1; 1 is off.
            negative_input_ids (`torch.LongTensor` of shape `(B, L')`, *optional*): text in place of the constant
                "None" condition.
            negative_attention_mask (`torch.Tensor` of shape `(B, L')`, *optional*): its mask.
            sketch_tokens (`torch.LongTensor` of shape `(B, T', H', W')`, *optional*): a sketch, tokens in
                [0, sketch_codebook_size); guidance leads away from what is drawn without it.
            known_tokens (`torch.LongTensor` of shape `(B, T, H, W)`, *optional*): tokens that are given.
            known_mask (`torch.BoolTensor` of shape `(B, T, H, W)`, *optional*): True where they are given.
            condition_on_known (`bool`, defaults to `True`): whether the given tokens are a condition too, so that
                every place sees all that is kept around it; `False` is the paper's way, where a place sees only
                what comes before it.
            callback (`callable`, *optional*): `callback(step, num_steps, tokens)` after every step, with the tokens so
                far `(B, T, H, W)`, which it may change; returning `True` stops.

        Returns:
            `NuwaGenerateOutput`: the tokens.

        Raises:
            TypeError: If tokens are not whole numbers.
            ValueError: If an argument does not fit; nothing is computed then.
        """
        grid = Grid(*grid)
        check_grid(grid, self.config)
        call = SamplingCall(
            model=self,
            input_ids=input_ids,
            attention_mask=attention_mask,
            generator=generator,
            schedule=schedule,
            generation_config=generation_config or self.generation_config,
            do_sample=do_sample,
            temperature=temperature,
            top_k=top_k,
            top_p=top_p,
            guidance_scale=guidance_scale,
            negative_input_ids=negative_input_ids,
            negative_attention_mask=negative_attention_mask,
            sketch_tokens=sketch_tokens,
            known_tokens=known_tokens,
            known_mask=known_mask,
            condition_on_known=condition_on_known,
        )
        num_steps = self.num_generation_steps(grid, schedule)
        for step, (_, tokens) in enumerate(self._steps(call, grid)):
            if callback is not None and callback(step, num_steps, tokens):
                break
        return NuwaGenerateOutput(tokens=tokens)

    @apply_forward_hook
    def stream(
        self,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor | None = None,
        *,
        grid: tuple[int | None, int, int],
        generator: torch.Generator | list[torch.Generator] | None = None,
        schedule: str = "wavefront",
        generation_config: GenerationConfig | None = None,
        do_sample: bool | None = None,
        temperature: float | None = None,
        top_k: int | None = None,
        top_p: float | None = None,
        guidance_scale: float | None = None,
        negative_input_ids: torch.Tensor | None = None,
        negative_attention_mask: torch.Tensor | None = None,
        sketch_tokens: torch.Tensor | None = None,
        known_tokens: torch.Tensor | None = None,
        known_mask: torch.Tensor | None = None,
        condition_on_known: bool = True,
    ) -> Iterator[torch.Tensor]:
        """Sample visual tokens frame by frame: each frame is there as soon as it is complete.

        In a wavefront frame t is complete a few waves after frame t - 1, since later frames are begun before it ends.
        Up to the learnt frames these are the frames of `generate` with the same arguments. Beyond them the frames go
        round the learnt positions again, but for the first, and memory does not grow (docs/streaming.md).

        Args:
            input_ids (`torch.LongTensor` of shape `(B, L)`): text tokens.
            attention_mask (`torch.Tensor` of shape `(B, L)`, *optional*): nonzero at real tokens.
            grid (`tuple[int | None, int, int]`): extents (t, h, w) to write; h and w at most the learnt ones, t any
                number of frames, or None for no end.
            generator (`torch.Generator` or `list[torch.Generator]`, *optional*): one for all or one an item.
            schedule (`str`, defaults to `"wavefront"`): as in `generate`, like all that follow.
            generation_config (`GenerationConfig`, *optional*): defaults for the next five; else the model's own.
            do_sample (`bool`, *optional*): `False` takes the likeliest token; sampling unless set.
            temperature (`float`, *optional*): divides the logits, above 0.
            top_k (`int`, *optional*): keep the k likeliest tokens, at least 1.
            top_p (`float`, *optional*): keep the smallest set of tokens with this much mass, in (0, 1].
            guidance_scale (`float`, *optional*): s in `none + s (given - none)`, at least 1; 1 is off.
            negative_input_ids (`torch.LongTensor` of shape `(B, L')`, *optional*): text in place of "None".
            negative_attention_mask (`torch.Tensor` of shape `(B, L')`, *optional*): its mask.
            sketch_tokens (`torch.LongTensor` of shape `(B, T', H', W')`, *optional*): a sketch, for at most the learnt
                frames, as the next two.
            known_tokens (`torch.LongTensor` of shape `(B, T, H, W)`, *optional*): tokens that are given.
            known_mask (`torch.BoolTensor` of shape `(B, T, H, W)`, *optional*): True where they are given.
            condition_on_known (`bool`, defaults to `True`): whether the given tokens are a condition too.

        Returns:
            `Iterator[torch.LongTensor]`: the tokens of each frame, of shape `(B, H, W)`. Nothing is computed before
            the first is asked for.

        Raises:
            TypeError: If tokens are not whole numbers.
            ValueError: If an argument does not fit; raised by the call and not by the iterator.
        """
        call = SamplingCall(
            model=self,
            input_ids=input_ids,
            attention_mask=attention_mask,
            generator=generator,
            schedule=schedule,
            generation_config=generation_config or self.generation_config,
            do_sample=do_sample,
            temperature=temperature,
            top_k=top_k,
            top_p=top_p,
            guidance_scale=guidance_scale,
            negative_input_ids=negative_input_ids,
            negative_attention_mask=negative_attention_mask,
            sketch_tokens=sketch_tokens,
            known_tokens=known_tokens,
            known_mask=known_mask,
            condition_on_known=condition_on_known,
        )
        num_frames, height, width = grid
        learnt = self.config.get_visual_grid()
        asked = Grid(learnt.t if num_frames is None else num_frames, height, width)
        if num_frames is not None and num_frames <= learnt.t:
            check_grid(asked, self.config)
            return frames_of_grid(self._steps(call, asked), asked)
        learnt = Grid(learnt.t, height, width)
        check_grid(learnt, self.config)
        for name in ("sketch_tokens", "known_tokens", "known_mask"):
            if getattr(call, name) is not None:
                raise ValueError(
                    f"`{name}` must be None for more than the learnt {learnt.t} frames, since it has no places there; "
                    "stream at most those, or leave it out."
                )
        plan = EndlessPlan(learnt, self.config.window, schedule, input_ids.device)
        return frames_without_end(ModelSteps(call, learnt, plan.num_slots), call.draw, plan, num_frames)

    def _steps(self, call: SamplingCall, grid: Grid) -> Iterator[tuple[list[int], torch.Tensor]]:
        """The steps of a grid, of which nothing is computed before the first is asked for."""
        call.check_known(grid)
        device = call.input_ids.device
        plan = plan_grid(grid, self.config.window, call.schedule, in_pieces=device.type == "cpu").to(device)
        steps = ModelSteps(call, grid, plan.num_slots)
        return sample_grid(steps, call.draw, plan, grid, call.known_tokens, call.known_mask)

    def num_generation_steps(self, grid: Grid | tuple[int, int, int], schedule: str = "wavefront") -> int:
        """How many sequential steps `generate` takes.

        Args:
            grid (`Grid` or `tuple[int, int, int]`): extents (t, h, w) to write.
            schedule (`str`, defaults to `"wavefront"`): `"wavefront"` or `"raster"`.

        Returns:
            `int`: the number of steps.
        """
        return len(plan_steps(Grid(*grid), self.config.window, schedule))
