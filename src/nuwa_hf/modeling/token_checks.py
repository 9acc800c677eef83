# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Checks of visual tokens, sketch tokens and their masks, made before any work.

Legend: B batch, T, H, W token grid.
"""

from collections.abc import Mapping

import torch

from nuwa_hf.argument_types import shown
from nuwa_hf.grid import Grid
from nuwa_hf.modeling.configuration_nuwa import NuwaConfig


INTEGERS = (torch.int32, torch.int64)  # what an embedding takes


def as_grid(grid: Grid | tuple[int, int, int]) -> Grid:
    """A grid that was given as its three extents.

    Args:
        grid (`Grid` or `tuple[int, int, int]`): (t, h, w).

    Returns:
        `Grid`: the same.

    Raises:
        TypeError: If it is something else.
        ValueError: If an extent is not a whole number of at least 1.
    """
    return grid if isinstance(grid, Grid) else Grid(*three_extents(grid))


def three_extents(grid: Grid | tuple[int | None, int, int]) -> tuple[int | None, int, int]:
    """The extents of a grid, whatever they are.

    Args:
        grid (`Grid` or `tuple[int | None, int, int]`): (t, h, w).

    Returns:
        `tuple[int | None, int, int]`: the same.

    Raises:
        TypeError: If it is something else.
    """
    if not isinstance(grid, Grid | list | tuple) or len(extents := tuple(grid)) != 3:
        rule = "a `Grid` or three whole numbers (t, h, w) of at least 1"
        raise TypeError(f"`grid` must be {rule}, got {shown(grid)}; give all three.")
    return extents


def check_grid(grid: Grid, config: NuwaConfig) -> None:
    """Check that a grid lies within the learnt positions.

    Args:
        grid (`Grid`): the grid to read or to generate.
        config (`NuwaConfig`): the model's sizes.

    Raises:
        ValueError: If an extent exceeds the learnt ones.
    """
    for name, extent, limit in zip("thw", grid, config.visual_grid, strict=True):
        if extent > limit:
            raise ValueError(
                f"the grid's `{name}` must be at most {limit}, the model's learnt positions {config.visual_grid}, got "
                f"{extent}; use {limit} or less."
            )


def check_one_text(given: Mapping[str, torch.Tensor | None], *, is_needed: bool) -> str | None:
    """Check that a text is given in one way.

    Args:
        given (`Mapping[str, torch.Tensor | None]`): the arguments that can give it, by name.
        is_needed (`bool`): whether one must be given.

    Returns:
        `str` or None: the argument that is given.

    Raises:
        ValueError: If several are given, or none that is needed.
    """
    found = [name for name, tensor in given.items() if tensor is not None]
    if len(found) > 1 or (is_needed and not found):
        *others, last = (f"`{name}`" for name in given)
        got = " and ".join(f"`{name}`" for name in found) or "none"
        raise ValueError(f"One of {', '.join(others)} and {last} must be given, got {got}; give one.")
    return found[0] if found else None


def check_encoded_text(
    name: str, states: torch.Tensor, attention_mask: torch.Tensor | None, config: NuwaConfig
) -> None:
    """Check that encoded texts have the shape that the decoder reads.

    Args:
        name (`str`): the argument's name, for the message.
        states (`torch.Tensor` of shape `(B, L, D)`): the encoded texts.
        attention_mask (`torch.Tensor` of shape `(B, L)`, *optional*): nonzero at real tokens.
        config (`NuwaConfig`): the model's sizes.

    Raises:
        TypeError: If they are no tensor of floats.
        ValueError: If a shape is wrong.
    """
    remedy = "use what `encode_text` of this model gives"
    _check_text_vectors(name, states, attention_mask, config, "the encoded text", remedy)


def check_embedded_text(inputs_embeds: torch.Tensor, attention_mask: torch.Tensor | None, config: NuwaConfig) -> None:
    """Check that embeddings of text tokens have the shape that the encoder reads.

    Args:
        inputs_embeds (`torch.Tensor` of shape `(B, L, D)`): the embeddings.
        attention_mask (`torch.Tensor` of shape `(B, L)`, *optional*): nonzero at real tokens.
        config (`NuwaConfig`): the model's sizes.

    Raises:
        TypeError: If they are no tensor of floats.
        ValueError: If a shape is wrong, or CLIP's text model reads the texts.
    """
    if config.text_encoder_config is not None:
        raise ValueError(
            "`inputs_embeds` must be left out where CLIP's text model reads the texts, which takes tokens alone, got "
            f"{shown(inputs_embeds)}; give `input_ids`, or `encoder_hidden_states`."
        )
    remedy = "use what `get_input_embeddings()` of this model makes of tokens; those of a prompt of PEFT count too"
    _check_text_vectors("inputs_embeds", inputs_embeds, attention_mask, config, "embeddings of tokens", remedy)


def _check_text_vectors(
    name: str, states: torch.Tensor, attention_mask: torch.Tensor | None, config: NuwaConfig, what: str, remedy: str
) -> None:
    if not isinstance(states, torch.Tensor) or not states.is_floating_point():
        kind = states.dtype if isinstance(states, torch.Tensor) else type(states).__name__
        raise TypeError(f"`{name}` must be a tensor of floats, {what}, got {kind}; {remedy}.")
    length, width = config.max_text_length, config.hidden_size
    if states.ndim != 3 or not 1 <= states.shape[1] <= length or states.shape[2] != width:
        raise ValueError(
            f"`{name}` must have shape (batch, length, {width}) with a length of 1 to {length}, got "
            f"{tuple(states.shape)}; {remedy}."
        )
    if attention_mask is not None:
        check_text_mask(f"the mask of `{name}`", attention_mask, states.shape[:2])


def check_text_mask(what: str, mask: torch.Tensor, shape: torch.Size) -> None:
    """Check that a mask of texts is a tensor and has the shape of their tokens.

    Args:
        what (`str`): what to call it in the message.
        mask (`torch.Tensor` of shape `(B, L)`): nonzero at real tokens.
        shape (`torch.Size`): (B, L).

    Raises:
        TypeError: If it is no tensor.
        ValueError: If its shape is different.
    """
    if not isinstance(mask, torch.Tensor):
        raise TypeError(f"{what} must be a tensor, got {shown(mask)}; leave it out if all of them are text.")
    if mask.shape != shape:
        raise ValueError(
            f"{what} must have shape {tuple(shape)}, got {tuple(mask.shape)}; leave it out if all of them are text."
        )


def check_tokens(name: str, tokens: torch.Tensor, config: NuwaConfig) -> None:
    """Check that tokens are integers on a grid with learnt positions. Their values are not read.

    Args:
        name (`str`): the argument's name, for the message.
        tokens (`torch.LongTensor` of shape `(B, T, H, W)`): the tokens to check.
        config (`NuwaConfig`): the model's sizes.

    Raises:
        TypeError: If they are not integers.
        ValueError: If rank or grid is wrong.
    """
    check_whole_numbers(name, tokens)
    if tokens.ndim != 4:
        raise ValueError(
            f"`{name}` must have shape (batch, t, h, w), with t = 1 for an image, got {tuple(tokens.shape)}; reshape "
            "them."
        )
    check_grid(Grid(*tokens.shape[1:]), config)


def check_whole_numbers(name: str, tokens: torch.Tensor) -> None:
    """Check that tokens are a tensor of integers of 32 or 64 bits.

    Args:
        name (`str`): the argument's name, for the message.
        tokens (`torch.Tensor` of any shape): the tokens to check.

    Raises:
        TypeError: If they are not.
    """
    if not isinstance(tokens, torch.Tensor) or tokens.dtype not in INTEGERS:
        kind = tokens.dtype if isinstance(tokens, torch.Tensor) else shown(tokens)
        raise TypeError(
            f"`{name}` must be whole numbers (torch.long) in a tensor, got {kind}; give token ids, by `.long()` where "
            "they have fewer bits."
        )


def check_text_ids(name: str, ids: torch.Tensor, config: NuwaConfig) -> None:
    """Check that the tokens of texts are those of a vocabulary. This reads their values.

    Args:
        name (`str`): the argument's name, for the message.
        ids (`torch.LongTensor` of shape `(B, L)`): the tokens to check.
        config (`NuwaConfig`): the model's sizes.

    Raises:
        TypeError: If they are not integers.
        ValueError: If rank, length or a value is wrong.
    """
    check_whole_numbers(name, ids)
    if ids.ndim != 2 or not ids.shape[0] or not 1 <= ids.shape[1] <= config.max_text_length:
        raise ValueError(
            f"`{name}` must have shape (batch, length) with 1 to {config.max_text_length} tokens, got "
            f"{tuple(ids.shape)}; truncate the text."
        )
    if ids.is_meta:  # has no values
        return
    low, high = (int(value) for value in ids.aminmax())
    if low < 0 or high >= config.vocab_size:
        raise ValueError(
            f"`{name}` must be in [0, {config.vocab_size}), the vocabulary, got values from {low} to {high}; use the "
            "checkpoint's tokenizer."
        )


def check_token_range(name: str, tokens: torch.Tensor, codebook_size: int) -> None:
    """Check that tokens are in the codebook. This reads their values, so the model itself must not call it.

    Args:
        name (`str`): the argument's name, for the message.
        tokens (`torch.LongTensor`): the tokens to check.
        codebook_size (`int`): tokens are in [0, codebook_size).

    Raises:
        ValueError: If one is outside.
    """
    if tokens.numel():
        low, high = tokens.aminmax()
        if low < 0 or high >= codebook_size:
            raise ValueError(
                f"`{name}` must be in [0, {codebook_size}), the codebook, got values from {int(low)} to "
                f"{int(high)}; put -100 only into `labels`."
            )


def check_sketch(tokens: torch.Tensor, attention_mask: torch.Tensor | None, config: NuwaConfig) -> None:
    """Check a sketch and the mask of what may be seen of it. The values of the tokens are not read.

    Args:
        tokens (`torch.LongTensor` of shape `(B, T, H, W)`): the sketch.
        attention_mask (`torch.BoolTensor` of shape `(B, T, H, W)`, *optional*): True where it may be seen.
        config (`NuwaConfig`): the model's sizes.

    Raises:
        TypeError: If the tokens are not integers, or the mask is not bool.
        ValueError: If a shape is wrong or the grid exceeds the learnt positions.
    """
    check_tokens("sketch_tokens", tokens, config)
    if attention_mask is not None:
        check_place_mask("sketch_attention_mask", attention_mask, tokens.shape)


def check_rows(name: str, tensor: torch.Tensor | None, tokens_name: str, tokens: torch.Tensor) -> None:
    """Check that a condition has a row for each row of the visual tokens.

    Args:
        name (`str`): the argument's name, for the message.
        tensor (`torch.Tensor` of shape `(B, ...)`, *optional*): the condition; what is no tensor is not looked at.
        tokens_name (`str`): what the tokens are called.
        tokens (`torch.Tensor` of shape `(B, ...)`): the visual tokens.

    Raises:
        ValueError: If it has another number of rows.
    """
    if isinstance(tensor, torch.Tensor) and tensor.ndim and tensor.shape[0] != tokens.shape[0]:
        raise ValueError(
            f"`{name}` must have as many rows as `{tokens_name}`, {tokens.shape[0]}, got {tensor.shape[0]}; give one "
            "for each."
        )


def check_place_mask(name: str, mask: torch.Tensor, shape: torch.Size) -> None:
    """Check that a mask over places is bool and has the shape of its tokens.

    Args:
        name (`str`): the argument's name, for the message.
        mask (`torch.BoolTensor` of shape `(B, T, H, W)`): the mask to check.
        shape (`torch.Size`): the shape of the tokens.

    Raises:
        TypeError: If it is not bool.
        ValueError: If its shape is different.
    """
    if not isinstance(mask, torch.Tensor):
        raise TypeError(f"`{name}` must be a tensor of torch.bool, got {shown(mask)}; give one, or None.")
    if mask.dtype != torch.bool:
        raise TypeError(f"`{name}` must be torch.bool, got {mask.dtype}; use `mask.bool()`.")
    if mask.shape != shape:
        raise ValueError(
            f"`{name}` must have the shape of its tokens, {tuple(shape)}, got {tuple(mask.shape)}; reshape it."
        )
