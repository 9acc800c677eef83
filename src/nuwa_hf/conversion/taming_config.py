# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Translates taming's `.yaml` of a VQ-GAN to the arguments of `NuwaVQGAN` and back."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import yaml


# Classes with the same codec as NuwaVQGAN, and the quantiser of each.
QUANTIZERS = {
    "taming.models.vqgan.VQModel": "nearest",
    "taming.models.vqgan.VQSegmentationModel": "nearest",
    "taming.models.vqgan.VQNoDiscModel": "nearest",
    "taming.models.vqgan.EMAVQ": "nearest",
    "taming.models.vqgan.GumbelVQ": "gumbel",
    "ldm.models.autoencoder.VQModel": "nearest",
    "ldm.models.autoencoder.VQModelInterface": "nearest",
}
# Classes that hold such a codec: a transformer on its tokens, diffusion on its latents.
HOLDERS = ("taming.models.cond_transformer.Net2NetTransformer", "ldm.models.diffusion.ddpm.LatentDiffusion")
NUM_GROUPS = 32  # fixed in taming's code

# The entries that describe the codec. All others in `ddconfig` must have the value that is built into NuwaVQGAN.
SIZES = ("ch", "out_ch", "ch_mult", "num_res_blocks", "attn_resolutions", "in_channels", "resolution", "z_channels")
BUILT_IN = {
    "double_z": False,
    "resamp_with_conv": True,
    "give_pre_end": False,
    "tanh_out": False,
    "use_linear_attn": False,
    "remap": None,
}
ATTENTIONS = {"vanilla": True, "none": False}  # latent-diffusion's `attn_type`, and whether there is any attention
# For training, or for showing pictures, only.
UNUSED = {
    *("ckpt_path", "ignore_keys", "image_key", "colorize_nlabels", "monitor", "lossconfig", "kl_weight", "n_labels"),
    *("temperature_scheduler_config", "sane_index_shape", "batch_resize_range", "scheduler_config", "lr_g_factor"),
    *("use_ema", "dropout", "beta"),
}


def read_taming_config(path: Path) -> Mapping[str, Any]:
    """The section `model` of a configuration.

    Args:
        path (`Path`): a `.yaml`.

    Returns:
        `Mapping[str, Any]`: with `target` and `params`.

    Raises:
        ValueError: If it is not such a configuration.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ValueError(f"`--config` must be taming's YAML, but {path} cannot be read: {error}.") from error
    model = content.get("model") if isinstance(content, dict) else None
    if not isinstance(model, dict) or not isinstance(model.get("params"), dict) or "target" not in model:
        raise ValueError(f"`--config` must be taming's YAML with model.target and model.params, got {path}.")
    return model


def stage_of(model: Mapping[str, Any], stage: str) -> Mapping[str, Any]:
    """The configuration of a VQ-GAN within that of a model trained on its tokens or latents.

    Args:
        model (`Mapping[str, Any]`): the whole model's.
        stage (`str`): `"first_stage"`, which makes the picture, or `"cond_stage"`, which reads the condition.

    Returns:
        `Mapping[str, Any]`: with `target` and `params`.

    Raises:
        ValueError: If there is none.
    """
    inner = model["params"].get(f"{stage}_config")
    if not isinstance(inner, dict) or not isinstance(inner.get("params"), dict):
        raise ValueError(f"`--stage {stage}` asks for a VQ-GAN that the whole model's configuration does not have.")
    return inner


def settings_from_taming(model: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments of `NuwaVQGAN` for a VQ-GAN of taming.

    Args:
        model (`Mapping[str, Any]`): its `target` and `params`.

    Returns:
        `dict[str, Any]`.

    Raises:
        ValueError: If the class is not a known VQ-GAN, or has a part that `NuwaVQGAN` lacks.
    """
    target, params = model["target"], dict(model["params"])
    if target not in QUANTIZERS:
        raise ValueError(f"The VQ-GAN's `target` must be one of {', '.join(QUANTIZERS)}, got {target}.")
    sizes = params.pop("ddconfig", None)
    if not isinstance(sizes, dict):
        raise ValueError("model.params.ddconfig is missing; it says what encoder and decoder look like.")
    missing = [name for name in SIZES if name not in sizes] + [n for n in ("embed_dim", "n_embed") if n not in params]
    if missing:
        raise ValueError(f"The configuration must have {missing}.")
    others = {name: value for name, value in sizes.items() if name not in SIZES}
    attention = others.pop("attn_type", "vanilla")
    if attention not in ATTENTIONS:
        raise ValueError(
            f"`attn_type` must be {' or '.join(ATTENTIONS)} (NuwaVQGAN has nothing else), got {attention!r}."
        )
    _check_built_in(others, SIZES)
    _check_built_in({n: v for n, v in params.items() if n not in ("embed_dim", "n_embed")}, ("embed_dim", "n_embed"))
    if sizes["ch_mult"][0] != 1:
        raise ValueError(f"ddconfig.ch_mult must start with 1, got {sizes['ch_mult']}.")
    quantizer = QUANTIZERS[target]
    if quantizer == "gumbel" and sizes["z_channels"] != params["embed_dim"]:
        raise ValueError(
            f"The Gumbel quantiser reads z_channels = {sizes['z_channels']} channels but is given embed_dim = "
            f"{params['embed_dim']}; the two must be equal."
        )
    return {
        "in_channels": sizes["in_channels"],
        "out_channels": sizes["out_ch"],
        "block_out_channels": tuple(sizes["ch"] * factor for factor in sizes["ch_mult"]),
        "layers_per_block": sizes["num_res_blocks"],
        "attention_levels": tuple(
            level
            for level in range(len(sizes["ch_mult"]))
            if ATTENTIONS[attention] and sizes["resolution"] // 2**level in sizes["attn_resolutions"]
        ),
        "latent_channels": sizes["z_channels"],
        "codebook_dim": params["embed_dim"],
        "codebook_size": params["n_embed"],
        "norm_num_groups": NUM_GROUPS,
        "mid_block_attention": ATTENTIONS[attention],
        "sample_size": sizes["resolution"],
        "quantizer": quantizer,
    }


