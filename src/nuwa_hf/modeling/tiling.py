# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Large images worked on in overlapping tiles: tokens are kept from tile middles, pixels are blended.

All places and extents are in tokens. The last tile of a row or column is moved back to end at the border, so every
tile has the full size and none sees less context than it could.
"""

from collections.abc import Callable
from itertools import pairwise

import torch

from nuwa_hf.argument_types import check_types
from nuwa_hf.modeling.codec.frames import check_multiple


def check_tile(factor: int, tile_sample_min_size: int | None, tile_overlap_factor: float | None) -> None:
    """Require tiles that are possible.

    Args:
        factor (`int`): pixels of a token's side.
        tile_sample_min_size (`int`, *optional*): rows and columns of a tile in pixels; not looked at where it is None.
        tile_overlap_factor (`float`, *optional*): least share of a tile that overlaps its neighbour; likewise.

    Raises:
        TypeError: If one is of another type.
        ValueError: If the tile is not a positive multiple of the factor, or the share is not in [0, 1).
    """
    given = {"tile_sample_min_size": tile_sample_min_size, "tile_overlap_factor": tile_overlap_factor}
    check_types(given, {"tile_sample_min_size": int | None, "tile_overlap_factor": float | None}, "give a number")
    if tile_sample_min_size is not None:
        check_multiple("tile_sample_min_size", tile_sample_min_size, factor)
    if tile_overlap_factor is not None and not 0 <= tile_overlap_factor < 1:
        raise ValueError(
            f"`tile_overlap_factor` must be at least 0 and below 1, got {tile_overlap_factor}; 0.25 is usual."
        )


def tile_starts(length: int, tile: int, overlap: int) -> list[int]:
    """Where tiles start along an axis.

    Args:
        length (`int`): extent of the axis.
        tile (`int`): extent of a tile, at most `length`.
        overlap (`int`): least overlap of two neighbours, below `tile`.

    Returns:
        `list[int]`: ascending starts; the tiles cover the axis.
    """
    return [*range(0, length - tile, tile - overlap), length - tile]


def keep_middles(
    work: Callable[[int, int, int, int], torch.Tensor], height: int, width: int, tile: int, overlap: int
) -> torch.Tensor:
    """Runs tiles and keeps, at every place, the tile whose border is farthest away.

    Args:
        work (`Callable`): `work(top, bottom, left, right)` gives `(..., bottom - top, right - left)`.
        height (`int`): token rows.
        width (`int`): token columns.
        tile (`int`): extent of a tile.
        overlap (`int`): least overlap of two neighbours.

    Returns:
        `torch.Tensor` of shape `(..., height, width)`.
    """
    rows = []
    for top, bottom, first_row, last_row in _with_kept_range(height, tile, overlap):
        pieces = []
        for left, right, first_column, last_column in _with_kept_range(width, tile, overlap):
            piece = work(top, bottom, left, right)
            pieces.append(piece[..., first_row:last_row, first_column:last_column])
        rows.append(torch.cat(pieces, dim=-1))
    return torch.cat(rows, dim=-2)


def blend(
    work: Callable[[int, int, int, int], torch.Tensor], height: int, width: int, tile: int, overlap: int, scale: int
) -> torch.Tensor:
    """Runs tiles and fades neighbours into each other where they overlap.

    Args:
        work (`Callable`): `work(top, bottom, left, right)` gives pixels of shape
            `(B, C, (bottom - top) * scale, (right - left) * scale)`.
        height (`int`): token rows.
        width (`int`): token columns.
        tile (`int`): extent of a tile.
        overlap (`int`): least overlap of two neighbours.
        scale (`int`): pixels a token.

    Returns:
        `torch.Tensor` of shape `(B, C, height * scale, width * scale)`.
    """
    tile_height, tile_width = min(tile, height), min(tile, width)
    row_starts = tile_starts(height, tile_height, min(overlap, tile_height - 1))
    column_starts = tile_starts(width, tile_width, min(overlap, tile_width - 1))
    fade_Y = _fade(tile_height * scale, overlap * scale)
    fade_X = _fade(tile_width * scale, overlap * scale)
    weight_Y, weight_X = torch.zeros(height * scale), torch.zeros(width * scale)
    for top in row_starts:
        weight_Y[top * scale : (top + tile_height) * scale] += fade_Y
    for left in column_starts:
        weight_X[left * scale : (left + tile_width) * scale] += fade_X

    blended = None
    for top in row_starts:
        rows = slice(top * scale, (top + tile_height) * scale)
        share_Y = fade_Y / weight_Y[rows]
        for left in column_starts:
            columns = slice(left * scale, (left + tile_width) * scale)
            share_YX = share_Y[:, None] * (fade_X / weight_X[columns])
            piece = work(top, top + tile_height, left, left + tile_width)
            if blended is None:
                blended = piece.new_zeros(*piece.shape[:2], height * scale, width * scale, dtype=torch.float32)
            blended[..., rows, columns] += piece * share_YX.to(piece.device)
    return blended.to(piece.dtype)


def _with_kept_range(length: int, tile: int, overlap: int) -> list[tuple[int, int, int, int]]:
    """(start, end, first kept, end of kept) of every tile, the last two counted from the start of the tile."""
    tile = min(tile, length)
    starts = tile_starts(length, tile, min(overlap, tile - 1))
    cuts = [(before + tile + after) // 2 for before, after in pairwise(starts)]
    kept = zip(starts, [0, *cuts], [*cuts, length], strict=True)
    return [(start, start + tile, first - start, last - start) for start, first, last in kept]


def _fade(length: int, overlap: int) -> torch.Tensor:
    """`(length,)`: rises from the border over `overlap` places, flat in the middle, falls again; never 0."""
    distance = torch.arange(length, dtype=torch.float32) + 0.5
    return torch.minimum(distance, distance.flip(0)).clamp(max=max(overlap, 1))
