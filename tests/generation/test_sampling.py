# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
import math

import pytest
import torch
from transformers import GenerationConfig

from nuwa_hf.generation.sampling import SamplingSettings, check_generators, guide


def test_a_list_of_another_length_is_refused():
    with pytest.raises(ValueError, match=r"each of the 2 outputs.* got 1"):
        check_generators([torch.Generator()], 2)


def test_guidance_of_one_is_the_conditional_and_extrapolates_linearly():
    text, none = torch.randn(2, 3, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    torch.testing.assert_close(guide(torch.stack([text, none]), 1.0)[0], text)
    torch.testing.assert_close(guide(torch.stack([text, none]), 3.0)[0], none + 3 * (text - none))


def test_explicit_settings_win_over_the_generation_config():
    config = GenerationConfig(temperature=0.5, top_k=7, guidance_scale=2.0)
    settings = SamplingSettings.resolve(config, {"temperature": 0.9, "top_k": None})
    assert settings == SamplingSettings(temperature=0.9, top_k=7, guidance_scale=2.0)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("temperature", -1.0),
        ("temperature", math.nan),
        ("temperature", math.inf),
        ("top_k", -1),
        ("top_k", 2.5),
        ("top_k", True),
        ("top_p", 0.0),
        ("top_p", 1.01),
        ("min_p", -0.1),
        ("min_p", 1.5),
        ("guidance_scale", 0.5),
        ("guidance_scale", math.inf),
    ],
)
def test_settings_out_of_range_are_refused_by_name(name, value):
    with pytest.raises(ValueError, match=f"`{name}` must be"):
        SamplingSettings(**{name: value})
