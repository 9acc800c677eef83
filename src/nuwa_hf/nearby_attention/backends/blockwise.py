# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Attention in blocks of query rows, each over only those key rows that some query of the block sees.

A block is a run of whole rows, or of whole frames if frames are small; a small mask cuts out the window within it. The
work is linear in the number of places. The keys are split once into pieces that the blocks share, so that the gradient
of each block flows into small tensors and no zero-filled tensor of the input's size is needed.

Legend: B batch, A heads, N queries, M keys, E head size; n, m the same counts within one block.
"""

from dataclasses import dataclass
from itertools import pairwise

import torch
import torch.nn.functional as F  # noqa: N812 (torch's own name for it)

from ..neighborhood import NearbyPattern, mask_between
from ..tables import table
from .masked_sdpa import additive_mask, padded_attention


QUERIES_PER_BLOCK = 64


@dataclass(frozen=True)
class Block:
    """One run of queries and the keys it sees.

    Args:
        pieces (`tuple[int, ...]`): indices of the key pieces it sees, in raster order.
        mask (`torch.Tensor` of shape `(n, m)`, bool): True where a query of the block sees a key of the pieces.
        bias (`torch.Tensor` of shape `(n, m)`): the same mask as an additive term, 0 or -inf.
    """

    pieces: tuple[int, ...]
    mask: torch.Tensor
    bias: torch.Tensor


@dataclass(frozen=True)
class BlockLayout:
    """How queries and keys are split.

    Args:
        query_sizes (`tuple[int, ...]`): number of queries in each block; they sum to N.
        key_sizes (`tuple[int, ...]`): number of keys in each piece; they sum to M.
        blocks (`tuple[Block, ...]`): one for each of `query_sizes`.
    """

    query_sizes: tuple[int, ...]
    key_sizes: tuple[int, ...]
    blocks: tuple[Block, ...]


def rows_per_block(pattern: NearbyPattern) -> int:
    """How many rows of queries form a block.

    Of all divisors of the number of rows in a frame and all numbers of whole frames, this is the one that brings a
    block nearest to QUERIES_PER_BLOCK queries.

    Args:
        pattern (`NearbyPattern`): which keys each query sees.

    Returns:
        `int`: a number of rows, at least 1.
    """
    t, h, w = pattern.query_grid
    choices = [rows for rows in range(1, h + 1) if h % rows == 0] + [h * frames for frames in range(2, t + 1)]
    return min(choices, key=lambda rows: max(rows * w / QUERIES_PER_BLOCK, QUERIES_PER_BLOCK / (rows * w)))


def seen_rows(pattern: NearbyPattern, row: int) -> set[int]:
    """Rows of the key grid with a key that is seen from a row of the query grid.

    Args:
        pattern (`NearbyPattern`): which keys each query sees.
        row (`int`): raster index of the row, in `[0, t h)`.

    Returns:
        `set[int]`: raster indices of rows, each in `[0, t' h')`.
    """
    frame, line = divmod(row, pattern.query_grid.h)
    rows = {t * pattern.key_grid.h + i for t in pattern.axis_range(0, frame) for i in pattern.axis_range(1, line)}
    return {r for r in rows if r <= row} if pattern.causal else rows


@table(maxsize=64)
def _layout(pattern: NearbyPattern, dtype: torch.dtype, device: torch.device) -> BlockLayout:
    num_rows, width = pattern.query_grid.t * pattern.query_grid.h, pattern.query_grid.w
    step = rows_per_block(pattern)
    starts = range(0, num_rows, step)
    seen = [set().union(*(seen_rows(pattern, r) for r in range(s, min(s + step, num_rows)))) for s in starts]

    # Split the keys wherever the rows that some block sees begin or end.
    num_key_rows = pattern.key_grid.t * pattern.key_grid.h
    changes = {r for rows in seen for r in range(1, num_key_rows) if (r in rows) != (r - 1 in rows)}
    cuts = [0, *sorted(changes), num_key_rows]

    blocks = []
    queries = torch.arange(pattern.query_grid.numel, device=device).split(step * width)
    key_rows = torch.arange(pattern.key_grid.numel, device=device).unflatten(0, (num_key_rows, pattern.key_grid.w))
    for block_queries, rows in zip(queries, seen, strict=True):
        mask = mask_between(pattern, block_queries, key_rows[sorted(rows)].flatten())
        pieces = tuple(piece for piece, first in enumerate(cuts[:-1]) if first in rows)
        blocks.append(Block(pieces, mask, additive_mask(mask, dtype)))
    return BlockLayout(
        query_sizes=tuple(block.mask.shape[0] for block in blocks),
        key_sizes=tuple((b - a) * pattern.key_grid.w for a, b in pairwise(cuts)),
        blocks=tuple(blocks),
    )


def can_run_blockwise(query: torch.Tensor, pattern: NearbyPattern, *, raise_error: bool = False) -> bool:
    """Whether `blockwise_attention` can run: it always can.

    Args:
        query (`torch.Tensor` of shape `(B, A, N, E)`): the queries.
        pattern (`NearbyPattern`): which keys each query sees.
        raise_error (`bool`, *optional*, defaults to `False`): raise instead of returning False.

    Returns:
        `bool`: True.
    """
    return True


def _pick(pieces: tuple[torch.Tensor, ...], chosen: tuple[int, ...], dim: int) -> torch.Tensor:
    return pieces[chosen[0]] if len(chosen) == 1 else torch.cat([pieces[piece] for piece in chosen], dim)


def blockwise_attention(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    pattern: NearbyPattern,
    key_padding_mask: torch.Tensor | None,
) -> torch.Tensor:
    """`nearby_attention` block by block.

    Args:
        query (`torch.Tensor` of shape `(B, A, N, E)`): the queries.
        key (`torch.Tensor` of shape `(B, A, M, E)`): the keys.
        value (`torch.Tensor` of shape `(B, A, M, E)`): the values.
        pattern (`NearbyPattern`): which keys each query sees.
        key_padding_mask (`torch.Tensor` of shape `(B, M)`, bool, or `None`): True where a key may be seen.

    Returns:
        `torch.Tensor` of shape `(B, A, N, E)`; zero for a query that sees no key.
    """
    layout = _layout(pattern, query.dtype, query.device)
    queries = query.split(layout.query_sizes, dim=2)
    keys, values = key.split(layout.key_sizes, dim=2), value.split(layout.key_sizes, dim=2)
    padding = None if key_padding_mask is None else key_padding_mask.split(layout.key_sizes, dim=1)
    outputs = []
    for block_query, block in zip(queries, layout.blocks, strict=True):
        block_key, block_value = _pick(keys, block.pieces, 2), _pick(values, block.pieces, 2)
        if padding is None:
            output = F.scaled_dot_product_attention(block_query, block_key, block_value, attn_mask=block.bias)
        else:
            seen = _pick(padding, block.pieces, 1)
            output = padded_attention(block_query, block_key, block_value, block.mask, seen)
        outputs.append(output)
    return torch.cat(outputs, dim=2)
