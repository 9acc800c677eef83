# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""What a metric is, and what a score is."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from nuwa_hf.evaluation.features.feature_reader import Features


@dataclass(frozen=True)
class Score:
    """One number of a report.

    Args:
        value (`float`): the number.
        samples (`int`): from how many samples.
        low (`float`, *optional*): lower end of the 95 % interval.
        high (`float`, *optional*): its upper end.
        interval (`str`, *optional*): where the interval comes from: `"bootstrap"` over samples, `"Wilson"` for shares,
            `"subsets"` of the samples, or `"seeds"`.
    """

    value: float
    samples: int
    low: float | None = None
    high: float | None = None
    interval: Literal["bootstrap", "Wilson", "subsets", "seeds"] | None = None


@dataclass(frozen=True)
class Metric:
    """How a score is worked out from features.

    Args:
        name (`str`): on the command line and in reports, such as `"fid"`.
        title (`str`): in tables, such as `"FID"`.
        kind (`str`): the kind of `FeatureReader` that it reads.
        output (`str`): which of the reader's outputs it reads.
        better (`str`): `"higher"` or `"lower"`.
        compute (`Callable`): called with the features of the samples and those of the real set, the latter None unless
            `compares`; returns the `Score`.
        compares (`bool`, defaults to `False`): whether it compares the samples with a real set.
        least_samples (`int`, defaults to 2): with fewer, the score is shown with a warning.
        digits (`int`, defaults to 3): decimals in tables.
        uses_extra (`bool`, defaults to `False`): whether `compute` needs the extra `eval`.
    """

    name: str
    title: str
    kind: str
    output: str
    better: Literal["higher", "lower"]
    compute: Callable[[Features, Features | None], Score]
    compares: bool = False
    least_samples: int = 2
    digits: int = 3
    uses_extra: bool = False
