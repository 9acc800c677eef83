# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Encodes a few samples with the codecs and the text tokenizer."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from diffusers import ModelMixin
from einops import rearrange

from nuwa_hf.media.errors import BrokenMediaError
from nuwa_hf.modeling.class_maps import class_maps_to_pixels
from nuwa_hf.modeling.codec import as_codec, load_codec
from nuwa_hf.modeling.tokenization_nuwa import NuwaTokenizer, load_text_tokenizer
from nuwa_hf.pipelines.checks import check_codec
from nuwa_hf.training.tokens.token_files import TokenFiles


Rows = list[tuple[int, Any]]  # row numbers and rows of a data set


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
        """
        sketch_codec = None
        if sketch_vqgan is not None:
            sketch_codec = load_codec(sketch_vqgan).to(device).eval()
            sketch_codec.to(memory_format=torch.channels_last)  # a fifth faster on a CPU
        codec = load_codec(vqgan).to(device).eval()
        return cls(codec, load_text_tokenizer(tokenizer), sketch_codec)


class SampleReader(Protocol):
    """Turns a row of a data set into a sample. It must be picklable."""

    def read(self, number: int, row: Any) -> dict[str, Any]:
        """The sample of a row; raises BrokenMediaError if it cannot be used."""

    def name(self, number: int, row: Any) -> str:
        """The name of a row, for messages."""


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
    """

    num_rows: int
    tokens: TokenFiles | None
    skipped: tuple[SkippedClip, ...]


def tokenize_rows(encoders: Encoders, reader: SampleReader, rows: Rows) -> TokenizedRows:
    """Read a few rows and encode the usable ones.

    Args:
        encoders (`Encoders`): the codecs and the tokenizer.
        reader (`SampleReader`): makes samples.
        rows (`Rows`): numbers and rows.

    Returns:
        `TokenizedRows`.
    """
    samples, skipped = [], []
    for number, row in rows:
        try:
            samples.append(reader.read(number, row))
        except BrokenMediaError as error:
            skipped.append(SkippedClip(number, reader.name(number, row), str(error)))
    tokens = tokenize_clips(samples, range(len(samples)), **vars(encoders)) if samples else None
    return TokenizedRows(len(rows), tokens, tuple(skipped))


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
        sketch_vqgan (`ModelMixin`, *optional*): the codec of sketches, in float32; without it they are left out.

    Returns:
        `TokenFiles`: one row for each index.
    """
    samples = [dataset[index] for index in indices]
    video = torch.stack([torch.from_numpy(sample["video"]) for sample in samples])
    codec = as_codec(vqgan)
    pixels = rearrange(video, "b t y x c -> b c t y x").to(codec.device, torch.float32) / 127.5 - 1

    def ids(key):
        text = tokenizer([sample[key] for sample in samples], padding="max_length", truncation=True)
        return torch.tensor(text.input_ids, dtype=torch.int32)

    sketch_tokens = None
    if sketch_vqgan is not None:
        sketches = torch.stack([torch.from_numpy(sample["sketch"]) for sample in samples])
        sketch_codec = as_codec(sketch_vqgan)
        classes = class_maps_to_pixels(sketches.to(sketch_codec.device, torch.long), sketch_codec.in_channels)
        sketch_tokens = sketch_codec.encode(classes).tokens.int().cpu()
    return TokenFiles(
        video_tokens=codec.encode(pixels).tokens.int().cpu(),
        caption_ids=ids("caption"),
        image_caption_ids=ids("image_caption"),
        image_indices=torch.tensor([sample["image_index"] for sample in samples], dtype=torch.int32),
        sketch_tokens=sketch_tokens,
    )
