# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
import copy

import pytest
import torch
from tiny import tiny_codecs

from nuwa_hf.modeling.codec.digest import codec_digest, is_same_codec, read_digest


def changed(codec, name, change):
    """A copy of which the tensors with this in their name are changed."""
    other = copy.deepcopy(codec)
    with torch.no_grad():
        for own, tensor in other.state_dict().items():
            if own.startswith(name):
                tensor.copy_(change(tensor))
    return other


@pytest.mark.parametrize("kind", ["nearest", "fsq", "vqmodel"])
def test_the_digest_is_that_of_what_gives_tokens_their_meaning(kind):
    codec = tiny_codecs(kind)["vqgan"]
    digest = codec_digest(codec)
    noise = torch.Generator().manual_seed(0)
    for decoding in ("decoder.", "post_quant_conv.", "encoder."):
        assert codec_digest(changed(codec, decoding, lambda tensor: tensor + 1)) == digest
    meaning = "quant_conv." if kind == "fsq" else "quantize."
    for change in (
        lambda tensor: 1.5 * tensor,
        lambda tensor: tensor.flip(0),
        lambda tensor: tensor * (1 + 0.1 * torch.randn(tensor.shape, generator=noise)),
    ):
        assert not is_same_codec(codec_digest(changed(codec, meaning, change)), digest)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_rounded_weights_have_the_same_meaning(dtype):
    codec = tiny_codecs()["vqgan"]
    rounded = copy.deepcopy(codec).to(dtype)
    for other in (rounded, copy.deepcopy(rounded).float()):
        assert is_same_codec(codec_digest(other), codec_digest(codec))


def test_codecs_of_different_kinds_differ_and_what_cannot_be_read_has_no_digest(tmp_path):
    digests = [codec_digest(tiny_codecs(kind)["vqgan"]) for kind in ("nearest", "fsq")]
    assert not is_same_codec(*digests)
    assert codec_digest(torch.nn.Linear(2, 2)) is None
    assert codec_digest(copy.deepcopy(tiny_codecs()["vqgan"]).to("meta")) is None
    offloaded = copy.deepcopy(tiny_codecs()["vqgan"])
    offloaded.enable_group_offload("cpu", offload_type="leaf_level", offload_to_disk_path=str(tmp_path))
    assert codec_digest(offloaded) is None
    with pytest.raises(ValueError, match="a digest must be 16-bit floats in hexadecimal digits, got 'abc'"):
        read_digest("abc")


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_codec_whose_weights_are_not_finite_is_no_other_and_not_itself(value):
    codec = tiny_codecs()["vqgan"]
    broken = codec_digest(changed(codec, "quant_conv.bias", lambda tensor: tensor.clone().fill_(value)))
    for other in (broken, codec_digest(codec)):
        assert not is_same_codec(broken, other)
        assert not is_same_codec(other, broken)
