# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Axial attention, for comparison: each place sees the three lines through it, along time, rows and columns.

    y_ijk = softmax(q_ijk . K_lines(i, j, k) / sqrt(E)) V_lines(i, j, k)
    lines(i, j, k) = {(a, j, k)} + {(i, b, k)} + {(i, j, c)}, of which those at or before the place in raster order

Three lines are no window, so the sampler's steps cannot take it: clips are drawn by a whole pass for each token.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch.nn import functional as F  # noqa: N812 (torch's own name for it)
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS, AttentionInterface

from nuwa_hf import NuwaForConditionalGeneration
from nuwa_hf.grid import Grid
from nuwa_hf.modeling.attention import DEFAULT_ATTENTION
from nuwa_hf.modeling.modeling_outputs import NuwaGenerateOutput
from nuwa_hf.modeling.sampling_call import SamplingCall, scores_of
from nuwa_hf.nearby_attention.neighborhood import coordinate_table


def axial_mask(grid: Grid) -> torch.Tensor:
    """Which places each place sees: those that share at least two of its coordinates, and do not come after it.

    Args:
        grid (`Grid`): of N places.

    Returns:
        `torch.Tensor` of shape `(N, N)`, bool: True where the query (row) sees the key (column).
    """
    places = coordinate_table(grid, grid, torch.device("cpu"))  # (3, N)
    shared = (places[:, :, None] == places[:, None, :]).sum(0)
    return (shared >= 2).tril()


@contextmanager
def axial_attention() -> Iterator[None]:
    """Within it, every model's decoder attends along lines to the places that it draws, whatever its window says."""
    nearby = ALL_ATTENTION_FUNCTIONS[DEFAULT_ATTENTION]

    def attend(module, query, key, value, attention_mask, *, query_grid, causal, **geometry):
        if not causal:
            return nearby(module, query, key, value, attention_mask, query_grid=query_grid, causal=causal, **geometry)
        mask = axial_mask(query_grid).to(query.device)
        return F.scaled_dot_product_attention(query, key, value, attn_mask=mask).transpose(1, 2), None

    AttentionInterface.register(DEFAULT_ATTENTION, attend)
    try:
        yield
    finally:
        AttentionInterface.register(DEFAULT_ATTENTION, nearby)


class WholePassNuwa(NuwaForConditionalGeneration):
    """A model that samples in raster order by a whole forward pass for each place, so that any attention will do.

    It gives the tokens that the sampler gives, since each place has its own noise.
    """

    @torch.no_grad()
    def generate(self, input_ids=None, attention_mask=None, *, grid=None, callback=None, **arguments):
        """Sample visual tokens; see `NuwaForConditionalGeneration.generate`. Nothing may be known beforehand."""
        grid = self.config.get_visual_grid() if grid is None else Grid(*grid)
        call = SamplingCall(model=self, input_ids=input_ids, attention_mask=attention_mask, **arguments)
        draw = call.draw
        noise = draw.noise_of(grid)
        for frame in range(grid.t):
            noise.begin_frame(frame)
        tokens = torch.zeros(call.batch_size, *grid, dtype=torch.long, device=call.device)
        for place in range(grid.numel):
            begun = tokens[:, : grid.coordinates(place)[0] + 1]  # later frames change nothing
            scores = scores_of(call, begun).flatten(1, 3)[:, [place]]
            drawn = draw.rules.perturb(scores, noise.at(torch.tensor([place], device=call.device))).argmax(-1)
            tokens.flatten(1)[:, [place]] = drawn
        return NuwaGenerateOutput(tokens=tokens)
