# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The one autoregressive loop: step by step over the places of a schedule, with a key/value cache.

Legend: B batch (twice that under guidance), N visual places, n places of one step, L text length, V codebook size.
"""

from dataclasses import replace

import torch

from nuwa_hf.generation.cache import DecoderCache
from nuwa_hf.generation.known_tokens import check_known_tokens
from nuwa_hf.generation.sampling import SamplingSettings, draw_uniforms, guide, invert_cdf
from nuwa_hf.generation.schedule import plan_steps
from nuwa_hf.grid import Grid
from nuwa_hf.modeling.modeling_nuwa import NuwaForConditionalGeneration
from nuwa_hf.modeling.modeling_outputs import NuwaCondition, NuwaGenerateOutput
from nuwa_hf.modeling.nearby_attention.neighborhood import neighbor_table
from nuwa_hf.modeling.text_ids import none_text
from nuwa_hf.modeling.token_checks import check_grid


def generate_tokens(
    model: NuwaForConditionalGeneration,
    input_ids: torch.Tensor,
    attention_mask: torch.Tensor | None,
    *,
    grid,
    generator,
    schedule: str,
    generation_config,
    overrides: dict,
    negative_input_ids: torch.Tensor | None,
    negative_attention_mask: torch.Tensor | None,
    sketch_tokens: torch.Tensor | None,
    known_tokens: torch.Tensor | None,
    known_mask: torch.Tensor | None,
    condition_on_known: bool,
    callback,
) -> NuwaGenerateOutput:
    """What `NuwaForConditionalGeneration.generate` does; its arguments are described there."""
    grid = Grid(*grid)
    check_grid(grid, model.config)
    settings = SamplingSettings.resolve(generation_config, overrides)
    steps = plan_steps(grid, model.config.window, schedule)
    batch_size, device = input_ids.shape[0], input_ids.device
    check_known_tokens(known_tokens, known_mask, grid, batch_size, model.config.codebook_size)
    uniforms = draw_uniforms(batch_size, grid.numel, generator, device) if settings.do_sample else None

    if settings.uses_guidance:
        input_ids, attention_mask = _append_unconditional(
            model.config, input_ids, attention_mask, negative_input_ids, negative_attention_mask
        )
    conditions = [model.model.encode_text(input_ids, attention_mask)]
    if sketch_tokens is not None:
        sketch = model.model.encode_sketch(sketch_tokens)
        conditions.append(_repeat_out_of_sight(sketch) if settings.uses_guidance else sketch)
    if known_mask is not None:
        known_tokens = known_tokens.where(known_mask, 0).contiguous()  # sampled tokens are written into it
        if condition_on_known:
            known = model.model.encode_known(known_tokens, known_mask)
            conditions.append(_repeat(known) if settings.uses_guidance else known)
    cache = DecoderCache(model.model.decoder, model.config, grid, conditions)
    positions = model.model.decoder.embeddings.positions(grid)
    near, inside = neighbor_table(grid, model.config.window, causal=True)
    processors = settings.processors()

    tokens = torch.zeros(batch_size, *grid, dtype=torch.long, device=device)
    free = torch.ones(grid.numel, dtype=torch.bool)
    if known_mask is not None:
        tokens = known_tokens
        free = ~known_mask.flatten(1).all(0).cpu()
    flat = tokens.view(batch_size, -1)  # shares memory with `tokens`

    for index, places in enumerate(steps):
        here, near_here, inside_here = places.to(device), near[places].to(device), inside[places].to(device)
        read = flat.repeat(2, 1) if settings.uses_guidance else flat
        hidden_states = model.model.decoder.step(read, positions, here, near_here, inside_here, cache)
        if free[places].any():
            logits = model.head(hidden_states)
            if settings.uses_guidance:
                logits = guide(logits, settings.guidance_scale)
            logits = processors(None, logits.flatten(0, 1)).unflatten(0, (batch_size, -1))
            drawn = (
                invert_cdf(logits, uniforms[:, places.to(uniforms.device)])
                if settings.do_sample
                else logits.argmax(-1)
            )
            if known_mask is not None:
                drawn = torch.where(known_mask.flatten(1)[:, here], flat[:, here], drawn)
            flat[:, here] = drawn
        if callback is not None and callback(index, len(steps), tokens):
            break
    return NuwaGenerateOutput(tokens=tokens)


def _append_unconditional(config, input_ids, attention_mask, negative_input_ids, negative_attention_mask):
    """Stack the texts over the negative texts (by default the constant "None"), padded to one length."""
    if attention_mask is None:
        attention_mask = torch.ones_like(input_ids)
    if negative_input_ids is None:
        negative_input_ids = none_text(config, input_ids.shape[0], input_ids.device)
        negative_attention_mask = None
    if negative_attention_mask is None:
        negative_attention_mask = torch.ones_like(negative_input_ids)
    if negative_input_ids.shape[0] != input_ids.shape[0]:
        raise ValueError(
            f"`negative_input_ids` must have as many rows as `input_ids`, {input_ids.shape[0]}, got "
            f"{negative_input_ids.shape[0]}."
        )
    length = max(input_ids.shape[1], negative_input_ids.shape[1])

    def pad(tensor, value):
        return torch.nn.functional.pad(tensor, (0, length - tensor.shape[1]), value=value)

    return (
        torch.cat([pad(input_ids, config.pad_token_id), pad(negative_input_ids, config.pad_token_id)]),
        torch.cat([pad(attention_mask, 0), pad(negative_attention_mask, 0)]),
    )


def _repeat(condition: NuwaCondition) -> NuwaCondition:
    """The condition of B items for the 2 B rows of guidance."""
    return replace(condition, hidden_states=condition.hidden_states.repeat(2, 1, 1))


def _repeat_out_of_sight(condition: NuwaCondition) -> NuwaCondition:
    """The same, to be seen by the first B rows only."""
    seen = torch.ones(condition.hidden_states.shape[:2], dtype=torch.bool, device=condition.hidden_states.device)
    return replace(_repeat(condition), key_padding_mask=torch.cat([seen, ~seen]))
