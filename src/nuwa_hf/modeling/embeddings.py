# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Token embeddings of texts, sketches, known parts and visual tokens, and learnt positions along each axis.

Legend: B batch, T, H, W grid, N = T H W places, K taps, L text length, D hidden size.
"""

import torch
from torch import nn

from nuwa_hf.generation.step_tables import Step
from nuwa_hf.grid import Grid
from nuwa_hf.modeling.configuration_nuwa import NuwaConfig
from nuwa_hf.nearby_attention.neighborhood import causal_offsets


class NuwaAxisPositions(nn.Module):
    """Learnt positions along time, height and width, whose sum is the position embedding of a place.

    Args:
        grid (`Grid`): how many positions each axis has.
        hidden_size (`int`): D.
    """

    def __init__(self, grid: Grid, hidden_size: int):
        super().__init__()
        self.time = nn.Parameter(torch.empty(grid.t, hidden_size))
        self.height = nn.Parameter(torch.empty(grid.h, hidden_size))
        self.width = nn.Parameter(torch.empty(grid.w, hidden_size))

    def forward(self, grid: Grid | None = None, coordinates: torch.Tensor | None = None) -> torch.Tensor:
        """Positions of all places of a grid, or of some places.

        Args:
            grid (`Grid`, *optional*): at most the learnt extents.
            coordinates (`torch.LongTensor` of shape `(3, n)`, *optional*): t, h and w of some places, given instead
                of a grid.

        Returns:
            `torch.Tensor` of shape `(N, D)`, in raster order, or `(n, D)`.
        """
        if coordinates is not None:
            axes = zip(coordinates, (self.time, self.height, self.width), strict=True)
            time, height, width = (nn.functional.embedding(*pair) for pair in axes)
            return time + height + width
        time, height, width = self.time[: grid.t], self.height[: grid.h], self.width[: grid.w]
        return (time[:, None, None] + height[None, :, None] + width[None, None]).flatten(0, 2)


class NuwaTextEmbeddings(nn.Module):
    """Text tokens on the grid `(L, 1, 1)`: their embeddings plus a learnt position in time.

    Args:
        config (`NuwaConfig`): sizes.
    """

    def __init__(self, config: NuwaConfig):
        super().__init__()
        self.token_embedding = nn.Embedding(config.vocab_size, config.hidden_size)
        self.positions = NuwaAxisPositions(Grid(config.max_text_length, 1, 1), config.hidden_size)

    def forward(self, input_ids: torch.Tensor | None, inputs_embeds: torch.Tensor | None = None) -> torch.Tensor:
        """Embed text.

        Args:
            input_ids (`torch.LongTensor` of shape `(B, L)`, *optional*): text tokens, `L` at most `max_text_length`.
            inputs_embeds (`torch.Tensor` of shape `(B, L, D)`, *optional*): their embeddings, in place of them.

        Returns:
            `torch.Tensor` of shape `(B, L, D)`.
        """
        embedded = self.token_embedding(input_ids) if inputs_embeds is None else inputs_embeds
        return embedded + self.positions(Grid(embedded.shape[1], 1, 1))


class NuwaSketchEmbeddings(nn.Module):
    """Sketch tokens on their grid: their embeddings plus a learnt position on each axis.

    Args:
        config (`NuwaConfig`): sizes.
    """

    def __init__(self, config: NuwaConfig):
        super().__init__()
        self.token_embedding = nn.Embedding(config.sketch_codebook_size, config.hidden_size)
        self.positions = NuwaAxisPositions(config.get_visual_grid(), config.hidden_size)

    def forward(self, sketch_tokens: torch.Tensor) -> torch.Tensor:
        """Embed a sketch.

        Args:
            sketch_tokens (`torch.LongTensor` of shape `(B, T, H, W)`): tokens in [0, sketch_codebook_size).

        Returns:
            `torch.Tensor` of shape `(B, N, D)`.
        """
        embedded = self.token_embedding(sketch_tokens.flatten(1))
        return embedded + self.positions(Grid(*sketch_tokens.shape[1:]))


class NuwaKnownEmbeddings(nn.Module):
    """The known part of an image or video: known tokens, a learnt mask token everywhere else, and positions.

    Args:
        config (`NuwaConfig`): sizes.
    """

    def __init__(self, config: NuwaConfig):
        super().__init__()
        self.mask_token = nn.Parameter(torch.empty(config.hidden_size))
        self.positions = NuwaAxisPositions(config.get_visual_grid(), config.hidden_size)

    def forward(self, embedded_BTHWD: torch.Tensor, known_mask: torch.Tensor) -> torch.Tensor:
        """Replace what is not known by the mask token, and add positions.

        Args:
            embedded_BTHWD (`torch.Tensor` of shape `(B, T, H, W, D)`): the decoder's embeddings of visual tokens.
            known_mask (`torch.BoolTensor` of shape `(B, T, H, W)`): True where a token is known.

        Returns:
            `torch.Tensor` of shape `(B, N, D)`.
        """
        kept = torch.where(known_mask[..., None], embedded_BTHWD, self.mask_token)
        return kept.flatten(1, 3) + self.positions(Grid(*known_mask.shape[1:]))


class NuwaVisualEmbeddings(nn.Module):
    """The decoder's input: <bos>, plus the embeddings of the places just before with learnt weights, plus positions.

        x_p = bos + sum_o tap_o * embed(y_(p + o)) + position_p     over the causal offsets o != 0 inside the grid

    Deviation: the paper shifts the token sequence by one place in raster order, so that the first place of a row
    reads the far end of the row before. These weights (taps) keep the input within the window, as the paper's
    Y_(<i,<j,<k) requires, and make wavefront sampling exact (docs/deviations.md#nearby-decoder-input).

    Args:
        config (`NuwaConfig`): sizes and windows.
    """

    def __init__(self, config: NuwaConfig):
        super().__init__()
        self.offsets = tuple(causal_offsets(config.get_input_window()))[:-1]  # the last one is the place itself
        # Those of a step's offsets, which are of the attention's window, that the input reads. Slices, since an index
        # that is a list goes to the device anew in each step.
        own = causal_offsets(config.window)[:-1]
        self.columns = _as_slices([own.index(offset) for offset in self.offsets])
        self.token_embedding = nn.Embedding(config.codebook_size, config.hidden_size)
        self.bos = nn.Parameter(torch.empty(config.hidden_size))
        self.taps = nn.Parameter(torch.empty(len(self.offsets), config.hidden_size))
        self.positions = NuwaAxisPositions(config.get_visual_grid(), config.hidden_size)

    def forward(self, visual_tokens: torch.Tensor, step: Step | None = None) -> torch.Tensor:
        """Compute the input of all places at once (teacher forcing), or of the places of one step.

        Args:
            visual_tokens (`torch.LongTensor` of shape `(B, T, H, W)`): tokens in [0, codebook_size). The input of a
                place never depends on its own token or on later ones.
            step (`Step`, *optional*): the n places to compute; all N when not given.

        Returns:
            `torch.Tensor` of shape `(B, N, D)` or `(B, n, D)`.
        """
        if step is not None:
            places, inside = (
                torch.cat([table[:, columns] for columns in self.columns], 1)
                if len(self.columns) > 1
                else table[:, self.columns[0]]
                for table in (step.near, step.inside)
            )
            near = visual_tokens.flatten(1).index_select(1, places.flatten())
            embedded_BnKD = self.token_embedding(near).unflatten(1, places.shape)
            taps_nKD = self.taps * inside[..., None].to(self.taps.dtype)
            return self.bos + self.positions(coordinates=step.coordinates) + (embedded_BnKD * taps_nKD).sum(2)
        grid = Grid(*visual_tokens.shape[1:])
        embedded = self.token_embedding(visual_tokens)  # (B, T, H, W, D)
        inputs = (self.bos + self.positions(grid)).view(1, *grid, -1).expand_as(embedded).clone()
        for tap, offset in zip(self.taps, self.offsets, strict=True):
            here, there = zip(*(_overlap(n, shift) for n, shift in zip(grid, offset, strict=True)), strict=True)
            inputs[:, *here] += tap * embedded[:, *there]
        return inputs.flatten(1, 3)


def _as_slices(numbers: list[int]) -> list[slice]:
    """Increasing numbers as slices of those that follow each other; an empty one if there are none."""
    slices = [slice(0, 0)]
    for number in numbers:
        if number == slices[-1].stop:
            slices[-1] = slice(slices[-1].start, number + 1)
        else:
            slices.append(slice(number, number + 1))
    return slices if len(slices) == 1 or slices[0].stop else slices[1:]


def _overlap(extent: int, step: int) -> tuple[slice, slice]:
    """Slices of the places with a neighbour `step` away along an axis, and of those neighbours."""
    count = max(0, extent - abs(step))  # none where the window reaches further than the axis is long
    here, there = max(0, -step), max(0, step)
    return slice(here, here + count), slice(there, there + count)
