# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
import pytest
import torch
from diffusers import VQModel
from source_models import run_script
from tiny import tiny_vqgan

from nuwa_hf import NuwaVQGAN


NAME = "convert_diffusers_vqmodel"


def tiny_vqmodel(**overrides):
    torch.manual_seed(0)
    sizes = {
        "block_out_channels": (8, 16, 16),
        "down_block_types": ("DownEncoderBlock2D", "AttnDownEncoderBlock2D", "DownEncoderBlock2D"),
        "up_block_types": ("UpDecoderBlock2D", "AttnUpDecoderBlock2D", "UpDecoderBlock2D"),
        "latent_channels": 6,
        "vq_embed_dim": 5,
        "num_vq_embeddings": 40,
        "norm_num_groups": 4,
        "sample_size": 16,
    }
    return VQModel(**{**sizes, **overrides}).eval()


@pytest.mark.parametrize("options", [{}, {"mid_block_add_attention": False, "lookup_from_codebook": True}])
def test_there_and_back_is_equal_to_the_bit(options, tmp_path):
    vqmodel = tiny_vqmodel(**options)
    vqmodel.save_pretrained(tmp_path / "theirs")
    assert run_script(NAME, tmp_path / "theirs", tmp_path / "ours", "--verify") == 0
    assert run_script(NAME, tmp_path / "ours", tmp_path / "back", "--verify") == 0
    vqgan, back = NuwaVQGAN.from_pretrained(tmp_path / "ours").eval(), VQModel.from_pretrained(tmp_path / "back")
    assert all(torch.equal(value, back.state_dict()[name]) for name, value in vqmodel.state_dict().items())
    assert {**back.config, "lookup_from_codebook": None, "_name_or_path": None} == {
        **VQModel.from_pretrained(tmp_path / "theirs").config,
        "lookup_from_codebook": None,
        "_name_or_path": None,
    }
    pixels = torch.rand(2, 3, 16, 24) * 2 - 1
    with torch.no_grad():
        latents = vqmodel.encode(pixels).latents
        assert torch.equal(vqgan.encode(pixels).latents, latents)
        tokens = vqmodel.quantize(latents)[2][2].view(2, 4, 6)
        assert torch.equal(vqgan.encode(pixels).tokens, tokens)
        decoded = back.decode(tokens.flatten(), force_not_quantize=True, shape=(2, 4, 6, 5)).sample
        assert torch.equal(vqgan.decode(tokens).sample, decoded)


def test_attention_names_of_old_files_are_read(tmp_path):
    vqmodel = tiny_vqmodel()
    vqmodel.save_pretrained(tmp_path / "theirs")
    state = vqmodel.state_dict()
    for new, old in (("to_q", "query"), ("to_k", "key"), ("to_v", "value"), ("to_out.0", "proj_attn")):
        state = {name.replace(f".{new}.", f".{old}."): value for name, value in state.items()}
    (tmp_path / "theirs" / "diffusion_pytorch_model.safetensors").unlink()
    torch.save(state, tmp_path / "theirs" / "diffusion_pytorch_model.bin")
    assert run_script(NAME, tmp_path / "theirs", tmp_path / "ours") == 0
    ours = NuwaVQGAN.from_pretrained(tmp_path / "ours").state_dict()
    assert all(torch.equal(ours[name], value) for name, value in vqmodel.state_dict().items())


def test_sample_size_changes_nothing_but_itself(tmp_path):
    """A VQModel says 32 if nobody thought of it, and data sets were made at that size."""
    vqmodel = tiny_vqmodel()
    vqmodel.save_pretrained(tmp_path / "theirs")
    assert run_script(NAME, tmp_path / "theirs", tmp_path / "ours", "--sample_size", 24, "--verify") == 0
    assert run_script(NAME, tmp_path / "ours", tmp_path / "back", "--sample_size", 20, "--verify") == 0
    ours, back = NuwaVQGAN.from_pretrained(tmp_path / "ours"), VQModel.from_pretrained(tmp_path / "back")
    assert (ours.config.sample_size, back.config.sample_size) == (24, 20)
    for model in (ours, back):
        assert all(torch.equal(value, model.state_dict()[name]) for name, value in vqmodel.state_dict().items())


@pytest.mark.parametrize("source", [tiny_vqmodel, tiny_vqgan])
@pytest.mark.parametrize("size", [0, 21])
def test_a_sample_size_that_no_codec_can_have_is_refused(source, size, tmp_path, caplog):
    source().save_pretrained(tmp_path / "source")
    assert run_script(NAME, tmp_path / "source", tmp_path / "out", "--sample_size", size) == 1
    assert "`sample_size` must be" in caplog.text
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("overrides", "named"),
    [
        ({"act_fn": "relu"}, "act_fn"),
        ({"up_block_types": ("AttnUpDecoderBlock2D", "UpDecoderBlock2D", "UpDecoderBlock2D")}, "up_block_types"),
    ],
)
def test_vqmodel_that_ours_cannot_be_is_refused(overrides, named, tmp_path, caplog):
    tiny_vqmodel(**overrides).save_pretrained(tmp_path / "theirs")
    assert run_script(NAME, tmp_path / "theirs", tmp_path / "ours") == 1
    assert named in caplog.text
    assert not (tmp_path / "ours").exists()


@pytest.mark.parametrize("setting", [{"quantizer": "gumbel"}, {"isolated_patches": True}])
def test_codec_that_a_vqmodel_cannot_be_is_refused(setting, tmp_path, caplog):
    tiny_vqgan(**setting).save_pretrained(tmp_path / "ours")
    assert run_script(NAME, tmp_path / "ours", tmp_path / "theirs") == 1
    assert next(iter(setting)) in caplog.text
    assert not (tmp_path / "theirs").exists()
