# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""How tokens are drawn: the settings of a call, and the check of its generators.

Legend: B outputs.
"""

import math
import numbers
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from transformers import GenerationConfig

from nuwa_hf.argument_types import shown


PER_OUTPUT = ("temperature", "top_k", "top_p", "min_p", "guidance_scale")


@dataclass(frozen=True)
class SamplingSettings:
    """How tokens are drawn from their logits. Every number may also be a list with one for each of B outputs.

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
    temperature: float | tuple[float, ...] = 1.0
    top_k: int | tuple[int | None, ...] | None = None
    top_p: float | tuple[float | None, ...] | None = None
    min_p: float | tuple[float | None, ...] | None = None
    guidance_scale: float | tuple[float, ...] = 1.0

    def __post_init__(self):
        for name in PER_OUTPUT:
            if isinstance(getattr(self, name), list):
                object.__setattr__(self, name, tuple(getattr(self, name)))
        if not isinstance(self.do_sample, bool):
            raise ValueError(f"`do_sample` must be True or False, got {shown(self.do_sample)}; give one of them.")
        for name, value in self._each("temperature"):
            if not (_is_number(value) and value >= 0):
                raise ValueError(
                    f"{name} must be a finite number of at least 0, got {shown(value)}; 0 takes the likeliest tokens."
                )
        for name, value in self._each("top_k"):
            if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 0):
                raise ValueError(
                    f"{name} must be a whole number of at least 0, got {shown(value)}; 0 or None keeps all tokens."
                )
        for name, value in self._each("top_p"):
            if value is not None and not (_is_number(value) and 0 < value <= 1):
                raise ValueError(f"{name} must be in (0, 1], got {shown(value)}; use None to keep all tokens.")
        for name, value in self._each("min_p"):
            if value is not None and not (_is_number(value) and 0 <= value <= 1):
                raise ValueError(f"{name} must be in [0, 1], got {shown(value)}; 0 or None keeps all tokens.")
        for name, value in self._each("guidance_scale"):
            if not (_is_number(value) and value >= 1):
                raise ValueError(f"{name} must be a finite number of at least 1, got {shown(value)}; 1 turns it off.")

    def _each(self, name: str) -> Iterator[tuple[str, Any]]:
        """The values of a setting, each with what to call it in a message."""
        value = getattr(self, name)
        if isinstance(value, tuple):
            yield from ((f"`{name}[{place}]`", one) for place, one in enumerate(value))
        else:
            yield f"`{name}`", value

    @classmethod
    def resolve(cls, generation_config: GenerationConfig, overrides: dict[str, Any]) -> "SamplingSettings":
        """Combine given settings with a generation configuration. A setting that neither has keeps its default.

        Args:
            generation_config (`GenerationConfig`): the model's or the user's configuration.
            overrides (`dict[str, Any]`): maps field names to values; `None` means not given, also in a list.

        Returns:
            `SamplingSettings`: the checked settings.

        Raises:
            ValueError: If a number is outside its range.
        """
        values = {}
        for name, field in cls.__dataclass_fields__.items():
            configured = getattr(generation_config, name, None)
            default = field.default if configured is None else configured
            values[name] = or_else(overrides.get(name), default)
        return cls(**values)

    def of_outputs(self, name: str, batch_size: int) -> tuple[Any, ...]:
        """A setting with one value for each output.

        Args:
            name (`str`): one of `PER_OUTPUT`.
            batch_size (`int`): B.

        Returns:
            `tuple`: B values.
        """
        value = getattr(self, name)
        return value if isinstance(value, tuple) else (value,) * batch_size

    def repeat(self, times: int) -> "SamplingSettings":
        """The settings of a batch that holds all outputs several times, one batch after the other.

        Args:
            times (`int`): how often.

        Returns:
            `SamplingSettings`.
        """
        values = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return SamplingSettings(
            **{name: value * times if isinstance(value, tuple) else value for name, value in values.items()}
        )

    def check_batch(self, batch_size: int) -> None:
        """Check that each list holds one value for each output.

        Args:
            batch_size (`int`): B.

        Raises:
            ValueError: If the length of one differs.
        """
        for name in PER_OUTPUT:
            value = getattr(self, name)
            if isinstance(value, tuple) and len(value) != batch_size:
                raise ValueError(
                    f"`{name}` must be one number, or hold one for each of the {batch_size} outputs (inputs times the "
                    f"number made of each), got {len(value)}; give one number for all."
                )

    @property
    def largest_guidance_scale(self) -> float:
        """The largest scale of any output; above 1 the unconditional pass is needed."""
        return max(self.guidance_scale) if isinstance(self.guidance_scale, tuple) else self.guidance_scale

    @property
    def uses_guidance(self) -> bool:
        """Whether the unconditional pass is needed for any output."""
        return self.largest_guidance_scale > 1

    @property
    def is_greedy(self) -> bool:
        """Whether the likeliest token is always chosen, in all outputs."""
        return not self.do_sample or not any(self.of_outputs("temperature", 1))


def or_else(value: Any, default: Any) -> Any:
    """A given setting, with a default in place of None.

    Args:
        value: one value or a list of them; None is what was not given, also in the list.
        default: what stands for it.

    Returns:
        The same, without None unless that is the default.
    """
    if isinstance(value, list | tuple):
        return [default if one is None else one for one in value]
    return default if value is None else value


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
            raise TypeError(
                f"`generator` must be a `torch.Generator` or a list of them, got {shown(one)}; give for example "
                "`torch.Generator().manual_seed(0)`."
            )
    if isinstance(generator, list) and len(generator) != batch_size:
        raise ValueError(
            f"`generator` must hold one generator for each of the {batch_size} outputs (inputs times the number made"
            f" of each), got {len(generator)}; give as many, or one for all."
        )


def check_new_scales(scale: Any, batch_size: int) -> None:
    """Check the guidance scales that a running call goes on with. Unlike its first ones, they may be below 1.

    Args:
        scale: what a callback gave: one number for all outputs, or a list with one for each.
        batch_size (`int`): B.

    Raises:
        ValueError: If it is anything else.
    """
    is_list = isinstance(scale, list | tuple)
    if not all(map(_is_number, scale if is_list else [scale])) or (is_list and len(scale) != batch_size):
        raise ValueError(
            f"`guidance_scale` must be a finite number, or a list with one for each of the {batch_size} outputs "
            f"(inputs times the number made of each), got {shown(scale)}; give one number for all."
        )


def _is_number(value) -> bool:
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number that no float can hold
        return False
