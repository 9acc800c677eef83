# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The step of a pipeline that samples tokens: chunks of long videos, candidates, callback and progress bar.

Legend: B outputs, T frames, H, W token rows and columns, L text length.
"""

import itertools
import math
from dataclasses import asdict, replace
from typing import Any

import torch

from nuwa_hf.generation.sampling import SamplingSettings
from nuwa_hf.grid import Grid
from nuwa_hf.modeling.codec.few_frames import decoding_memory
from nuwa_hf.modeling.sampling_arguments import ONLY_TOKENS
from nuwa_hf.pipelines.calls import Call
from nuwa_hf.pipelines.candidates import MEMORY_TO_SPARE, BestSoFar, candidate_generators, candidates_at_once
from nuwa_hf.pipelines.learnt import reads_known_parts
from nuwa_hf.pipelines.long_video import Chunk, chunks_to_draw
from nuwa_hf.pipelines.run_options import RunOptions
from nuwa_hf.pipelines.scorers import check_scores, likelihood_ratio
from nuwa_hf.pipelines.step_callback import TEXT_TENSORS, StepCallback


LEAST_GUIDED = math.nextafter(1.0, 2.0)  # the scale of an output that is guided, and drawn as without guidance


class TokenGenerationMixin:
    """Sampling for `NuwaPipelineBase`, which has the components, `_calls`, `decode_tokens` and `progress_bar`."""

    def generate_tokens(
        self,
        conditions: dict[str, Any],
        sampling: SamplingSettings,
        options: RunOptions,
        *,
        num_frames: int,
        prompts: list[str] | None = None,
    ) -> torch.Tensor:
        """Sample visual tokens wave by wave, with the progress bar, the callback and `interrupt`.

        A video longer than the learnt positions is sampled in chunks, each of which continues from the last frames of
        the one before. With several candidates, the best one of each chunk is kept; they are sampled a few at a time,
        and each is scored alone, so that the memory does not grow with their number.

        Args:
            conditions (`dict[str, Any]`): what `NuwaForConditionalGeneration.generate` takes: `input_ids` or
                `encoder_hidden_states`, `attention_mask` of shape `(B, L)`, their negatives, `sketch_tokens`,
                `known_tokens` and `known_mask` of shape `(B, num_frames, H, W)`, `condition_on_known`.
            sampling (`SamplingSettings`): how tokens are drawn.
            options (`RunOptions`): the call, its generators, schedule, candidates and callback.
            num_frames (`int`): frames of the video, 1 for an image.
            prompts (`list[str]`, *optional*): the texts, for a scorer of candidates.

        Returns:
            `torch.LongTensor` of shape `(B, num_frames, H, W)`: the tokens.
        """
        call, mask = options.call, conditions["attention_mask"]
        num_outputs, (_, height, width) = len(mask), self.transformer.config.visual_grid
        given_frames = is_given = None
        if "known_mask" in conditions:
            given_frames = conditions["known_mask"].flatten(2).all(2).tolist()
            is_given = list(map(all, zip(*given_frames, strict=True)))
        chunks = chunks_to_draw(num_frames, self.max_frames, options.overlap_frames, is_given)
        grids = [Grid(chunk.stop - chunk.start, height, width) for chunk in chunks]
        largest = Grid(min(num_frames, self.max_frames), height, width)
        others = largest.numel * self._conditions_on_grid(conditions, has_parts=len(chunks) > 1)
        rounds = self._rounds(num_outputs, largest, others, sampling, options)
        num_waves = sum(self.transformer.num_generation_steps(grid, options.schedule) for grid in grids) * len(rounds)
        call.guidance_scale, call.num_outputs = sampling.guidance_scale, num_outputs
        call.num_timesteps = num_waves

        tokens = torch.zeros(num_outputs, num_frames, height, width, dtype=torch.long, device=mask.device)
        written = torch.zeros(tokens.shape, dtype=torch.bool, device=tokens.device)
        if "known_mask" in conditions:
            written = conditions["known_mask"].clone()
            tokens = torch.where(written, conditions["known_tokens"], tokens)
        if not TEXT_TENSORS.keys().isdisjoint(options.callback_on_step_end_tensor_inputs):
            conditions = self.with_encoded_texts(conditions, sampling.uses_guidance)
        step_callback = StepCallback(options, conditions, self.transformer.config)
        with self._calls.running(call), self.progress_bar(total=num_waves) as progress_bar:
            waves = itertools.count()

            def end_wave(step: int, num_steps: int, tokens: torch.Tensor) -> bool | dict[str, Any]:
                scale = call.guidance_scale
                changed: dict[str, Any] = step_callback(self, next(waves), tokens)
                progress_bar.update()
                if self._calls.is_stopped(call):
                    return True
                if call.guidance_scale != scale:
                    changed["guidance_scale"] = call.guidance_scales(len(tokens))
                return changed

            for chunk, grid in zip(chunks, grids, strict=True):
                frames = slice(chunk.start, chunk.stop)
                given = self._conditions_of_chunk(conditions, chunk, tokens, written)
                run = {"grid": grid, "schedule": options.schedule, "callback": end_wave, **ONLY_TOKENS}
                drawing = rounds
                if given_frames is not None:
                    drawing = _drawing(rounds, [all(row[frames]) for row in given_frames])
                tokens[:, frames] = self._sample_best(given, sampling, run, drawing, options, prompts)
                written[:, frames] = True
                if self._calls.is_stopped(call):
                    break
        return tokens

    def _rounds(
        self, num_outputs: int, grid: Grid, condition_places: int, sampling: SamplingSettings, options: RunOptions
    ) -> list[torch.Generator | list[torch.Generator] | None]:
        """The generators of the candidates that are sampled together, for one group of them after the other."""
        if options.num_candidates == 1:
            return [options.generator]
        memory = MEMORY_TO_SPARE
        if options.output_type != "latent" and not self.is_offloaded:  # decoding will need its memory anyway
            memory = max(memory, decoding_memory(self.codec, num_outputs * grid.t, *self.image_size))
        model = self.transformer.get_base_model() if hasattr(self.transformer, "get_base_model") else self.transformer
        at_once = candidates_at_once(
            model,
            grid,
            memory,
            num_outputs=num_outputs,
            uses_guidance=sampling.uses_guidance,
            schedule=options.schedule,
            condition_places=condition_places,
        )
        generators = candidate_generators(
            options.generator, num_outputs, options.num_candidates, self._execution_device
        )
        groups = [generators[start : start + at_once] for start in range(0, len(generators), at_once)]
        return [[generator for candidate in group for generator in candidate] for group in groups]

    def _conditions_on_grid(self, conditions: dict[str, Any], has_parts: bool) -> int:
        """How many conditions on the visual grid there are: a sketch, and what is given or was drawn before."""
        if "known_mask" in conditions:
            reads_known = conditions.get("condition_on_known", True)
        else:
            reads_known = has_parts and reads_known_parts(self.transformer)
        return ("sketch_tokens" in conditions) + bool(reads_known)

    def _conditions_of_chunk(
        self, conditions: dict[str, Any], chunk: Chunk, tokens: torch.Tensor, written: torch.Tensor
    ) -> dict[str, Any]:
        """The conditions as one chunk sees them, where the frames sampled before are known."""
        frames = slice(chunk.start, chunk.stop)
        given = dict(conditions)
        if "sketch_tokens" in conditions:
            given["sketch_tokens"] = conditions["sketch_tokens"][:, frames]
        if "known_mask" in conditions or chunk.num_written:
            given |= {"known_tokens": tokens[:, frames], "known_mask": written[:, frames]}
        if "known_mask" not in conditions:  # all that is known was drawn before
            given["condition_on_known"] = reads_known_parts(self.transformer)
        return given

    def _sample_best(
        self,
        conditions: dict[str, Any],
        sampling: SamplingSettings,
        run: dict[str, Any],
        rounds: list[torch.Generator | list[torch.Generator] | None],
        options: RunOptions,
        prompts: list[str] | None,
    ) -> torch.Tensor:
        """The best candidate of each output; once the call is to stop, the best of those that are finished."""
        call, num_outputs = options.call, len(conditions["attention_mask"])
        if options.num_candidates == 1:
            (generator,) = rounds
            settings = asdict(_guided_as_now(sampling, call, num_outputs))
            return self.transformer.generate(generator=generator, **settings, **run, **conditions).tokens
        best = BestSoFar()
        for generators in rounds:
            count = len(generators) // num_outputs
            tiled = {name: _tile(value, count) for name, value in conditions.items()}
            settings = asdict(_guided_as_now(sampling, call, num_outputs).repeat(count))
            drawn = self.transformer.generate(generator=generators, **settings, **run, **tiled).tokens
            drawn = drawn.unflatten(0, (count, num_outputs))
            if self._calls.is_stopped(call):
                return drawn[0] if best.tokens is None else best.tokens
            for candidate in drawn:
                best.add(candidate, self._score(candidate, conditions, options, prompts))
        return best.tokens

    def _score(
        self, tokens: torch.Tensor, conditions: dict[str, Any], options: RunOptions, prompts: list[str] | None
    ) -> torch.Tensor:
        """A score for one candidate of each output."""
        if options.scorer is None:
            scores = likelihood_ratio(self.transformer, tokens, conditions)
        else:
            texts = [prompt for prompt in prompts for _ in range(len(tokens) // len(prompts))]
            scores = options.scorer(self.decode_tokens(tokens), texts)
        return check_scores(scores, len(tokens))


def _drawing(
    rounds: list[torch.Generator | list[torch.Generator] | None], is_given: list[bool]
) -> list[torch.Generator | list[torch.Generator] | None]:
    """The generators of a chunk. Outputs of which all is given draw from others, since alone they would skip it."""

    def others(generators: list[torch.Generator]) -> list[torch.Generator]:
        outputs = itertools.cycle(is_given)  # candidates of all outputs follow each other
        return [torch.Generator(one.device) if skips else one for one, skips in zip(generators, outputs, strict=False)]

    return [others(generators) if isinstance(generators, list) else generators for generators in rounds]


def _guided_as_now(sampling: SamplingSettings, call: Call, num_outputs: int) -> SamplingSettings:
    """How a call draws on, with the guidance scales that its callback has left.

    Outputs that began with guidance keep it, so that the callback may raise their scale again.
    """
    if call.guidance_scale == sampling.guidance_scale:
        return sampling
    least = [LEAST_GUIDED if scale > 1 else 1.0 for scale in sampling.of_outputs("guidance_scale", num_outputs)]
    scales = map(max, least, call.guidance_scales(num_outputs))
    return replace(sampling, guidance_scale=list(scales))


def _tile(value: Any, times: int) -> Any:
    """All rows of a tensor, `times` times one after another; anything else as it is."""
    return value.repeat(times, *[1] * (value.ndim - 1)) if isinstance(value, torch.Tensor) else value
