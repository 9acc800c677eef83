# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
import pytest
import torch
from tiny import tiny_codecs, tiny_fsq_vqgan, tiny_vqgan

from nuwa_hf.modeling.codec import as_codec
from nuwa_hf.modeling.codec.finite_numbers import encode_finite


MODELS = {
    "nearest": lambda: tiny_codecs()["vqgan"],
    "gumbel": lambda: tiny_vqgan(quantizer="gumbel"),
    "fsq": tiny_fsq_vqgan,
    "vqmodel": lambda: tiny_codecs("vqmodel")["vqgan"],
}


def pixels(shape=(2, 3, 3, 8, 12)):
    return torch.rand(shape, generator=torch.Generator().manual_seed(1)) * 2 - 1


@pytest.mark.parametrize("kind", MODELS)
@torch.no_grad()
def test_tokens_are_the_codecs_and_latents_must_be_finite(kind):
    model = MODELS[kind]()
    codec = as_codec(model)
    for shape in ((2, 3, 8, 12), (2, 3, 3, 8, 12)):
        assert torch.equal(encode_finite(codec, pixels(shape)), codec.encode(pixels(shape)).tokens)
    for value in (float("nan"), float("inf")):
        model.quant_conv.bias[0] = value
        with pytest.raises(FloatingPointError, match="codec's latents must be finite, got NaN or infinity"):
            encode_finite(codec, pixels())


@pytest.mark.parametrize("kind", ["nearest", "gumbel", "vqmodel"])
@torch.no_grad()
def test_codes_must_be_finite(kind):
    """Those of a `VQModel` were not looked at, and one that is NaN was the token of everything."""
    model = MODELS[kind]()
    codec = as_codec(model)
    model.quantize.embedding.weight[codec.encode(pixels()).tokens[0, 0, 0, 0], 0] = float("nan")
    with pytest.raises(FloatingPointError, match="codec's codes must be finite"):
        encode_finite(codec, pixels())


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("name", ["weight", "bias"])
@torch.no_grad()
def test_scores_of_a_gumbel_codec_must_be_finite(name, value):
    """A code with a score that is NaN was the token of everything, and finite itself."""
    model = MODELS["gumbel"]()
    getattr(model.quantize.projection, name)[5] = value
    with pytest.raises(FloatingPointError, match="codec's scores must be finite"):
        encode_finite(model, pixels())


@torch.no_grad()
def test_numbers_too_large_for_half_precision_are_no_tokens():
    model = MODELS["nearest"]().half()
    model.encoder.conv_out.bias.fill_(100)
    model.quant_conv.weight.fill_(60_000)
    with pytest.raises(FloatingPointError, match="too large for the dtype; load the checkpoint anew, or use bfloat16"):
        encode_finite(model, pixels())
