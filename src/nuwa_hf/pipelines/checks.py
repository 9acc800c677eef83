# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Checks of the pipelines' arguments, made before any work."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from diffusers import ModelMixin
from transformers import CLIPTokenizer

from nuwa_hf.argument_types import shown
from nuwa_hf.modeling.codec import as_codec
from nuwa_hf.modeling.configuration_nuwa import NuwaConfig
from nuwa_hf.modeling.modeling_nuwa import NuwaForConditionalGeneration
from nuwa_hf.modeling.tokenization_nuwa import TOKENIZING, NuwaTokenizer
from nuwa_hf.pipelines.learnt import warn_of_other_codec


OUTPUT_TYPES = ("pil", "np", "pt", "latent")


def as_prompt_list(name: str, prompt: str | list[str]) -> list[str]:
    """One prompt or many, as a list of prompts.

    Args:
        name (`str`): the argument's name, for the message.
        prompt (`str` or `list[str]`): what the user gave.

    Returns:
        `list[str]`: the prompts, as they were given, in a new list.

    Raises:
        TypeError: If the prompt is neither a text nor a list of texts.
        ValueError: If the list is empty, or a prompt is empty or only white space.
    """
    prompts = [prompt] if isinstance(prompt, str) else prompt
    if not isinstance(prompts, list):
        kind = type(prompt).__name__
        raise TypeError(f"`{name}` must be a text or a list of texts, got {kind}; give a str, or a list of them.")
    if not prompts:
        raise ValueError(f"`{name}` must hold at least one text, got an empty list; give one.")
    for place, text in enumerate(prompts):
        where = f"`{name}`" if isinstance(prompt, str) else f"`{name}[{place}]`"
        if not isinstance(text, str):
            raise TypeError(f"{where} must be a text, got {shown(text)} of type {type(text).__name__}; give a str.")
        if any("\ud800" <= letter <= "\udfff" for letter in text):
            raise ValueError(
                f"{where} must be readable text, got {shown(text)}, whose bytes are not those of the terminal's "
                "encoding; use a terminal of UTF-8, or set PYTHONUTF8=1."
            )
        if not text.strip():
            is_negative = name == "negative_prompt"
            remedy = "leave it None for no negative prompt" if is_negative else "describe what to show"
            raise ValueError(f"{where} must not be empty, got {shown(text)}; {remedy}.")
    return list(prompts)  # the caller may go on to change its own


def check_whole_number(name: str, value: Any, *, maximum: int | None = None, reason: str = "") -> None:
    """Check that a value is a whole number from 1 to `maximum`.

    Args:
        name (`str`): the argument's name, for the message.
        value: what the user gave.
        maximum (`int`, *optional*): the largest value allowed.
        reason (`str`): why there is a maximum, for the message.

    Raises:
        TypeError: If it is not an `int`.
        ValueError: If it is below 1 or above the maximum.
    """
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(
            f"`{name}` must be a whole number, got {shown(value)} of type {type(value).__name__}; give an int."
        )
    if value < 1:
        raise ValueError(f"`{name}` must be at least 1, got {shown(value)}; give 1 or more.")
    if maximum is not None and value > maximum:
        raise ValueError(f"`{name}` must be at most {maximum}{reason}, got {shown(value)}; use {maximum} or fewer.")


def check_choice(name: str, value: Any, choices: Sequence[str]) -> None:
    """Check that a value is one of a few names.

    Args:
        name (`str`): the argument's name, for the message.
        value: what the user gave.
        choices (`Sequence[str]`): the valid values.

    Raises:
        ValueError: If it is not.
    """
    if not isinstance(value, str) or value not in choices:
        names = ", ".join(map(repr, choices))
        raise ValueError(f"`{name}` must be one of {names}, got {shown(value)}; choose one of these.")


def check_switch(name: str, value: Any) -> None:
    """Check that a value is True or False.

    Args:
        name (`str`): the argument's name, for the message.
        value: what the user gave.

    Raises:
        TypeError: If it is not.
    """
    if not isinstance(value, bool):
        raise TypeError(f"`{name}` must be True or False, got {shown(value)}; give one of them.")


def check_callback(callback: Callable | None, tensor_inputs: Sequence[str], available: Sequence[str]) -> None:
    """Check the step callback and the tensors it asks for.

    Args:
        callback (`Callable`, *optional*): called at the end of every step.
        tensor_inputs (`Sequence[str]`): names of the tensors it asks for.
        available (`Sequence[str]`): names of the tensors that the pipeline offers.

    Raises:
        TypeError: If the callback is not callable, or the names are no list.
        ValueError: If it asks for a tensor that the pipeline does not offer.
    """
    if callback is not None and not callable(callback):
        raise TypeError(
            f"`callback_on_step_end` must be callable, got {shown(callback)}; give a function, or None for none."
        )
    if isinstance(tensor_inputs, str) or not isinstance(tensor_inputs, Sequence):
        raise TypeError(
            f"`callback_on_step_end_tensor_inputs` must be a list of names among {', '.join(map(repr, available))}, "
            f"got {shown(tensor_inputs)}; give [] for none."
        )
    unknown = [name for name in tensor_inputs if not isinstance(name, str) or name not in available]
    if unknown:
        raise ValueError(
            f"`callback_on_step_end_tensor_inputs` must be among {', '.join(map(repr, available))}, got"
            f" {', '.join(map(shown, unknown))}; leave the others out."
        )


