# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The methods of a model that generates visual tokens: `generate`, `stream` and the number of steps they take.

Legend: B batch, k outputs of each input, L text length, T, H, W visual grid.
"""

from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from itertools import chain
from typing import Any

import torch
from diffusers.utils.accelerate_utils import apply_forward_hook
from transformers.generation import GenerationMixin

from nuwa_hf.argument_types import shown
from nuwa_hf.generation.endless_plan import EndlessPlan
from nuwa_hf.generation.sampling import or_else
from nuwa_hf.generation.sampling_steps import sample_grid
from nuwa_hf.generation.schedule import plan_steps
from nuwa_hf.generation.step_plan import pads_steps, plan_grid
from nuwa_hf.generation.stream import frames_of_grid, frames_without_end
from nuwa_hf.grid import Grid
from nuwa_hf.modeling.codec.protocol import check_tokens_in_codebook
from nuwa_hf.modeling.modeling_outputs import NuwaGenerateOutput
from nuwa_hf.modeling.sampling_arguments import takes_sampling_arguments
from nuwa_hf.modeling.sampling_call import ModelSteps, SamplingCall, scores_of
from nuwa_hf.modeling.sampling_runs import recorder
from nuwa_hf.modeling.token_checks import as_grid, check_grid, three_extents


class NuwaGenerationMixin(GenerationMixin):
    """Sampling of visual tokens, which replaces transformers' generation of text."""

    @takes_sampling_arguments
    @apply_forward_hook
    @torch.no_grad()
    def generate(
        self,
        input_ids: torch.Tensor | None = None,
        attention_mask: torch.Tensor | None = None,
        *,
        grid: Grid | tuple[int, int, int] | None = None,
        callback: Callable[[int, int, torch.Tensor], bool | dict[str, Any] | None] | None = None,
        return_dict_in_generate: bool | None = None,
        output_scores: bool | None = None,
        **arguments: Any,
    ) -> NuwaGenerateOutput | torch.Tensor:
        """Sample visual tokens.

        Every place has its own Gumbel noise, one number for each token of the codebook, which is determined by the
        item's generator. The token with the largest sum of logit and noise is a draw from the softmax. The tokens
        therefore do not depend on the schedule and, with a list of generators, not on the rest of the batch either.
        A change of precision changes only a few of them (docs/sampling.md).

        Args:
            input_ids (`torch.LongTensor` of shape `(B, L)`, *optional*): text tokens.
            attention_mask (`torch.Tensor` of shape `(B, L)`, *optional*): nonzero at real tokens; by default at all
                but padding, or without `input_ids` at all.
            grid (`Grid` or `tuple[int, int, int]`, *optional*): extents (t, h, w) to generate, at most the learnt
                ones; the learnt grid when not given.
            callback (`Callable`, *optional*): called as `callback(step, num_steps, tokens)` after every step, with the
                tokens so far `(B k, T, H, W)`, which it may change in place. Returning `True` stops sampling. A dict
                is what counts from then on: as `guidance_scale` a number or a list of B k, where guidance was on; as
                `encoder_hidden_states`, `attention_mask` and their negatives other texts of the B inputs.
            return_dict_in_generate (`bool`, *optional*): `False` returns the tokens alone. This and the next one come
                from the generation configuration where they are not given.
            output_scores (`bool`, *optional*): also return the scores that the tokens were drawn by, which are read in
                one more pass over all places; none by default.

        Returns:
            `NuwaGenerateOutput`, or its `tokens`, `torch.LongTensor` of shape `(B k, T, H, W)`.

        Raises:
            TypeError: If tokens are not integers, an argument is unknown, or the callback returns something else.
            ValueError: If an argument is invalid, which is checked before anything is computed, or what the callback
                returns or writes.
        """
        grid = self.config.get_visual_grid() if grid is None else as_grid(grid)
        check_grid(grid, self.config)
        for name, value in (("return_dict_in_generate", return_dict_in_generate), ("output_scores", output_scores)):
            if value is not None and not isinstance(value, bool):
                raise TypeError(f"`{name}` must be True, False or None, got {shown(value)}; give one of them.")
        if callback is not None and not callable(callback):
            raise TypeError(f"`callback` must be callable, got {shown(callback)}; give a function, or None for none.")
        call = SamplingCall(model=self, input_ids=input_ids, attention_mask=attention_mask, **arguments)
        num_steps, answer = self.num_generation_steps(grid, call.schedule), None
        wants_scores = or_else(output_scores, call.config.output_scores)
        with closing(self._steps(call, grid)) as steps:  # also if a callback raises an error
            for step in range(num_steps):
                _, tokens = steps.send(answer)
                answer = None if callback is None else self._answer_of(callback, step, num_steps, tokens)
                if answer is True:
                    break
                if answer and wants_scores:
                    raise ValueError(
                        f"`callback` must not change {', '.join(map(repr, answer))} with `output_scores`, which are "
                        "read in one pass after all steps; leave one of the two out."
                    )
            # Before the steps end: then another call may go on in their memory.
            tokens = tokens.clone(memory_format=torch.contiguous_format)
        if or_else(return_dict_in_generate, call.config.return_dict_in_generate) is False:
            return tokens
        return NuwaGenerateOutput(tokens=tokens, scores=scores_of(call, tokens) if wants_scores else None)

    def _answer_of(
        self, callback: Callable[[int, int, torch.Tensor], Any], step: int, num_steps: int, tokens: torch.Tensor
    ) -> bool | dict[str, Any] | None:
        """What a callback returns. Tokens are read by the host only if the callback has written some."""
        writes = tokens._version
        answer = callback(step, num_steps, tokens)
        if answer is not None and not isinstance(answer, bool | dict):
            raise TypeError(
                f"`callback` must return True to stop, a dict of what counts from then on, or None, got "
                f"{shown(answer)}; write tokens into those that it is given."
            )
        if tokens._version != writes:
            check_tokens_in_codebook("tokens", tokens, self.config.codebook_size)
        return answer

    @takes_sampling_arguments
    @apply_forward_hook
    def stream(
        self,
        input_ids: torch.Tensor | None = None,
        attention_mask: torch.Tensor | None = None,
        *,
        grid: tuple[int | None, int, int] | None = None,
        **arguments: Any,
    ) -> Iterator[torch.Tensor]:
        """Sample visual tokens frame by frame, yielding each frame as soon as it is complete.

        In a wavefront, frame t is complete a few waves after frame t - 1, since later frames begin before earlier ones
        end. Up to the learnt number of frames, these are the frames that `generate` gives with the same arguments.
        Further frames cycle through the learnt positions except the first, and memory does not grow
        (docs/streaming.md). A sketch and known tokens cannot be used then, as they only cover the learnt frames.

        Args:
            input_ids (`torch.LongTensor` of shape `(B, L)`, *optional*): text tokens.
            attention_mask (`torch.Tensor` of shape `(B, L)`, *optional*): nonzero at real tokens; by default at all
                but padding, or without `input_ids` at all.
            grid (`tuple[int | None, int, int]`, *optional*): extents (t, h, w) to generate: h and w at most the
                learnt ones, t any number of frames, or None for an endless video. The learnt grid when not given.

        Returns:
            `Iterator[torch.LongTensor]`: the tokens of each frame, of shape `(B k, H, W)`. Nothing is computed until
            the first one is requested.

        Raises:
            TypeError: If tokens are not integers, the grid has not three extents, or an argument is unknown.
            ValueError: If an argument is invalid; raised by the call itself rather than by the iterator.
        """
        call = SamplingCall(model=self, input_ids=input_ids, attention_mask=attention_mask, **arguments)
        learnt = self.config.get_visual_grid()
        num_frames, height, width = learnt if grid is None else three_extents(grid)
        asked = Grid(learnt.t if num_frames is None else num_frames, height, width)
        if num_frames is not None and num_frames <= learnt.t:
            check_grid(asked, self.config)
            return frames_of_grid(self._steps(call, asked))
        learnt = Grid(learnt.t, height, width)
        check_grid(learnt, self.config)
        for name in ("sketch_tokens", "known_tokens", "known_mask"):
            if getattr(call, name) is not None:
                raise ValueError(
                    f"`{name}` must be None for more than the learnt {learnt.t} frames, which are all it can "
                    "cover; stream at most those, or leave it out."
                )
        plan = EndlessPlan(learnt, self.config.window, call.schedule, pads_steps(call.device))
        compute = ModelSteps(call, learnt, plan.num_slots, plan.is_padded)
        return self._endless_frames(compute, plan, num_frames)

    def _endless_frames(
        self, compute: ModelSteps, plan: EndlessPlan, num_frames: int | None
    ) -> Iterator[torch.Tensor]:
        plans = iter(plan)
        first = next(plans)
        with self._sampling_runs.lend(compute, plan.kept, first.tables, recorder(compute)) as steps:
            yield from frames_without_end(steps, chain([first], plans), num_frames)

    def _steps(
        self, call: SamplingCall, grid: Grid
    ) -> Generator[tuple[tuple[int, ...], torch.Tensor], dict[str, Any] | bool | None, None]:
        """The steps of a grid, each computed only when it is requested; what is sent to it counts for later ones."""
        known_part = call.known_part(grid)
        plan = plan_grid(grid, self.config.window, call.schedule, pads_steps(call.device))
        compute = ModelSteps(call, grid, plan.num_slots, plan.is_padded)

        def steps() -> Generator[tuple[tuple[int, ...], torch.Tensor], dict[str, Any] | bool | None, None]:
            with self._sampling_runs.lend(compute, grid, plan.tables, recorder(compute)) as lent:
                for done in sample_grid(lent, plan, *known_part):
                    texts = dict((yield done) or {})
                    scale = texts.pop("guidance_scale", None)
                    if scale is not None:
                        lent.draw.rules.guide_with(scale)
                    if texts:
                        lent.compute.change_texts(texts)
                        lent.read_conditions_again()

        return steps()

    def num_generation_steps(self, grid: Grid | tuple[int, int, int], schedule: str = "wavefront") -> int:
        """How many sequential steps `generate` takes.

        Args:
            grid (`Grid` or `tuple[int, int, int]`): extents (t, h, w) to generate.
            schedule (`str`, defaults to `"wavefront"`): `"wavefront"` or `"raster"`.

        Returns:
            `int`: the number of steps.

        Raises:
            TypeError: If the grid has not three extents.
            ValueError: If an extent is not a whole number of at least 1, or the schedule is unknown.
        """
        return len(plan_steps(as_grid(grid), self.config.window, schedule))
