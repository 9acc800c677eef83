# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""A picture of what will be trained on: frames of some clips with their captions, lengths and rates, over what a codec
makes of them.

Legend: T frames, Y, X pixel rows, columns.
"""

from collections.abc import Mapping

import numpy as np
import PIL.Image
import torch
from diffusers import ModelMixin
from einops import rearrange
from PIL.Image import fromarray

from nuwa_hf.datasets.captioned_media import CaptionedMedia
from nuwa_hf.datasets.media_census import ClipFacts
from nuwa_hf.media import contact_sheet, enlarge
from nuwa_hf.modeling.codec import as_codec
from nuwa_hf.modeling.codec.few_frames import reconstruct
from nuwa_hf.training.tokens.codec_judgement import spread_samples


SHEET_CLIPS = 8
SHEET_FRAMES = 8  # of a clip, evenly spread
SHEET_HEIGHT = 128  # frames are enlarged by a whole factor, to at most this many pixels


@torch.no_grad()
def clip_sheet(
    source: CaptionedMedia, vqgan: ModelMixin, facts: Mapping[int, ClipFacts], lengths: Mapping[int, int]
) -> PIL.Image.Image | None:
    """Draw some clips of a data set as they will be trained on.

    Args:
        source (`CaptionedMedia`): the data set, whose reader says how clips are sampled.
        vqgan (`ModelMixin`): the codec, in float32.
        facts (`Mapping[int, ClipFacts]`): row to what the file is like.
        lengths (`Mapping[int, int]`): row to the text tokens of its caption; without those that have none.

    Returns:
        `PIL.Image.Image`: two rows of frames for each clip, itself under its text and what the codec makes of it; None
            if no clip can be used.
    """
    codec, rows, texts = as_codec(vqgan), [], []
    for name, sample in spread_samples(source, SHEET_CLIPS):
        frames_TYXC = sample["video"]
        shown = sorted({place * len(frames_TYXC) // SHEET_FRAMES for place in range(SHEET_FRAMES)})
        truth_TYXC = torch.from_numpy(frames_TYXC[shown])
        pixels = rearrange(truth_TYXC.to(codec.device, torch.float32) / 127.5 - 1, "t y x c -> t c y x")
        drawn = reconstruct(codec, pixels).clamp(-1, 1)
        drawn_TYXC = rearrange(((drawn.float() + 1) * 127.5).round().to(torch.uint8).cpu(), "t c y x -> t y x c")
        rows += [_pictures(truth_TYXC.numpy()), _pictures(drawn_TYXC.numpy())]
        number = sample["number"]
        texts += [_text(name, sample["caption"], facts.get(number), lengths.get(number)), "through the codec"]
    return contact_sheet(rows, texts) if rows else None


def _text(name: str, caption: str | None, facts: ClipFacts | None, length: int | None) -> str:
    about = "" if facts is None else f", {_kind(facts)}"
    words = "no caption" if caption is None else f'"{caption}" ({length} text tokens)'
    return f"{name}{about}: {words}"


def _kind(facts: ClipFacts) -> str:
    size = f"{facts.width}x{facts.height}"
    if facts.is_still:
        return f"{size}, still"
    rate = f"{facts.frame_rate:.4g}" if facts.has_constant_rate and facts.frame_rate else "a varying number of"
    return f"{size}, {float(facts.seconds):.3g} s at {rate} frames a second"


def _pictures(frames_TYXC: np.ndarray) -> list[PIL.Image.Image]:
    pictures = [fromarray(np.ascontiguousarray(frame)) for frame in frames_TYXC]
    return enlarge(pictures, max(1, SHEET_HEIGHT // pictures[0].height))