def check_callback_result(result: Any, available: Iterable[str]) -> dict[str, Any]:
    """Check what a step callback returned.

    Args:
        result: what it returned; None is nothing.
        available (`Iterable[str]`): names of the tensors that it may replace.

    Returns:
        `dict[str, Any]`: the tensors to replace, by name.

    Raises:
        TypeError: If it is no dict.
        ValueError: If it names something else.
    """
    if result is None:
        return {}
    if not isinstance(result, dict):
        raise TypeError(
            f"`callback_on_step_end` must return a dict of the tensors to replace, or None, got "
            f"{type(result).__name__}; return its last argument."
        )
    unknown = sorted(map(repr, result.keys() - set(available)))
    if unknown:
        raise ValueError(
            f"`callback_on_step_end` must return tensors among {', '.join(map(repr, available))}, got "
            f"{', '.join(unknown)}; leave the others out."
        )
    return result


def check_codec(name: str, model: ModelMixin) -> None:
    """Require a codec that can be a component: of single frames, with as many channels out as in, of pictures three.

    Args:
        name (`str`): the component's name, `"vqgan"` or `"sketch_vqgan"`.
        model (`ModelMixin`): the codec.

    Raises:
        TypeError: If it does not speak the protocol `Codec`.
        ValueError: If its tokens stand for several frames, its channels differ, or they are not those of pictures.
    """
    codec = as_codec(model)
    if codec.temporal_factor != 1:
        raise ValueError(
            f"`{name}` must have a `temporal_factor` of 1, tokens for every frame, got {codec.temporal_factor}; "
            "frames are given, masked and streamed one by one, so use a codec of single frames."
        )
    if codec.in_channels != codec.out_channels:
        raise ValueError(
            f"`{name}` must have as many output as input channels, for a sketch its classes, got {codec.in_channels} "
            f"and {codec.out_channels}; train it to give back what it takes."
        )
    if name == "vqgan" and codec.in_channels != 3:
        raise ValueError(
            f"`vqgan` must have the 3 channels of pictures, got {codec.in_channels}; give a codec of pictures, and "
            "that of class maps as `sketch_vqgan`."
        )


def check_components_agree(
    vqgan: ModelMixin | None,
    transformer: NuwaForConditionalGeneration | None,
    tokenizer: NuwaTokenizer | CLIPTokenizer | None,
    sketch_vqgan: ModelMixin | None,
) -> None:
    """Check that components were made for each other; those that are not loaded are skipped. A codec of the right size
    whose tokens the transformer did not learn gives a warning.

    Args:
        vqgan (`ModelMixin`, *optional*): the codec, `NuwaVQGAN` or another that `as_codec` takes.
        transformer (`NuwaForConditionalGeneration`, *optional*): the model that samples its tokens.
        tokenizer (`NuwaTokenizer` or `CLIPTokenizer`, *optional*): makes the tokens that the transformer reads.
        sketch_vqgan (`ModelMixin`, *optional*): the codec of sketches.

    Raises:
        TypeError: If a codec does not speak the protocol `Codec`.
        ValueError: If a codec's tokens stand for several frames or it gives another number of channels than it takes,
            that of pictures has not 3 channels, codebooks differ in size from what the transformer knows, the
            tokenizer has more tokens than it knows or pads with another one, or CLIP's text side gets another
            tokenizer than CLIP's or longer texts than it has positions for.
    """
    for name, model in (("vqgan", vqgan), ("sketch_vqgan", sketch_vqgan)):
        if model is not None:
            check_codec(name, model)
    if transformer is None:
        return
    config = transformer.config
    for name, codec, size in (
        ("vqgan", vqgan, config.codebook_size),
        ("sketch_vqgan", sketch_vqgan, config.sketch_codebook_size),
    ):
        if codec is not None and as_codec(codec).codebook_size != size:
            raise ValueError(
                f"`{name}` and `transformer` must have the same `codebook_size`, got {as_codec(codec).codebook_size}"
                f" and {size}; load both from one checkpoint, or train the transformer on this codec's tokens."
            )
        if codec is not None:
            warn_of_other_codec(name, codec, transformer)
    if tokenizer is not None and len(tokenizer) > config.vocab_size:
        raise ValueError(
            f"`tokenizer` must have at most {config.vocab_size} tokens, the transformer's `vocab_size`, got"
            f" {len(tokenizer)}; load both from one checkpoint."
        )
    if tokenizer is not None and config.text_encoder_config is not None:
        _check_clip_tokenizer(tokenizer, config)
    elif tokenizer is not None and tokenizer.pad_token_id != config.pad_token_id:
        raise ValueError(
            f"`tokenizer` must pad with {config.pad_token_id}, the transformer's `pad_token_id`, got "
            f"{type(tokenizer).__name__}, which pads with {tokenizer.pad_token_id}; load both from one checkpoint."
        )


def _check_clip_tokenizer(tokenizer: NuwaTokenizer | CLIPTokenizer, config: NuwaConfig) -> None:
    with TOKENIZING:
        empty = tuple(tokenizer("").input_ids)
    if empty != config.none_token_ids:
        raise ValueError(
            f"`tokenizer` must be that of the transformer's CLIP, which writes an empty text as "
            f"{config.none_token_ids}, got {type(tokenizer).__name__}, which writes {empty}; load both from one "
            "checkpoint."
        )
    if tokenizer.model_max_length > config.max_text_length:
        raise ValueError(
            f"`tokenizer` must have a `model_max_length` of at most {config.max_text_length}, the transformer's "
            f"`max_text_length`, got {tokenizer.model_max_length}; set `tokenizer.model_max_length`."
        )
