# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
import itertools

import pytest
import torch
from tiny import tiny_vqgan

from nuwa_hf import NuwaVQGAN
from nuwa_hf.modeling.fsq_quantizer import FiniteScalarQuantizer


LEVELS = (4, 3, 2, 5)


@pytest.fixture
def quantizer():
    return FiniteScalarQuantizer(LEVELS)


def latents(scale=1.0, shape=(3, 4, 4, 7)):
    return torch.randn(shape, generator=torch.Generator().manual_seed(1)) * scale


def test_codes_are_all_combinations_of_evenly_spaced_levels_between_minus_one_and_one(quantizer):
    every_level = [[2 * digit / (count - 1) - 1 for digit in range(count)] for count in LEVELS]
    expected = torch.tensor([numbers[::-1] for numbers in itertools.product(*every_level[::-1])])
    assert quantizer.codebook_size == len(expected) == 120
    torch.testing.assert_close(quantizer.codebook(), expected)


def test_latents_beyond_all_bounds_still_have_a_code(quantizer):
    output = quantizer(latents(1e6))
    assert output.quantized.abs().max() == 1
    assert 0 <= output.tokens.min() <= output.tokens.max() < 120


@pytest.mark.parametrize("levels", [LEVELS, (2,), (2, 2, 2), (1001, 3)])
def test_every_code_is_the_one_of_a_latent(levels):
    quantizer = FiniteScalarQuantizer(levels)
    codes = quantizer.codebook().T[None, :, None]
    tokens = quantizer.tokenize(torch.atanh(codes.double()))  # infinite at the outer levels
    assert torch.equal(tokens.flatten(), torch.arange(quantizer.codebook_size))


def test_lookup_gives_the_codes_of_the_codebook(quantizer):
    tokens = torch.randint(120, (2, 6, 3), generator=torch.Generator().manual_seed(0))
    assert torch.equal(quantizer.lookup(tokens), quantizer.codebook()[tokens].permute(0, 3, 1, 2))


def test_token_is_that_of_the_nearest_level_of_every_channel(quantizer):
    bounded = latents().tanh()
    tokens = quantizer.tokenize(latents())
    distances = (bounded.permute(0, 2, 3, 1)[..., None, :] - quantizer.codebook()).square().sum(-1)
    assert torch.equal(tokens, distances.argmin(-1))
    assert len(tokens.unique()) > 30


def test_quantised_value_is_the_code_to_the_bit(quantizer):
    output = quantizer(latents())
    assert torch.equal(output.tokens, quantizer.tokenize(latents()))
    assert torch.equal(output.quantized, quantizer.lookup(output.tokens))


def test_gradient_passes_the_rounding_as_if_there_were_none(quantizer):
    z, same = latents().requires_grad_(), latents().requires_grad_()
    gradient = torch.randn(z.shape, generator=torch.Generator().manual_seed(2))
    quantizer(z).quantized.backward(gradient)
    same.tanh().backward(gradient)
    torch.testing.assert_close(z.grad, same.grad)


def test_there_is_nothing_to_learn_and_no_loss(quantizer):
    output = quantizer(latents().requires_grad_())
    assert quantizer.state_dict() == {}
    assert output.codebook_loss.item() == output.commitment_loss.item() == 0


def test_tokens_in_bfloat16_and_under_autocast_are_those_of_float32(quantizer):
    rounded = latents().bfloat16()
    expected = quantizer.tokenize(rounded.float())
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(quantizer.tokenize(rounded), expected)
    assert quantizer(rounded).quantized.dtype == torch.bfloat16


@pytest.mark.parametrize("levels", [(), (1, 5), (8, 0)])
def test_channels_without_two_levels_are_refused(levels):
    with pytest.raises(ValueError, match="`fsq_levels` must name 2 or more levels"):
        FiniteScalarQuantizer(levels)


def test_latents_of_another_width_are_refused(quantizer):
    with pytest.raises(ValueError, match="D = 4"):
        quantizer(torch.zeros(1, 3, 2, 2))


def test_codec_with_it_is_saved_with_its_levels(tmp_path):
    vqgan = NuwaVQGAN(block_out_channels=(32,), attention_levels=(), sample_size=8, quantizer="fsq", fsq_levels=(8, 5))
    assert (vqgan.config.codebook_size, vqgan.config.codebook_dim) == (40, 2)
    vqgan.save_pretrained(tmp_path)
    pixels = torch.rand(2, 3, 8, 8) * 2 - 1
    again = NuwaVQGAN.from_pretrained(tmp_path)
    assert torch.equal(again.encode(pixels).tokens, vqgan.eval().encode(pixels).tokens)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"quantizer": "fsq"}, r'`fsq_levels` must be given with `quantizer="fsq"`'),
        ({"fsq_levels": (8, 5)}, r"`fsq_levels` must be given .* got \(8, 5\) with 'nearest'"),
        ({"quantizer": "fsq", "fsq_levels": (4, 2)}, r"`codebook_size` must be 8, .*got 32; leave it out"),
        ({"quantizer": "fsq", "fsq_levels": (4, 8)}, r"`codebook_dim` must be 2, .*got 4; leave it out"),
    ],
)
def test_levels_must_fit_the_rest_of_the_codec(arguments, message):
    with pytest.raises(ValueError, match=message):
        tiny_vqgan(**arguments)
