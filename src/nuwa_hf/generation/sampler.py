# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""What a step computes: logits, and tokens drawn from them.

Sampling depends on no model class. The function that computes the logits of a step is passed to it, for example by
`NuwaForConditionalGeneration.generate`.

Legend: B batch, G guided rows, T, H, W visual grid, n places of one step, V codebook size.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import torch
from transformers import LogitsProcessorList

from nuwa_hf.generation.logit_rules import LogitRules
from nuwa_hf.generation.noise import PlaceNoise
from nuwa_hf.generation.sampling import SamplingSettings
from nuwa_hf.generation.step_tables import Step
from nuwa_hf.grid import Grid


class StepFunction(Protocol):
    """The function that computes the logits of a step."""

    def __call__(self, visual_tokens: torch.Tensor, step: Step, wanted: list[int] | None) -> torch.Tensor:
        """Compute the logits of some places of a step.

        Args:
            visual_tokens (`torch.LongTensor` of shape `(B, T, H, W)`): the tokens so far.
            step (`Step`): the step; keys and values of all its places are kept for later steps.
            wanted (`list[int]`, *optional*): rows of the step that need logits; all of them if None.

        Returns:
            `torch.Tensor` of shape `(B + G, n, V)`: after all rows, the guided ones once more without conditions.
        """


@dataclass(frozen=True)
class TokenDraw:
    """Draws tokens from logits.

    Args:
        settings (`SamplingSettings`): how tokens are drawn.
        generator (`torch.Generator` or `list[torch.Generator]`, *optional*): one for all items, or one for each.
        batch_size (`int`): B.
        codebook_size (`int`): V.
        device (`torch.device`): device of the logits.
        logits_processor (`LogitsProcessorList`, *optional*): processors applied after guidance, before the other
            settings.
        dtype (`torch.dtype`, defaults to `torch.float32`): what scores are computed in, at least float32.
    """

    settings: SamplingSettings
    generator: torch.Generator | list[torch.Generator] | None
    batch_size: int
    codebook_size: int
    device: torch.device
    logits_processor: LogitsProcessorList | None = None
    dtype: torch.dtype = torch.float32

    @cached_property
    def rules(self) -> LogitRules:
        """The settings as tensors, row by row."""
        return LogitRules(self.settings, self.batch_size, self.codebook_size, self.device, self.dtype)

    def noise_of(self, kept: Grid) -> PlaceNoise | None:
        """Noise for the kept frames, none of which has begun yet; None if the likeliest tokens are chosen."""
        if self.settings.is_greedy:
            return None
        return PlaceNoise(kept, self.batch_size, self.codebook_size, self.generator, self.device)

    def __call__(self, logits: torch.Tensor, noise: PlaceNoise | None, places: torch.Tensor) -> torch.Tensor:
        """Draw the tokens of some places.

        Args:
            logits (`torch.Tensor` of shape `(B + G, n, V)`): scores.
            noise (`PlaceNoise`, *optional*): noise of the kept frames; None chooses the likeliest tokens.
            places (`torch.LongTensor` of shape `(n,)`): raster indices in the kept frames.

        Returns:
            `torch.LongTensor` of shape `(B, n)`.
        """
        scores = self.scores(logits)
        return (scores if noise is None else self.rules.perturb(scores, noise.at(places))).argmax(-1)

    def scores(self, logits: torch.Tensor) -> torch.Tensor:
        """What tokens are drawn by: logits after guidance, processors, temperature, top-k, top-p and min-p.

        Args:
            logits (`torch.Tensor` of shape `(B + G, n, V)`): scores of the model.

        Returns:
            `torch.Tensor` of shape `(B, n, V)`: in `dtype`, since small temperatures are too much for float16.
        """
        logits = self.rules.guide(logits.to(self.dtype))
        if self.logits_processor:
            logits = LogitsProcessorList(self.logits_processor)(None, logits.flatten(0, 1)).view_as(logits)
        return self.rules.warp(logits)
