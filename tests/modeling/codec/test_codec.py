# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""What every codec holds to, whoever made it."""

import accelerate
import pytest
import torch
from diffusers import AutoencoderKL
from tiny import CODEBOOK_SIZE, tiny_codecs, tiny_fsq_vqgan, tiny_pipeline, tiny_vqgan, tiny_vqmodel
from torch import nn

from nuwa_hf.modeling.codec import as_codec, load_codec
from nuwa_hf.modeling.codec.protocol import check_tokens_in_codebook


MODELS = {
    "nearest": lambda: tiny_codecs()["vqgan"],
    "gumbel": lambda: tiny_vqgan(quantizer="gumbel"),
    "fsq": tiny_fsq_vqgan,
    "isolated": lambda: tiny_vqgan(isolated_patches=True),
    "vqmodel": lambda: tiny_codecs("vqmodel")["vqgan"],
    "vqmodel with lookup": lambda: tiny_vqmodel(lookup_from_codebook=True),
}


@pytest.fixture(params=MODELS)
def model(request):
    return MODELS[request.param]()


def pixels(shape=(2, 3, 3, 8, 12)):
    return torch.rand(shape, generator=torch.Generator().manual_seed(1)) * 2 - 1


class ThereAndBack(nn.Module):
    """Tokens of pixels, and what is decoded of them."""

    def __init__(self, model):
        super().__init__()
        self.model = model
        self.codec = as_codec(model)

    def forward(self, pixels):
        tokens = self.codec.encode(pixels).tokens
        return tokens, self.codec.decode(tokens).sample


@torch.no_grad()
def test_codec_speaks_the_protocol(model):
    codec = as_codec(model)
    assert (codec.codebook_size, codec.in_channels, codec.out_channels, codec.sample_size) == (CODEBOOK_SIZE, 3, 3, 8)
    assert (codec.spatial_factor, codec.temporal_factor, codec.device.type) == (2, 1, "cpu")
    for shape in ((1, 3, 4, 6), (2, 3, 3, 4, 6)):
        tokens = codec.encode(pixels(shape)).tokens
        grid = tuple(codec.grid(shape[2] if len(shape) == 5 else 1, 4, 6))
        assert tokens.dtype == torch.long
        assert tokens.shape == (shape[0], *(grid if len(shape) == 5 else grid[1:]))
        assert 0 <= tokens.min() <= tokens.max() < CODEBOOK_SIZE
        assert codec.decode(tokens).sample.shape == shape
    assert codec.decoding_memory(3, 4, 6) == 5 * 3 * 4 * 6 * 8 * 4
    with pytest.raises(ValueError, match=r"`width` must be a positive multiple of 2 .*got 5; use 4 or 6"):
        codec.grid(1, 4, 5)


@torch.no_grad()
def test_tokens_and_pixels_of_a_video_are_those_of_its_frames(model):
    codec, video = as_codec(model), pixels()
    tokens = codec.encode(video).tokens
    decoded = codec.decode(tokens).sample
    for t in range(3):
        assert torch.equal(codec.encode(video[:, :, t]).tokens, tokens[:, t])
        torch.testing.assert_close(codec.decode(tokens[:, t]).sample, decoded[:, :, t], rtol=0, atol=1e-5)


@torch.no_grad()
def test_codec_runs_without_values(model):
    """No check reads what a tensor holds."""
    codec = ThereAndBack(model)
    expected = codec(pixels())
    assert [part.shape for part in codec.to("meta")(pixels().to("meta"))] == [part.shape for part in expected]


@pytest.mark.compiled
@pytest.mark.parametrize("kind", ["nearest", "fsq", "vqmodel"])
@torch.no_grad()
def test_codec_compiles_to_one_graph_and_exports_for_any_batch(kind):
    codec = ThereAndBack(MODELS[kind]())
    tokens, sample = codec(pixels())
    compiled = torch.compile(codec, fullgraph=True, backend="eager")(pixels())
    batch = torch.export.Dim("batch", min=1, max=8)
    exported = torch.export.export(codec, (pixels(),), dynamic_shapes=({0: batch},)).module()
    one_more = exported(torch.cat([pixels(), pixels()[:1]]))
    for result in (compiled, one_more):
        assert torch.equal(result[0][:2], tokens)
        torch.testing.assert_close(result[1][:2], sample, rtol=0, atol=1e-5)


