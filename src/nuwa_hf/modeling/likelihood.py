# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The likelihood of given tokens under the model, for all places in one teacher-forced pass.

Legend: B batch, T, H, W visual grid, L text length, V codebook size.
"""

import torch

from nuwa_hf.modeling.modeling_nuwa import NuwaForConditionalGeneration
from nuwa_hf.modeling.token_checks import check_rows, check_tokens
from nuwa_hf.modeling.token_loss import LOGITS_AT_ONCE


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

    B x T x H x W x V logits would take most of the memory, so the model reads a few rows at a time, at least one.

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
    check_tokens("tokens", tokens, model.config)
    conditions = {
        "input_ids": input_ids,
        "attention_mask": attention_mask,
        "encoder_hidden_states": encoder_hidden_states,
        "sketch_tokens": sketch_tokens,
        "known_mask": known_mask if condition_on_known else None,
    }
    conditions = {name: tensor for name, tensor in conditions.items() if tensor is not None}
    for name, tensor in conditions.items():
        check_rows(name, tensor, "tokens", tokens)
    num_rows = max(1, LOGITS_AT_ONCE // (tokens.shape[1:].numel() * model.config.codebook_size))
    scores = []
    for first in range(0, max(1, len(tokens)), num_rows):  # an empty batch has scores, too
        rows = slice(first, first + num_rows)
        scores.append(_scores(model, tokens[rows], {name: tensor[rows] for name, tensor in conditions.items()}))
    scores = torch.cat(scores)
    return scores if known_mask is None else scores.masked_fill(known_mask, 0.0)


def _scores(
    model: NuwaForConditionalGeneration, tokens: torch.Tensor, conditions: dict[str, torch.Tensor]
) -> torch.Tensor:
    logits = model(visual_tokens=tokens, **conditions, return_dict=True).logits
    return logits.float().log_softmax(-1).gather(-1, tokens[..., None].long()).squeeze(-1)
