# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Texts as tokens of one length, with a warning of what is lost of them.

Legend: B texts, L text length.
"""

import logging

import torch
from transformers import CLIPTokenizer

from nuwa_hf.modeling.tokenization_nuwa import TOKENIZING, NuwaTokenizer


logger = logging.getLogger(__name__)


def tokenize_texts(
    tokenizer: NuwaTokenizer | CLIPTokenizer, texts: list[str], max_text_length: int, *, noun: str
) -> tuple[torch.Tensor, torch.Tensor]:
    """Texts as tokens, padded to the full length so that a text's tokens do not depend on its neighbours.

    A text that is too long loses its end (or its start, by the tokenizer's `truncation_side`), and one with unknown
    characters loses those; a warning says what.

    Args:
        tokenizer (`NuwaTokenizer` or `CLIPTokenizer`): the tokenizer.
        texts (`list[str]`): B texts.
        max_text_length (`int`): text tokens that the transformer reads.
        noun (`str`): what to call a text in the warnings.

    Returns:
        `tuple[torch.LongTensor, torch.LongTensor]`: token ids and mask, both of shape `(B, L)`; 1 in the mask is a
        token, 0 padding.
    """
    length = min(tokenizer.model_max_length, max_text_length)
    with TOKENIZING:
        whole = tokenizer(texts, verbose=False)["input_ids"]
        inputs = tokenizer(
            texts,
            padding="max_length",
            padding_side="right",  # as in training, whatever the tokenizer was loaded with
            truncation=True,
            max_length=length,
            return_tensors="pt",
        )
    for text, ids in zip(texts, whole, strict=True):
        if len(ids) > length:  # truncation keeps <bos> and <eos>, and tokens of one side
            first_cut = 1 if tokenizer.truncation_side == "left" else length - 1
            cut = tokenizer.decode(ids[first_cut : first_cut + len(ids) - length])
            logger.warning("The %s is longer than %d tokens; this part was cut off: %r.", noun, length, cut)
        # CLIP knows every byte; its <unk> is the token that ends every text.
        if tokenizer.unk_token_id != tokenizer.eos_token_id and tokenizer.unk_token_id in ids:
            logger.warning("The %s has characters that the tokenizer does not know: %r.", noun, text)
    return inputs["input_ids"], inputs["attention_mask"]
