# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Wrong tokens in the decoder's input, so that the model learns to go on from its own mistakes."""

from collections.abc import Sequence

import torch


NOISE_STREAM = 0x5A17_C0DE  # keeps these draws apart from those of a batch's texts and masks


def add_input_noise(
    visual_tokens: torch.Tensor,
    is_given: torch.Tensor,
    most: float,
    *,
    codebook_size: int,
    indices: Sequence[int],
    seed: int,
) -> torch.Tensor:
    """Replace a random share of each row's tokens by random ones.

        share ~ uniform(0, most) for a row;  each of its tokens that is not given is replaced with that probability

    In training, a place reads the true tokens before it; in sampling, those that the model drew. A model that has only
    ever seen true ones does not know what to do after a wrong one. The labels stay the true tokens.

    Args:
        visual_tokens (`torch.LongTensor` of shape `(B, T, H, W)`): the true tokens.
        is_given (`torch.BoolTensor` of shape `(B, T, H, W)`): True where a token is given; these stay.
        most (`float`): the largest share, in [0, 1). With 0 nothing is drawn.
        codebook_size (`int`): the random tokens are in [0, codebook_size).
        indices (`Sequence[int]`): the rows' sample indices. What a row draws depends on its index and the seed alone.
        seed (`int`): of the draws.

    Returns:
        `torch.LongTensor` of shape `(B, T, H, W)`: what the decoder reads.
    """
    if most == 0:
        return visual_tokens
    rows = []
    for tokens, is_kept, index in zip(visual_tokens, is_given, indices, strict=True):
        generator = torch.Generator().manual_seed((seed * 1_000_003 + index) ^ NOISE_STREAM)
        share = most * torch.rand((), generator=generator)
        is_replaced = (torch.rand(tokens.shape, generator=generator) < share) & ~is_kept
        random_tokens = torch.randint(codebook_size, tokens.shape, generator=generator)
        rows.append(torch.where(is_replaced, random_tokens, tokens))
    return torch.stack(rows)
