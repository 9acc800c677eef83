# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The texts of a call, and texts that a user encoded before it: diffusers' `prompt_embeds`.

Legend: B texts, L text length, D hidden size.
"""

from dataclasses import dataclass
from typing import Any

import torch

from nuwa_hf.modeling.configuration_nuwa import NuwaConfig
from nuwa_hf.modeling.token_checks import check_encoded_text


@dataclass(frozen=True)
class EncodedText:
    """Encoded texts.

    Args:
        states (`torch.Tensor` of shape `(B, L, D)`): the texts, as the transformer's `encode_text` gives them.
        mask (`torch.Tensor` of shape `(B, L)`): 1 at tokens, 0 at padding.
    """

    states: torch.Tensor
    mask: torch.Tensor

    def __len__(self) -> int:
        return len(self.states)

    def matched(self, num_inputs: int, name: str) -> "EncodedText":
        """One text for each input.

        Args:
            num_inputs (`int`): prompts, images or videos that were given; one text stands for all of them.
            name (`str`): the argument's name.

        Returns:
            `EncodedText`: as many as there are inputs.

        Raises:
            ValueError: If there is another number of them.
        """
        if len(self) not in (1, num_inputs):
            raise ValueError(
                f"`{name}` must hold one text for each of the {num_inputs} inputs, got {len(self)}; give one for all"
                " of them, or as many."
            )
        return EncodedText(self.states.expand(num_inputs, -1, -1), self.mask.expand(num_inputs, -1))


@dataclass(frozen=True)
class CallTexts:
    """What a call is to show, and what guidance leads away from.

    Args:
        num_inputs (`int`): how many inputs the call has.
        prompts (`list[str]` or `EncodedText`, *optional*): a text for each; None for the constant "None" condition.
        negative_prompts (`list[str]` or `EncodedText`, *optional*): likewise.
    """

    num_inputs: int
    prompts: list[str] | EncodedText | None
    negative_prompts: list[str] | EncodedText | None


def read_embeds(
    prompt: Any, embeds: Any, mask: Any, config: NuwaConfig, *, name: str = "prompt"
) -> EncodedText | None:
    """Check what a user gave as encoded texts.

    Args:
        prompt: the texts themselves, in place of which they stand.
        embeds (`torch.Tensor` of shape `(B, L, D)`, *optional*): the encoded texts.
        mask (`torch.Tensor` of shape `(B, L)`, *optional*): nonzero at tokens; by default all are.
        config (`NuwaConfig`): the transformer's.
        name (`str`, defaults to `"prompt"`): `"prompt"` or `"negative_prompt"`.

    Returns:
        `EncodedText` or None: copies; None if there are none.

    Raises:
        TypeError: If they are no tensor of floats.
        ValueError: If the text is given too, there is a mask alone, or a shape is wrong.
    """
    if embeds is None:
        if mask is not None:
            raise ValueError(f"`{name}_attention_mask` must stand beside `{name}_embeds`, got it alone; leave it out.")
        return None
    if prompt is not None:
        raise ValueError(f"One of `{name}` and `{name}_embeds` must be given, got both; leave one out.")
    check_encoded_text(f"{name}_embeds", embeds, mask, config)
    if mask is None:
        mask = torch.ones(embeds.shape[:2], dtype=torch.long, device=embeds.device)
    return EncodedText(embeds.clone(), mask.clone())  # the caller may go on to change its own
