# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Translates between diffusers' `VQModel` and `NuwaVQGAN`: arguments and tensor names."""

from collections.abc import Mapping
from typing import Any


DOWN_BLOCKS = {"DownEncoderBlock2D": False, "AttnDownEncoderBlock2D": True}  # whether they have attention
UP_BLOCKS = {"UpDecoderBlock2D": False, "AttnUpDecoderBlock2D": True}
BUILT_IN = {"act_fn": "silu", "norm_type": "group"}

# Both consist of the same blocks. Before 0.18, diffusers named the layers of an attention differently.
KEY_MAP = {
    **{
        f"{block}.attentions.{{j}}.{old}.*": f"{block}.attentions.{{j}}.{new}.*"
        for block in ("encoder.down_blocks.{i}", "encoder.mid_block", "decoder.mid_block", "decoder.up_blocks.{i}")
        for old, new in (("query", "to_q"), ("key", "to_k"), ("value", "to_v"), ("proj_attn", "to_out.0"))
    },
    "encoder.*": "encoder.*",
    "quant_conv.*": "quant_conv.*",
    "quantize.embedding.weight": "quantize.embedding.weight",
    "post_quant_conv.*": "post_quant_conv.*",
    "decoder.*": "decoder.*",
}


def settings_from_vqmodel(config: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments of `NuwaVQGAN` for a `VQModel`.

    Args:
        config (`Mapping[str, Any]`): the `VQModel`'s, defaults included.

    Returns:
        `dict[str, Any]`.

    Raises:
        ValueError: If it has a block or an option that `NuwaVQGAN` lacks.
    """
    for name, value in BUILT_IN.items():
        if config[name] != value:
            raise ValueError(f"`{name}` must be {value!r} (NuwaVQGAN has nothing else), got {config[name]!r}.")
    for name, known in (("down_block_types", DOWN_BLOCKS), ("up_block_types", UP_BLOCKS)):
        if not set(config[name]) <= set(known) or len(config[name]) != len(config["block_out_channels"]):
            raise ValueError(f"`{name}` must be one of {', '.join(known)} for each level, got {config[name]}.")
    has_attention = [DOWN_BLOCKS[kind] for kind in config["down_block_types"]]
    if has_attention != [UP_BLOCKS[kind] for kind in config["up_block_types"]][::-1]:
        raise ValueError(
            f"`up_block_types` must have attention where `down_block_types` {config['down_block_types']} have it, "
            f"read from the end, got {config['up_block_types']}."
        )
    return {
        "in_channels": config["in_channels"],
        "out_channels": config["out_channels"],
        "block_out_channels": tuple(config["block_out_channels"]),
        "layers_per_block": config["layers_per_block"],
        "attention_levels": tuple(level for level, has in enumerate(has_attention) if has),
        "latent_channels": config["latent_channels"],
        "codebook_dim": config["vq_embed_dim"] or config["latent_channels"],
        "codebook_size": config["num_vq_embeddings"],
        "norm_num_groups": config["norm_num_groups"],
        "mid_block_attention": config["mid_block_add_attention"],
        "sample_size": config["sample_size"],
    }


def vqmodel_from_settings(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The inverse: arguments of `VQModel` for a `NuwaVQGAN`.

    Args:
        settings (`Mapping[str, Any]`): a `NuwaVQGAN`'s configuration, defaults included.

    Returns:
        `dict[str, Any]`: arguments of `VQModel`.

    Raises:
        ValueError: If there is no equivalent `VQModel`.
    """
    for name, value in (("quantizer", "nearest"), ("isolated_patches", False)):
        if settings[name] != value:
            raise ValueError(f"`{name}` must be {value!r} for diffusers' VQModel, got {settings[name]!r}.")
    has_attention = [level in settings["attention_levels"] for level in range(len(settings["block_out_channels"]))]
    down = {has: name for name, has in DOWN_BLOCKS.items()}
    up = {has: name for name, has in UP_BLOCKS.items()}
    return {
        "in_channels": settings["in_channels"],
        "out_channels": settings["out_channels"],
        "down_block_types": tuple(down[has] for has in has_attention),
        "up_block_types": tuple(up[has] for has in has_attention[::-1]),
        "block_out_channels": tuple(settings["block_out_channels"]),
        "layers_per_block": settings["layers_per_block"],
        "latent_channels": settings["latent_channels"],
        "sample_size": settings["sample_size"],
        "num_vq_embeddings": settings["codebook_size"],
        "norm_num_groups": settings["norm_num_groups"],
        "vq_embed_dim": settings["codebook_dim"],
        "mid_block_add_attention": settings["mid_block_attention"],
        "lookup_from_codebook": True,
    }
