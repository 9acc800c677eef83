# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Clips as tokens: what the codecs and the text tokenizer make of a few samples."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from einops import rearrange

from nuwa_hf.media.errors import BrokenMediaError
from nuwa_hf.modeling.autoencoder_vqgan import NuwaVQGAN
from nuwa_hf.modeling.class_maps import class_maps_to_pixels
from nuwa_hf.modeling.tokenization_nuwa import NuwaTokenizer, load_text_tokenizer
from nuwa_hf.training.tokens.token_files import TokenFiles


Rows = list[tuple[int, Any]]  # numbers and rows of a data set


@dataclass(frozen=True)
class Encoders:
    """What tokens are made with.

    Args:
        vqgan (`NuwaVQGAN`): the codec, in float32.
        tokenizer (`NuwaTokenizer`): for both captions.
        sketch_vqgan (`NuwaVQGAN`, *optional*): the codec of sketches, in float32; without it they are left out.
    """

    vqgan: NuwaVQGAN
    tokenizer: NuwaTokenizer
    sketch_vqgan: NuwaVQGAN | None = None

    @classmethod
    def load(cls, vqgan: str, tokenizer: str, sketch_vqgan: str | None, device: str) -> "Encoders":
        """Load them, ready to encode.

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
            sketch_codec = NuwaVQGAN.from_pretrained(sketch_vqgan).to(device).eval()
            sketch_codec.to(memory_format=torch.channels_last)  # many channels in: a fifth faster on a CPU
        codec = NuwaVQGAN.from_pretrained(vqgan).to(device).eval()
        return cls(codec, load_text_tokenizer(tokenizer), sketch_codec)


class SampleReader(Protocol):
    """What turns a row of a data set into a sample; it is sent to other processes."""

    def read(self, number: int, row: Any) -> dict[str, Any]:
        """The sample of a row, or a BrokenMediaError."""

    def name(self, number: int, row: Any) -> str:
        """What to call the row."""


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
    """What became of a few rows.

    Args:
        num_rows (`int`): how many they were.
        tokens (`TokenFiles`, *optional*): of those that could be used, if any could.
        skipped (`tuple[SkippedClip, ...]`): the others.
    """

    num_rows: int
    tokens: TokenFiles | None
    skipped: tuple[SkippedClip, ...]


def tokenize_rows(encoders: Encoders, reader: SampleReader, rows: Rows) -> TokenizedRows:
    """Read a few rows and encode those that can be used.

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
    vqgan: NuwaVQGAN,
    tokenizer: NuwaTokenizer,
    sketch_vqgan: NuwaVQGAN | None = None,
) -> TokenFiles:
    """Tokens of some clips of a data set.

    Args:
        dataset (`EmojiMotion`): or anything with the same samples.
        indices (`Sequence[int]`): which clips.
        vqgan (`NuwaVQGAN`): the codec, in float32.
        tokenizer (`NuwaTokenizer`): for both captions.
        sketch_vqgan (`NuwaVQGAN`, *optional*): the codec of sketches, in float32; without it they are left out.

    Returns:
        `TokenFiles`: one row for each index.
    """
    samples = [dataset[index] for index in indices]
    video = torch.stack([torch.from_numpy(sample["video"]) for sample in samples])
    pixels = rearrange(video, "b t y x c -> b c t y x").to(vqgan.device, torch.float32) / 127.5 - 1

    def ids(key):
        text = tokenizer([sample[key] for sample in samples], padding="max_length", truncation=True)
        return torch.tensor(text.input_ids, dtype=torch.int32)

    sketch_tokens = None
    if sketch_vqgan is not None:
        sketches = torch.stack([torch.from_numpy(sample["sketch"]) for sample in samples])
        classes = class_maps_to_pixels(sketches.to(sketch_vqgan.device, torch.long), sketch_vqgan.config.in_channels)
        sketch_tokens = sketch_vqgan.encode(classes).tokens.int().cpu()
    return TokenFiles(
        video_tokens=vqgan.encode(pixels).tokens.int().cpu(),
        caption_ids=ids("caption"),
        image_caption_ids=ids("image_caption"),
        image_indices=torch.tensor([sample["image_index"] for sample in samples], dtype=torch.int32),
        sketch_tokens=sketch_tokens,
    )
