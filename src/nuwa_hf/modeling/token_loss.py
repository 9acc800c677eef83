# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The cross-entropy of tokens, worked out for a part of the places at a time.

Legend: B batch, N places, P = B N, D hidden size, V codebook size.
"""

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint


LOGITS_AT_ONCE = 2**24  # numbers; 64 MB in float32


def token_cross_entropy(
    hidden_states: torch.Tensor, labels: torch.Tensor, head: nn.Module, codebook_size: int
) -> torch.Tensor:
    """The mean cross-entropy of the tokens to predict, without the logits of all places at once.

        loss = - sum_p log softmax(head(h_p))[y_p] / number of counted places

    B x N x V logits and log-probabilities would be the largest tensors of a training step. So the places are taken in
    chunks; each computes its logits, and computes them again in the backward pass. Under `torch.func.grad` and its
    like they are kept.

    Args:
        hidden_states (`torch.Tensor` of shape `(B, N, D)`): the decoder's last layer.
        labels (`torch.LongTensor` or `torch.IntTensor` of B N numbers): the tokens in [0, V); -100 does not count.
        head (`torch.nn.Module`): D to V.
        codebook_size (`int`): V.

    Returns:
        `torch.Tensor` of shape `()`: in nats, float32; NaN if no label counts.
    """
    hidden_PD, labels_P = hidden_states.flatten(0, 1), labels.flatten().long()
    chunk = max(1, LOGITS_AT_ONCE // codebook_size)
    pairs = zip(hidden_PD.split(chunk), labels_P.split(chunk), strict=True)
    if torch._C._are_functorch_transforms_active():  # torch.func knows no checkpoints
        total = sum(_summed(*pair, head) for pair in pairs)
    else:
        total = sum(checkpoint(_summed, *pair, head, use_reentrant=False) for pair in pairs)
    return total / (labels_P != -100).sum()


def _summed(hidden_PD: torch.Tensor, labels_P: torch.Tensor, head: nn.Module) -> torch.Tensor:
    return nn.functional.cross_entropy(head(hidden_PD).float(), labels_P, ignore_index=-100, reduction="sum")
