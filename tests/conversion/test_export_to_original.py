# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
import pytest
import torch
import yaml
from source_models import run_script, taming_config, taming_model, taming_results, write_checkpoint
from tiny import tiny_vqgan

from nuwa_hf import NuwaVQGAN
from nuwa_hf.conversion.safe_checkpoint import read_checkpoint


NAME = "export_to_original"
KINDS = {"images": {}, "class maps": {"kind": "VQSegmentationModel", "channels": 5}, "gumbel": {"kind": "GumbelVQ"}}
ONLY_OF_TRAINING = ("loss.", "colorize")


@pytest.mark.parametrize("kind", KINDS)
def test_to_ours_and_back_is_equal_to_the_bit(kind, taming, tmp_path):
    config = taming_config(**KINDS[kind])
    model = taming_model(taming, config)
    source = write_checkpoint(tmp_path / "last.ckpt", model.state_dict(), config)
    assert run_script("convert_taming_vqgan", source, tmp_path / "ours") == 0
    assert run_script(NAME, tmp_path / "ours", tmp_path / "theirs", "--verify") == 0
    back = read_checkpoint(tmp_path / "theirs" / "model.ckpt")
    expected = {n: t for n, t in model.state_dict().items() if not n.startswith(ONLY_OF_TRAINING)}
    assert back.keys() == expected.keys()
    assert all(torch.equal(back[name], expected[name]) for name in expected)
    written = yaml.safe_load((tmp_path / "theirs" / "model.yaml").read_text(encoding="utf-8"))["model"]
    assert written["target"] == config["target"]
    assert written["params"]["ddconfig"] == config["params"]["ddconfig"]


def test_tamings_own_class_loads_what_was_exported(taming, tmp_path):
    vqgan = tiny_vqgan(
        block_out_channels=(32, 64), norm_num_groups=32, mid_block_attention=True, attention_levels=(1,)
    )
    vqgan.quantize.write_codebook(torch.randn(32, 4))
    vqgan.save_pretrained(tmp_path / "ours")
    assert run_script(NAME, tmp_path / "ours", tmp_path / "theirs") == 0
    config = yaml.safe_load((tmp_path / "theirs" / "model.yaml").read_text(encoding="utf-8"))["model"]
    assert config["params"]["lossconfig"] == {"target": "taming.modules.losses.DummyLoss"}
    config["params"]["lossconfig"] = {"target": "loss"}
    model = taming.VQModel(**config["params"], ckpt_path=tmp_path / "theirs" / "model.ckpt").eval()
    pixels = torch.rand(2, 3, 8, 8) * 2 - 1
    tokens, decoded = taming_results(model, pixels)
    assert torch.equal(vqgan.encode(pixels).tokens, tokens)
    with torch.no_grad():
        assert (vqgan.decode(tokens).sample - decoded).abs().max() < 1e-4


@pytest.mark.parametrize(
    "setting",
    [
        {"isolated_patches": True},
        {"mid_block_attention": False},
        {"norm_num_groups": 16},
        {"quantizer": "fsq", "fsq_levels": (4, 4), "codebook_size": None, "codebook_dim": None},
    ],
)
def test_codec_that_taming_cannot_be_is_refused(setting, tmp_path, caplog):
    sizes = {"block_out_channels": (32, 32), "norm_num_groups": 32, "mid_block_attention": True, **setting}
    tiny_vqgan(**sizes).save_pretrained(tmp_path / "ours")
    assert run_script(NAME, tmp_path / "ours", tmp_path / "theirs") == 1
    assert next(iter(setting)) in caplog.text
    assert not (tmp_path / "theirs").exists()


def test_there_and_back_keeps_the_configuration(taming, tmp_path):
    sizes = {"block_out_channels": (32, 64), "norm_num_groups": 32, "mid_block_attention": True, "quantizer": "gumbel"}
    vqgan = tiny_vqgan(**sizes)
    vqgan.save_pretrained(tmp_path / "ours")
    assert run_script(NAME, tmp_path / "ours", tmp_path / "theirs") == 0
    assert run_script("convert_taming_vqgan", tmp_path / "theirs" / "model.ckpt", tmp_path / "again") == 0
    again = NuwaVQGAN.from_pretrained(tmp_path / "again")
    names = [name for name in vqgan.config if not name.startswith("_")]
    assert {n: _plain(again.config[n]) for n in names} == {n: _plain(vqgan.config[n]) for n in names}
    assert all(torch.equal(a, b) for a, b in zip(again.parameters(), vqgan.parameters(), strict=True))


def _plain(value):
    return list(value) if isinstance(value, (tuple, list)) else value
