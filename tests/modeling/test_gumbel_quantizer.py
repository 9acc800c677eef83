# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
import pytest
import torch
from tiny import tiny_vqgan

from nuwa_hf import NuwaVQGAN
from nuwa_hf.modeling import quantizer as quantizer_module
from nuwa_hf.modeling.quantizer import GumbelQuantizer


@pytest.fixture
def quantizer():
    torch.manual_seed(0)
    return GumbelQuantizer(codebook_size=11, codebook_dim=5)


def latents(shape=(3, 5, 4, 7)):
    return torch.randn(shape, generator=torch.Generator().manual_seed(1))


def test_token_is_the_code_with_the_highest_score(quantizer):
    weight = quantizer.projection.weight[:, :, 0, 0].double()
    scores = torch.einsum("bdhw,vd->bvhw", latents().double(), weight) + quantizer.projection.bias.double().view(
        -1, 1, 1
    )
    tokens = quantizer.tokenize(latents())
    assert torch.equal(tokens, scores.argmax(1))
    assert len(tokens.unique()) > 3


@pytest.mark.parametrize("max_distances", [1, 11 * 28 * 2])
def test_tokens_in_chunks_of_any_size_are_the_same(quantizer, max_distances, monkeypatch):
    expected = quantizer.tokenize(latents())
    monkeypatch.setattr(quantizer_module, "_MAX_DISTANCES", max_distances)
    assert torch.equal(quantizer.tokenize(latents()), expected)


def test_tokens_under_autocast_are_those_of_float32(quantizer):
    expected = quantizer.tokenize(latents())
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(quantizer.tokenize(latents()), expected)


def test_the_choice_of_a_codec_in_bfloat16_is_made_in_float32():
    """Of 4,096 scores in 8 bits many are the highest, and the first of them was taken."""
    torch.manual_seed(0)
    quantizer = GumbelQuantizer(codebook_size=4096, codebook_dim=5).bfloat16()
    z = latents((2, 5, 16, 16)).bfloat16()
    weight, bias = quantizer.projection.weight[:, :, 0, 0].double(), quantizer.projection.bias.double()
    scores = torch.einsum("bdhw,vd->bvhw", z.double(), weight) + bias.view(-1, 1, 1)
    assert torch.equal(quantizer.tokenize(z), scores.argmax(1))
    output = quantizer(z)
    assert torch.equal(output.tokens, scores.argmax(1))
    assert output.quantized.dtype == torch.bfloat16


def test_forward_gives_the_codes_of_the_tokens_and_a_gradient_to_both_sides(quantizer):
    z = latents().requires_grad_()
    output = quantizer(z)
    assert torch.equal(output.tokens, quantizer.tokenize(z))
    assert torch.equal(output.quantized, quantizer.lookup(output.tokens))
    assert output.codebook_loss.item() == output.commitment_loss.item() == 0
    output.quantized.square().sum().backward()
    for tensor in (z, quantizer.projection.weight, quantizer.embedding.weight):
        assert tensor.grad.abs().sum() > 0


def test_latents_of_another_width_are_an_error(quantizer):
    for call in (quantizer, quantizer.tokenize):
        with pytest.raises(ValueError, match="D = 5"):
            call(torch.zeros(1, 4, 2, 2))


def test_codec_with_it_codes_videos_and_is_saved(tmp_path):
    vqgan = tiny_vqgan(quantizer="gumbel")
    pixels = torch.rand(2, 3, 3, 8, 12) * 2 - 1
    output = vqgan(pixels)
    tokens = vqgan.encode(pixels).tokens
    assert torch.equal(output.tokens, tokens)
    assert (vqgan.decode(tokens).sample - output.sample).abs().max() < 1e-5  # batches are summed in another order
    vqgan.save_pretrained(tmp_path)
    again = NuwaVQGAN.from_pretrained(tmp_path).eval()
    assert torch.equal(again.encode(pixels).tokens, tokens)


def test_nearest_is_the_default_and_other_names_are_an_error():
    assert tiny_vqgan().config.quantizer == "nearest"
    with pytest.raises(ValueError, match="quantizer"):
        tiny_vqgan(quantizer="softmax")
