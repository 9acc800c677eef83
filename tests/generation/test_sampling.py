# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
import math

import pytest
import torch
from transformers import GenerationConfig

from nuwa_hf.generation.sampling import SamplingSettings, draw_uniforms, guide, invert_cdf


CPU = torch.device("cpu")


def test_inverse_cdf_is_the_smallest_token_whose_cumulative_mass_exceeds_the_number():
    logits = torch.randn(50, 7, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    uniforms = torch.rand(50, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    for row, u, token in zip(
        logits.softmax(-1).tolist(), uniforms.tolist(), invert_cdf(logits, uniforms), strict=True
    ):
        total, expected = 0.0, None
        for index, mass in enumerate(row):
            total += mass
            if total > u and expected is None:
                expected = index
        assert token == expected


def test_excluded_tokens_are_never_drawn_even_at_the_ends():
    logits = torch.tensor([[-math.inf, 0.0, -math.inf, 0.0, -math.inf]]).expand(3, 5)
    tokens = invert_cdf(logits, torch.tensor([0.0, 0.5, 1 - 2**-53], dtype=torch.float64))
    assert tokens.tolist() == [1, 3, 3]


def test_drawn_frequencies_match_the_distribution():
    logits = torch.tensor([0.0, 1.0, 2.0, -1.0])
    uniforms = (torch.arange(10000, dtype=torch.float64) + 0.5) / 10000
    tokens = invert_cdf(logits.expand(10000, 4), uniforms)
    torch.testing.assert_close(tokens.bincount(minlength=4) / 10000, logits.softmax(-1), atol=2e-4, rtol=0)


def test_each_generator_of_a_list_draws_its_own_row():
    together = draw_uniforms(3, 5, [torch.Generator().manual_seed(seed) for seed in (3, 1, 2)], CPU)
    for row, seed in zip(together, (3, 1, 2), strict=True):
        assert torch.equal(row, draw_uniforms(1, 5, torch.Generator().manual_seed(seed), CPU)[0])


def test_a_list_of_another_length_is_refused():
    with pytest.raises(ValueError, match=r"each of the 2 outputs.* got 1"):
        draw_uniforms(2, 5, [torch.Generator()], CPU)


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
        ("temperature", 0.0),
        ("temperature", -1.0),
        ("temperature", math.nan),
        ("temperature", math.inf),
        ("top_k", 0),
        ("top_k", 2.5),
        ("top_k", True),
        ("top_p", 0.0),
        ("top_p", 1.01),
        ("guidance_scale", 0.5),
        ("guidance_scale", math.inf),
    ],
)
def test_settings_out_of_range_are_refused_by_name(name, value):
    with pytest.raises(ValueError, match=f"`{name}` must be"):
        SamplingSettings(**{name: value})
