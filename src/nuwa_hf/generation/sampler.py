# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The autoregressive loop: step by step over the places of a schedule, with the keys and values that are still seen.

Legend: B batch, T, H, W visual grid, L text length, n places of one step, D hidden size.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from transformers import GenerationConfig, LogitsProcessorList

from nuwa_hf.generation.known_tokens import check_known_tokens
from nuwa_hf.generation.noise import PlaceNoise
from nuwa_hf.generation.sampling import SamplingSettings, check_generators, guide
from nuwa_hf.generation.schedule import check_schedule
from nuwa_hf.generation.step_decoder import StepDecoder
from nuwa_hf.generation.step_plan import plan_grid
from nuwa_hf.grid import Grid
from nuwa_hf.modeling.modeling_nuwa import NuwaForConditionalGeneration
from nuwa_hf.modeling.modeling_outputs import NuwaCondition
from nuwa_hf.modeling.text_ids import none_text


@dataclass(frozen=True)
class SamplingInputs:
    """What is sampled from: the arguments that `NuwaForConditionalGeneration.generate` and `.stream` share.

    They are described there. Nothing is computed before `sample` is asked for a step.
    """

    model: NuwaForConditionalGeneration
    input_ids: torch.Tensor
    attention_mask: torch.Tensor | None
    generator: torch.Generator | list[torch.Generator] | None
    schedule: str
    generation_config: GenerationConfig
    do_sample: bool | None
    temperature: float | None
    top_k: int | None
    top_p: float | None
    guidance_scale: float | None
    negative_input_ids: torch.Tensor | None
    negative_attention_mask: torch.Tensor | None
    sketch_tokens: torch.Tensor | None
    known_tokens: torch.Tensor | None
    known_mask: torch.Tensor | None
    condition_on_known: bool

    def __post_init__(self):
        check_schedule(self.schedule)
        check_generators(self.generator, self.batch_size)
        _ = self.settings  # resolved now, so that what is wrong with them is said before any work

    @cached_property
    def settings(self) -> SamplingSettings:
        """How tokens are drawn: what was given, else what the generation configuration says."""
        names = SamplingSettings.__dataclass_fields__
        return SamplingSettings.resolve(self.generation_config, {name: getattr(self, name) for name in names})

    @cached_property
    def processors(self) -> LogitsProcessorList:
        """What is done to logits before a token is drawn."""
        return self.settings.processors()

    @property
    def batch_size(self) -> int:
        """B, without the rows that guidance adds."""
        return self.input_ids.shape[0]

    def check_known(self, grid: Grid) -> None:
        """Require given tokens that fit, if there are any.

        Args:
            grid (`Grid`): (T, H, W).

        Raises:
            TypeError: If a dtype is wrong.
            ValueError: If one of tokens and mask is missing, or shape or range is wrong.
        """
        codebook_size = self.model.config.codebook_size
        check_known_tokens(self.known_tokens, self.known_mask, grid, self.batch_size, codebook_size)

    def noise_of(self, kept: Grid) -> PlaceNoise | None:
        """The noise of the frames that are kept, none of them begun, or None where the likeliest token is taken."""
        if not self.settings.do_sample:
            return None
        codebook_size, device = self.model.config.codebook_size, self.input_ids.device
        return PlaceNoise(kept, self.batch_size, codebook_size, self.generator, device)

    def encode_texts(self) -> NuwaCondition:
        """The texts; under guidance what it leads away from stands in a second half of rows."""
        input_ids, attention_mask = self.input_ids, self.attention_mask
        if self.settings.uses_guidance:
            input_ids, attention_mask = _append_unconditional(
                self.model.config, input_ids, attention_mask, self.negative_input_ids, self.negative_attention_mask
            )
        return self.model.model.encode_text(input_ids, attention_mask)

    def rows_of(self, tokens: torch.Tensor) -> torch.Tensor:
        """Tokens `(B, ...)` as the decoder reads them: twice under guidance."""
        return tokens.repeat(2, *[1] * (tokens.ndim - 1)) if self.settings.uses_guidance else tokens

    def draw(
        self, decoder: StepDecoder, hidden_states: torch.Tensor, noise: PlaceNoise | None, places: torch.Tensor
    ) -> torch.Tensor:
        """Tokens from what the head reads.

        Args:
            decoder (`StepDecoder`): whose head reads.
            hidden_states (`torch.Tensor` of shape `(B, n, D)`, or `(2 B, n, D)` under guidance): normalised.
            noise (`PlaceNoise`, *optional*): of the kept frames; None for the likeliest tokens.
            places (`torch.LongTensor` of shape `(n,)`): raster indices in the kept frames.

        Returns:
            `torch.LongTensor` of shape `(B, n)`.
        """
        logits = decoder.head(hidden_states)
        if self.settings.uses_guidance:
            logits = guide(logits, self.settings.guidance_scale)
        logits = self.processors(None, logits.flatten(0, 1)).unflatten(0, logits.shape[:2])
        return (logits if noise is None else logits + noise.at(places)).argmax(-1)