def taming_from_settings(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The inverse: the section `model` for the codec with these arguments.

    Args:
        settings (`Mapping[str, Any]`): a `NuwaVQGAN`'s configuration.

    Returns:
        `dict[str, Any]`: with `target` and `params`; the loss is taming's empty one.

    Raises:
        ValueError: If taming has no such codec.
    """
    widths = list(settings["block_out_channels"])
    gumbel = settings["quantizer"] == "gumbel"
    for name, is_expressible, rule in (
        ("quantizer", settings["quantizer"] in QUANTIZERS.values(), "one of its two, 'nearest' or 'gumbel'"),
        ("isolated_patches", not settings["isolated_patches"], "False"),
        ("mid_block_attention", settings["mid_block_attention"], "True"),
        ("norm_num_groups", settings["norm_num_groups"] == NUM_GROUPS, str(NUM_GROUPS)),
        ("block_out_channels", all(width % widths[0] == 0 for width in widths), "multiples of the first"),
        ("codebook_dim", not gumbel or settings["codebook_dim"] == settings["latent_channels"], "`latent_channels`"),
    ):
        if not is_expressible:
            raise ValueError(
                f"`{name}` must be {rule} for taming's code, got {settings[name]}; it cannot be exported."
            )
    is_segmentation = not gumbel and settings["in_channels"] == settings["out_channels"] != 3
    params: dict[str, Any] = {
        "embed_dim": settings["codebook_dim"],
        "n_embed": settings["codebook_size"],
        "ddconfig": {
            "double_z": False,
            "z_channels": settings["latent_channels"],
            "resolution": settings["sample_size"],
            "in_channels": settings["in_channels"],
            "out_ch": settings["out_channels"],
            "ch": widths[0],
            "ch_mult": [width // widths[0] for width in widths],
            "num_res_blocks": settings["layers_per_block"],
            "attn_resolutions": [settings["sample_size"] // 2**level for level in settings["attention_levels"]],
            "dropout": 0.0,
        },
        "lossconfig": {"target": "taming.modules.losses.DummyLoss"},
    }
    if is_segmentation:
        params |= {"n_labels": settings["in_channels"], "image_key": "segmentation"}
    if gumbel:
        params |= {
            "kl_weight": 1e-8,
            "temperature_scheduler_config": {
                "target": "taming.lr_scheduler.LambdaWarmUpCosineScheduler",
                "params": {
                    "warm_up_steps": 0,
                    "max_decay_steps": 1,
                    "lr_start": 1.0,
                    "lr_max": 1.0,
                    "lr_min": 1.0,
                    "verbosity_interval": 0,
                },
            },
        }
    name = "GumbelVQ" if gumbel else "VQSegmentationModel" if is_segmentation else "VQModel"
    return {"target": f"taming.models.vqgan.{name}", "params": params}


def _check_built_in(entries: Mapping[str, Any], known: Collection[str]) -> None:
    for name, value in entries.items():
        if name in BUILT_IN and value == BUILT_IN[name]:
            continue
        if name in BUILT_IN:
            raise ValueError(f"`{name}` must be {BUILT_IN[name]} (NuwaVQGAN has nothing else), got {value!r}.")
        if name not in UNUSED:
            raise ValueError(f"`{name}` is no known entry of the configuration; known are {', '.join(known)}.")
