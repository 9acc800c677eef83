# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The codec that a run trains: a new one, or one that is trained further, and which of its weights are learnt."""

from dataclasses import replace

import torch

from nuwa_hf.modeling.autoencoder_vqgan import NuwaVQGAN
from nuwa_hf.modeling.codec.loading import load_codec
from nuwa_hf.modeling.other_codes import vqgan_with_codes
from nuwa_hf.storage.find_checkpoint import find_part
from nuwa_hf.training.run.run_arguments import require
from nuwa_hf.training.vqgan.codebook_updates import EmaCodebook
from nuwa_hf.training.vqgan.vqgan_arguments import VQGANArguments, default_learning_rate


# Which codec of a pipeline learns which target.
PARTS = {"frames": "vqgan", "sketches": "sketch_vqgan"}


def load_start(arguments: VQGANArguments, num_channels: int) -> NuwaVQGAN | None:
    """The codec that training starts from.

    Args:
        arguments (`VQGANArguments`): name it.
        num_channels (`int`): channels of an image, C.

    Returns:
        `NuwaVQGAN`, or None if a new one is trained.

    Raises:
        OSError: If there is no such codec.
        ValueError: If it cannot be trained here, or learns other images.
    """
    if arguments.vqgan is None:
        return None
    start = load_codec(find_part(arguments.vqgan, PARTS[arguments.target]))
    is_ours = isinstance(start, NuwaVQGAN)
    remedy = "convert a VQModel with conversion_scripts/convert_diffusers_vqmodel.py"
    require(is_ours, "vqgan", "a NuwaVQGAN", type(start).__name__, remedy)
    channels = (start.in_channels, start.out_channels)
    rule = {
        "frames": f"a codec of RGB frames, with {num_channels} channels",
        "sketches": f"a codec of EmojiMotion's sketches, with {num_channels} classes",
    }[arguments.target]
    shown = f"{channels[0]} channels in and {channels[1]} out"
    require(channels == (num_channels, num_channels), "vqgan", rule, shown, "name another codec, or another `target`")
    kind, chosen = start.config.quantizer, arguments.fine_tune
    rule, remedy = f"'full' or 'decoder' with the quantizer {kind!r}", "its codes do not follow latents"
    require(kind == "nearest" or chosen != "decoder-and-codebook", "fine_tune", rule, chosen, remedy)
    size, least = arguments.codebook_size, start.codebook_size
    if size is not None:
        rule = f"at least the {least} of `vqgan`" if kind == "nearest" else f"left out with the quantizer {kind!r}"
        remedy = "merge codes with nuwa-hf merge-codes" if kind == "nearest" else "its codes are as many as they are"
        require(kind == "nearest" and size >= least, "codebook_size", rule, size, remedy)
    return start


def settle_arguments(arguments: VQGANArguments, start: NuwaVQGAN | None) -> VQGANArguments:
    """The arguments with what the codec to start from says, where it was left open.

    Args:
        arguments (`VQGANArguments`): the arguments.
        start (`NuwaVQGAN`, *optional*): the codec that training starts from.

    Returns:
        `VQGANArguments`: with an `image_size` and a `learning_rate`; without a start they are unchanged.

    Raises:
        ValueError: If the codec or the discriminator cannot take images of that size.
    """
    if start is None:
        return arguments
    widths = start.config.block_out_channels
    size, rate = arguments.image_size, arguments.learning_rate
    settled = replace(
        arguments,
        image_size=start.sample_size if size is None else size,
        learning_rate=default_learning_rate(widths) if rate is None else rate,
    )
    if settled.dataset is not None:
        settled.check_image_size(widths)
    return settled


def take_over(start: NuwaVQGAN, fine_tune: str, sample_size: int, codebook_size: int | None = None) -> NuwaVQGAN:
    """A copy of the codec that training starts from, with what is not learnt frozen.

    Args:
        start (`NuwaVQGAN`): the codec; not changed.
        fine_tune (`str`): what is learnt: "full", "decoder" or "decoder-and-codebook".
        sample_size (`int`): rows and columns of an image.
        codebook_size (`int`, *optional*): number of codes, at least those of the start, which come first. The others
            are copies of its first code, which are never the nearest, until training moves them.

    Returns:
        `NuwaVQGAN`: with the same weights.
    """
    if codebook_size is not None:
        codes = start.quantize.codebook()
        start = vqgan_with_codes(start, torch.cat([codes, codes[:1].expand(codebook_size - len(codes), -1)]))
    kept = {name: value for name, value in start.config.items() if not name.startswith("_")}  # without its path
    vqgan = NuwaVQGAN.from_config({**kept, "sample_size": sample_size})
    vqgan.load_state_dict(start.state_dict())
    if fine_tune != "full":
        vqgan.encoder.requires_grad_(False)
        vqgan.quant_conv.requires_grad_(False)
    # The codes of a codec that was trained with the Gumbel softmax stay, whatever is learnt; see `GumbelQuantizer`.
    if fine_tune == "decoder" or vqgan.config.quantizer == "gumbel":
        vqgan.quantize.requires_grad_(False)
    return vqgan


def build_vqgan(arguments: VQGANArguments, num_channels: int, sample_size: int) -> NuwaVQGAN:
    """A new codec of the configuration given by the arguments.

    Args:
        arguments (`VQGANArguments`): the configuration.
        num_channels (`int`): channels of an image, C.
        sample_size (`int`): rows and columns of an image.

    Returns:
        `NuwaVQGAN`.
    """
    return NuwaVQGAN(
        in_channels=num_channels,
        out_channels=num_channels,
        block_out_channels=tuple(arguments.block_out_channels),
        layers_per_block=arguments.layers_per_block,
        attention_levels=tuple(arguments.attention_levels),
        latent_channels=arguments.latent_channels,
        codebook_dim=arguments.codebook_dim,
        codebook_size=arguments.codebook_size,
        norm_num_groups=arguments.norm_num_groups,
        mid_block_attention=arguments.mid_block_attention,
        sample_size=sample_size,
        commitment_weight=arguments.commitment_weight,
        isolated_patches=arguments.isolated_patches,
        quantizer="nearest" if arguments.fsq_levels is None else "fsq",
        fsq_levels=arguments.fsq_levels,
    )


def build_codebook(vqgan: NuwaVQGAN, arguments: VQGANArguments, generator: torch.Generator) -> EmaCodebook | None:
    """What moves the codes, if they follow the latents. Build it before the optimizer, for it freezes them.

    Args:
        vqgan (`NuwaVQGAN`): the codec to be trained.
        arguments (`VQGANArguments`): how the codes learn.
        generator (`torch.Generator`): draws the latents of codes that start anew.

    Returns:
        `EmaCodebook`, or None for codes that are learnt by gradient or not at all.
    """
    stand_still = vqgan.config.quantizer != "nearest" or arguments.fine_tune == "decoder"
    if stand_still or arguments.codebook_learning == "gradient":
        return None
    return EmaCodebook(vqgan.quantize, arguments.codebook_decay, arguments.codebook_revive_after, generator=generator)
