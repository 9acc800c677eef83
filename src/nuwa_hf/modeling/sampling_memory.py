# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The memory that sampling takes, computed from the sizes of the model.

Legend: B batch, R rows (B, or 2 B under guidance), n places of the widest step, K causal offsets of the window, S
slots, N all places, M condition places, L of them near a place, D hidden size, F inner size of the feed-forward, V
codebook size, e bytes per number, s bytes per score.
"""

import math
from dataclasses import asdict, dataclass
from itertools import chain

from nuwa_hf.generation.cache import ring_bytes
from nuwa_hf.generation.key_rings import SLOT_MULTIPLE
from nuwa_hf.generation.schedule import plan_steps
from nuwa_hf.generation.step_plan import count_slots, padded_width, pads_steps
from nuwa_hf.grid import Grid
from nuwa_hf.modeling.laid_out_weights import can_pack, laid_out_bytes
from nuwa_hf.modeling.modeling_nuwa import NuwaForConditionalGeneration, step_products
from nuwa_hf.nearby_attention.neighborhood import NearbyPattern, causal_offsets


INT64 = 8  # bytes; the noise is computed from 64-bit integers
FLOAT32 = 4  # bytes; scores are at least float32


@dataclass(frozen=True)
class SamplingMemory:
    """The memory that sampling takes on the model's device, in bytes.

    Args:
        weights (`int`): the transformer's parameters and buffers.
        laid_out (`int`): copies of weights in a layout for few rows, kept between calls.
        ring (`int`): keys and values that later steps can see.
        conditions (`int`): keys and values of text, sketch and known part, and the encoder's output for them.
        step (`int`): the most that one step takes while it runs.
    """

    weights: int
    laid_out: int
    ring: int
    conditions: int
    step: int

    @property
    def total(self) -> int:
        """The sum of all parts."""
        return sum(asdict(self).values())


def sampling_memory(
    model: NuwaForConditionalGeneration,
    grid: Grid,
    *,
    batch_size: int = 1,
    uses_guidance: bool = False,
    schedule: str = "wavefront",
    text_length: int | None = None,
    condition_places: int = 0,
) -> SamplingMemory:
    """Compute the memory that `generate` takes for a text, alone or with other conditions.

        ring        2 layers R S D e
        conditions  2 layers R M D e + R (text) D e + B (M - text) D e
        step        n S e, the mask of the slots that each place sees, plus the largest of
                      (2 R + 1) n K D e           the neighbours' embeddings, their product with the taps, masked taps
                      R n (8 D + 2 F) e           what a layer holds in its feed-forward; F once with laid-out weights,
                                                  whose product includes the GELU
                      R n (D + V) e + B n V (s + 2 x 8)   logits, the scores that are made of them where these are
                                                  guided or of another dtype, and the noise in progress
                      3 R n L D e                 keys and values of a sketch or a known part near the places, where
                                                  these see less than half of it, and one of them once more

    Where steps are padded, n and S are those of padded steps, and the text is the longest. Index tables are left out,
    and so is the memory that library kernels take while they run. Top-k and top-p sort the logits, which takes more.

    Args:
        model (`NuwaForConditionalGeneration`): the model in its dtype; it may be on the meta device.
        grid (`Grid`): the grid to sample.
        batch_size (`int`, defaults to 1): B.
        uses_guidance (`bool`, defaults to `False`): whether guidance is used, which takes 2 B rows.
        schedule (`str`, defaults to `"wavefront"`): `"wavefront"` or `"raster"`.
        text_length (`int`, *optional*): places of the text in M; the model's maximum when not given.
        condition_places (`int`, defaults to 0): the others in M: those of the grid for a sketch, and once more for a
            known part that is a condition.

    Returns:
        `SamplingMemory`: the memory by part.

    Raises:
        ValueError: If the schedule is unknown.
    """
    config, dtype = model.config, model.dtype
    e, width, inner, codes = dtype.itemsize, config.hidden_size, config.intermediate_size, config.codebook_size
    rows = batch_size * (2 if uses_guidance else 1)
    text = config.max_text_length if text_length is None else text_length
    places = max(len(step) for step in plan_steps(grid, config.window, schedule))
    offsets = len(causal_offsets(config.window)) - 1
    num_slots = count_slots(grid, config.window, schedule)
    if pads_steps(model.device):
        places, num_slots, text = padded_width(places, places), num_slots + SLOT_MULTIPLE, config.max_text_length
    near = math.prod(2 * radius + 1 for radius in NearbyPattern(grid, grid, config.condition_window).radii)
    gathered = 3 * rows * places * near * width * e if condition_places and 2 * near < grid.numel else 0
    embedding = (2 * rows + 1) * places * offsets * width * e
    takes_in_gelu = can_pack((model.model.decoder.layers[0].feed_forward.up_proj,))
    layer = rows * places * (8 * width + (1 if takes_in_gelu else 2) * inner) * e
    score = max(e, FLOAT32) if uses_guidance or e < FLOAT32 else 0
    draw = rows * places * (width + codes) * e + batch_size * places * codes * (score + 2 * INT64)
    kept = 2 * config.num_decoder_layers * rows * (text + condition_places)
    return SamplingMemory(
        weights=sum(tensor.nbytes for tensor in chain(model.parameters(), model.buffers())),
        laid_out=sum(map(laid_out_bytes, step_products(model))),
        ring=ring_bytes(config.num_decoder_layers, num_slots, rows, width, dtype),
        conditions=(kept + rows * text + batch_size * condition_places) * width * e,
        step=places * num_slots * e + max(embedding, layer, draw, gathered),
    )
