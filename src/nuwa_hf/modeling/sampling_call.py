# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""One call of `generate` or `stream`: its arguments, and the computation of its steps by the model.

Legend: B inputs, k outputs of each, T, H, W visual grid, L text length, n places of one step, V codebook size.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Self

import torch
from torch.nn import functional
from transformers import GenerationConfig, PreTrainedModel

from nuwa_hf.generation.cache import StepCache
from nuwa_hf.generation.known_tokens import check_known_tokens
from nuwa_hf.generation.logit_rules import guided_outputs
from nuwa_hf.generation.sampler import TokenDraw
from nuwa_hf.generation.sampling import SamplingSettings, check_generators
from nuwa_hf.generation.schedule import check_schedule
from nuwa_hf.generation.step_tables import Step
from nuwa_hf.grid import Grid
from nuwa_hf.modeling.configuration_nuwa import NuwaConfig
from nuwa_hf.modeling.sampling_arguments import SamplingArguments, refuse_what_cannot_be_obeyed
from nuwa_hf.modeling.text_ids import none_text
from nuwa_hf.modeling.token_checks import check_encoded_text, check_token_range, check_tokens


@dataclass(frozen=True, kw_only=True)
class SamplingCall(SamplingArguments):
    """One call of `NuwaForConditionalGeneration.generate` or `.stream`. Nothing is computed before the first step.

    Args:
        model (`PreTrainedModel`): a `NuwaForConditionalGeneration`.
        input_ids (`torch.LongTensor` of shape `(B, L)`, *optional*): text tokens; None with `encoder_hidden_states`.
        attention_mask (`torch.Tensor` of shape `(B, L)`, *optional*): nonzero at real tokens.

    Raises:
        TypeError: If an argument has the wrong type.
        ValueError: If an argument is invalid.
    """

    model: PreTrainedModel
    input_ids: torch.Tensor | None
    attention_mask: torch.Tensor | None

    def __post_init__(self):
        self._check_texts()
        check_schedule(self.schedule)
        refuse_what_cannot_be_obeyed(self.config)
        _check_number_of_outputs(self.num_outputs_each)
        check_generators(self.generator, self.batch_size)
        self.settings.check_batch(self.batch_size)
        _check_logits_processor(self.logits_processor)
        if self.sketch_tokens is not None:
            check_tokens("sketch_tokens", self.sketch_tokens, self.model.config)
            check_token_range("sketch_tokens", self.sketch_tokens, self.model.config.sketch_codebook_size)

    def _check_texts(self) -> None:
        """Check that each text is given once, as tokens or encoded."""
        for prefix, is_needed in (("", True), ("negative_", False)):
            names = (f"{prefix}input_ids", f"{prefix}encoder_hidden_states")
            ids, states = (getattr(self, name) for name in names)
            if (ids is not None and states is not None) or (is_needed and ids is None and states is None):
                found = "both" if states is not None else "neither"
                raise ValueError(f"One of `{names[0]}` and `{names[1]}` must be given, got {found}; leave one out.")
            if states is not None:
                check_encoded_text(names[1], states, getattr(self, f"{prefix}attention_mask"), self.model.config)
            given = names[0] if states is None else names[1]
            text = ids if states is None else states
            if text is not None and len(text) != self.num_inputs:
                raise ValueError(
                    f"`{given}` must have as many rows as the texts, {self.num_inputs}, got {len(text)}; give one for "
                    "each."
                )

    @property
    def text(self) -> torch.Tensor:
        """The texts, as tokens `(B, L)` or encoded `(B, L, D)`."""
        return self.input_ids if self.encoder_hidden_states is None else self.encoder_hidden_states

    @property
    def num_inputs(self) -> int:
        """B."""
        return len(self.text)

    @property
    def device(self) -> torch.device:
        """Where the call runs."""
        return self.text.device

    @property
    def config(self) -> GenerationConfig:
        """The generation configuration, which supplies settings that were not given."""
        return self.generation_config or self.model.generation_config

    @cached_property
    def settings(self) -> SamplingSettings:
        """How tokens are drawn: the given settings, and those of the generation configuration otherwise."""
        names = SamplingSettings.__dataclass_fields__
        return SamplingSettings.resolve(self.config, {name: getattr(self, name) for name in names})

    @property
    def num_outputs_each(self) -> int:
        """k, the number of outputs for each input."""
        given = self.num_return_sequences
        given = self.config.num_return_sequences if given is None else given
        return 1 if given is None else given

    @property
    def batch_size(self) -> int:
        """B k, without the rows that guidance adds."""
        return self.num_inputs * self.num_outputs_each

    @property
    def draw(self) -> TokenDraw:
        """Draws the tokens from logits."""
        # Weights may be stored in 8 bits, which torch does not promote.
        dtype = torch.float64 if self.model.dtype == torch.float64 else torch.float32
        return TokenDraw(
            self.settings,
            self.generator,
            self.batch_size,
            self.model.config.codebook_size,
            self.device,
            self.logits_processor,
            dtype,
        )

    def known_part(self, grid: Grid) -> tuple[torch.Tensor | None, torch.Tensor | None]:
        """The tokens to keep and their mask, repeated for each output.

        Args:
            grid (`Grid`): (T, H, W).

        Returns:
            `tuple`: tokens `(B k, T, H, W)` and their mask, or None twice.

        Raises:
            TypeError: If a dtype is wrong.
            ValueError: If only one of the two is given, or a shape or a value is wrong.
        """
        codebook_size = self.model.config.codebook_size
        check_known_tokens(self.known_tokens, self.known_mask, grid, self.num_inputs, codebook_size)
        if self.known_tokens is None:
            return None, None
        return self.for_each_output(self.known_tokens), self.for_each_output(self.known_mask)

    def for_each_output(self, tensor: torch.Tensor | None) -> torch.Tensor | None:
        """Repeat each row of a tensor k times, so that the outputs of one input are adjacent."""
        if tensor is None or self.num_outputs_each == 1:
            return tensor
        return tensor.repeat_interleave(self.num_outputs_each, 0)

    @cached_property
    def guided(self) -> list[int]:
        """The outputs that guidance needs a second pass of the model for."""
        return guided_outputs(self.settings, self.batch_size)

    def guided_rows(self, tensor: torch.Tensor) -> torch.Tensor:
        """The rows of the guided outputs, in a tensor with a row for each output."""
        return tensor if len(self.guided) == len(tensor) else tensor[self.guided]

    def repeat_rows(self, tensor: torch.Tensor) -> torch.Tensor:
        """Repeat the rows of the guided outputs at the end, for the pass of the model without conditions."""
        return torch.cat([tensor, self.guided_rows(tensor)]) if self.guided else tensor

    def model_inputs(self) -> dict[str, torch.Tensor | None]:
        """The conditions as arguments of `forward`: all outputs, then the guided ones without their conditions."""
        inputs = self._text_inputs()
        if self.sketch_tokens is not None:
            sketch = self.for_each_output(self.sketch_tokens)
            inputs["sketch_tokens"] = self.repeat_rows(sketch)
            if self.guided:
                seen = torch.ones_like(sketch, dtype=torch.bool)
                inputs["sketch_attention_mask"] = torch.cat([seen, ~self.guided_rows(seen)])
        if self.known_mask is not None and self.condition_on_known:
            inputs["known_mask"] = self.repeat_rows(self.for_each_output(self.known_mask))
        return inputs

    def _text_inputs(self) -> dict[str, torch.Tensor | None]:
        """The texts of all outputs, then the negative ones of those that are guided, padded to the same length."""
        is_encoded = self.encoder_hidden_states is not None or self.negative_encoder_hidden_states is not None
        name = "encoder_hidden_states" if is_encoded else "input_ids"
        text, mask = self._text(is_encoded, self.input_ids, self.encoder_hidden_states, self.attention_mask)
        text, mask = self.for_each_output(text), self.for_each_output(mask)
        if not self.guided:
            return {name: text, "attention_mask": mask}
        ids, states, negative_mask = (
            self.negative_input_ids,
            self.negative_encoder_hidden_states,
            self.negative_attention_mask,
        )
        if ids is None and states is None:
            ids, negative_mask = none_text(self.model.config, self.num_inputs, self.device), None
        negative, negative_mask = self._text(is_encoded, ids, states, negative_mask)
        masks = [_mask_or_ones(text, mask)]
        masks.append(self.guided_rows(self.for_each_output(_mask_or_ones(negative, negative_mask))))
        rows = [text, self.guided_rows(self.for_each_output(negative))]
        return {name: self._stack(rows), "attention_mask": self._stack(masks, 0)}

    def _text(
        self,
        is_encoded: bool,
        input_ids: torch.Tensor | None,
        states: torch.Tensor | None,
        mask: torch.Tensor | None,
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Texts as tokens, or all of them encoded if one of them is."""
        if is_encoded and states is None:
            with torch.no_grad():
                return self.model.model.encode_text(input_ids, mask).hidden_states, mask
        return (states.to(self.model.dtype) if is_encoded else input_ids), mask

    def _stack(self, rows: list[torch.Tensor], padding: float | None = None) -> torch.Tensor:
        """Tensors of shape `(B, L)` or `(B, L, D)` below each other, the shorter ones padded."""
        length = max(row.shape[1] for row in rows)
        if padding is None:
            padding = 0.0 if rows[0].is_floating_point() else self.model.config.pad_token_id
        return torch.cat([_pad_text(row, length, padding) for row in rows])


class ModelSteps:
    """The `StepFunction` that runs a model in the steps of a sampling run, with a cache of earlier steps.

    Args:
        call (`SamplingCall`): the arguments.
        grid (`Grid`): the visual grid, at most the learnt one.
        num_slots (`int`): S, the number of slots in the step plan.
        is_padded (`bool`): whether steps are padded. Texts are then padded too, all to the same length.

    Attributes:
        inputs (`dict`): the conditions, as arguments of the model.
    """

    def __init__(self, call: SamplingCall, grid: Grid, num_slots: int, is_padded: bool):
        self.call, self.grid, self.num_slots, self.is_padded = call, grid, num_slots, is_padded
        self.inputs = call.model_inputs()
        if is_padded:
            self.inputs |= _to_full_length(self.inputs, call.model.config)
        # Made once: an index that is a list goes to the device anew in each step.
        rows = [*range(call.batch_size), *call.guided]
        self._rows = torch.tensor(rows, device=call.device) if call.guided else None
        self.cache = None

    def restart(self, other: Self) -> None:
        """Begin the run of another call instead, of the same kind and with inputs of the same shapes."""
        self.call, self.inputs = other.call, other.inputs
        self.cache.restart()

    def __call__(self, visual_tokens: torch.Tensor, step: Step, wanted: list[int] | None) -> torch.Tensor:
        """Compute the logits of some places of a step, as described in `StepFunction`."""
        model = self.call.model
        if self.cache is None:
            num_layers, linear = model.config.num_decoder_layers, model.prepare_step_linear()
            self.cache = StepCache(num_layers, self.num_slots, self.grid, linear, self.is_padded)
        tokens = visual_tokens if self._rows is None else visual_tokens.index_select(0, self._rows)
        return model(**self.inputs, visual_tokens=tokens, cache=self.cache, step=step, logits_to_keep=wanted).logits


def _to_full_length(inputs: dict[str, torch.Tensor | None], config: NuwaConfig) -> dict[str, torch.Tensor]:
    """Texts padded to the longest that the model reads, and their mask."""
    name, padding = ("input_ids", config.pad_token_id) if "input_ids" in inputs else ("encoder_hidden_states", 0.0)
    mask = _mask_or_ones(inputs[name], inputs["attention_mask"])
    length = config.max_text_length
    return {name: _pad_text(inputs[name], length, padding), "attention_mask": _pad_text(mask, length, 0)}


def _pad_text(rows: torch.Tensor, length: int, padding: float) -> torch.Tensor:
    """Tokens, a mask `(B, L)` or encoded text `(B, L, D)`, longer."""
    at_end = (0, 0) * (rows.ndim - 2) + (0, length - rows.shape[1])
    return functional.pad(rows, at_end, value=padding)


def _mask_or_ones(text: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
    return torch.ones(text.shape[:2], dtype=torch.long, device=text.device) if mask is None else mask


def _check_number_of_outputs(number) -> None:
    if isinstance(number, bool) or not isinstance(number, int) or number < 1:
        raise ValueError(f"`num_return_sequences` must be a whole number of at least 1, got {number!r}.")


def _check_logits_processor(processors) -> None:
    if processors is not None and not (isinstance(processors, list) and all(map(callable, processors))):
        raise TypeError(
            f"`logits_processor` must be a `LogitsProcessorList` of callables, got {processors!r}; wrap one processor "
            "as `LogitsProcessorList([processor])`."
        )
