# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Finds the VQ-GAN's tensors in a taming checkpoint."""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch

from nuwa_hf.conversion.key_map import expand_levels, rename
from nuwa_hf.conversion.safe_checkpoint import read_checkpoint
from nuwa_hf.conversion.taming_config import HOLDERS, read_taming_config, settings_from_taming, stage_of
from nuwa_hf.conversion.taming_keys import KEY_MAPS, STAGES


AVERAGES = "model_ema."  # prefix of averaged weights, whose names have no dots


class TamingCheckpoint(NamedTuple):
    """A VQ-GAN of taming.

    Args:
        model (`Mapping[str, Any]`): `target` and `params` of its configuration.
        settings (`dict[str, Any]`): arguments of `NuwaVQGAN` that mean the same.
        state (`dict[str, torch.Tensor]`): its tensors, by taming's names.
        key_map (`dict[str, str | None]`): these names to those of `NuwaVQGAN`.
    """

    model: Mapping[str, Any]
    settings: dict[str, Any]
    state: dict[str, torch.Tensor]
    key_map: dict[str, str | None]


def open_taming(arguments: argparse.Namespace) -> TamingCheckpoint:
    """Read configuration and tensors.

    Args:
        arguments (`argparse.Namespace`): with `input`, `config`, `stage` and `ema`.

    Returns:
        `TamingCheckpoint`.

    Raises:
        ValueError: If the configuration or the tensors are not those of a known VQ-GAN.
    """
    model = read_taming_config(find_config(arguments.input, arguments.config))
    is_whole_model = model["target"] in HOLDERS
    if is_whole_model:
        model = stage_of(model, arguments.stage or "first_stage")
    elif arguments.stage is not None:
        raise ValueError(f"`--stage` is for checkpoints of {' or '.join(HOLDERS)}, got {model['target']}.")
    settings = settings_from_taming(model)
    state = read_checkpoint(arguments.input)
    if is_whole_model:
        state = tensors_of_stage(state, arguments.stage or "first_stage")
    if arguments.ema:
        state = with_averages(state)
    key_map = expand_levels(KEY_MAPS[settings["quantizer"]], len(settings["block_out_channels"]))
    return TamingCheckpoint(model, settings, state, key_map)


def find_config(checkpoint: Path, config: Path | None) -> Path:
    """The configuration that belongs to a checkpoint.

    Args:
        checkpoint (`Path`): a file.
        config (`Path`, *optional*): what the user named.

    Returns:
        `Path`: the user's, or the file beside the checkpoint with its name and the ending `.yaml`.

    Raises:
        ValueError: If it is not there.
    """
    path = checkpoint.with_suffix(".yaml") if config is None else config
    if not path.is_file():
        raise ValueError(f"`--config` must name the .yaml of the checkpoint, but there is no {path}.")
    return path


def tensors_of_stage(state: Mapping[str, torch.Tensor], stage: str) -> dict[str, torch.Tensor]:
    """The tensors of a VQ-GAN within the checkpoint of a whole model.

    Args:
        state (`Mapping[str, torch.Tensor]`): all tensors.
        stage (`str`): `"first_stage"` or `"cond_stage"`.

    Returns:
        `dict[str, torch.Tensor]`: by their own names.

    Raises:
        ValueError: If a tensor belongs to no known part.
    """
    names, unlisted = {}, []
    for name in state:
        try:
            names[name] = rename(name, STAGES[stage])
        except KeyError:
            unlisted.append(name)
    if unlisted:
        raise ValueError(f"The key map does not list {', '.join(unlisted)}.")
    return {new: state[old] for old, new in names.items() if new is not None}


def with_averages(state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Replaces the last weights by the averaged ones.

    Args:
        state (`Mapping[str, torch.Tensor]`): tensors, and their averages under `model_ema.` by names without dots.

    Returns:
        `dict[str, torch.Tensor]`: without the entries of the averages. Entries that are not weights are kept.

    Raises:
        ValueError: If there are no averages, or a weight has none.
    """
    averages = {name: tensor for name, tensor in state.items() if name.startswith(AVERAGES)}
    own = {name: tensor for name, tensor in state.items() if name not in averages}
    if not averages:
        raise ValueError("`--ema` asks for averaged weights, but the VQ-GAN has none (model_ema.*) in the checkpoint.")
    places = {name: AVERAGES + name.replace(".", "") for name in own}
    missing = [n for n, place in places.items() if place not in averages and n.endswith((".weight", ".bias"))]
    missing = [name for name in missing if not name.startswith("loss.")]
    if missing:
        raise ValueError(f"`--ema`: the checkpoint has no average of {', '.join(missing)}.")
    return {name: averages.get(places[name], tensor) for name, tensor in own.items()}
