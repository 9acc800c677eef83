# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The likelihood of given tokens under the model, for all places in one teacher-forced pass.

Legend: B batch, T, H, W visual grid, L text length.
"""

import torch

from nuwa_hf.modeling.modeling_nuwa import NuwaForConditionalGeneration


@torch.no_grad()
def token_log_likelihood(
    model: NuwaForConditionalGeneration,
    tokens: torch.Tensor,
    input_ids: torch.Tensor | None = None,
    attention_mask: torch.Tensor | None = None,
    *,
    encoder_hidden_states: torch.Tensor | None = None,
    sketch_tokens: torch.Tensor | None = None,
    known_mask: torch.Tensor | None = None,
    condition_on_known: bool = True,
) -> torch.Tensor:
    """The log-probability of every token given the conditions and the tokens before it.

        log p(y_n | y_(before n), conditions)

    Args:
        model (`NuwaForConditionalGeneration`): the model.
        tokens (`torch.LongTensor` of shape `(B, T, H, W)`): the tokens to score.
        input_ids (`torch.LongTensor` of shape `(B, L)`, *optional*): text tokens.
        attention_mask (`torch.Tensor` of shape `(B, L)`, *optional*): nonzero at real tokens.
        encoder_hidden_states (`torch.Tensor` of shape `(B, L, D)`, *optional*): the encoded text, in place of
            `input_ids`.
        sketch_tokens (`torch.LongTensor` of shape `(B, T', H', W')`, *optional*): a sketch.
        known_mask (`torch.BoolTensor` of shape `(B, T, H, W)`, *optional*): True where tokens were given. The
            result is 0 there, since what is given is certain.
        condition_on_known (`bool`, defaults to `True`): whether the given tokens are a condition too.

    Returns:
        `torch.Tensor` of shape `(B, T, H, W)`: log-probabilities in nats, at most 0.

    Raises:
        TypeError: If tokens are not integers.
        ValueError: If an argument is invalid. This is checked before anything is computed.
    """
    logits = model(
        input_ids,
        attention_mask,
        visual_tokens=tokens,
        encoder_hidden_states=encoder_hidden_states,
        sketch_tokens=sketch_tokens,
        known_mask=known_mask if condition_on_known else None,
        return_dict=True,
    ).logits
    scores = logits.float().log_softmax(-1).gather(-1, tokens[..., None]).squeeze(-1)
    return scores if known_mask is None else scores.masked_fill(known_mask, 0.0)