@pytest.mark.parametrize("offload", ["model", "sequential"])
@torch.no_grad()
def test_offloaded_codec_gives_the_same(model, offload):
    codec = as_codec(model)
    tokens = codec.encode(pixels()).tokens
    sample = codec.decode(tokens).sample
    if offload == "model":
        accelerate.cpu_offload_with_hook(model, execution_device="cpu")
    else:
        accelerate.cpu_offload(model, execution_device="cpu", offload_buffers=True)
        assert {weight.device.type for weight in model.parameters()} == {"meta"}
    assert torch.equal(codec.encode(pixels()).tokens, tokens)
    assert torch.equal(codec.decode(tokens).sample, sample)


@torch.no_grad()
def test_tokens_of_a_vqmodel_are_its_own_and_so_are_the_pixels():
    model = MODELS["vqmodel"]()
    codec, images = as_codec(model), pixels((2, 3, 8, 12))
    tokens = codec.encode(images).tokens
    assert torch.equal(tokens.flatten(), model.quantize(model.encode(images).latents)[2][2].flatten())
    # It decodes z + (e - z), which rounds; we hand it e.
    torch.testing.assert_close(codec.decode(tokens).sample, model(images).sample, rtol=0, atol=1e-5)


def test_saved_codec_is_loaded_as_its_class(model, tmp_path):
    model.save_pretrained(tmp_path / "codec")
    loaded = load_codec(tmp_path, subfolder="codec")
    assert type(loaded) is type(model)
    assert not loaded.training
    assert torch.equal(as_codec(loaded).encode(pixels()).tokens, as_codec(model).encode(pixels()).tokens)


def test_what_is_no_codec_is_refused_with_what_it_lacks(tmp_path):
    AutoencoderKL(norm_num_groups=1, block_out_channels=(4,)).save_pretrained(tmp_path)
    with pytest.raises(TypeError, match=r"`codebook_size`.*`grid`.*AutoencoderKL has not; .*as_codec.register"):
        load_codec(tmp_path)
    with pytest.raises(TypeError, match="NoneType has not"):
        as_codec(None)
    config = (tmp_path / "config.json").read_text().replace("AutoencoderKL", "OurOwnCodec")
    (tmp_path / "config.json").write_text(config)
    with pytest.raises(ValueError, match=r"must hold a codec of nuwa_hf or of diffusers, .*'OurOwnCodec'"):
        load_codec(tmp_path)


@pytest.mark.parametrize(
    ("bad", "error", "message"),
    [
        (torch.zeros(1, 1, 8, 8), ValueError, "`pixels` must have 3 channels"),
        (torch.zeros(1, 3, 7, 8), ValueError, "`height` must be a positive multiple of 2"),
        (torch.zeros(1, 3, 8, 8, dtype=torch.uint8), TypeError, "`pixels` must be floats"),
    ],
)
def test_adapter_refuses_what_our_codec_refuses(bad, error, message):
    with pytest.raises(error, match=message):
        as_codec(tiny_vqmodel()).encode(bad)


@pytest.mark.parametrize("bad", [-1, CODEBOOK_SIZE])
def test_tokens_of_another_codebook_are_named(bad):
    check_tokens_in_codebook("tokens", torch.tensor([0, CODEBOOK_SIZE - 1]), CODEBOOK_SIZE)
    with pytest.raises(ValueError, match=rf"`tokens` must lie in \[0, 32\) \(the codebook\), got .*{bad}"):
        check_tokens_in_codebook("tokens", torch.tensor([0, bad]), CODEBOOK_SIZE)
    with pytest.raises(ValueError, match="`tokens` must not be empty"):
        check_tokens_in_codebook("tokens", torch.zeros(0, 4, 4), CODEBOOK_SIZE)


def test_pipeline_refuses_a_codec_whose_tokens_stand_for_several_frames():
    vqgan = tiny_vqgan()
    vqgan.__class__ = type("FourFrames", (type(vqgan),), {"temporal_factor": 4})
    with pytest.raises(ValueError, match=r"`vqgan` must have a `temporal_factor` of 1, .*got 4"):
        tiny_pipeline(vqgan=vqgan)
