# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Convert a VQ-GAN of CompVis' taming-transformers or latent-diffusion (.ckpt and .yaml) to a NuwaVQGAN."""

import argparse
import sys
from pathlib import Path

import torch

from nuwa_hf import NuwaVQGAN
from nuwa_hf.conversion.script import ConversionScript, run_conversion
from nuwa_hf.conversion.taming_checkpoint import find_config, open_taming
from nuwa_hf.conversion.taming_reference import check_taming, compare_with_taming
from nuwa_hf.conversion.vqgan_weights import build_vqgan


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the script's own options."""
    parser.add_argument("--config", type=Path, metavar="YAML", help="configuration; by default INPUT with .yaml")
    parser.add_argument("--ema", action="store_true", help="take the averaged weights (model_ema.*)")
    parser.add_argument(
        "--sample_size",
        type=int,
        metavar="N",
        help="height and width of the pictures it will be used for, such as 336; by default those of its training",
    )
    parser.add_argument(
        "--stage",
        choices=("first_stage", "cond_stage"),
        help="which VQ-GAN of a whole model's checkpoint: that of pictures (the default) or that of class maps",
    )


def check(arguments: argparse.Namespace) -> None:
    """Refuse what cannot work before any weights are read."""
    find_config(arguments.input, arguments.config)
    if arguments.verify:
        check_taming()
        if arguments.dtype not in (None, torch.float32):
            raise ValueError("`--verify` compares in float32, where tokens must be equal; leave `--dtype` out.")


def convert(arguments: argparse.Namespace, folder: Path) -> None:
    """Write the codec."""
    source = open_taming(arguments)
    settings = dict(source.settings)
    if arguments.sample_size is not None:
        settings["sample_size"] = arguments.sample_size
    build_vqgan(settings, source.state, source.key_map, dtype=arguments.dtype).save_pretrained(folder)


def verify(arguments: argparse.Namespace, folder: Path) -> str:
    """Compare the codec with taming's own code."""
    source = open_taming(arguments)
    return compare_with_taming(NuwaVQGAN.from_pretrained(folder).float().eval(), source.model, source.state)


SCRIPT = ConversionScript(
    description=__doc__,
    example="python conversion_scripts/convert_taming_vqgan.py vqgan_imagenet_f16_16384.ckpt my-vqgan --verify",
    convert=convert,
    verify=verify,
    check=check,
    add_arguments=add_arguments,
)

if __name__ == "__main__":
    sys.exit(run_conversion(SCRIPT))
