# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The autoregressive loop, step by step over the places of a schedule: a whole grid, or frames without an end.

Legend: B batch, n places of one step, D hidden size.
"""

from collections.abc import Iterator
from dataclasses import replace

import torch

from nuwa_hf.generation.known_tokens import check_known_tokens
from nuwa_hf.generation.sampling import SamplingSettings, check_generators, draw_uniforms, guide, invert_cdf
from nuwa_hf.generation.schedule import check_schedule
from nuwa_hf.generation.step_decoder import StepDecoder
from nuwa_hf.generation.step_plan import EndlessPlan, plan_grid
from nuwa_hf.grid import Grid
from nuwa_hf.modeling.modeling_nuwa import NuwaForConditionalGeneration
from nuwa_hf.modeling.modeling_outputs import NuwaCondition, NuwaGenerateOutput
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
    check_schedule(schedule)
    batch_size, device = input_ids.shape[0], input_ids.device
    check_known_tokens(known_tokens, known_mask, grid, batch_size, model.config.codebook_size)
    uniforms = draw_uniforms(batch_size, grid.numel, generator, device) if settings.do_sample else None

    conditions = _text_conditions(
        model, settings, input_ids, attention_mask, negative_input_ids, negative_attention_mask
    )
    if sketch_tokens is not None:
        sketch = model.model.encode_sketch(sketch_tokens)
        conditions.append(_repeat_out_of_sight(sketch) if settings.uses_guidance else sketch)
    tokens = torch.zeros(batch_size, *grid, dtype=torch.long, device=device)
    free = torch.ones(grid.numel, dtype=torch.bool, device=device)
    if known_mask is not None:
        tokens = known_tokens.where(known_mask, 0).contiguous()  # sampled tokens are written into it
        free = ~known_mask.flatten(1).all(0)
        if condition_on_known:
            known = model.model.encode_known(tokens, known_mask)
            conditions.append(_repeat(known) if settings.uses_guidance else known)
    plan = plan_grid(grid, model.config.window, schedule, device)
    decoder = StepDecoder(model, grid, plan.num_slots, conditions)
    flat = tokens.view(batch_size, -1)  # shares memory with `tokens`

    is_free = free.tolist()
    for index, step in enumerate(plan.steps):
        hidden_states = decoder(flat.repeat(2, 1) if settings.uses_guidance else flat, step)
        # The head is the widest matrix; it reads only places where some item has a token to draw.
        wanted = [row for row, place in enumerate(step.places.tolist()) if is_free[place]]
        if wanted:
            places = step.places[wanted]
            drawn = _draw(decoder, settings, hidden_states[:, wanted], uniforms, places)
            if known_mask is not None:
                drawn = torch.where(known_mask.flatten(1)[:, places], flat[:, places], drawn)
            flat[:, places] = drawn
        if callback is not None and callback(index, len(plan.steps), tokens):
            break
    return NuwaGenerateOutput(tokens=tokens)


def stream_frames(
    model: NuwaForConditionalGeneration,
    input_ids: torch.Tensor,
    attention_mask: torch.Tensor | None,
    *,
    num_frames: int | None,
    generator,
    schedule: str,
    generation_config,
    overrides: dict,
    negative_input_ids: torch.Tensor | None,
    negative_attention_mask: torch.Tensor | None,
) -> Iterator[torch.Tensor]:
    """What `NuwaForConditionalGeneration.stream` does; its arguments are described there."""
    settings = SamplingSettings.resolve(generation_config, overrides)
    check_schedule(schedule)
    if num_frames is not None and (isinstance(num_frames, bool) or not isinstance(num_frames, int) or num_frames < 1):
        raise ValueError(
            f"`num_frames` must be a whole number of at least 1, got {num_frames!r}; use None for no end."
        )
    check_generators(generator, input_ids.shape[0])
    texts = (input_ids, attention_mask, negative_input_ids, negative_attention_mask)
    return _frames(model, settings, schedule, num_frames, generator, texts)


@torch.no_grad()
def _frames(model, settings, schedule, num_frames, generator, texts) -> Iterator[torch.Tensor]:
    """The tokens of each frame when it is complete; the arguments are checked."""
    batch_size, device = texts[0].shape[0], texts[0].device
    learnt = model.config.get_visual_grid()
    plan = EndlessPlan(learnt, model.config.window, schedule, device)
    decoder = StepDecoder(model, learnt, plan.num_slots, _text_conditions(model, settings, *texts))
    frame_size = learnt.h * learnt.w
    flat = torch.zeros(batch_size, plan.kept.numel, dtype=torch.long, device=device)
    tokens = flat.view(batch_size, *plan.kept)  # shares memory with `flat`
    uniforms = None
    if settings.do_sample:
        # The learnt frames' numbers at once, as `generate` draws them; those of a later frame when it begins.
        num_drawn = learnt.t if num_frames is None else min(num_frames, learnt.t)
        drawn = draw_uniforms(batch_size, num_drawn * frame_size, generator, device)
        uniforms = drawn.new_zeros(flat.shape)

    for step, begun, completed in plan:
        if begun is not None and settings.do_sample:
            if begun < num_drawn:
                numbers = drawn[:, begun * frame_size : (begun + 1) * frame_size]
            else:
                numbers = draw_uniforms(batch_size, frame_size, generator, device)
            start = begun % plan.kept.t * frame_size
            uniforms[:, start : start + frame_size] = numbers
        hidden_states = decoder(flat.repeat(2, 1) if settings.uses_guidance else flat, step)
        flat[:, step.places] = _draw(decoder, settings, hidden_states, uniforms, step.places)
        if completed is not None:
            yield tokens[:, completed % plan.kept.t].clone()
            if completed + 1 == num_frames:
                return


def _draw(decoder, settings, hidden_states, uniforms, places) -> torch.Tensor:
    """The tokens `(B, n)` of the places `(n,)` whose hidden states `(B or 2 B, n, D)` are given."""
    logits = decoder.head(hidden_states)
    if settings.uses_guidance:
        logits = guide(logits, settings.guidance_scale)
    logits = settings.processors()(None, logits.flatten(0, 1)).unflatten(0, logits.shape[:2])
    if not settings.do_sample:
        return logits.argmax(-1)
    return invert_cdf(logits, uniforms[:, places.to(uniforms.device)])


def _text_conditions(
    model, settings, input_ids, attention_mask, negative_input_ids, negative_attention_mask
) -> list[NuwaCondition]:
    """The texts as the first condition, under guidance with what it leads away from in a second half of rows."""
    if settings.uses_guidance:
        input_ids, attention_mask = _append_unconditional(
            model.config, input_ids, attention_mask, negative_input_ids, negative_attention_mask
        )
    return [model.model.encode_text(input_ids, attention_mask)]


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
