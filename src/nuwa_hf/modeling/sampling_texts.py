# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The texts of a sampling call, as tokens or as a user encoded them.

Legend: B texts, L text length, D hidden size.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Self

import torch
from torch.nn import functional
from transformers import PreTrainedModel

from nuwa_hf.modeling.configuration_nuwa import NuwaConfig


ENCODED = "encoder_hidden_states"


@dataclass(frozen=True)
class Texts:
    """Texts of one length.

    Args:
        rows (`torch.Tensor`): tokens of shape `(B, L)`, or encoded texts of shape `(B, L, D)`.
        mask (`torch.Tensor` of shape `(B, L)`, *optional*): nonzero at tokens; all are without one.
    """

    rows: torch.Tensor
    mask: torch.Tensor | None

    @property
    def is_encoded(self) -> bool:
        """Whether they are encoded."""
        return self.rows.ndim == 3

    def encoded_by(self, model: PreTrainedModel) -> Self:
        """The same texts encoded.

        Args:
            model (`PreTrainedModel`): a `NuwaForConditionalGeneration`.

        Returns:
            `Texts`.
        """
        if self.is_encoded:
            return self
        with torch.no_grad():
            return Texts(model.encode_text(self.rows, self.mask).hidden_states, self.mask)

    def chosen(self, choose: Callable[[torch.Tensor], torch.Tensor]) -> Self:
        """Some of the rows, or each several times.

        Args:
            choose (`Callable`): takes a tensor with a row for each text and returns one of other rows.

        Returns:
            `Texts`.
        """
        return Texts(choose(self.rows), None if self.mask is None else choose(self.mask))

    def padded(self, length: int, config: NuwaConfig) -> Self:
        """The same texts with padding at the end.

        Args:
            length (`int`): at least L.
            config (`NuwaConfig`): holds the token of padding.

        Returns:
            `Texts`: with a mask.
        """
        missing = length - self.rows.shape[1]
        mask = self.mask
        if mask is None:
            mask = torch.ones(self.rows.shape[:2], dtype=torch.long, device=self.rows.device)
        if self.is_encoded:
            rows = functional.pad(self.rows, (0, 0, 0, missing))
        else:
            rows = functional.pad(self.rows, (0, missing), value=config.pad_token_id)
        return Texts(rows, functional.pad(mask, (0, missing)))

    def as_inputs(self) -> dict[str, torch.Tensor | None]:
        """The texts as arguments of the model's `forward`."""
        return {ENCODED if self.is_encoded else "input_ids": self.rows, "attention_mask": self.mask}


def stacked(texts: Sequence[Texts], config: NuwaConfig) -> Texts:
    """Texts below each other, padded to the longest.

    Args:
        texts (`Sequence[Texts]`): all as tokens, or all encoded.
        config (`NuwaConfig`): holds the token of padding.

    Returns:
        `Texts`.
    """
    length = max(one.rows.shape[1] for one in texts)
    padded = [one.padded(length, config) for one in texts]
    return Texts(torch.cat([one.rows for one in padded]), torch.cat([one.mask for one in padded]))
