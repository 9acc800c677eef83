# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The arguments of `train_vqgan`."""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from math import prod
from typing import Literal

from nuwa_hf.datasets.moving_mnist import DIGIT_COUNTS, FRAME_SIZE
from nuwa_hf.datasets.settings import SETTINGS
from nuwa_hf.training.run.run_arguments import RunArguments, argument, require
from nuwa_hf.training.vqgan.discriminator import smallest_judged


# The configuration of a new codec, where it is not given. A codec that is started from has its own.
NEW_CODEC = {
    "block_out_channels": [128, 256, 512, 512],
    "layers_per_block": 2,
    "attention_levels": [],
    "norm_num_groups": 32,
    "mid_block_attention": True,
    "isolated_patches": False,
    "latent_channels": 256,
    "commitment_weight": 0.25,
}
NEW_IMAGE_SIZE = 256
RATE_TIMES_WIDTH = 0.0128
OF_DATASETS = ("media_column", "dataset_split", "held_out_split")


def default_learning_rate(block_out_channels: Sequence[int]) -> float:
    """The learning rate of a codec where none is given: the wider its layers, the lower.

    Args:
        block_out_channels (`Sequence[int]`): channels of every level.

    Returns:
        `float`: 1e-4 for 128 channels in the first level, 8e-4 for the 16 of the embedded codec.
    """
    return RATE_TIMES_WIDTH / block_out_channels[0]


