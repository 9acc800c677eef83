# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Encodes a few samples with the codecs and the text tokenizer."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from diffusers import ModelMixin
from einops import rearrange

from nuwa_hf.datasets.row_source import Rows, SampleReader
from nuwa_hf.media.errors import BrokenMediaError
from nuwa_hf.media.resizing import resize_class_maps
from nuwa_hf.modeling.codec import as_codec, load_codec
from nuwa_hf.modeling.codec.few_frames import few_at_once
from nuwa_hf.modeling.codec.finite_numbers import encode_finite
from nuwa_hf.modeling.tokenization_nuwa import NuwaTokenizer, load_text_tokenizer
from nuwa_hf.pipelines.checks import check_codec
from nuwa_hf.pipelines.token_pixels import sketch_tokens_of
from nuwa_hf.training.run.finite_values import weight_that_is_not_finite
from nuwa_hf.training.tokens.caption_tokens import CaptionLosses, caption_ids, caption_losses
from nuwa_hf.training.tokens.token_files import TokenFiles, join_tokens


SAMPLES_AT_ONCE = 32  # windows that are in memory as pixels; a long clip has many


@dataclass(frozen=True)
class Encoders:
    """The codecs and the tokenizer that make tokens.

    Args:
        vqgan (`ModelMixin`): the codec, in float32: `NuwaVQGAN` or another that `as_codec` takes.
        tokenizer (`NuwaTokenizer`): for both captions.
        sketch_vqgan (`ModelMixin`, *optional*): the codec of sketches, in float32; without it, sketches are left out.

    Raises:
        TypeError: If a codec does not follow the protocol `Codec`.
        ValueError: If its tokens stand for several frames.
    """

    vqgan: ModelMixin
    tokenizer: NuwaTokenizer
    sketch_vqgan: ModelMixin | None = None

    def __post_init__(self):
        check_codec("vqgan", self.vqgan)
        if self.sketch_vqgan is not None:
            check_codec("sketch_vqgan", self.sketch_vqgan)

    @classmethod
    def load(cls, vqgan: str, tokenizer: str, sketch_vqgan: str | None, device: str) -> "Encoders":
        """Load them from folders.

        Args:
            vqgan (`str`): folder of the codec.
            tokenizer (`str`): folder of the text tokenizer.
            sketch_vqgan (`str`, *optional*): folder of the codec of sketches.
            device (`str`): where the codecs run.

        Returns:
            `Encoders`.

        Raises:
            FloatingPointError: If a weight of a codec is not finite.
        """
        sketch_codec = None
        if sketch_vqgan is not None:
            sketch_codec = _finite_codec("sketch_vqgan", sketch_vqgan).to(device)
            sketch_codec.to(memory_format=torch.channels_last)  # a fifth faster on a CPU
        codec = _finite_codec("vqgan", vqgan).to(device)
        return cls(codec, load_text_tokenizer(tokenizer), sketch_codec)

    def to(self, device: str) -> "Encoders":
        """The same, with their codecs on another device.

        Args:
            device (`str`): where the codecs run.

        Returns:
            `Encoders`.
        """
        sketch_codec = None if self.sketch_vqgan is None else self.sketch_vqgan.to(device)
        return Encoders(self.vqgan.to(device), self.tokenizer, sketch_codec)


def _finite_codec(name: str, folder: str) -> ModelMixin:
    codec = load_codec(folder).eval()
    wrong = weight_that_is_not_finite([codec])
    if wrong is not None:
        raise FloatingPointError(
            f"`{name}` must have finite weights, got {folder}, in which {wrong}, so that its tokens would mean "
            "nothing; get it again, or train it anew."
        )
    return codec


@dataclass(frozen=True)
class SkippedClip:
    """A clip that could not be used.

    Args:
        row (`int`): its number in the data set.
        name (`str`): its file, or its number.
        reason (`str`): what is wrong with it.
    """

    row: int
    name: str
    reason: str


@dataclass(frozen=True)
class TokenizedRows:
    """The result of encoding a few rows.

    Args:
        num_rows (`int`): how many rows there were.
        tokens (`TokenFiles`, *optional*): tokens of the usable rows, if there are any.
        skipped (`tuple[SkippedClip, ...]`): the rows that could not be used.
        captions (`CaptionLosses`): what the tokenizer lost of the usable rows' captions.
    """

    num_rows: int
    tokens: TokenFiles | None
    skipped: tuple[SkippedClip, ...]
    captions: CaptionLosses = field(default_factory=CaptionLosses)


