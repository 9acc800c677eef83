# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Builds a `NuwaVQGAN` from another package's tensors, and back, without copying them."""

from collections.abc import Mapping
from pathlib import Path

import torch

from nuwa_hf.conversion.key_map import KeyMap, apply_key_map, shapes_of
from nuwa_hf.conversion.safe_checkpoint import read_checkpoint
from nuwa_hf.modeling.autoencoder_vqgan import NuwaVQGAN


def build_vqgan(
    settings: Mapping[str, object],
    source: Mapping[str, torch.Tensor],
    key_map: KeyMap,
    *,
    dtype: torch.dtype | None = None,
) -> NuwaVQGAN:
    """A codec whose weights are the given tensors.

    Args:
        settings (`Mapping[str, object]`): arguments of `NuwaVQGAN`.
        source (`Mapping[str, torch.Tensor]`): the tensors.
        key_map (`Mapping[str, str | None]`): their names to those of `NuwaVQGAN`.
        dtype (`torch.dtype`, *optional*): type of the weights; by default that of the tensors.

    Returns:
        `NuwaVQGAN`: in evaluation mode.

    Raises:
        ValueError: If the settings are impossible or the tensors do not fit them.
    """
    with torch.device("meta"):
        vqgan = NuwaVQGAN(**settings)
    state = apply_key_map(source, key_map, shapes_of(vqgan.state_dict()), dtype=dtype)
    vqgan.load_state_dict(state, assign=True)
    return vqgan.eval()


def vqgan_settings(folder: Path) -> dict[str, object]:
    """The configuration of a saved codec, defaults included.

    Args:
        folder (`Path`): where `NuwaVQGAN.save_pretrained` wrote.

    Returns:
        `dict[str, object]`: the arguments of `NuwaVQGAN`.

    Raises:
        ValueError: If the folder holds another model.
        OSError: If it has no configuration.
    """
    config = NuwaVQGAN.load_config(folder)
    if config.get("_class_name") != NuwaVQGAN.__name__:
        raise ValueError(f"`INPUT` must be the folder of a NuwaVQGAN, got one of {config.get('_class_name')}.")
    with torch.device("meta"):
        complete = NuwaVQGAN.from_config(config).config
    return {name: value for name, value in complete.items() if not name.startswith("_")}


def vqgan_state(folder: Path, settings: Mapping[str, object]) -> dict[str, torch.Tensor]:
    """The tensors of a saved codec, mapped from its file and checked.

    Args:
        folder (`Path`): where `NuwaVQGAN.save_pretrained` wrote.
        settings (`Mapping[str, object]`): what `vqgan_settings` returned for it.

    Returns:
        `dict[str, torch.Tensor]`.

    Raises:
        ValueError: If the tensors are not those of the configuration.
    """
    with torch.device("meta"):
        expected = shapes_of(NuwaVQGAN(**settings).state_dict())
    return apply_key_map(read_checkpoint(folder), {"*": "*"}, expected)
