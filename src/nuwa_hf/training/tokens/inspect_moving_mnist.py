# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""`nuwa-hf inspect moving-mnist`: a data set that is made from indices, looked at like one that lies in files."""

import argparse
from collections.abc import Mapping
from fractions import Fraction

from diffusers import ModelMixin

from nuwa_hf.datasets.clip_windows import ClipWindows
from nuwa_hf.datasets.indexed_clips import IndexedClips
from nuwa_hf.datasets.media_census import ClipFacts, MediaCensus
from nuwa_hf.datasets.moving_mnist import open_moving_mnist
from nuwa_hf.modeling.tokenization_nuwa import NuwaTokenizer
from nuwa_hf.training.tokens.caption_tokens import caption_lengths, caption_losses
from nuwa_hf.training.tokens.clip_sheet import clip_sheet
from nuwa_hf.training.tokens.codec_judgement import judge_codec
from nuwa_hf.training.tokens.inspection import Inspection


LOOKED_AT = 200  # clips, of as many as there are indices
# What only clips that lie in files have.
OF_FILES = (
    *("streaming", "media_column", "caption_column", "caption_source"),
    *("num_frames", "frame_rate", "clips_per_video", "stride"),
)


def inspect_moving_mnist(
    args: argparse.Namespace, vqgan: ModelMixin, tokenizer: NuwaTokenizer, names: Mapping[str, str], judged: int
) -> Inspection:
    """Look at the first clips of a split.

    Args:
        args (`argparse.Namespace`): those of the command.
        vqgan (`ModelMixin`): the codec.
        tokenizer (`NuwaTokenizer`): the text tokenizer.
        names (`Mapping[str, str]`): `codec` and `tokenizer` as the user names them.
        judged (`int`): clips that the codec draws.

    Returns:
        `Inspection`.

    Raises:
        ValueError: If there is no such split, or the package of the digits is not installed.
    """
    clips = IndexedClips(open_moving_mnist(args.dataset, split=args.dataset_split, length=LOOKED_AT))
    size = clips.clip_size
    rate, num_frames = size["frame_rate"], size["num_frames"]
    shape = {"height": size["height"], "width": size["width"], "seconds": Fraction(num_frames, rate)}
    census, captions = MediaCensus(), {}
    for number, row in clips.rows(0):
        name = clips.name(number, row)
        census.clips.append(
            ClipFacts(number, name, **shape, num_frames=num_frames, frame_rate=rate, has_constant_rate=True)
        )
        captions[number] = clips.dataset[number]["caption"]
    lengths = caption_lengths(tokenizer, captions)
    parts = {name: getattr(args, name) for name in ("checkpoint", "vqgan", "tokenizer")}
    parts = {"checkpoint": names["codec"]} if not any(parts.values()) else parts
    facts = {clip.row: clip for clip in census.clips}
    return Inspection(
        dataset=args.dataset,
        dataset_split="train",  # of which the next command makes tokens, whatever was looked at
        streaming=False,
        media_column=None,
        flags=(),
        **names,
        tokenize_flags=tuple(word for name, value in parts.items() if value for word in (f"--{name}", value)),
        caption_source=f"made with the clips, of which the first {LOOKED_AT} are looked at",
        census=census,
        left_out=(),
        captions=caption_losses(tokenizer, [(clip.name, captions[clip.row]) for clip in census.clips]),
        caption_lengths=lengths,
        max_tokens=tokenizer.model_max_length,
        adds_words=isinstance(tokenizer, NuwaTokenizer),
        names_tokenizer=args.tokenizer is not None,
        windows=ClipWindows(),
        num_frames=num_frames,
        frame_rate=rate,
        judgement=judge_codec(vqgan, clips, judged),
        sheet=None if args.output is None else clip_sheet(clips, vqgan, facts, lengths),
    )
