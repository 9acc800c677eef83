# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The arguments of `train_vqgan`."""

from dataclasses import dataclass, field
from math import prod
from typing import Literal

from nuwa_hf.training.run.run_arguments import RunArguments, argument, require


@dataclass(kw_only=True)
class VQGANArguments(RunArguments):
    """The arguments of `train_vqgan`."""

    target: Literal["frames", "sketches"] = argument(
        "frames", help="'frames' in RGB, or their 'sketches', one channel for each class."
    )
    dataset: str | None = argument(
        None, help="Folder, file or Hub id of images or clips to learn instead of EmojiMotion's."
    )
    dataset_split: str = argument("train", help="Which part of it is learnt.")
    held_out_split: str | None = argument(None, help="Which part of it is reconstructed as a sample; else the same.")
    image_size: int = argument(256, help="Rows and columns of its frames, cut from the middle and resized.")
    setting: Literal["small", "small-128", "large"] = argument(
        "small", help="EmojiMotion setting whose images are learnt."
    )
    sprites: Literal["noto", "shapes"] = argument("noto", help="'noto' emoji, or 'shapes' drawn without a font.")
    block_out_channels: list[int] = field(
        default_factory=lambda: [128, 256, 512, 512],
        metadata={"help": "Channels of every level; between two levels the image is halved."},
    )
    layers_per_block: int = argument(2, help="Residual blocks per level of the encoder.")
    attention_levels: list[int] = field(
        default_factory=list, metadata={"help": "Levels with self-attention, 0 being the finest."}
    )
    norm_num_groups: int = argument(32, help="Groups of the group normalisations.")
    mid_block_attention: bool = argument(True, help="Self-attention in the innermost block.")
    isolated_patches: bool = argument(False, help="The encoder sees each patch of a token alone; for sketches.")
    latent_channels: int = argument(256, help="Channels of the innermost level.")
    fsq_levels: list[int] | None = field(
        default=None,
        metadata={"help": "Levels of each channel of a code, such as 8 5 5 5, for finite scalar quantisation."},
    )
    codebook_dim: int | None = argument(None, help="Width of a code; else 256, or as many as there are `fsq_levels`.")
    codebook_size: int | None = argument(None, help="Number of codes; else 1024, or the product of `fsq_levels`.")
    codebook_learning: Literal["ema", "gradient"] = argument(
        "ema", help="How the codes follow the latents; those of `fsq_levels` stand still."
    )
    codebook_decay: float = argument(0.99, help="Decay of the codes' moving averages.")
    codebook_revive_after: int = argument(256, help="Steps without use after which a code starts anew.")
    commitment_weight: float = argument(0.25, help="Weight of the commitment term.")
    adam_beta1: float = argument(0.5, help="Decay of Adam's first moment.")
    adam_beta2: float = argument(0.9, help="Decay of Adam's second moment.")
    weight_decay: float = argument(0.0, help="Decoupled weight decay.")
    l1_weight: float = argument(1.0, help="Weight of the absolute error of frames.")
    l2_weight: float = argument(0.0, help="Weight of the squared error of frames.")
    object_weight: float = argument(5.0, help="How much an object's pixel counts; the background's count 1.")
    perceptual_weights: str | None = argument(
        None, help="A .safetensors file of VGG16 or EfficientNet-Lite0; None: no perceptual loss."
    )
    perceptual_weight: float = argument(1.0, help="Weight of the perceptual loss.")
    discriminator_start: float = argument(0.6, help="Share of the steps before the discriminator; 1: none.")
    discriminator_weight: float = argument(0.5, help="Factor on the adaptive weight of the adversarial loss.")
    discriminator_channels: int = argument(64, help="Channels of the discriminator's first layer.")
    discriminator_layers: int = argument(3, help="Strided layers of the discriminator.")
    ema_decay: float = argument(0.999, help="Decay of the moving average of the weights, which is what is saved.")
    channels_last: bool = argument(True, help="Lay convolutions out with the channels last; faster on CPUs.")
    num_samples: int = argument(16, help="Held-out images of a sample sheet.")

    def __post_init__(self):
        super().__post_init__()
        self._settle_codebook()
        for name in (
            "layers_per_block",
            "norm_num_groups",
            "latent_channels",
            "codebook_dim",
            "codebook_size",
            "codebook_revive_after",
            "object_weight",
            "discriminator_channels",
            "discriminator_layers",
            "num_samples",
            "image_size",
        ):
            self.require_positive(name)
        for name in ("codebook_decay", "adam_beta1", "adam_beta2", "discriminator_start", "ema_decay"):
            self.require_share(name)
        for name in ("commitment_weight", "weight_decay", "l1_weight", "l2_weight", "discriminator_weight"):
            value = getattr(self, name)
            require(value >= 0, name, "at least 0", value, "use 0 to leave the term out")
        both = (self.l1_weight, self.l2_weight)
        require(sum(both) > 0, "l1_weight + l2_weight", "greater than 0", both, "set l1_weight to 1")
        if self.dataset is not None:
            require(
                self.target == "frames", "target", "'frames' with `dataset`", self.target, "sketches are EmojiMotion's"
            )
            factor, size = 2 ** (len(self.block_out_channels) - 1), self.image_size
            remedy = f"use {max(1, round(size / factor)) * factor}"
            require(size % factor == 0, "image_size", f"a multiple of {factor}, the downsampling", size, remedy)
        if self.target == "sketches":
            # Both work on RGB pixels. A sketch has one right class for each pixel, and is trained with cross-entropy.
            start, perceptual = self.discriminator_start, self.perceptual_weights
            require(start == 1, "discriminator_start", "1 (no discriminator) for sketches", start, "set it to 1")
            require(perceptual is None, "perceptual_weights", "None for sketches", perceptual, "leave it out")

    def _settle_codebook(self) -> None:
        """Number and width of the codes, where they were left open or the levels say them."""
        levels = self.fsq_levels
        if levels is not None:
            shown = "name 2 or more for each channel, such as 8 5 5 5"
            require(levels != [] and min(levels) > 1, "fsq_levels", "at least 2 each", levels, shown)
        size, width = (1024, 256) if levels is None else (prod(levels), len(levels))
        for name, value in (("codebook_size", size), ("codebook_dim", width)):
            given = getattr(self, name)
            if given is None:
                setattr(self, name, value)
            elif levels is not None:
                require(given == value, name, f"{value}, as `fsq_levels` say", given, "leave it out")
