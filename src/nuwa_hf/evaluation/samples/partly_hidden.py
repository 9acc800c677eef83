# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Real samples, and which part of them a task fills.

Letters: B samples.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

from nuwa_hf.bulk.digests import settings_digest
from nuwa_hf.evaluation.samples.real_samples import RealSamples
from nuwa_hf.evaluation.samples.sample_set import SampleBatch, SizedLikeReal
from nuwa_hf.evaluation.samples.task_inputs import TaskInputs


@dataclass(frozen=True)
class PartlyHidden(SizedLikeReal):
    """Real samples as they are, with what a task hides of each as `hidden`.

    Args:
        real (`RealSamples`): the samples.
        inputs (`TaskInputs`): of a task on these samples that is given a part of each.
    """

    real: RealSamples
    inputs: TaskInputs

    @property
    def name(self) -> str:
        """That of the real samples."""
        return self.real.name

    @property
    def has(self) -> frozenset[str]:
        """The optional fields of its batches."""
        return self.real.has | {"hidden"}

    @cached_property
    def digest(self) -> str:
        """Of the samples and of what is hidden."""
        return settings_digest(self.real.digest, self.inputs.settings(), self.inputs.factor)

    def batches(self, batch_size: int) -> Iterator[SampleBatch]:
        """All samples in order, in batches.

        Args:
            batch_size (`int`): samples in a batch; the last one may hold fewer.

        Yields:
            `SampleBatch`.
        """
        start = 0
        for batch in self.real.batches(batch_size):
            places = range(start, start + len(batch.clips))
            yield replace(batch, hidden=self.inputs.hidden(places, batch))
            start = places.stop
