# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The texts of a sampling call, as tokens, embedded or encoded.

Legend: B texts, L text length, D hidden size.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Self

import torch
from torch.nn import functional
from transformers import PreTrainedModel

from nuwa_hf.modeling.configuration_nuwa import NuwaConfig


TOKENS, ENCODED = "input_ids", "encoder_hidden_states"


@dataclass(frozen=True)
class Texts:
    """Texts of one length.

    Args:
        name (`str`): the argument of the model's `forward` that they are: `"input_ids"`, `"inputs_embeds"` or
            `"encoder_hidden_states"`.
        rows (`torch.Tensor`): tokens of shape `(B, L)`, or embedded or encoded texts of shape `(B, L, D)`.
        mask (`torch.Tensor` of shape `(B, L)`, *optional*): nonzero at tokens; all are without one.
    """

    name: str
    rows: torch.Tensor
    mask: torch.Tensor | None

    def encoded_by(self, model: PreTrainedModel) -> Self:
        """The same texts encoded.

        Args:
            model (`PreTrainedModel`): a `NuwaForConditionalGeneration`.

        Returns:
            `Texts`.
        """
        if self.name == ENCODED:
            return self
        given = {TOKENS: None, self.name: self.rows, "attention_mask": self.mask}
        with torch.no_grad():
            return Texts(ENCODED, model.encode_text(**given).hidden_states, self.mask)

    def chosen(self, choose: Callable[[torch.Tensor], torch.Tensor]) -> Self:
        """Some of the rows, or each several times.

        Args:
            choose (`Callable`): takes a tensor with a row for each text and returns one of other rows.

        Returns:
            `Texts`.
        """
        return Texts(self.name, choose(self.rows), None if self.mask is None else choose(self.mask))

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
        if self.name == TOKENS:
            rows = functional.pad(self.rows, (0, missing), value=config.pad_token_id)
        else:
            rows = functional.pad(self.rows, (0, 0, 0, missing))
        return Texts(self.name, rows, functional.pad(mask, (0, missing)))

    def as_inputs(self) -> dict[str, torch.Tensor | None]:
        """The texts as arguments of the model's `forward`."""
        return {self.name: self.rows, "attention_mask": self.mask}


def stacked(texts: Sequence[Texts], config: NuwaConfig) -> Texts:
    """Texts below each other, padded to the longest.

    Args:
        texts (`Sequence[Texts]`): all of the same kind.
        config (`NuwaConfig`): holds the token of padding.

    Returns:
        `Texts`.
    """
    length = max(one.rows.shape[1] for one in texts)
    padded = [one.padded(length, config) for one in texts]
    return Texts(texts[0].name, torch.cat([one.rows for one in padded]), torch.cat([one.mask for one in padded]))
