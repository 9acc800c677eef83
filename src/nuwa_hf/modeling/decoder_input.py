# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The visual tokens that `forward` is given, under our name or that of sequence-to-sequence models.

Legend: B batch, T, H, W visual grid.
"""

import difflib
import inspect
from collections.abc import Callable
from typing import Any

import torch


def given_tokens(
    visual_tokens: torch.Tensor | None,
    decoder_input_ids: torch.Tensor | None,
    others: dict[str, Any],
    forward: Callable,
) -> torch.Tensor | None:
    """The tokens under either name, after a check that there are no other arguments.

    Args:
        visual_tokens (`torch.LongTensor` of shape `(B, T, H, W)`, *optional*): the tokens.
        decoder_input_ids (`torch.LongTensor` of shape `(B, T, H, W)`, *optional*): the same under the other name.
        others (`dict[str, Any]`): further arguments. Those that are None are ignored: code for any
            sequence-to-sequence model passes all that such a model may take.
        forward (`Callable`): the method, for the names of its arguments.

    Returns:
        `torch.LongTensor` of shape `(B, T, H, W)`, or None if there are none.

    Raises:
        TypeError: If there is another argument.
        ValueError: If the tokens are given twice.
    """
    for name, value in others.items():
        if value is not None:
            known = [known for known in inspect.signature(forward).parameters if known != "others"]
            nearest = difflib.get_close_matches(name, known)
            meant = f"; did you mean {' or '.join(f'`{other}`' for other in nearest)}?" if nearest else "."
            raise TypeError(f"There is no argument `{name}`{meant} There are {', '.join(known)}.")
    if visual_tokens is not None and decoder_input_ids is not None:
        raise ValueError(
            "`decoder_input_ids` must be left out beside `visual_tokens`, which it is another name for; give one."
        )
    return decoder_input_ids if visual_tokens is None else visual_tokens
