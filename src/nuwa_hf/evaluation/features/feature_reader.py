# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""What reads features out of samples.

Letters: B samples, T frames, F features.
"""

from typing import ClassVar, Protocol

from torch import Tensor

from nuwa_hf.evaluation.samples.sample_set import SampleBatch


Features = dict[str, Tensor]  # name of an output to all of its values, one row for each sample


class FeatureReader(Protocol):
    """A frozen network, or a comparison of pixels, whose outputs metrics are worked out from.

    Attributes:
        kind (`str`): what metrics ask for, such as `"inception"`.
        title (`str`): what it is called in a report, such as `"EfficientNet-Lite0"`.
        digest (`str`): of its weights and settings; features that were read once are found again by it.
        needs (`frozenset[str]`): the optional fields of `SampleBatch` that it cannot do without.
        least_frames (`int`): the frames that a sample must have, 1 for a network of single frames.
    """

    kind: ClassVar[str]
    title: str
    digest: str
    needs: frozenset[str] = frozenset()
    least_frames: int = 1

    def __call__(self, batch: SampleBatch) -> Features:
        """Read a batch.

        Args:
            batch (`SampleBatch`): B samples, with the fields of `needs`.

        Returns:
            `dict[str, torch.Tensor]`: each of shape `(B, ...)`, on the CPU. A network of single frames gives
            `(B, T, F)`, one of whole clips `(B, F)`; these must be finite. A single number for each sample, of shape
            `(B,)`, is NaN where the sample does not count, and may be infinite.
        """
