# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The step of a pipeline that samples tokens: chunks of long videos, candidates, callback and progress bar.

Legend: B outputs, T frames, H, W token rows and columns, L text length.
"""

from dataclasses import asdict
from typing import Any

import torch

from nuwa_hf.generation.sampling import SamplingSettings
from nuwa_hf.grid import Grid
from nuwa_hf.pipelines.candidates import best_of, likelihood_ratio
from nuwa_hf.pipelines.long_video import Chunk, chunks_of
from nuwa_hf.pipelines.run_options import RunOptions


class TokenGenerationMixin:
    """What `NuwaPipelineBase` samples with; it needs its components, `decode_tokens` and `progress_bar`."""

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

        A video longer than the learnt positions is written in chunks, each of which goes on from the last frames of
        the one before. With several candidates, the best one of each chunk is kept.

        Args:
            conditions (`dict[str, Any]`): what `NuwaForConditionalGeneration.generate` takes: `input_ids` and
                `attention_mask` of shape `(B, L)`, their negatives, `sketch_tokens`, `known_tokens` and `known_mask`
                of shape `(B, num_frames, H, W)`, `condition_on_known`.
            sampling (`SamplingSettings`): how tokens are drawn.
            options (`RunOptions`): generators, schedule, candidates, callback.
            num_frames (`int`): frames of the video, 1 for an image.
            prompts (`list[str]`, *optional*): the texts, for a scorer of candidates.

        Returns:
            `torch.LongTensor` of shape `(B, num_frames, H, W)`: the tokens.
        """
        self._interrupt = False
        schedule, generator, num_candidates = options.schedule, options.generator, options.num_candidates
        _, height, width = self.transformer.config.visual_grid
        chunks = list(chunks_of(num_frames, self.max_frames, options.overlap_frames))
        if "known_mask" in conditions:
            chunks = [c for c in chunks if not conditions["known_mask"][:, c.start : c.stop].all()]
        grids = [Grid(chunk.stop - chunk.start, height, width) for chunk in chunks]
        self._num_timesteps = sum(self.transformer.num_generation_steps(grid, schedule) for grid in grids)
        if num_candidates > 1:
            conditions = {name: _repeat_rows(value, num_candidates) for name, value in conditions.items()}
            generator = _repeat_rows(generator, num_candidates)

        input_ids = conditions["input_ids"]
        tokens = input_ids.new_zeros(len(input_ids), num_frames, height, width)
        written = torch.zeros(tokens.shape, dtype=torch.bool, device=tokens.device)
        if "known_mask" in conditions:
            written = conditions["known_mask"].clone()
            tokens = torch.where(written, conditions["known_tokens"], tokens)
        done = 0
        with self.progress_bar(total=self._num_timesteps) as progress_bar:

            def end_wave(step: int, num_steps: int, tokens: torch.Tensor) -> bool:
                if options.callback_on_step_end is not None:
                    tensors = {"tokens": tokens}
                    asked = {name: tensors[name] for name in options.callback_on_step_end_tensor_inputs}
                    # The tokens are the sampler's own, so what is written into them is what later waves see.
                    replaced = options.callback_on_step_end(self, done + step, done + step, asked) or {}
                    tokens.copy_(replaced.get("tokens", tokens))
                progress_bar.update()
                return self._interrupt

            for chunk, grid in zip(chunks, grids, strict=True):
                frames = slice(chunk.start, chunk.stop)
                given = self._conditions_of_chunk(conditions, chunk, tokens, written)
                drawn = self.transformer.generate(
                    grid=grid, schedule=schedule, generator=generator, callback=end_wave, **given, **asdict(sampling)
                ).tokens
                if num_candidates > 1 and not self._interrupt:
                    drawn = self._keep_best(drawn, given, options, prompts)
                tokens[:, frames], written[:, frames] = drawn, True
                done += self.transformer.num_generation_steps(grid, schedule)
                if self._interrupt:
                    break
        return tokens[::num_candidates]

    def _conditions_of_chunk(
        self, conditions: dict[str, Any], chunk: Chunk, tokens: torch.Tensor, written: torch.Tensor
    ) -> dict[str, Any]:
        """The conditions as one chunk sees them: the frames written before are known to it."""
        frames = slice(chunk.start, chunk.stop)
        given = dict(conditions)
        if "sketch_tokens" in conditions:
            given["sketch_tokens"] = conditions["sketch_tokens"][:, frames]
        if "known_mask" in conditions or chunk.num_written:
            given |= {"known_tokens": tokens[:, frames], "known_mask": written[:, frames]}
        return given

    def _keep_best(
        self,
        tokens: torch.Tensor,
        conditions: dict[str, Any],
        options: RunOptions,
        prompts: list[str] | None,
    ) -> torch.Tensor:
        """The best candidate of each output, in the place of all its candidates."""
        if options.scorer is None:
            scores = likelihood_ratio(self.transformer, tokens, conditions)
        else:
            texts = [prompt for prompt in prompts for _ in range(len(tokens) // len(prompts))]
            scores = options.scorer(self.decode_tokens(tokens), texts)
        best = best_of(scores, len(tokens), options.num_candidates).to(tokens.device)
        return tokens[best.repeat_interleave(options.num_candidates)]


def _repeat_rows(value: Any, times: int) -> Any:
    """Every row of a tensor, every entry of a list, `times` times in a row; anything else as it is."""
    if isinstance(value, torch.Tensor):
        return value.repeat_interleave(times, dim=0)
    return [one for one in value for _ in range(times)] if isinstance(value, list) else value
