# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""From logits to the scores that tokens are drawn by: guidance, temperature, top-k, top-p and min-p, row by row.

The rules are those of transformers' logits warpers in their usual order, with a number for each row of the batch
instead of one for all; every row gets what a batch of its own would give it.

Legend: B outputs, G guided ones among them, n places of one step, V codebook size.
"""

from collections.abc import Sequence
from typing import Self

import torch

from nuwa_hf.generation.sampling import SamplingSettings, check_new_scales


# A row that is colder takes the likeliest token, as nearly all its draws would: float32 cannot hold the quotients.
COLDEST = 1e-30


class LogitRules:
    """The settings of a batch as tensors of shape `(B, 1, 1)`.

    Args:
        settings (`SamplingSettings`): how tokens are drawn.
        batch_size (`int`): B.
        codebook_size (`int`): V.
        device (`torch.device`): where the logits are.
        dtype (`torch.dtype`, defaults to `torch.float32`): that of the logits, at least float32.

    Attributes:
        guided (`list[int]`): the outputs whose scale is above 1.
    """

    def __init__(
        self,
        settings: SamplingSettings,
        batch_size: int,
        codebook_size: int,
        device: torch.device,
        dtype: torch.dtype = torch.float32,
    ):
        def column(values: Sequence[float], dtype: torch.dtype = dtype) -> torch.Tensor:
            return torch.tensor(values, dtype=dtype, device=device)[:, None, None]

        self._batch_size = batch_size
        scales = settings.of_outputs("guidance_scale", batch_size)
        self.guided = guided_outputs(settings, batch_size)
        self._all_guided = len(self.guided) == batch_size
        self._guided = torch.tensor(self.guided, dtype=torch.long, device=device)
        self._scale = column([scales[output] for output in self.guided])

        temperatures = settings.of_outputs("temperature", batch_size)
        is_likeliest = [not settings.do_sample or temperature < COLDEST for temperature in temperatures]
        self._is_likeliest = column(is_likeliest, torch.bool) if any(is_likeliest) else None
        # Rows that always choose the likeliest token need no rule; of equally likely ones, top-p may keep another.
        self._temperature = self._top_k = self._top_p = self._min_p = None
        if all(is_likeliest):
            return

        def of_drawn(name: str, neutral: float) -> list[float]:
            values = settings.of_outputs(name, batch_size)
            return [neutral if skip or one is None else one for one, skip in zip(values, is_likeliest, strict=True)]

        temperatures = of_drawn("temperature", 1.0)
        if any(temperature != 1 for temperature in temperatures):
            self._temperature = column(temperatures)
        top_k = [min(k or codebook_size, codebook_size) for k in of_drawn("top_k", 0)]
        if min(top_k) < codebook_size:
            self._most, self._top_k = max(top_k), column(top_k, torch.long) - 1
        top_p = of_drawn("top_p", 1.0)
        if min(top_p) < 1:  # a cumulative probability may be 0, but not below
            self._top_p = column([1 - p if p < 1 else -1.0 for p in top_p])
        min_p = of_drawn("min_p", 0.0)
        if max(min_p) > 0:
            self._min_p = column(min_p)

    def guide_with(self, scale: float | list[float]) -> None:
        """Guide with other scales from now on. Which outputs are guided stays as it is.

        Args:
            scale (`float` or `list[float]`): one for all outputs, or one for each; at most 1 for those that are not
                guided.

        Raises:
            ValueError: If it is no finite number, or a list of another length, or if an output is to be guided that
                was not from the beginning.
        """
        check_new_scales(scale, self._batch_size)
        scales = scale if isinstance(scale, list | tuple) else [scale] * self._batch_size
        late = [output for output, scale in enumerate(scales) if scale > 1 and output not in self.guided]
        if late:
            raise ValueError(
                f"`guidance_scale` must stay at most 1 for output {late[0]}, which began without guidance, got "
                f"{scales[late[0]]}; begin with a scale above 1."
            )
        chosen = [max(1.0, float(scales[output])) for output in self.guided]
        self._scale.copy_(torch.tensor(chosen, dtype=self._scale.dtype)[:, None, None])

    @property
    def program(self) -> tuple:
        """Which operators the rules are; rules of the same program differ in the numbers of their tensors only."""
        return tuple(
            (name, (tuple(value.shape), value.dtype) if isinstance(value, torch.Tensor) else str(value))
            for name, value in sorted(vars(self).items())
        )

    def load(self, other: Self) -> None:
        """Write the numbers of other rules, of the same program, over these."""
        for name, value in vars(other).items():
            if isinstance(value, torch.Tensor):
                getattr(self, name).copy_(value)

    def guide(self, logits: torch.Tensor) -> torch.Tensor:
        """Classifier-free guidance: `none + s (text - none)` in the guided rows.

        Args:
            logits (`torch.Tensor` of shape `(B + G, n, V)`): first all rows with their conditions, then the guided
                ones without.

        Returns:
            `torch.Tensor` of shape `(B, n, V)`.
        """
        if not self.guided:
            return logits
        conditional, unconditional = logits.split([len(logits) - len(self.guided), len(self.guided)])
        given = conditional if self._all_guided else conditional[self._guided]
        guided = unconditional + self._scale * (given - unconditional)
        return guided if self._all_guided else conditional.index_copy(0, self._guided, guided)

    def warp(self, logits: torch.Tensor) -> torch.Tensor:
        """Temperature, top-k, top-p and min-p of each row.

        Args:
            logits (`torch.Tensor` of shape `(B, n, V)`): scores.

        Returns:
            `torch.Tensor` of shape `(B, n, V)`: scores, those of excluded tokens minus infinity.
        """
        if self._temperature is not None:
            logits = logits / self._temperature
        if self._top_k is not None:
            likeliest = logits.topk(self._most).values
            least = likeliest.gather(-1, self._top_k.expand(-1, logits.shape[1], 1))
            logits = logits.masked_fill(logits < least, -torch.inf)
        if self._top_p is not None:
            ascending, order = logits.sort(-1)
            is_out = ascending.softmax(-1).cumsum(-1) <= self._top_p
            is_out[..., -1].fill_(False)  # not an assignment, whose number would come from the host
            logits = logits.masked_fill(is_out.scatter(-1, order, is_out), -torch.inf)
        if self._min_p is not None:
            probabilities = logits.softmax(-1)
            least = self._min_p * probabilities.amax(-1, keepdim=True)
            logits = logits.masked_fill(probabilities < least, -torch.inf)
        return logits

    def perturb(self, logits: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
        """Add noise, except in rows that choose the likeliest token.

        Args:
            logits (`torch.Tensor` of shape `(B, n, V)`): scores.
            noise (`torch.Tensor` of shape `(B, n, V)`): of each place; it is changed.

        Returns:
            `torch.Tensor` of shape `(B, n, V)`.
        """
        return logits + (noise if self._is_likeliest is None else noise.masked_fill_(self._is_likeliest, 0.0))


def guided_outputs(settings: SamplingSettings, batch_size: int) -> list[int]:
    """Which outputs are guided.

    Args:
        settings (`SamplingSettings`): how tokens are drawn.
        batch_size (`int`): B.

    Returns:
        `list[int]`: those whose scale is above 1.
    """
    return [output for output, scale in enumerate(settings.of_outputs("guidance_scale", batch_size)) if scale > 1]
