# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The simplest prediction of a video: its last given frame, for ever."""

from collections.abc import Iterator
from dataclasses import replace

import torch

from nuwa_hf.bulk.digests import settings_digest
from nuwa_hf.evaluation.samples.sample_set import SampleBatch, SampleSet, SizedLikeReal


class LastFrameRepeated(SizedLikeReal):
    """Real videos whose frames are all the last given one from there on.

    A prediction that is no better has not learnt how things move. It is a `SampleSet`, with the real videos as
    `references` and the repeated frames as `hidden`.

    Args:
        real (`SampleSet`): videos.
        given_frames (`int`): how many frames are given.

    Raises:
        ValueError: If not at least one frame is given and one predicted.
    """

    name = "last frame repeated"

    def __init__(self, real: SampleSet, given_frames: int):
        if not 1 <= given_frames < real.num_frames:
            raise ValueError(
                f"`given_frames` must be at least 1 and leave one of {real.num_frames} frames to predict, got "
                f"{given_frames}; give fewer, or take longer clips."
            )
        self.real = real
        self.given_frames = given_frames
        self.digest = settings_digest(self.name, given_frames, real.digest)
        self.has = real.has | {"references", "hidden"}

    def batches(self, batch_size: int) -> Iterator[SampleBatch]:
        """All samples in order, in batches.

        Args:
            batch_size (`int`): samples in a batch; the last one may hold fewer.

        Yields:
            `SampleBatch`.
        """
        for batch in self.real.batches(batch_size):
            first = batch.clips[:, : self.given_frames]
            repeats = self.num_frames - self.given_frames
            repeated = first[:, -1:].expand(-1, repeats, -1, -1, -1)
            hidden = torch.zeros_like(batch.clips[:, :, 0], dtype=torch.bool)
            hidden[:, self.given_frames :] = True
            yield replace(batch, clips=torch.cat([first, repeated], dim=1), references=batch.clips, hidden=hidden)
