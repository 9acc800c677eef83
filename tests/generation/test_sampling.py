# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
import math

import pytest
import torch
from transformers import GenerationConfig, LogitsProcessorList
from transformers.generation import MinPLogitsWarper, TemperatureLogitsWarper, TopKLogitsWarper, TopPLogitsWarper

from nuwa_hf.generation.logit_rules import LogitRules
from nuwa_hf.generation.sampler import TokenDraw
from nuwa_hf.generation.sampling import SamplingSettings, check_generators
from nuwa_hf.grid import Grid


def test_a_list_of_another_length_is_refused():
    with pytest.raises(ValueError, match=r"each of the 2 outputs.* got 1"):
        check_generators([torch.Generator()], 2)


def rules(batch_size, codebook_size, dtype, **settings):
    return LogitRules(SamplingSettings(**settings), batch_size, codebook_size, torch.device("cpu"), dtype)


def test_guidance_of_one_is_the_conditional_and_extrapolates_linearly():
    text, none = torch.randn(2, 3, 1, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    guided = rules(3, 4, torch.float64, guidance_scale=[3.0, 1, 1.5]).guide(torch.cat([text, none[[0, 2]]]))
    torch.testing.assert_close(guided[[0, 2]], none[[0, 2]] + torch.tensor([[[3.0]], [[1.5]]]) * (text - none)[[0, 2]])
    assert torch.equal(guided[1], text[1])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_every_row_gets_what_transformers_warpers_of_its_settings_give(dtype):
    logits = torch.randn(6, 5, 40, generator=torch.Generator().manual_seed(1)).mul(3).to(dtype)
    rows = {
        "temperature": [0.7, 1.0, 1.3, 0.9, 1.0, 0],
        "top_k": [0, 7, 100, None, 3, 5],
        "top_p": [0.8, None, 0.9, 0.6, 1.0, 0.1],
        "min_p": [None, 0.02, 0.0, 0.05, 0.1, 0.5],
    }
    warped = rules(6, 40, dtype, **rows).warp(logits)
    for row, (temperature, top_k, top_p, min_p) in enumerate(zip(*rows.values(), strict=True)):
        if temperature == 0:  # as in a batch of such rows
            assert torch.equal(warped[row], logits[row])
            continue
        warpers = LogitsProcessorList(
            [
                TemperatureLogitsWarper(float(temperature)),
                *([TopKLogitsWarper(top_k)] if top_k else []),
                *([TopPLogitsWarper(top_p)] if top_p and top_p < 1 else []),
                *([MinPLogitsWarper(min_p)] if min_p else []),
            ]
        )
        assert torch.equal(warped[row], warpers(None, logits[row]))


def test_of_equally_likely_tokens_a_row_of_temperature_zero_takes_the_same_beside_drawn_rows_as_alone():
    """Top-p kept the last of them."""
    logits = torch.tensor([0.0, 5.0, 5.0, 1.0]).expand(2, 1, 4)
    both = rules(2, 4, torch.float32, temperature=[0.0, 1.0], top_p=0.1).warp(logits)
    alone = rules(1, 4, torch.float32, temperature=0.0, top_p=0.1).warp(logits[:1])
    assert both[0].argmax() == alone[0].argmax() == 1


@pytest.mark.parametrize("temperature", [5e-324, 1e-40, torch.finfo().tiny, 1e-30])
def test_the_coldest_rows_take_the_likeliest_tokens(temperature):
    """Quotients were infinite in float32, so that the first token with a positive logit was taken, or NaN."""
    logits = torch.tensor([[[1.0, 12.0, -3.0, 11.0]], [[-4.0, -1.0, -2.0, -9.0]]])
    settings = SamplingSettings(temperature=[temperature, temperature])
    draw = TokenDraw(settings, torch.Generator().manual_seed(0), 2, 4, torch.device("cpu"))
    noise = draw.noise_of(Grid(1, 1, 1))
    noise.begin_frame(0)
    assert draw(logits, noise, torch.tensor([0])).tolist() == [[1], [1]]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize(
    "settings",
    [
        {"temperature": 1e-4},
        {"guidance_scale": [3.0, 1.0]},
        {"temperature": 0.7, "top_p": 0.9, "top_k": 30, "min_p": 0.01},
    ],
    ids=lambda settings: next(iter(settings)),
)
def test_logits_of_few_bits_are_scored_as_the_same_numbers_in_float32(settings, dtype):
    """A small temperature made the largest of float16 infinite, so that the first of these was drawn."""
    draw = TokenDraw(SamplingSettings(**settings), None, 2, 40, torch.device("cpu"))
    logits = torch.randn(3 if len(draw.rules.guided) else 2, 5, 40).mul(8).to(dtype)
    assert torch.equal(draw.scores(logits), draw.scores(logits.float()))
    assert draw.scores(logits).amax(-1).isfinite().all()


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
    with pytest.raises(ValueError, match=rf"`{name}\[1\]` must be"):
        SamplingSettings(**{name: [1, value]})
