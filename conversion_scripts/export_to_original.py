# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Convert a NuwaVQGAN to a VQ-GAN of CompVis' taming-transformers: model.ckpt and model.yaml."""

import argparse
import sys
from pathlib import Path

import torch
import yaml

from nuwa_hf import NuwaVQGAN
from nuwa_hf.conversion.key_map import apply_key_map, expand_levels, invert_key_map, rename
from nuwa_hf.conversion.safe_checkpoint import read_checkpoint
from nuwa_hf.conversion.script import ConversionScript, run_conversion
from nuwa_hf.conversion.taming_config import read_taming_config, taming_from_settings
from nuwa_hf.conversion.taming_keys import KEY_MAPS
from nuwa_hf.conversion.taming_reference import check_taming, compare_with_taming
from nuwa_hf.conversion.vqgan_weights import vqgan_settings, vqgan_state


def check(arguments: argparse.Namespace) -> None:
    """Refuse what cannot work before anything is written."""
    taming_from_settings(vqgan_settings(arguments.input))
    if arguments.verify:
        check_taming()
        if arguments.dtype not in (None, torch.float32):
            raise ValueError("`--verify` compares in float32, where tokens must be equal; leave `--dtype` out.")


def convert(arguments: argparse.Namespace, folder: Path) -> None:
    """Write tensors and configuration."""
    settings = vqgan_settings(arguments.input)
    state = vqgan_state(arguments.input, settings)
    to_ours = expand_levels(KEY_MAPS[settings["quantizer"]], len(settings["block_out_channels"]))
    to_taming = invert_key_map(to_ours)
    shapes = {
        # The matrices of our attention layers are 1x1 convolutions in taming.
        rename(name, to_taming): (*t.shape, 1, 1) if t.ndim == 2 and not name.startswith("quantize.") else t.shape
        for name, t in state.items()
    }
    converted = apply_key_map(state, to_taming, shapes, dtype=arguments.dtype)
    torch.save({"state_dict": converted}, folder / "model.ckpt")
    config = {"model": taming_from_settings(settings)}
    (folder / "model.yaml").write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")


def verify(arguments: argparse.Namespace, folder: Path) -> str:
    """Compare what was written, run by taming's own code, with the codec."""
    vqgan = NuwaVQGAN.from_pretrained(arguments.input).float().eval()
    model = read_taming_config(folder / "model.yaml")
    return compare_with_taming(vqgan, model, read_checkpoint(folder / "model.ckpt"))


SCRIPT = ConversionScript(
    description=__doc__,
    example="python conversion_scripts/export_to_original.py my-nuwa/vqgan taming-vqgan --verify",
    convert=convert,
    verify=verify,
    check=check,
    can_push=False,
)

if __name__ == "__main__":
    sys.exit(run_conversion(SCRIPT))
