# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The rules that the arguments of `NuwaVQGAN` keep."""

from collections.abc import Mapping
from typing import Any

from nuwa_hf.argument_types import check_types, shown
from nuwa_hf.modeling.codec.frames import check_multiple
from nuwa_hf.modeling.fsq_quantizer import FiniteScalarQuantizer


TYPES = {
    **dict.fromkeys(("in_channels", "out_channels", "layers_per_block", "latent_channels", "norm_num_groups"), int),
    **dict.fromkeys(("block_out_channels", "attention_levels"), tuple[int, ...]),
    **dict.fromkeys(("codebook_dim", "codebook_size"), int | None),
    **dict.fromkeys(("mid_block_attention", "isolated_patches"), bool),
    "sample_size": int,
    "commitment_weight": float,
    "quantizer": str,
    "fsq_levels": tuple[int, ...] | None,
}
# Beyond what anyone trains, so that a configuration that was edited takes neither all memory nor for ever.
LARGEST_SIZE = 2**16
LARGEST = {"layers_per_block": 256, "codebook_size": 2**24}


def check_configuration(config: Mapping[str, Any]) -> None:
    """Require a codec that can be built.

    Args:
        config (`Mapping[str, Any]`): the arguments of `NuwaVQGAN`.

    Raises:
        ValueError: If a level, a width or a quantiser is impossible.
        TypeError: If an argument has the wrong type.
    """
    check_types(config, TYPES, "leave it out for the default")
    num_levels = len(config["block_out_channels"])
    if num_levels == 0:
        raise ValueError("`block_out_channels` must name at least one level, got (); (128, 256) are two.")
    sizes = ("in_channels", "out_channels", "layers_per_block", "latent_channels", "norm_num_groups", "sample_size")
    for name in (*sizes, *(name for name in ("codebook_size", "codebook_dim") if config[name] is not None)):
        if config[name] < 1:
            raise ValueError(f"`{name}` must be at least 1, got {config[name]}; use 1 or more.")
        if config[name] > LARGEST.get(name, LARGEST_SIZE):
            raise ValueError(
                f"`{name}` must be at most {LARGEST.get(name, LARGEST_SIZE)}, got {shown(config[name])}; use less."
            )
    for channels in config["block_out_channels"]:
        if not 1 <= channels <= LARGEST_SIZE or channels % config["norm_num_groups"]:
            raise ValueError(
                f"`block_out_channels` must be positive multiples of `norm_num_groups` = {config['norm_num_groups']}, "
                f"got {channels} in {tuple(config['block_out_channels'])}; change the width, or the groups to a "
                "divisor."
            )
    for level in config["attention_levels"]:
        if not 0 <= level < num_levels:
            raise ValueError(
                f"`attention_levels` must lie in [0, {num_levels}) (the levels of `block_out_channels`), got {level} "
                f"in {tuple(config['attention_levels'])}; the innermost level is {num_levels - 1}."
            )
    if config["quantizer"] not in ("nearest", "gumbel", "fsq"):
        raise ValueError(f'`quantizer` must be "nearest", "gumbel" or "fsq", got {config["quantizer"]!r}; choose one.')
    if (config["quantizer"] == "fsq") != (config["fsq_levels"] is not None):
        raise ValueError(
            '`fsq_levels` must be given with `quantizer="fsq"` and with no other, got '
            f"{config['fsq_levels']} with {config['quantizer']!r}; (8, 5, 5, 5) makes 1000 codes."
        )
    check_multiple("sample_size", config["sample_size"], 2 ** (num_levels - 1))


def codebook_extents(config: Mapping[str, Any]) -> tuple[int, int]:
    """Number and width of the codes; with FSQ the levels say both.

    Args:
        config (`Mapping[str, Any]`): the arguments of `NuwaVQGAN`.

    Returns:
        `tuple[int, int]`: V and D.

    Raises:
        ValueError: If levels are impossible, or the arguments contradict them.
    """
    if config["quantizer"] != "fsq":
        size = 12288 if config["codebook_size"] is None else config["codebook_size"]
        return size, 256 if config["codebook_dim"] is None else config["codebook_dim"]
    codes = FiniteScalarQuantizer(config["fsq_levels"])
    for name in ("codebook_size", "codebook_dim"):
        said = getattr(codes, name)
        if config[name] not in (None, said):
            raise ValueError(
                f"`{name}` must be {said}, as `fsq_levels` {codes.levels} say, got {config[name]}; leave it out."
            )
    return codes.codebook_size, codes.codebook_dim
