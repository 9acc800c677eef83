# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""One call of `generate` or `stream`: its arguments, and what the model computes for it in a step.

Legend: B batch, T, H, W visual grid, L text length, n places of one step, V codebook size.
"""

from dataclasses import dataclass
from functools import cached_property

import torch
from transformers import GenerationConfig, PreTrainedModel

from nuwa_hf.generation.cache import StepCache
from nuwa_hf.generation.known_tokens import check_known_tokens
from nuwa_hf.generation.sampler import TokenDraw
from nuwa_hf.generation.sampling import SamplingSettings, check_generators
from nuwa_hf.generation.schedule import check_schedule
from nuwa_hf.generation.step_plan import Step
from nuwa_hf.grid import Grid
from nuwa_hf.modeling.configuration_nuwa import NuwaConfig
from nuwa_hf.modeling.text_ids import none_text
from nuwa_hf.modeling.token_checks import check_token_range, check_tokens


@dataclass(frozen=True)
class SamplingCall:
    """The arguments that `NuwaForConditionalGeneration.generate` and `.stream` share; they are described there.

    Nothing is computed before the first step.
    """

    model: PreTrainedModel  # a `NuwaForConditionalGeneration`
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
        if self.sketch_tokens is not None:
            check_tokens("sketch_tokens", self.sketch_tokens, self.model.config)
            check_token_range("sketch_tokens", self.sketch_tokens, self.model.config.sketch_codebook_size)

    @cached_property
    def settings(self) -> SamplingSettings:
        """How tokens are drawn: what was given, else what the generation configuration says."""
        names = SamplingSettings.__dataclass_fields__
        return SamplingSettings.resolve(self.generation_config, {name: getattr(self, name) for name in names})

    @property
    def draw(self) -> TokenDraw:
        """What draws the tokens."""
        codebook_size, device = self.model.config.codebook_size, self.input_ids.device
        return TokenDraw(self.settings, self.generator, self.batch_size, codebook_size, device)

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

    def repeat_rows(self, tensor: torch.Tensor) -> torch.Tensor:
        """A tensor of B rows as the model reads it: twice under guidance."""
        return torch.cat([tensor, tensor]) if self.settings.uses_guidance else tensor

    def model_inputs(self) -> dict[str, torch.Tensor | None]:
        """The conditions, as the model's `forward` takes them; under guidance the second half of rows leads away."""
        text = (self.input_ids, self.attention_mask)
        if self.settings.uses_guidance:
            negative = (self.negative_input_ids, self.negative_attention_mask)
            text = _with_unconditional(self.model.config, *text, *negative)
        inputs = {"input_ids": text[0], "attention_mask": text[1]}
        if self.sketch_tokens is not None:
            inputs["sketch_tokens"] = self.repeat_rows(self.sketch_tokens)
            if self.settings.uses_guidance:
                seen = torch.ones_like(self.sketch_tokens, dtype=torch.bool)
                inputs["sketch_attention_mask"] = torch.cat([seen, ~seen])
        if self.known_mask is not None and self.condition_on_known:
            inputs["known_mask"] = self.repeat_rows(self.known_mask)
        return inputs


class ModelSteps:
    """What the model computes in the steps of one sampling, a `StepFunction`; it remembers the steps before.

    Args:
        call (`SamplingCall`): the arguments.
        grid (`Grid`): the visual grid, at most the learnt one.
        num_slots (`int`): S, of the plan of steps.
    """

    def __init__(self, call: SamplingCall, grid: Grid, num_slots: int):
        self.call, self.grid, self.num_slots = call, grid, num_slots
        self.inputs = call.model_inputs()
        self.cache = None

    def __call__(self, visual_tokens: torch.Tensor, step: Step, wanted: list[int] | None) -> torch.Tensor:
        """Logits of places of a step, as `StepFunction` describes it."""
        model = self.call.model
        if self.cache is None:
            num_layers = model.config.num_decoder_layers
            self.cache = StepCache(num_layers, self.num_slots, self.grid, model.prepare_step_linear())
        tokens = self.call.repeat_rows(visual_tokens)
        return model(**self.inputs, visual_tokens=tokens, cache=self.cache, step=step, logits_to_keep=wanted).logits


def _with_unconditional(
    config: NuwaConfig,
    input_ids: torch.Tensor,
    attention_mask: torch.Tensor | None,
    negative_input_ids: torch.Tensor | None,
    negative_attention_mask: torch.Tensor | None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """The texts over the negative texts (by default the constant "None"), padded to one length."""
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
