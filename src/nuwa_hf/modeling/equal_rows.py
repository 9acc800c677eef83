# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Equal rows of a sampling run, whose text, sketch or known part is encoded and projected once.

Outputs of one input have the same conditions, as do candidates; the constant "None" is the same in every row that has
it, and guidance leaves a known part as it is.

Legend: R rows, U different ones among them.
"""

from dataclasses import dataclass
from typing import Self

import torch


# With fewer places in a row, products have so few rows that their number can change the rounding of sums.
LEAST_PLACES = 16


@dataclass(frozen=True)
class EqualRows:
    """Which rows are equal.

    Args:
        first (`torch.LongTensor` of shape `(U,)`): the first row of each kind.
        kinds (`torch.LongTensor` of shape `(R,)`): of each row, which of these it equals.
    """

    first: torch.Tensor
    kinds: torch.Tensor

    @classmethod
    def among(cls, num_places: int, *tensors: torch.Tensor | None) -> Self | None:
        """The equal rows of tensors that are read together. The host reads their numbers.

        Args:
            num_places (`int`): places of the condition that a row is.
            tensors (`torch.Tensor` of shape `(R, ...)`): rows are equal if they are in all of them; None is left out.

        Returns:
            `EqualRows`: None if all differ or are short, or there are no numbers to read.
        """
        given = [tensor.detach() for tensor in tensors if tensor is not None]
        if num_places < LEAST_PLACES or given[0].is_meta:
            return None
        parts = [tensor.cpu().contiguous().view(torch.uint8).flatten(1).numpy() for tensor in given]
        found: dict[tuple[bytes, ...], int] = {}
        kinds = [found.setdefault(tuple(one.tobytes() for one in row), len(found)) for row in zip(*parts, strict=True)]
        if len(found) == len(kinds):
            return None
        first = [kinds.index(kind) for kind in range(len(found))]
        return cls(*(torch.tensor(rows, device=given[0].device) for rows in (first, kinds)))
