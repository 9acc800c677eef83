# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
import pytest
import torch

from nuwa_hf.modeling import quantizer as quantizer_module
from nuwa_hf.modeling.quantizer import VectorQuantizer


@pytest.fixture
def quantizer():
    torch.manual_seed(0)
    quantizer = VectorQuantizer(codebook_size=37, codebook_dim=5, commitment_weight=0.25)
    quantizer.write_codebook(torch.randn(37, 5))
    return quantizer


def latents(seed=1, shape=(3, 5, 4, 7)):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def brute_force_tokens(quantizer, latents):
    codes = quantizer.codebook().detach().double()
    differences = latents.double().permute(0, 2, 3, 1)[..., None, :] - codes
    return differences.square().sum(-1).argmin(-1)


@pytest.mark.parametrize("seed", range(5))
def test_nearest_is_the_brute_force_minimum_in_float64(quantizer, seed):
    assert torch.equal(quantizer.nearest(latents(seed)), brute_force_tokens(quantizer, latents(seed)))


@pytest.mark.parametrize("max_distances", [1, 37 * 5, 37 * 84, 37 * 1000])
def test_nearest_in_chunks_of_any_size_is_the_same(quantizer, max_distances, monkeypatch):
    expected = quantizer.nearest(latents())
    monkeypatch.setattr(quantizer_module, "_MAX_DISTANCES", max_distances)
    assert torch.equal(quantizer.nearest(latents()), expected)


def test_nearest_is_float32_under_autocast(quantizer):
    expected = quantizer.nearest(latents())
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(quantizer.nearest(latents()), expected)


def test_nearest_of_bfloat16_latents_is_that_of_their_float32_values(quantizer):
    rounded = latents().bfloat16()
    assert torch.equal(quantizer.nearest(rounded), quantizer.nearest(rounded.float()))


def test_nearest_takes_the_lowest_of_equal_codes():
    quantizer = VectorQuantizer(4, 2)
    quantizer.write_codebook(torch.tensor([[9.0, 9.0], [1.0, 0.0], [1.0, 0.0], [-5.0, 0.0]]))
    assert quantizer.nearest(torch.tensor([1.2, 0.1]).view(1, 2, 1, 1)).item() == 1


def test_nearest_undoes_lookup(quantizer):
    tokens = torch.randint(37, (2, 6, 3), generator=torch.Generator().manual_seed(0))
    codes = quantizer.lookup(tokens)
    assert codes.shape == (2, 5, 6, 3)
    assert torch.equal(quantizer.nearest(codes), tokens)


def test_quantised_value_is_the_code_to_the_bit(quantizer):
    output = quantizer(latents() * 1000)
    assert torch.equal(output.quantized, quantizer.lookup(output.tokens))


def test_gradient_passes_straight_through_to_the_latents_and_not_to_the_codes(quantizer):
    z = latents().requires_grad_()
    gradient = latents(seed=2)
    quantizer(z).quantized.backward(gradient)
    assert torch.equal(z.grad, gradient)
    assert quantizer.embedding.weight.grad is None


def test_codebook_loss_moves_only_the_codes_that_were_used(quantizer):
    z = latents().requires_grad_()
    output = quantizer(z)
    output.codebook_loss.backward()
    assert z.grad is None
    moved = quantizer.embedding.weight.grad.abs().sum(1) > 0
    assert torch.equal(moved, torch.bincount(output.tokens.flatten(), minlength=37) > 0)


def test_commitment_loss_moves_only_the_latents(quantizer):
    z = latents().requires_grad_()
    output = quantizer(z)
    output.commitment_loss.backward()
    assert quantizer.embedding.weight.grad is None
    expected = 0.25 * 2 * (z - output.quantized).detach() / z.numel()
    torch.testing.assert_close(z.grad, expected)


def test_weight_stands_on_the_commitment_and_not_on_the_codebook_term(quantizer):
    output = quantizer(latents())
    torch.testing.assert_close(output.commitment_loss, 0.25 * output.codebook_loss)
    torch.testing.assert_close(output.codebook_loss, (output.quantized - latents()).square().mean())


def test_losses_are_float32_in_bfloat16(quantizer):
    output = quantizer.bfloat16()(latents().bfloat16())
    assert output.quantized.dtype == torch.bfloat16
    assert output.codebook_loss.dtype == output.commitment_loss.dtype == torch.float32


@pytest.mark.parametrize("shape", [(5, 4, 7), (3, 6, 4, 7), (3, 4, 7, 5)])
def test_latents_of_another_shape_are_refused(quantizer, shape):
    with pytest.raises(ValueError, match=r"`latents` must have the shape \(B, D, h, w\) with D = 5"):
        quantizer.nearest(torch.zeros(shape))


def test_codes_of_another_shape_are_refused(quantizer):
    with pytest.raises(ValueError, match=r"`codes` must have the shape \(V, D\) = \(37, 5\), got \(36, 5\)"):
        quantizer.write_codebook(torch.zeros(36, 5))


@pytest.mark.parametrize(
    ("arguments", "name"),
    [((0, 5), "codebook_size"), ((37, 0), "codebook_dim"), ((37, 5, -0.1), "commitment_weight")],
)
def test_impossible_sizes_are_refused(arguments, name):
    with pytest.raises(ValueError, match=f"`{name}` must be"):
        VectorQuantizer(*arguments)
