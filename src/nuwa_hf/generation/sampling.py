# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""From logits to tokens: sampling settings, guidance and the check of the generators.

Legend: B batch.
"""

import math
import numbers
from dataclasses import dataclass

import torch
from transformers import GenerationConfig, LogitsProcessorList
from transformers.generation import (
    MinPLogitsWarper,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)


@dataclass(frozen=True)
class SamplingSettings:
    """How a token is drawn from its logits.

    Args:
        do_sample (`bool`, defaults to `True`): `False` chooses the likeliest token.
        temperature (`float`, defaults to 1.0): divides the logits, at least 0; 0 chooses the likeliest token.
        top_k (`int`, *optional*): keep the k likeliest tokens; 0 keeps all.
        top_p (`float`, *optional*): keep the smallest set of tokens with at least this total probability, in (0, 1].
        min_p (`float`, *optional*): keep the tokens that are at least this fraction as likely as the likeliest, in
            [0, 1].
        guidance_scale (`float`, defaults to 1.0): s in `none + s (text - none)`, at least 1; 1 is no guidance.

    Raises:
        ValueError: If a number is outside its range.
    """

    do_sample: bool = True
    temperature: float = 1.0
    top_k: int | None = None
    top_p: float | None = None
    min_p: float | None = None
    guidance_scale: float = 1.0

    def __post_init__(self):
        if not isinstance(self.do_sample, bool):
            raise ValueError(f"`do_sample` must be True or False, got {self.do_sample!r}.")
        if not (_is_number(self.temperature) and self.temperature >= 0):
            raise ValueError(
                f"`temperature` must be a finite number of at least 0, got {self.temperature!r}; 0 takes the "
                "likeliest tokens."
            )
        if self.top_k is not None and (
            isinstance(self.top_k, bool) or not isinstance(self.top_k, int) or self.top_k < 0
        ):
            raise ValueError(
                f"`top_k` must be a whole number of at least 0, got {self.top_k!r}; 0 or None keeps all tokens."
            )
        if self.top_p is not None and not (_is_number(self.top_p) and 0 < self.top_p <= 1):
            raise ValueError(f"`top_p` must be in (0, 1], got {self.top_p!r}; use None to keep all tokens.")
        if self.min_p is not None and not (_is_number(self.min_p) and 0 <= self.min_p <= 1):
            raise ValueError(f"`min_p` must be in [0, 1], got {self.min_p!r}; 0 or None keeps all tokens.")
        if not (_is_number(self.guidance_scale) and self.guidance_scale >= 1):
            raise ValueError(
                f"`guidance_scale` must be a finite number of at least 1, got {self.guidance_scale!r}; 1 turns it off."
            )

    @classmethod
    def resolve(cls, generation_config: GenerationConfig, overrides: dict) -> "SamplingSettings":
        """Combine given settings with a generation configuration. A setting that neither has keeps its default.

        Args:
            generation_config (`GenerationConfig`): the model's or the user's configuration.
            overrides (`dict`): maps field names to values; `None` means not given.

        Returns:
            `SamplingSettings`: the checked settings.
        """
        values = {}
        for name in cls.__dataclass_fields__:
            value = overrides.get(name)
            value = getattr(generation_config, name, None) if value is None else value
            if value is not None:
                values[name] = value
        return cls(**values)

    @property
    def uses_guidance(self) -> bool:
        """Whether the unconditional pass is needed."""
        return self.guidance_scale > 1

    @property
    def is_greedy(self) -> bool:
        """Whether the likeliest token is always chosen."""
        return not self.do_sample or self.temperature == 0

    def warpers(self) -> LogitsProcessorList:
        """Transformers' logits warpers in their usual order: temperature, top-k, top-p, min-p.

        None of them changes which token is the likeliest, so the list is empty if that one is always chosen.
        """
        warpers = LogitsProcessorList()
        if self.is_greedy:
            return warpers
        if self.temperature != 1.0:
            warpers.append(TemperatureLogitsWarper(float(self.temperature)))
        if self.top_k:
            warpers.append(TopKLogitsWarper(self.top_k))
        if self.top_p is not None and self.top_p < 1.0:
            warpers.append(TopPLogitsWarper(float(self.top_p)))
        if self.min_p:
            warpers.append(MinPLogitsWarper(float(self.min_p)))
        return warpers


def guide(logits: torch.Tensor, guidance_scale: float) -> torch.Tensor:
    """Classifier-free guidance: `none + s (text - none)`.

    Args:
        logits (`torch.Tensor` of shape `(2 B, ...)`): first the B rows with text, then the B rows with "None".
        guidance_scale (`float`): s.

    Returns:
        `torch.Tensor` of shape `(B, ...)`.
    """
    conditional, unconditional = logits.chunk(2)
    return unconditional + guidance_scale * (conditional - unconditional)


def check_generators(generator: torch.Generator | list[torch.Generator] | None, batch_size: int) -> None:
    """Check that there is no generator, one for the whole batch, or one for each output.

    Args:
        generator (`torch.Generator` or `list[torch.Generator]`, *optional*): the generators to check.
        batch_size (`int`): number of images or videos to generate.

    Raises:
        TypeError: If `generator` is anything else.
        ValueError: If the list's length differs from the batch size.
    """
    generators = generator if isinstance(generator, list) else [generator]
    for one in generators:
        if not isinstance(one, torch.Generator) and not (one is None and generator is None):
            raise TypeError(f"`generator` must be a `torch.Generator` or a list of them, got {one!r}.")
    if isinstance(generator, list) and len(generator) != batch_size:
        raise ValueError(
            f"`generator` must hold one generator for each of the {batch_size} outputs (inputs times the number made"
            f" of each), got {len(generator)}."
        )


def _is_number(value) -> bool:
    return isinstance(value, numbers.Real) and not isinstance(value, bool) and math.isfinite(value)