def tokenize_rows(encoders: Encoders, reader: SampleReader, rows: Rows) -> TokenizedRows:
    """Read a few rows and encode the usable ones. A row gives all of its samples or, if one is broken, none.

    Args:
        encoders (`Encoders`): the codecs and the tokenizer.
        reader (`SampleReader`): makes samples.
        rows (`Rows`): numbers and rows.

    Returns:
        `TokenizedRows`.
    """
    encoded, owners, waiting, skipped, captions = [], [], [], [], {}

    def encode_waiting():
        if waiting:
            encoded.append(tokenize_clips(waiting, range(len(waiting)), **vars(encoders)))
            waiting.clear()

    for number, row in rows:
        try:
            for sample in reader.read(number, row):
                waiting.append(sample)
                owners.append(number)
                captions[number] = (reader.name(number, row), sample["caption"])
                if len(waiting) == SAMPLES_AT_ONCE:
                    encode_waiting()
        except BrokenMediaError as error:
            skipped.append(SkippedClip(number, reader.name(number, row), str(error)))
            captions.pop(number, None)
    encode_waiting()
    is_kept = torch.tensor([number in captions for number in owners])
    tokens = None
    if captions:
        tokens = join_tokens(encoded)
        if reader.gives_several:
            sources = [reader.source_row(number) for number in owners]
            tokens = replace(tokens, source_rows=torch.tensor(sources, dtype=torch.int32))
        tokens = tokens.where(is_kept)
    losses = caption_losses(encoders.tokenizer, captions.values())
    if not reader.reads_captions:  # which the user knows: shards need no name of every clip
        losses = replace(losses, named_without=())
    return TokenizedRows(len(rows), tokens, tuple(skipped), losses)


@torch.no_grad()
def tokenize_clips(
    dataset,
    indices: Sequence[int],
    vqgan: ModelMixin,
    tokenizer: NuwaTokenizer,
    sketch_vqgan: ModelMixin | None = None,
) -> TokenFiles:
    """Tokens of some clips of a data set.

    Args:
        dataset (`EmojiMotion`): or anything with the same samples.
        indices (`Sequence[int]`): which clips.
        vqgan (`ModelMixin`): the codec, in float32: `NuwaVQGAN` or another that `as_codec` takes.
        tokenizer (`NuwaTokenizer`): for both captions.
        sketch_vqgan (`ModelMixin`, *optional*): the codec of sketches, in float32; without it they are left out. Where
            a token stands for another number of pixels than in `vqgan`, sketches are resized to the same tokens.

    Returns:
        `TokenFiles`: one row for each index.

    Raises:
        FloatingPointError: If a codec's numbers are not finite.
    """
    samples = [dataset[index] for index in indices]
    video_BTYXC = torch.stack([torch.from_numpy(sample["video"]) for sample in samples])
    codec, (height, width) = as_codec(vqgan), video_BTYXC.shape[2:4]

    def encode(frames_NYXC: torch.Tensor) -> torch.Tensor:
        images = rearrange(frames_NYXC, "n y x c -> n c y x").to(codec.device, torch.float32) / 127.5 - 1
        return encode_finite(codec, images)

    tokens = few_at_once(encode, video_BTYXC.flatten(0, 1), height=height, width=width)
    video_tokens = tokens.unflatten(0, video_BTYXC.shape[:2]).int().cpu()

    sketch_tokens = None
    if sketch_vqgan is not None:
        sketch_codec = as_codec(sketch_vqgan)
        height, width = (places * sketch_codec.spatial_factor for places in video_tokens.shape[-2:])
        sketches = resize_class_maps(np.stack([sample["sketch"] for sample in samples]), height, width)
        sketches = torch.from_numpy(sketches)
        sketch_tokens = sketch_tokens_of(sketch_codec, sketches, device=sketch_codec.device).int().cpu()
    return TokenFiles(
        video_tokens=video_tokens,
        caption_ids=caption_ids(tokenizer, [sample["caption"] for sample in samples]),
        image_caption_ids=caption_ids(tokenizer, [sample["image_caption"] for sample in samples]),
        image_indices=torch.tensor([sample["image_index"] for sample in samples], dtype=torch.int32),
        sketch_tokens=sketch_tokens,
    )
