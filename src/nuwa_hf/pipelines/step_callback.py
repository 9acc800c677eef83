# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""A user's `callback_on_step_end`: the tensors that it asks for, and those that it replaces.

Legend: B outputs, R outputs with the candidates that are sampled together, T frames, H, W token rows and columns, L
text length, D hidden size.
"""

from typing import Any

import torch

from nuwa_hf.modeling.codec.protocol import check_tokens_in_codebook
from nuwa_hf.modeling.configuration_nuwa import NuwaConfig
from nuwa_hf.modeling.token_checks import check_encoded_text, check_whole_numbers
from nuwa_hf.pipelines.checks import check_callback_result
from nuwa_hf.pipelines.run_options import RunOptions


# The names that diffusers' pipelines have for what `NuwaForConditionalGeneration.generate` takes.
TEXT_TENSORS = {
    "prompt_embeds": "encoder_hidden_states",
    "negative_prompt_embeds": "negative_encoder_hidden_states",
    "prompt_attention_mask": "attention_mask",
    "negative_prompt_attention_mask": "negative_attention_mask",
}


class StepCallback:
    """Calls a user's callback after every wave.

    Args:
        options (`RunOptions`): the callback and the names of what it asks for.
        conditions (`dict[str, Any]`): the conditions of the B outputs, with encoded texts if the callback asks for
            these. Texts that it replaces are replaced here too, for later chunks of a long video.
        config (`NuwaConfig`): the transformer's.
    """

    def __init__(self, options: RunOptions, conditions: dict[str, Any], config: NuwaConfig):
        self.options, self.conditions, self.config = options, conditions, config

    def __call__(self, pipeline: Any, wave: int, tokens: torch.Tensor) -> dict[str, torch.Tensor]:
        """Call the callback.

        Args:
            pipeline (`NuwaPipelineBase`): whose call it is.
            wave (`int`): the number of the wave.
            tokens (`torch.LongTensor` of shape `(R, T, H, W)`): the sampler's own, so later waves see what the
                callback writes into them.

        Returns:
            `dict[str, torch.Tensor]`: the texts that later waves read instead, as `generate` takes them.

        Raises:
            TypeError: If the callback returns no dict, no tensor of integers as tokens, or no tensor of floats as a
                text.
            ValueError: If it returns something that it may not replace, or of another shape, or if a token that it
                returns or writes is not in the codebook.
        """
        if self.options.callback_on_step_end is None:
            return {}
        asked: dict[str, torch.Tensor | None] = {"tokens": tokens}
        for name in self._asked_texts:
            value = self.conditions.get(TEXT_TENSORS[name])
            asked[name] = None if value is None else value.clone()  # compared with what comes back
        given = {name: asked[name] for name in self.options.callback_on_step_end_tensor_inputs}
        result = check_callback_result(self.options.callback_on_step_end(pipeline, wave, wave, given), asked)
        if "tokens" in result:
            check_whole_numbers("tokens", result["tokens"])
            _check_shape("tokens", result["tokens"], tokens.shape, "change those that the callback is given")
            tokens.copy_(result["tokens"])
        if "tokens" in given or "tokens" in result:  # what was written in place too
            check_tokens_in_codebook("tokens", tokens, self.config.codebook_size)
        changed = {}
        for name in self._asked_texts:
            before, after = self.conditions.get(TEXT_TENSORS[name]), result.get(name, asked[name])
            if after is not before and not _are_equal(before, after):
                changed[TEXT_TENSORS[name]] = self._checked(name, before, after)
        self.conditions |= changed
        return changed

    @property
    def _asked_texts(self) -> list[str]:
        return [name for name in self.options.callback_on_step_end_tensor_inputs if name in TEXT_TENSORS]

    def _checked(self, name: str, before: torch.Tensor | None, after: Any) -> torch.Tensor:
        if self.options.num_candidates > 1:
            raise ValueError(
                f"`callback_on_step_end` must leave `{name}` as it is with `num_candidates` above 1, which are judged "
                "by the text of the call; draw one candidate."
            )
        if before is None:
            raise ValueError(
                f"`callback_on_step_end` must leave `{name}` None in a call without guidance, got "
                f"{type(after).__name__}; begin with a `guidance_scale` above 1."
            )
        if name.endswith("embeds"):
            check_encoded_text(name, after, None, self.config)
        _check_shape(name, after, before.shape, "pad the text, and give one for each output")
        return after.to(before.device, copy=True)  # the callback may go on to change its own


def _check_shape(name: str, after: Any, shape: torch.Size, remedy: str) -> None:
    if not isinstance(after, torch.Tensor) or after.shape != shape:
        found = tuple(after.shape) if isinstance(after, torch.Tensor) else type(after).__name__
        raise ValueError(
            f"`callback_on_step_end` must return `{name}` of shape {tuple(shape)}, got {found}; {remedy}."
        )


def _are_equal(before: torch.Tensor | None, after: Any) -> bool:
    if not isinstance(before, torch.Tensor) or not isinstance(after, torch.Tensor):
        return False
    return torch.equal(before, after.to(before.device))
