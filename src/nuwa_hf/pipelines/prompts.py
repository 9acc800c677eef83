# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The steps of a pipeline that read texts: one for each input, then their tokens.

Legend: B outputs, L text length, D hidden size.
"""

import logging
from typing import Any

import torch

from nuwa_hf.modeling.text_ids import none_text
from nuwa_hf.pipelines.checks import as_prompt_list
from nuwa_hf.pipelines.encoded_text import CallTexts, EncodedText, read_embeds
from nuwa_hf.pipelines.text_tokens import tokenize_texts


logger = logging.getLogger(__name__)


class PromptMixin:
    """Texts for `NuwaPipelineBase`, which has the components."""

    def match_prompt(
        self, prompt: str | list[str] | None, num_inputs: int, *, name: str = "prompt", is_required: bool = False
    ) -> list[str] | None:
        """One text for each input.

        Args:
            prompt (`str` or `list[str]`, *optional*): what the user gave; one text stands for all inputs.
            num_inputs (`int`): prompts, images or videos that were given.
            name (`str`, defaults to `"prompt"`): the argument's name.
            is_required (`bool`, defaults to `False`): whether there must be a text.

        Returns:
            `list[str]` or None: as many texts as there are inputs.

        Raises:
            TypeError: If it is neither a text nor a list of texts.
            ValueError: If a text is empty, or the list has another length.
        """
        if prompt is None and not is_required:
            return None
        prompts = as_prompt_list(name, prompt)
        if isinstance(prompt, str):
            return prompts * num_inputs
        if len(prompts) != num_inputs:
            raise ValueError(
                f"`{name}` must hold one text for each of the {num_inputs} inputs, got {len(prompts)}; give one text"
                " for all of them, or a list of the same length."
            )
        return prompts

    def read_texts(
        self,
        prompt: str | list[str] | None,
        negative_prompt: str | list[str] | None,
        prompt_embeds: torch.Tensor | None,
        negative_prompt_embeds: torch.Tensor | None,
        prompt_attention_mask: torch.Tensor | None,
        negative_prompt_attention_mask: torch.Tensor | None,
        *,
        num_inputs: int | None = None,
        is_required: bool = False,
    ) -> CallTexts:
        """The texts of a call, each as it is or encoded, one for each input.

        Args:
            prompt (`str` or `list[str]`, *optional*): what the user gave, here and in the next five.
            negative_prompt (`str` or `list[str]`, *optional*): one text stands for all inputs.
            prompt_embeds (`torch.Tensor` of shape `(B, L, D)`, *optional*): encoded texts in place of `prompt`.
            negative_prompt_embeds (`torch.Tensor` of shape `(B, L', D)`, *optional*): in place of `negative_prompt`.
            prompt_attention_mask (`torch.Tensor` of shape `(B, L)`, *optional*): nonzero at tokens, by default all.
            negative_prompt_attention_mask (`torch.Tensor` of shape `(B, L')`, *optional*): likewise.
            num_inputs (`int`, *optional*): images or videos that were given; None if the prompts are the inputs.
            is_required (`bool`, defaults to `False`): whether there must be a prompt.

        Returns:
            `CallTexts`: as many texts as there are inputs.

        Raises:
            TypeError: If a text is none, or encoded texts are no tensor of floats.
            ValueError: If a text is empty or given twice, or a shape or a number is wrong.
        """
        self.check_components("transformer")
        config = self.transformer.config
        encoded = read_embeds(prompt, prompt_embeds, prompt_attention_mask, config)
        if num_inputs is None:
            given = encoded if prompt is None else as_prompt_list("prompt", prompt)
            num_inputs = 1 if given is None else len(given)
        prompts = self.match_prompt(prompt, num_inputs, is_required=is_required and encoded is None)
        negative_prompts = self.match_prompt(negative_prompt, num_inputs, name="negative_prompt")
        name, mask = "negative_prompt", negative_prompt_attention_mask
        negative = read_embeds(negative_prompt, negative_prompt_embeds, mask, config, name=name)
        return CallTexts(
            num_inputs,
            prompts if encoded is None else encoded.matched(num_inputs, "prompt_embeds"),
            negative_prompts if negative is None else negative.matched(num_inputs, "negative_prompt_embeds"),
        )

    @torch.no_grad()
    def encode_prompt(
        self,
        prompt: str | list[str],
        negative_prompt: str | list[str] | None = None,
        do_classifier_free_guidance: bool = True,
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor | None, torch.Tensor | None]:
        """Encode texts once, for many calls. Of the components this needs only the transformer and the tokenizer.

        The four go into a call under the names that they have here, with the `num_images_per_prompt` or
        `num_videos_per_prompt` of the call. Between two encoded texts of one length lie others.

        Args:
            prompt (`str` or `list[str]`): B texts.
            negative_prompt (`str` or `list[str]`, *optional*): what guidance leads away from, one text for all or one
                for each; by default the constant "None" condition.
            do_classifier_free_guidance (`bool`, defaults to `True`): whether to encode the negative texts.

        Returns:
            `tuple`: `prompt_embeds` of shape `(B, L, D)`, `prompt_attention_mask` of shape `(B, L)`,
            `negative_prompt_embeds` and `negative_prompt_attention_mask`; the last two are None without guidance.

        Raises:
            TypeError: If a text is none.
            ValueError: If a text is empty, the numbers of texts differ, or a component is missing.
        """
        self.check_components("transformer", "tokenizer")
        prompts = as_prompt_list("prompt", prompt)
        negative_prompts = self.match_prompt(negative_prompt, len(prompts), name="negative_prompt")
        input_ids, prompt_attention_mask = self.tokenize_prompt(prompts)
        prompt_embeds = self.transformer.encode_text(input_ids, prompt_attention_mask).hidden_states
        if not do_classifier_free_guidance:
            return prompt_embeds, prompt_attention_mask, None, None
        if negative_prompts is None:
            negative_ids = none_text(self.transformer.config, len(prompts), self._execution_device)
            negative_prompt_attention_mask = torch.ones_like(negative_ids)
        else:
            negative_ids, negative_prompt_attention_mask = self.tokenize_prompt(negative_prompts)
        negative = self.transformer.encode_text(negative_ids, negative_prompt_attention_mask)
        negative_prompt_embeds = negative.hidden_states
        return prompt_embeds, prompt_attention_mask, negative_prompt_embeds, negative_prompt_attention_mask

    def text_conditions(
        self,
        prompts: list[str] | EncodedText | None,
        negative_prompts: list[str] | EncodedText | None = None,
        *,
        batch_size: int,
        do_classifier_free_guidance: bool = True,
    ) -> dict[str, torch.Tensor]:
        """The text conditions of every output, as `NuwaForConditionalGeneration.generate` takes them.

        Args:
            prompts (`list[str]` or `EncodedText`, *optional*): the prompts; None for the constant "None" condition.
            negative_prompts (`list[str]` or `EncodedText`, *optional*): as many.
            batch_size (`int`): outputs, a multiple of the prompts; those of one prompt follow each other.
            do_classifier_free_guidance (`bool`, defaults to `True`): whether the outputs are guided; negative prompts
                have no effect otherwise and are left out, with a warning.

        Returns:
            `dict[str, torch.Tensor]`: `input_ids` of shape `(B, L)` or `encoder_hidden_states` of shape `(B, L, D)`,
            and `attention_mask` of shape `(B, L)`; with negative prompts also the same with `negative_` before it.
        """
        if prompts is None:
            input_ids = none_text(self.transformer.config, batch_size, self._execution_device)
            conditions = {"input_ids": input_ids, "attention_mask": torch.ones_like(input_ids)}
        else:
            conditions = self._read("", prompts, batch_size)
        if negative_prompts is not None and do_classifier_free_guidance:
            conditions |= self._read("negative_", negative_prompts, batch_size)
        elif negative_prompts is not None and not isinstance(negative_prompts, EncodedText):
            logger.warning("`negative_prompt` has no effect without guidance; use a `guidance_scale` of more than 1.")
        return conditions

    def with_encoded_texts(self, conditions: dict[str, Any], uses_guidance: bool) -> dict[str, Any]:
        """The same conditions with encoded texts, as a callback may ask for.

        Args:
            conditions (`dict[str, Any]`): what `NuwaForConditionalGeneration.generate` takes.
            uses_guidance (`bool`): whether it reads the negative texts, "None" if there are no others.

        Returns:
            `dict[str, Any]`: with `encoder_hidden_states` of shape `(B, L, D)` in place of `input_ids`, and the same
            with `negative_` before it.
        """
        made = dict(conditions)
        if uses_guidance and "negative_attention_mask" not in made:
            rows = len(made["attention_mask"])
            made["negative_input_ids"] = none_text(self.transformer.config, rows, self._execution_device)
            made["negative_attention_mask"] = torch.ones_like(made["negative_input_ids"])
        for prefix in ("", "negative_"):
            input_ids = made.pop(f"{prefix}input_ids", None)
            if input_ids is not None:
                encoded = self.transformer.encode_text(input_ids, made[f"{prefix}attention_mask"])
                made[f"{prefix}encoder_hidden_states"] = encoded.hidden_states
        return made

    def _read(self, prefix: str, prompts: list[str] | EncodedText, batch_size: int) -> dict[str, torch.Tensor]:
        if isinstance(prompts, EncodedText):
            states, mask = (tensor.to(self._execution_device) for tensor in (prompts.states, prompts.mask))
            text = "encoder_hidden_states"
        else:
            text, (states, mask) = "input_ids", self.tokenize_prompt(prompts)
        repeats = batch_size // len(states)
        named = {f"{prefix}{text}": states, f"{prefix}attention_mask": mask}
        return {name: tensor.repeat_interleave(repeats, dim=0) for name, tensor in named.items()}

    def tokenize_prompt(self, prompts: list[str]) -> tuple[torch.Tensor, torch.Tensor]:
        """Prompts as tokens, padded to the full length so that a prompt's tokens do not depend on its neighbours.

        A prompt that is too long loses its end (or its start, by the tokenizer's `truncation_side`), and one with
        unknown characters loses those; a warning says what.

        Args:
            prompts (`list[str]`): B prompts.

        Returns:
            `tuple[torch.LongTensor, torch.LongTensor]`: token ids and mask, both of shape `(B, L)`; 1 in the mask is a
            token, 0 padding.

        Raises:
            ValueError: If there is no tokenizer.
        """
        self.check_components("tokenizer")
        length = self.transformer.config.max_text_length
        input_ids, mask = tokenize_texts(self.tokenizer, prompts, length, noun="prompt")
        return input_ids.to(self._execution_device), mask.to(self._execution_device)
