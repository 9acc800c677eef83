# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The steps of a pipeline that read texts: one for each input, then their tokens.

Legend: B outputs, L text length.
"""

import logging
import threading

import torch

from nuwa_hf.modeling.text_ids import none_text
from nuwa_hf.pipelines.checks import as_prompt_list


logger = logging.getLogger(__name__)

# A fast tokenizer keeps truncation and padding as its state, and pipelines of several threads may share one.
_TOKENIZING = threading.Lock()


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

    def encode_prompt(
        self,
        prompts: list[str] | None,
        negative_prompts: list[str] | None = None,
        *,
        batch_size: int,
        do_classifier_free_guidance: bool = True,
    ) -> dict[str, torch.Tensor]:
        """The text conditions of every output, as `NuwaForConditionalGeneration.generate` takes them.

        Args:
            prompts (`list[str]`, *optional*): the prompts; None for the constant "None" condition.
            negative_prompts (`list[str]`, *optional*): as many.
            batch_size (`int`): outputs, a multiple of the prompts; those of one prompt follow each other.
            do_classifier_free_guidance (`bool`, defaults to `True`): whether the outputs are guided; negative prompts
                have no effect otherwise and are left out, with a warning.

        Returns:
            `dict[str, torch.LongTensor]`: `input_ids` and `attention_mask`, with negative prompts also
            `negative_input_ids` and `negative_attention_mask`, each of shape `(B, L)`.
        """
        if prompts is None:
            input_ids = none_text(self.transformer.config, batch_size, self._execution_device)
            conditions = {"input_ids": input_ids, "attention_mask": torch.ones_like(input_ids)}
        else:
            conditions = self._tokenized("", prompts, batch_size)
        if negative_prompts is not None and do_classifier_free_guidance:
            conditions |= self._tokenized("negative_", negative_prompts, batch_size)
        elif negative_prompts is not None:
            logger.warning("`negative_prompt` has no effect without guidance; use a `guidance_scale` of more than 1.")
        return conditions

    def _tokenized(self, prefix: str, prompts: list[str], batch_size: int) -> dict[str, torch.Tensor]:
        names = (f"{prefix}input_ids", f"{prefix}attention_mask")
        repeats = batch_size // len(prompts)
        return {
            name: tensor.repeat_interleave(repeats, dim=0)
            for name, tensor in zip(names, self.tokenize_prompt(prompts), strict=True)
        }

    def tokenize_prompt(self, prompts: list[str]) -> tuple[torch.Tensor, torch.Tensor]:
        """Prompts as tokens, padded to the full length so that a prompt's tokens do not depend on its neighbours.

        A prompt that is too long loses its end, and one with unknown characters loses those; a warning says what.

        Args:
            prompts (`list[str]`): B prompts.

        Returns:
            `tuple[torch.LongTensor, torch.LongTensor]`: token ids and mask, both of shape `(B, L)`; 1 in the mask is a
            token, 0 padding.
        """
        length = min(self.tokenizer.model_max_length, self.transformer.config.max_text_length)
        with _TOKENIZING:
            whole = self.tokenizer(prompts, verbose=False)["input_ids"]
            inputs = self.tokenizer(
                prompts, padding="max_length", truncation=True, max_length=length, return_tensors="pt"
            )
        for prompt, ids in zip(prompts, whole, strict=True):
            if len(ids) > length:  # truncation keeps <bos>, the first tokens and <eos>
                cut = self.tokenizer.decode(ids[length - 1 : -1])
                logger.warning("The prompt is longer than %d tokens; this part was cut off: %r.", length, cut)
            # CLIP knows every byte; its <unk> is the token that ends every text.
            if self.tokenizer.unk_token_id != self.tokenizer.eos_token_id and self.tokenizer.unk_token_id in ids:
                logger.warning("The prompt has characters that the tokenizer does not know: %r.", prompt)
        inputs = inputs.to(self._execution_device)
        return inputs["input_ids"], inputs["attention_mask"]
