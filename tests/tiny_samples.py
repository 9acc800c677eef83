# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Sets of a few samples in memory."""

from dataclasses import fields

import torch

from nuwa_hf.evaluation.samples.sample_set import SampleBatch


class TinySamples:
    """A `SampleSet` of one batch that is already there."""

    def __init__(self, clips, name="generated", digest="tiny", **known):
        self.batch = SampleBatch(clips=clips, **known)
        self.name, self.digest, self.has = name, digest, frozenset(known)
        self.num_frames, self.height, self.width = clips.shape[1], *clips.shape[3:]
        self.times_read = 0

    def __len__(self):
        return len(self.batch.clips)

    def batches(self, batch_size):
        self.times_read += 1
        for start in range(0, len(self), batch_size):
            values = {one.name: getattr(self.batch, one.name) for one in fields(SampleBatch)}
            yield SampleBatch(**{k: None if v is None else v[start : start + batch_size] for k, v in values.items()})


def random_clips(num_samples=3, num_frames=2, height=16, width=16, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(256, (num_samples, num_frames, 3, height, width), generator=generator, dtype=torch.uint8)