@dataclass(kw_only=True)
class VQGANArguments(RunArguments):
    """The arguments of `train_vqgan`."""

    vqgan: str | None = argument(
        None, help="Codec to start from: a folder, a Hub id, one of a pipeline, or 'embedded'; None: a new one."
    )
    fine_tune: Literal["full", "decoder", "decoder-and-codebook"] = argument(
        "full", help="Which weights of `vqgan` are learnt; with 'decoder' the tokens stay as they are."
    )
    sample_every: int = argument(100, help="Steps from one look at held-out samples to the next.")
    learning_rate: float | None = argument(
        None, help="Learning rate after the warm-up; else 0.0128 over the channels of the first level."
    )
    target: Literal["frames", "sketches"] = argument(
        "frames", help="'frames' in RGB, or their 'sketches', one channel for each class."
    )
    dataset: str | None = argument(
        None, help="Folder, file or Hub id of images or clips to learn instead of EmojiMotion's, or 'moving-mnist'."
    )
    media_column: str | None = argument(None, help="Its column of images or clips; by default the only one.")
    dataset_split: str = argument("train", help="Which part of it is learnt.")
    held_out_split: str | None = argument(
        None, help="Which part of it is held out and reconstructed as a sample; else a few clips of `dataset_split`."
    )
    image_size: int | None = argument(
        None, help="Rows and columns of its frames, cut from the middle and resized; else those of `vqgan`, or 256."
    )
    setting: Literal["small", "small-128", "large"] = argument(
        "small-128", help="EmojiMotion setting whose images are learnt."
    )
    sprites: Literal["noto", "shapes"] = argument(
        "noto", help="'noto' emoji, or 'shapes' drawn without a font; of Moving MNIST, drawn digits."
    )
    block_out_channels: list[int] | None = field(
        default=None,
        metadata={"help": "Channels of every level, between which the image is halved; else 128 256 512 512."},
    )
    layers_per_block: int | None = argument(None, help="Residual blocks per level of the encoder; else 2.")
    attention_levels: list[int] | None = field(
        default=None, metadata={"help": "Levels with self-attention, 0 being the finest; else none."}
    )
    norm_num_groups: int | None = argument(None, help="Groups of the group normalisations; else 32.")
    mid_block_attention: bool | None = argument(None, help="Self-attention in the innermost block; else true.")
    isolated_patches: bool | None = argument(
        None, help="The encoder sees each patch of a token alone; for sketches. Else false."
    )
    latent_channels: int | None = argument(None, help="Channels of the innermost level; else 256.")
    fsq_levels: list[int] | None = field(
        default=None,
        metadata={"help": "Levels of each channel of a code, such as 8 5 5 5, for finite scalar quantisation."},
    )
    codebook_dim: int | None = argument(None, help="Width of a code; else 256, or as many as there are `fsq_levels`.")
    codebook_size: int | None = argument(
        None, help="Number of codes; else those of `vqgan`, 1024, or the product of `fsq_levels`."
    )
    codebook_learning: Literal["ema", "gradient"] = argument(
        "ema", help="How the codes follow the latents; those of `fsq_levels` stand still."
    )
    codebook_decay: float = argument(0.98, help="Decay of the codes' moving averages.")
    codebook_revive_after: int = argument(
        128, help="Steps without use after which a code of mean use starts anew; so does one as rarely used as that."
    )
    commitment_weight: float | None = argument(None, help="Weight of the commitment term; else 0.25.")
    adam_beta1: float = argument(0.5, help="Decay of Adam's first moment.")
    adam_beta2: float = argument(0.9, help="Decay of Adam's second moment.")
    weight_decay: float = argument(0.0, help="Decoupled weight decay.")
    l1_weight: float = argument(1.0, help="Weight of the absolute error of frames.")
    l2_weight: float = argument(4.0, help="Weight of the squared error of frames.")
    object_weight: float = argument(5.0, help="How much the pixels of objects of drawn clips count; others count 1.")
    perceptual_weights: str | None = argument(
        None, help="A .safetensors file of VGG16 or EfficientNet-Lite0; None: no perceptual loss."
    )
    perceptual_weight: float = argument(1.0, help="Weight of the perceptual loss.")
    discriminator_start: float = argument(0.6, help="Share of the steps before the discriminator; 1: none.")
    discriminator_weight: float = argument(0.2, help="Factor on the adaptive weight of the adversarial loss.")
    discriminator_channels: int = argument(32, help="Channels of the discriminator's first layer.")
    discriminator_layers: int = argument(3, help="Strided layers of the discriminator.")
    ema_decay: float = argument(0.999, help="Decay of the moving average of the weights, which is what is saved.")
    channels_last: bool = argument(True, help="Lay convolutions out with the channels last; faster on CPUs.")
    num_samples: int = argument(16, help="Held-out images of a sample sheet.")

    def __post_init__(self):
        super().__post_init__()
        self._settle_data()
        if self.vqgan is None:
            require(
                self.fine_tune == "full", "fine_tune", "'full' without a `vqgan`", self.fine_tune, "name the codec"
            )
            self._settle_new_codec()
        else:
            for name in (*NEW_CODEC, "fsq_levels", "codebook_dim"):
                given, rule = getattr(self, name), "left out beside `vqgan`, the codec that says it"
                require(given is None, name, rule, given, "leave it out, or train a new codec without `vqgan`")
            grows, rule = self.codebook_size is not None, "'full' or 'decoder-and-codebook' with a `codebook_size`"
            is_learnt = self.fine_tune != "decoder"
            require(is_learnt or not grows, "fine_tune", rule, self.fine_tune, "leave the size out")
            learning, rule = self.codebook_learning, "'ema' with a `codebook_size` beside `vqgan`"
            require(learning == "ema" or not grows, "codebook_learning", rule, learning, "leave one of them out")
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
        weights = ("commitment_weight", "l1_weight", "l2_weight", "perceptual_weight", "discriminator_weight")
        for name in (*weights, "weight_decay"):
            value = getattr(self, name)
            require(value is None or value >= 0, name, "at least 0", value, "use 0 to leave the term out")
        both = (self.l1_weight, self.l2_weight)
        require(sum(both) > 0, "l1_weight + l2_weight", "greater than 0", both, "set one to 1")
        if self.dataset is not None:
            remedy = "sketch codecs learn EmojiMotion's sketches; class maps of your own are not supported"
            require(self.target == "frames", "target", "'frames' with `dataset`", self.target, remedy)
            if self.vqgan is None:
                self.check_image_size(self.block_out_channels)
        if self.target == "sketches":
            # Both work on RGB pixels. A sketch has one right class for each pixel, and is trained with cross-entropy.
            start, perceptual = self.discriminator_start, self.perceptual_weights
            require(start == 1, "discriminator_start", "1 (no discriminator) for sketches", start, "set it to 1")
            require(perceptual is None, "perceptual_weights", "None for sketches", perceptual, "leave it out")

    @property
    def is_moving_mnist(self) -> bool:
        """Whether the images are Moving MNIST's."""
        return self.dataset in DIGIT_COUNTS

    def _settle_data(self) -> None:
        """The size of frames that are drawn, and no argument that says something of other data than what is learnt."""
        drawn_size, others, whose = None, ("setting", "sprites", "object_weight"), f"with `dataset` {self.dataset}"
        if self.dataset is None:
            drawn_size, others, whose = SETTINGS[self.setting].size, OF_DATASETS, "without `dataset`"
        elif self.is_moving_mnist:
            drawn_size, others = FRAME_SIZE, ("setting", *OF_DATASETS)
        defaults = {entry.name: entry.default for entry in fields(self)}
        for name in others:
            value = getattr(self, name)
            require(value == defaults[name], name, f"left out {whose}", value, "see --help")
        if drawn_size is not None:
            size, rule = self.image_size, f"left out or {drawn_size} {whose}"
            require(size in (None, drawn_size), "image_size", rule, size, "leave it out")
            self.image_size = drawn_size

    def check_image_size(self, block_out_channels: Sequence[int]) -> None:
        """Checks that a codec, and the discriminator if it takes part, can take images of `image_size`.

        Args:
            block_out_channels (`Sequence[int]`): channels of every level of the codec.

        Raises:
            ValueError: If it is no multiple of the downsampling, or smaller than what the discriminator judges.
        """
        factor, size = 2 ** (len(block_out_channels) - 1), self.image_size
        remedy = f"use {max(1, round(size / factor)) * factor}"
        require(size % factor == 0, "image_size", f"a multiple of {factor}, the downsampling", size, remedy)
        if self.discriminator_start < 1:
            layers = self.discriminator_layers
            smallest = smallest_judged(layers)
            fitting = [fewer for fewer in range(1, layers) if smallest_judged(fewer) <= size]
            remedy = f"set it to {fitting[-1]}" if fitting else "set discriminator_start to 1, for no discriminator"
            rule = f"fewer for images of {size} pixels: so many judge no less than {smallest}"
            require(size >= smallest, "discriminator_layers", rule, layers, remedy)

    def _settle_new_codec(self) -> None:
        """The configuration of a new codec, where it was left open or the levels say it."""
        for name, value in NEW_CODEC.items():
            if getattr(self, name) is None:
                setattr(self, name, value)
        widths = self.block_out_channels
        is_valid = widths != [] and min(widths) > 0
        require(is_valid, "block_out_channels", "at least 1 each", widths, "name one width for each level")
        if self.image_size is None:
            self.image_size = NEW_IMAGE_SIZE
        if self.learning_rate is None:
            self.learning_rate = default_learning_rate(widths)
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
