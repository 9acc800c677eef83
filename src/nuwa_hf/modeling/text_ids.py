# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Token ids of texts: those of the constant "None" condition, and which ids are text and which are padding.

Legend: B batch, L text length.
"""

import torch

from nuwa_hf.modeling.configuration_nuwa import NuwaConfig


def none_text(config: NuwaConfig, rows: int, device: torch.device | str | None = None) -> torch.Tensor:
    """The constant "None" condition as text tokens: one special token, or the empty text of CLIP.

    Args:
        config (`NuwaConfig`): holds the ids.
        rows (`int`): B.
        device (`torch.device`, *optional*): where to put them.

    Returns:
        `torch.LongTensor` of shape `(B, L)`, without padding.
    """
    return torch.tensor([config.none_token_ids], device=device).repeat(rows, 1)


def text_mask(input_ids: torch.Tensor, config: NuwaConfig) -> torch.Tensor:
    """Which tokens of stored texts are text; the rest is padding.

    CLIP pads with its end-of-text token, so with CLIP the first of these tokens is part of the text.

    Args:
        input_ids (`torch.LongTensor` of shape `(B, L)`): texts, padded at the end.
        config (`NuwaConfig`): holds the ids.

    Returns:
        `torch.LongTensor` of shape `(B, L)`: 1 for text, 0 for padding.
    """
    if config.text_encoder_config is None:
        return (input_ids != config.pad_token_id).long()
    is_end = (input_ids == config.none_token_ids[-1]).long()
    return (is_end.cumsum(1) == is_end).long()
