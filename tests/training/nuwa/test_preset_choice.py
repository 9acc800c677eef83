# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
import pytest

from nuwa_hf.modeling.presets import PRESETS
from nuwa_hf.training.nuwa.preset_choice import MIN_SAMPLES, SMALLEST, suggest_preset


def test_more_of_anything_never_gives_a_smaller_preset_and_each_of_them_can_be_the_limit():
    sizes = list(reversed(PRESETS))  # the smallest first
    plenty = {"num_clips": 10**9, "hours": 10**6, "tokens_per_second": 10**6, "memory_gb": 10**3}
    assert suggest_preset(**plenty) == sizes[-1]
    for name in plenty:
        chosen = [suggest_preset(**{**plenty, name: plenty[name] * scale}) for scale in (1e-9, 1e-4, 1)]
        places = [sizes.index(one) for one in chosen]
        assert places == sorted(places)
        assert chosen[0] == SMALLEST
    assert MIN_SAMPLES.keys() == PRESETS.keys()


def test_what_cannot_be_is_refused():
    with pytest.raises(ValueError, match="`num_clips` must be above 0, got 0"):
        suggest_preset(0)
    with pytest.raises(ValueError, match="`memory_gb` must be above 0"):
        suggest_preset(1, memory_gb=0)
