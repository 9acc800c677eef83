# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""How well a codec draws a data set: no transformer can draw better than its codec.

Legend: T frames, Y, X pixel rows, columns.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
import PIL.Image
import torch
from diffusers import ModelMixin
from einops import rearrange
from PIL.Image import fromarray

from nuwa_hf.datasets.row_source import RowSource
from nuwa_hf.datasets.spread_rows import spread_rows
from nuwa_hf.media import contact_sheet, enlarge
from nuwa_hf.media.errors import BrokenMediaError
from nuwa_hf.metrics.psnr import psnr
from nuwa_hf.modeling.codec import as_codec
from nuwa_hf.modeling.codec.few_frames import reconstruct


JUDGED_CLIPS = 24
LOW_PSNR = 22.0  # decibels; below it, small things change their colour and shape
SHEET_CLIPS = 8
SHEET_HEIGHT = 128  # frames are enlarged by a whole factor, to at most this many pixels


@dataclass(frozen=True)
class CodecJudgement:
    """What a codec makes of a few clips.

    Args:
        psnr (`float`): decibels, over all pixels of the frames together; at most 100.
        clips (`int`): how many clips were judged.
        frames (`int`): how many of their frames.
        worst (`str`): the clip that is drawn worst.
        worst_psnr (`float`): its decibels.
        sheet (`PIL.Image.Image`): a frame of some of the clips, over what the codec makes of it.
    """

    psnr: float
    clips: int
    frames: int
    worst: str
    worst_psnr: float
    sheet: PIL.Image.Image

    @property
    def is_low(self) -> bool:
        """Whether the codec should be trained on these clips before anything else."""
        return not self.psnr >= LOW_PSNR  # also if it is NaN


@torch.no_grad()
def judge_codec(vqgan: ModelMixin, source: RowSource, num_clips: int = JUDGED_CLIPS) -> CodecJudgement | None:
    """Draw two frames of a few clips with a codec: of clips spread over the data set, or of a stream's first ones.

    Args:
        vqgan (`ModelMixin`): the codec, in float32: `NuwaVQGAN` or another that `as_codec` takes.
        source (`RowSource`): the data set.
        num_clips (`int`, *optional*): at most how many clips; by default 24.

    Returns:
        `CodecJudgement`, or None if none of these clips can be read.
    """
    codec, truths, drawn, names = as_codec(vqgan), [], [], []
    for name, sample in spread_samples(source, num_clips):
        length = len(sample["video"])
        frames_TYXC = sample["video"][sorted({length // 4, 3 * length // 4})]
        truth = torch.from_numpy(frames_TYXC).to(codec.device, torch.float32) / 127.5 - 1
        truth_TCYX = rearrange(truth, "t y x c -> t c y x")
        decoded = reconstruct(codec, truth_TCYX).clamp(-1, 1)
        truths.append(truth_TCYX.cpu())
        drawn.append(decoded.float().cpu())
        names.append(name)
    if not names:
        return None
    each = [_decibels(ours, theirs) for ours, theirs in zip(drawn, truths, strict=True)]
    worst = min(range(len(names)), key=each.__getitem__)
    return CodecJudgement(
        psnr=_decibels(torch.cat(drawn), torch.cat(truths)),
        clips=len(names),
        frames=sum(map(len, truths)),
        worst=names[worst],
        worst_psnr=each[worst],
        sheet=_sheet(truths, drawn),
    )


def spread_samples(source: RowSource, num_clips: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """The first sample of a few clips, spread over the data set, or of a stream's first ones.

    Args:
        source (`RowSource`): the data set.
        num_clips (`int`): at most how many; those that cannot be used are left out.

    Yields:
        `tuple[str, dict[str, Any]]`: the clip's name, and the sample as its reader gives it.
    """
    if source.num_rows is None:
        rows = islice(source.rows(0), num_clips)
    else:
        rows = (next(source.rows(row)) for row in spread_rows(source.num_rows, num_clips))
    for number, row in rows:
        try:
            sample: dict[str, Any] = next(iter(source.reader.read(number, row)))
        except BrokenMediaError:  # named where the clips are encoded
            continue
        yield source.reader.name(number, row), sample


def _decibels(drawn_TCYX: torch.Tensor, truth_TCYX: torch.Tensor) -> float:
    value = psnr(drawn_TCYX, truth_TCYX, value_range=2)
    return round(float(value), 2)


def _sheet(truths: Sequence[torch.Tensor], drawn: Sequence[torch.Tensor]) -> PIL.Image.Image:
    shown = spread_rows(len(truths), SHEET_CLIPS)

    def row(clips):
        frames = [clips[place][0] for place in shown]
        images = [((frame.permute(1, 2, 0) + 1) * 127.5).round().to(torch.uint8).numpy() for frame in frames]
        pictures = [fromarray(np.ascontiguousarray(image)) for image in images]
        return enlarge(pictures, max(1, SHEET_HEIGHT // pictures[0].height))

    return contact_sheet([row(truths), row(drawn)], ["truth", "codec"])
