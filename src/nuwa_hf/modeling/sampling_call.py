# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""One call of `generate` or `stream`: its arguments, and the computation of its steps by the model.

Legend: B inputs, k outputs of each, T, H, W visual grid, L text length, n places of one step, V codebook size.
"""

import copy
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Self

import torch
from transformers import GenerationConfig, PreTrainedModel

from nuwa_hf.argument_types import shown
from nuwa_hf.generation.cache import StepCache
from nuwa_hf.generation.known_tokens import check_known_tokens
from nuwa_hf.generation.logit_rules import guided_outputs
from nuwa_hf.generation.sampler import TokenDraw
from nuwa_hf.generation.sampling import SamplingSettings, check_generators
from nuwa_hf.generation.schedule import check_schedule
from nuwa_hf.generation.step_tables import Step
from nuwa_hf.grid import Grid
from nuwa_hf.modeling.equal_rows import EqualRows
from nuwa_hf.modeling.sampling_arguments import SamplingArguments, refuse_what_cannot_be_obeyed
from nuwa_hf.modeling.sampling_texts import TOKENS, Texts, stacked
from nuwa_hf.modeling.text_ids import none_text, text_mask
from nuwa_hf.modeling.token_checks import (
    check_embedded_text,
    check_encoded_text,
    check_one_text,
    check_text_ids,
    check_text_mask,
    check_token_range,
    check_tokens,
)


MOST_OUTPUTS = 2**16  # of one input in one call
TENSORS = (
    *("input_ids", "attention_mask", "negative_input_ids", "negative_attention_mask"),
    *("encoder_hidden_states", "negative_encoder_hidden_states", "sketch_tokens", "known_tokens", "known_mask"),
    "inputs_embeds",
)
# What can give a text and the one that guidance leads away from: encoded ones last, with which a call may go on.
TEXTS = {
    "": ("input_ids", "inputs_embeds", "encoder_hidden_states"),
    "negative_": ("negative_input_ids", "negative_encoder_hidden_states"),
}
IN_PLACE_OF = {names[-1]: names[:-1] for names in TEXTS.values()}
CHANGEABLE = {*IN_PLACE_OF, "attention_mask", "negative_attention_mask"}


@dataclass(frozen=True, kw_only=True)
class SamplingCall(SamplingArguments):
    """One call of `NuwaForConditionalGeneration.generate` or `.stream`. Nothing is computed before the first step.

    Args:
        model (`PreTrainedModel`): a `NuwaForConditionalGeneration`.
        input_ids (`torch.LongTensor` of shape `(B, L)`, *optional*): text tokens; None if the text is given otherwise.
        attention_mask (`torch.Tensor` of shape `(B, L)`, *optional*): nonzero at real tokens; by default at all but
            padding, as in transformers.

    Raises:
        TypeError: If an argument has the wrong type.
        ValueError: If an argument is invalid.
    """

    model: PreTrainedModel
    input_ids: torch.Tensor | None
    attention_mask: torch.Tensor | None

    def __post_init__(self):
        self._check_kinds()
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
            self._check_rows("sketch_tokens")

    def _check_kinds(self) -> None:
        """Check that tensors are tensors, and the like."""
        config = self.generation_config
        if config is not None and not isinstance(config, GenerationConfig):
            raise TypeError(
                f"`generation_config` must be a `GenerationConfig`, got {shown(config)}; give one, or None."
            )
        if not isinstance(self.condition_on_known, bool):
            given = shown(self.condition_on_known)
            raise TypeError(f"`condition_on_known` must be True or False, got {given}; give one of them.")
        for name in TENSORS:
            value = getattr(self, name)
            if value is not None and not isinstance(value, torch.Tensor):
                raise TypeError(f"`{name}` must be a tensor, got {shown(value)}; give one, or None.")
        for name in ("input_ids", "negative_input_ids"):
            if getattr(self, name) is not None:
                check_text_ids(name, getattr(self, name), self.model.config)

    def _check_texts(self) -> None:
        """Check that each text is given once, as tokens, embedded or encoded, and that its mask fits."""
        for prefix, names in TEXTS.items():
            given = check_one_text({name: getattr(self, name) for name in names}, is_needed=not prefix)
            mask_name = f"{prefix}attention_mask"
            mask = getattr(self, mask_name)
            if given is None:
                if mask is not None:
                    text = " or ".join(f"`{name}`" for name in names)
                    raise ValueError(f"`{mask_name}` must stand beside {text}, got it alone; leave it out.")
                continue
            if given == names[-1]:
                check_encoded_text(given, getattr(self, given), mask, self.model.config)
            elif given == "inputs_embeds":
                check_embedded_text(self.inputs_embeds, mask, self.model.config)
            elif mask is not None:
                check_text_mask(f"`{mask_name}`", mask, getattr(self, given).shape)
            self._check_rows(given)

    def _check_rows(self, name: str) -> None:
        rows = len(getattr(self, name))
        if rows != self.num_inputs:
            raise ValueError(
                f"`{name}` must have as many rows as the texts, {self.num_inputs}, got {rows}; give one for each."
            )

    @property
    def text(self) -> torch.Tensor:
        """The texts, as tokens `(B, L)`, or embedded or encoded `(B, L, D)`."""
        return next(text for name in TEXTS[""] if (text := getattr(self, name)) is not None)

    @property
    def num_inputs(self) -> int:
        """B."""
        return len(self.text)

    @property
    def device(self) -> torch.device:
        """Where the call runs."""
        return self.text.device

    @cached_property
    def config(self) -> GenerationConfig:
        """The generation configuration, which supplies settings that were not given: the given one and, for what it
        leaves open, that of the model.
        """
        own = self.model.generation_config
        if own.use_cache is False:  # of a configuration that transformers' `Trainer` has had; it changes no token
            own = copy.deepcopy(own)
            own.use_cache = None
        if self.generation_config is None:
            return own
        config = copy.deepcopy(self.generation_config)
        for name, value in own.to_dict().items():
            if getattr(config, name, None) is None:
                setattr(config, name, value)
        return config

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
        return TokenDraw(
            self.settings,
            self.generator,
            self.batch_size,
            self.model.config.codebook_size,
            self.device,
            self.logits_processor,
            torch.promote_types(self.model.dtype, torch.float32),
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

    def model_inputs(self, is_padded: bool = False) -> dict[str, torch.Tensor | None]:
        """The conditions as arguments of `forward`: all outputs, then the guided ones without their conditions.

        Args:
            is_padded (`bool`, defaults to `False`): whether texts are padded to the longest that the model reads.

        Returns:
            `dict`: the arguments by name.
        """
        texts, config = self._all_texts(), self.model.config
        inputs = (texts.padded(config.max_text_length, config) if is_padded else texts).as_inputs()
        if self.sketch_tokens is not None:
            sketch = self.for_each_output(self.sketch_tokens)
            inputs["sketch_tokens"] = self.repeat_rows(sketch)
            if self.guided:
                seen = torch.ones_like(sketch, dtype=torch.bool)
                inputs["sketch_attention_mask"] = torch.cat([seen, ~self.guided_rows(seen)])
        if self.known_mask is not None and self.condition_on_known:
            inputs["known_mask"] = self.repeat_rows(self.for_each_output(self.known_mask))
        return inputs

    def _all_texts(self) -> Texts:
        """The texts of all outputs, then the negative ones of those that are guided, padded to the same length."""
        given, negative = self._texts(""), self._texts("negative_")
        if negative is None:
            negative = Texts(TOKENS, none_text(self.model.config, self.num_inputs, self.device), None)
        if any(texts.name != TOKENS for texts in (given, negative)):
            given = given.encoded_by(self.model)
            negative = negative.encoded_by(self.model) if self.guided else negative
        given = given.chosen(self.for_each_output)
        if self.guided:
            negative = negative.chosen(lambda rows: self.guided_rows(self.for_each_output(rows)))
            given = stacked([given, negative], self.model.config)
        return given

    def _texts(self, prefix: str) -> Texts | None:
        given = next((name for name in TEXTS[prefix] if getattr(self, name) is not None), None)
        if given is None:
            return None
        name, rows, mask = given.removeprefix(prefix), getattr(self, given), getattr(self, f"{prefix}attention_mask")
        if name == TOKENS and mask is None:
            mask = text_mask(rows, self.model.config)
        return Texts(name, rows, mask)


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
        self.inputs = call.model_inputs(is_padded)
        # Made once: an index that is a list goes to the device anew in each step.
        rows = [*range(call.batch_size), *call.guided]
        self._rows = torch.tensor(rows, device=call.device) if call.guided else None
        self._equal_rows = self._find_equal_rows()
        self.cache = None

    def restart(self, other: Self) -> None:
        """Begin the run of another call instead, of the same kind and with inputs of the same shapes."""
        self.call, self.inputs, self._equal_rows = other.call, other.inputs, other._equal_rows
        self.cache.restart()

    def change_texts(self, texts: dict[str, torch.Tensor]) -> None:
        """Read other texts in the next step.

        Args:
            texts (`dict[str, torch.Tensor]`): some of `encoder_hidden_states`, `attention_mask` and their negatives,
                as many rows as before.

        Raises:
            TypeError: If an encoded text is no tensor of floats.
            ValueError: If a shape is wrong, or something else is to change.
        """
        others = texts.keys() - CHANGEABLE
        if others:
            raise ValueError(
                f"`callback` must return `guidance_scale` or {', '.join(sorted(CHANGEABLE))}, got {sorted(others)}; "
                "the rest of a call stays as it began."
            )
        num_inputs = self.call.num_inputs
        replaced = {other: None for name in texts for other in IN_PLACE_OF.get(name, ())}
        self.call = replace(self.call, **replaced, **texts)
        if self.call.num_inputs != num_inputs:
            raise ValueError(
                f"`encoder_hidden_states` must keep its {num_inputs} rows, got {self.call.num_inputs}; return one for "
                "each input."
            )
        self.inputs = self.call.model_inputs(self.is_padded)
        self._equal_rows = self._find_equal_rows()
        self.cache.forget_conditions()

    def _find_equal_rows(self) -> dict[str, EqualRows | None]:
        given, found = self.inputs, {}
        text = given["input_ids"] if "input_ids" in given else given["encoder_hidden_states"]
        found["text"] = EqualRows.among(text.shape[1], text, given["attention_mask"])
        if "sketch_tokens" in given:
            sketch = given["sketch_tokens"]
            found["sketch"] = EqualRows.among(sketch[0].numel(), sketch)
        if "known_mask" in given:
            mask = given["known_mask"]
            tokens = self.call.repeat_rows(self.call.for_each_output(self.call.known_tokens)).where(mask, 0)
            found["known"] = EqualRows.among(mask[0].numel(), tokens, mask)
        return found

    def __call__(self, visual_tokens: torch.Tensor, step: Step, wanted: list[int] | None) -> torch.Tensor:
        """Compute the logits of some places of a step, as described in `StepFunction`."""
        model = self.call.model
        if self.cache is None:
            num_layers, linear = model.config.num_decoder_layers, model.prepare_step_linear()
            self.cache = StepCache(num_layers, self.num_slots, self.grid, linear, self.is_padded)
        self.cache.equal_rows = self._equal_rows
        tokens = visual_tokens if self._rows is None else visual_tokens.index_select(0, self._rows)
        given = {"cache": self.cache, "step": step, "logits_to_keep": wanted, "return_dict": True}
        return model(**self.inputs, visual_tokens=tokens, **given).logits


def scores_of(call: SamplingCall, tokens: torch.Tensor) -> torch.Tensor:
    """The scores that tokens were drawn by, read off in one pass over all places instead of step by step.

    Args:
        call (`SamplingCall`): the arguments of the call that drew them.
        tokens (`torch.LongTensor` of shape `(B k, T, H, W)`): the tokens.

    Returns:
        `torch.Tensor` of shape `(B k, T, H, W, V)`.
    """
    logits = call.model(**call.model_inputs(), visual_tokens=call.repeat_rows(tokens), return_dict=True).logits
    return call.draw.scores(logits.flatten(1, 3)).unflatten(1, tokens.shape[1:])


def _check_number_of_outputs(number) -> None:
    if isinstance(number, bool) or not isinstance(number, int) or not 1 <= number <= MOST_OUTPUTS:
        rule = f"a whole number from 1 to {MOST_OUTPUTS}"
        raise ValueError(f"`num_return_sequences` must be {rule}, got {shown(number)}; give an int.")


def _check_logits_processor(processors) -> None:
    if processors is not None and not (isinstance(processors, list) and all(map(callable, processors))):
        raise TypeError(
            f"`logits_processor` must be a `LogitsProcessorList` of callables, got {shown(processors)}; wrap one "
            "processor as `LogitsProcessorList([processor])`."
        )