@torch.no_grad()
def sample(inputs: SamplingInputs, grid: Grid) -> Iterator[tuple[list[int], torch.Tensor]]:
    """Sample the tokens of a grid, step by step.

    Args:
        inputs (`SamplingInputs`): what is sampled from.
        grid (`Grid`): (T, H, W), at most the learnt one.

    Yields:
        `tuple[list[int], torch.LongTensor]`: after each step its places, and the tokens so far `(B, T, H, W)`, which
        may be changed between the steps: later ones read them.
    """
    model, device = inputs.model, inputs.input_ids.device
    noise = inputs.noise_of(grid)
    if noise is not None:
        for frame in range(grid.t):
            noise.begin_frame(frame)
    tokens = torch.zeros(inputs.batch_size, *grid, dtype=torch.long, device=device)
    is_free, known_mask, conditions = [True] * grid.numel, inputs.known_mask, [inputs.encode_texts()]
    if inputs.sketch_tokens is not None:
        sketch = model.model.encode_sketch(inputs.sketch_tokens)
        conditions.append(_repeat_out_of_sight(sketch) if inputs.settings.uses_guidance else sketch)
    if known_mask is not None:
        tokens = inputs.known_tokens.where(known_mask, 0).contiguous()  # sampled tokens are written into it
        known_mask = known_mask.flatten(1)
        is_free = (~known_mask.all(0)).tolist()
        if inputs.condition_on_known:
            known = model.model.encode_known(tokens, inputs.known_mask)
            conditions.append(replace(known, hidden_states=inputs.rows_of(known.hidden_states)))
    plan = plan_grid(grid, model.config.window, inputs.schedule, device)
    decoder = StepDecoder(model, grid, plan.num_slots, conditions)
    flat = tokens.view(inputs.batch_size, -1)  # shares memory with `tokens`

    for step in plan.steps:
        hidden_states = decoder(inputs.rows_of(flat), step)
        # The head is the widest matrix: it reads only places where some item has a token to draw.
        wanted = [row for row, place in enumerate(step.indices) if is_free[place]]
        if wanted:
            places = step.places
            if len(wanted) < len(step.indices):
                places, hidden_states = places[wanted], hidden_states[:, wanted]
            drawn = inputs.draw(decoder, hidden_states, noise, places)
            if known_mask is not None:
                drawn = torch.where(known_mask[:, places], flat[:, places], drawn)
            flat[:, places] = drawn
        yield step.indices, tokens


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


def _repeat_out_of_sight(condition: NuwaCondition) -> NuwaCondition:
    """The condition of B items for the 2 B rows of guidance, to be seen by the first B only."""
    hidden_states = condition.hidden_states
    seen = torch.ones(hidden_states.shape[:2], dtype=torch.bool, device=hidden_states.device)
    return replace(condition, hidden_states=hidden_states.repeat(2, 1, 1), key_padding_mask=torch.cat([seen, ~seen]))
