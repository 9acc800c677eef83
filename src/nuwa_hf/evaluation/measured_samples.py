# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Samples at the size at which they are measured, beside the truth that they are measured by.

Letters: B samples, T frames, Y, X pixel rows and columns.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from nuwa_hf.bulk.digests import settings_digest
from nuwa_hf.evaluation.judges.changed_captions import ChangedSamples
from nuwa_hf.evaluation.samples.sample_set import SampleBatch, SampleSet, SizedLikeReal
from nuwa_hf.media.resizing import fit_picture, middle_box, resize_class_maps


@dataclass(frozen=True)
class MeasuredSamples(SizedLikeReal):
    """A set whose frames are resized, and whose truth may be another one than that of the real samples.

    Args:
        samples (`SampleSet`): generated, or through the codec, at the size of the checkpoint.
        real (`SampleSet`): the real samples at the size at which they are measured, as many.
        changed (`ChangedSamples`, *optional*): what was asked for, where it is not what the real samples show.
    """

    samples: SampleSet
    real: SampleSet
    changed: ChangedSamples | None = None

    @property
    def name(self) -> str:
        """That of the samples."""
        return self.samples.name

    @property
    def digest(self) -> str:
        """Of the samples, of their size and of what was asked for."""
        asked = None if self.changed is None else self.changed.prompts
        return settings_digest(self.samples.digest, self.real.digest, self.height, self.width, asked)

    @property
    def has(self) -> frozenset[str]:
        """The optional fields of its batches."""
        return self.samples.has | {"references"} | (self.real.has & {"sketches"})

    def batches(self, batch_size: int) -> Iterator[SampleBatch]:
        """All samples in order, in batches.

        Args:
            batch_size (`int`): samples in a batch; the last one may hold fewer.

        Yields:
            `SampleBatch`.
        """
        start, size = 0, (self.height, self.width)
        for batch, real in zip(self.samples.batches(batch_size), self.real.batches(batch_size), strict=True):
            if batch.clips.shape[-2:] != size:
                hidden = None if batch.hidden is None else resize_maps(batch.hidden, *size)
                batch = replace(batch, clips=resize(batch.clips, *size), hidden=hidden)
            truth = {"references": real.clips, "sketches": real.sketches}
            if self.changed is not None:
                stop = start + len(batch.clips)
                truth |= {"captions": self.changed.prompts[start:stop], "rows": self.changed.rows[start:stop]}
                start = stop
            yield replace(batch, **truth)


def resize(clips: Tensor, height: int, width: int) -> Tensor:
    """Frames of another size, as real samples are resized.

    Args:
        clips (`torch.ByteTensor` of shape `(B, T, 3, Y, X)`): frames.
        height (`int`): rows of the result.
        width (`int`): columns of the result.

    Returns:
        `torch.ByteTensor` of shape `(B, T, 3, height, width)`.
    """
    pictures = [Image.fromarray(frame) for frame in clips.flatten(0, 1).movedim(1, -1).contiguous().numpy()]
    frames = torch.from_numpy(np.stack([fit_picture(picture, height, width) for picture in pictures]))
    return frames.movedim(-1, 1).unflatten(0, clips.shape[:2]).contiguous()


def resize_maps(maps: Tensor, height: int, width: int) -> Tensor:
    """What is known of each pixel at another size: of the part of the frames that `resize` shows.

    Args:
        maps (`torch.Tensor` of shape `(B, T, Y, X)`): such as which pixels are hidden.
        height (`int`): rows of the result.
        width (`int`): columns of the result.

    Returns:
        `torch.Tensor` of shape `(B, T, height, width)`, of the same type.
    """
    part = middle_box(*maps.shape[-2:], height, width)
    return torch.from_numpy(resize_class_maps(maps.numpy(), height, width, part))
