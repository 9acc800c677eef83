# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Convert a VQModel of diffusers to a NuwaVQGAN, or a NuwaVQGAN to a VQModel, whichever INPUT is not."""

import argparse
import sys
from pathlib import Path

import torch
from diffusers import VQModel

from nuwa_hf import NuwaVQGAN
from nuwa_hf.conversion.key_map import apply_key_map, shapes_of
from nuwa_hf.conversion.safe_checkpoint import read_checkpoint
from nuwa_hf.conversion.script import ConversionScript, run_conversion
from nuwa_hf.conversion.vqgan_weights import build_vqgan, vqgan_settings, vqgan_state
from nuwa_hf.conversion.vqmodel import KEY_MAP, settings_from_vqmodel, vqmodel_from_settings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the script's own options."""
    parser.add_argument(
        "--scaling_factor",
        type=float,
        default=0.18215,
        metavar="F",
        help="written into the VQModel; pipelines of latent diffusion use it (default: %(default)s)",
    )
    parser.add_argument(
        "--sample_size",
        type=int,
        metavar="N",
        help="height and width of the pictures it will be used for, such as 256; by default what INPUT says",
    )


def check(arguments: argparse.Namespace) -> None:
    """Refuse what cannot work before any weights are read."""
    kind = VQModel.load_config(arguments.input).get("_class_name")
    if kind not in ("VQModel", "NuwaVQGAN"):
        raise ValueError(f"`INPUT` must be the folder of a VQModel or a NuwaVQGAN, got one of {kind}.")
    settings = _settings(arguments)
    with torch.device("meta"):
        NuwaVQGAN(**settings)  # refuses what is impossible
    if kind == "NuwaVQGAN":
        vqmodel_from_settings(settings)


def convert(arguments: argparse.Namespace, folder: Path) -> None:
    """Write the codec as the other class."""
    settings = _settings(arguments)
    if _is_vqmodel(arguments.input):
        model = build_vqgan(settings, read_checkpoint(arguments.input), KEY_MAP, dtype=arguments.dtype)
    else:
        with torch.device("meta"):
            model = VQModel(**vqmodel_from_settings(settings), scaling_factor=arguments.scaling_factor)
        state = vqgan_state(arguments.input, settings)
        state = apply_key_map(state, KEY_MAP, shapes_of(model.state_dict()), dtype=arguments.dtype)
        model.load_state_dict(state, assign=True)
    model.save_pretrained(folder)


@torch.no_grad()
def verify(arguments: argparse.Namespace, folder: Path) -> str:
    """Compare both classes, in the dtype of what was written."""
    there, here = (arguments.input, folder) if _is_vqmodel(arguments.input) else (folder, arguments.input)
    dtype = torch.float32 if arguments.dtype is None else arguments.dtype
    vqmodel = VQModel.from_pretrained(there).to(dtype).eval()
    vqgan = NuwaVQGAN.from_pretrained(here).to(dtype).eval()
    side = 8 * vqgan.spatial_factor
    generator = torch.Generator().manual_seed(0)
    pixels = (torch.rand(2, vqgan.config.in_channels, side, side, generator=generator) * 2 - 1).to(dtype)
    encoded = vqgan.encode(pixels)
    theirs = vqmodel.encode(pixels).latents
    if vqmodel.config.lookup_from_codebook:
        shape = (*encoded.tokens.shape, vqgan.config.codebook_dim)
        decoded = vqmodel.decode(encoded.tokens.flatten(), force_not_quantize=True, shape=shape).sample
    else:
        decoded = vqmodel.decode(vqgan.quantize.lookup(encoded.tokens), force_not_quantize=True).sample
    latents_are_equal = torch.equal(encoded.latents, theirs)
    pixels_are_equal = torch.equal(vqgan.decode(encoded.tokens).sample, decoded)
    if not (latents_are_equal and pixels_are_equal):
        raise ValueError("The two classes do not give the same bits.")
    return "latents and pixels are equal to the bit"


def _is_vqmodel(folder: Path) -> bool:
    return VQModel.load_config(folder).get("_class_name") == "VQModel"


def _settings(arguments: argparse.Namespace) -> dict:
    """What INPUT is as a NuwaVQGAN, for pictures of the size that is asked for."""
    if _is_vqmodel(arguments.input):
        settings = settings_from_vqmodel(_vqmodel_config(arguments.input))
    else:
        settings = vqgan_settings(arguments.input)
    return settings if arguments.sample_size is None else {**settings, "sample_size": arguments.sample_size}


def _vqmodel_config(folder: Path) -> dict:
    with torch.device("meta"):
        return dict(VQModel.from_config(VQModel.load_config(folder)).config)  # with defaults for what it leaves out


SCRIPT = ConversionScript(
    description=__doc__,
    example="python conversion_scripts/convert_diffusers_vqmodel.py amused-512/vqvae my-vqgan --verify",
    convert=convert,
    verify=verify,
    check=check,
    add_arguments=add_arguments,
)

if __name__ == "__main__":
    sys.exit(run_conversion(SCRIPT))
