# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
import subprocess
import sys

import pytest
import torch
import yaml
from safetensors.torch import save_file
from source_models import (
    F8,
    F16,
    SCRIPTS,
    TINY,
    pixels_for,
    run_script,
    taming_config,
    taming_model,
    taming_results,
    write_checkpoint,
)
from tiny import tiny_vqgan

from nuwa_hf import NuwaVQGAN
from nuwa_hf.conversion.safe_checkpoint import read_checkpoint
from nuwa_hf.conversion.taming_config import settings_from_taming


NAME = "convert_taming_vqgan"
KINDS = {
    "images": {},
    "images without a discriminator": {"kind": "VQNoDiscModel"},
    "class maps": {"kind": "VQSegmentationModel", "channels": 5},
    "gumbel": {"kind": "GumbelVQ"},
}
REAL = {
    "ImageNet f16 1024": {"sizes": F16, "codes": 1024, "width": 256},
    "ImageNet f16 16384": {"sizes": F16, "codes": 16384, "width": 256},
    "Open Images f8 Gumbel 8192": {"sizes": F8, "codes": 8192, "width": 256, "kind": "GumbelVQ"},
    "COCO-stuff class maps": {
        "sizes": F16,
        "codes": 1024,
        "width": 256,
        "kind": "VQSegmentationModel",
        "channels": 183,
    },
}


def same_results(model, config, folder, side):
    vqgan = NuwaVQGAN.from_pretrained(folder).eval()
    pixels = pixels_for(config, side)
    tokens, decoded = taming_results(model, pixels)
    assert len(tokens.unique()) > tokens.numel() / 4, "a codec that always says the same proves nothing"
    assert torch.equal(vqgan.encode(pixels).tokens, tokens)
    with torch.no_grad():
        assert (vqgan.decode(tokens).sample - decoded).abs().max() < 1e-4
    return vqgan


@pytest.mark.parametrize("kind", KINDS)
def test_tokens_and_pixels_are_those_of_the_original(kind, taming, tmp_path):
    config = taming_config(**KINDS[kind])
    model = taming_model(taming, config)
    source = write_checkpoint(tmp_path / "last.ckpt", model.state_dict(), config)
    assert run_script(NAME, source, tmp_path / "out", "--verify") == 0
    vqgan = same_results(model, config, tmp_path / "out", side=16)
    assert vqgan.config.sample_size == 16
    assert vqgan.config.quantizer == ("gumbel" if kind == "gumbel" else "nearest")


@pytest.mark.slow
@pytest.mark.parametrize("kind", REAL)
def test_real_sizes_give_the_tokens_and_pixels_of_the_original(kind, taming, tmp_path):
    config = taming_config(**REAL[kind])
    model = taming_model(taming, config)
    source = write_checkpoint(tmp_path / "last.ckpt", model.state_dict(), config)
    assert run_script(NAME, source, tmp_path / "out") == 0
    same_results(model, config, tmp_path / "out", side=64)


def without_attention():
    """A VQ-GAN of latent-diffusion such as its vq-f4-noattn. That of taming has only what the sizes name."""
    config = taming_config(sizes={**TINY, "attn_type": "none"})
    return {**config, "target": "ldm.models.autoencoder.VQModel"}


def test_a_codec_without_attention_is_read(taming, tmp_path):
    model = taming_model(taming, taming_config(sizes={**TINY, "attn_resolutions": []}))
    model.encoder.mid.attn_1 = model.decoder.mid.attn_1 = torch.nn.Identity()  # as latent-diffusion has it
    config = without_attention()
    source = write_checkpoint(tmp_path / "model.ckpt", model.state_dict(), config)
    assert run_script(NAME, source, tmp_path / "out", "--verify") == 0
    same_results(model, config, tmp_path / "out", side=16)


def test_attention_is_told_by_its_type():
    settings, plain = settings_from_taming(without_attention()), settings_from_taming(taming_config())
    assert (settings["mid_block_attention"], settings["attention_levels"]) == (False, ())
    assert (plain["mid_block_attention"], plain["attention_levels"]) == (True, (1,))
    with pytest.raises(ValueError, match=r"`attn_type` must be vanilla or none .* got 'linear'"):
        settings_from_taming(taming_config(sizes={**TINY, "attn_type": "linear"}))


def make_source(folder, taming, config=None, change=None, **extra):
    config = config or taming_config()
    model = taming_model(taming, config)
    state = dict(model.state_dict())
    if change is not None:
        change(state)
    return write_checkpoint(folder / "last.ckpt", state, config, **extra)


def test_ema_takes_the_averages_and_otherwise_the_last_weights_are_taken(taming, tmp_path):
    def add_averages(state):
        averages = {
            f"model_ema.{name.replace('.', '')}": value * 0.5
            for name, value in state.items()
            if not name.startswith("loss.")
        }
        state |= {**averages, "model_ema.decay": torch.tensor(0.9), "model_ema.num_updates": torch.tensor(5)}

    source = make_source(tmp_path, taming, change=add_averages)
    assert run_script(NAME, source, tmp_path / "last") == 0
    assert run_script(NAME, source, tmp_path / "averages", "--ema") == 0
    last, averages = (NuwaVQGAN.from_pretrained(tmp_path / name).state_dict() for name in ("last", "averages"))
    assert all(torch.equal(averages[name], last[name] * 0.5) for name in last)


def test_averages_that_are_not_there_are_an_error(taming, tmp_path, caplog):
    assert run_script(NAME, make_source(tmp_path, taming), tmp_path / "out", "--ema") == 1
    assert "model_ema" in caplog.text


def test_codebook_that_follows_averages_is_read(taming, tmp_path):
    def add_sums(state):
        state["quantize.embedding.cluster_size"] = torch.ones(64)
        state["quantize.embedding.embed_avg"] = torch.ones(64, 32)

    source = make_source(tmp_path, taming, change=add_sums)
    config = source.with_suffix(".yaml")
    config.write_text(config.read_text(encoding="utf-8").replace("vqgan.VQModel", "vqgan.EMAVQ"), encoding="utf-8")
    assert run_script(NAME, source, tmp_path / "out") == 0


def test_either_vqgan_of_a_transformers_checkpoint_is_read(taming, tmp_path):
    parts = {"first_stage": taming_config(), "cond_stage": taming_config("VQSegmentationModel", channels=5)}
    models = {stage: taming_model(taming, config) for stage, config in parts.items()}
    state = {f"{stage}_model.{name}": t for stage, model in models.items() for name, t in model.state_dict().items()}
    state["transformer.pos_emb"] = torch.zeros(1)
    config = {
        "target": "taming.models.cond_transformer.Net2NetTransformer",
        "params": {f"{stage}_config": config for stage, config in parts.items()},
    }
    source = write_checkpoint(tmp_path / "last.ckpt", state, config)
    for stage, part in parts.items():
        assert run_script(NAME, source, tmp_path / stage, "--stage", stage, "--verify") == 0
        same_results(models[stage], part, tmp_path / stage, side=16)


def diffusion_on(first_stage):
    """The configuration of a whole model of latent-diffusion, as its bsr_sr has it."""
    params = {"first_stage_config": first_stage, "cond_stage_config": "__is_first_stage__", "timesteps": 4}
    return {"target": "ldm.models.diffusion.ddpm.LatentDiffusion", "params": params}


def diffusion_state(codec):
    """Names of a whole model of latent-diffusion, whose network has averages and a schedule of noise."""
    state = {f"{stage}_stage_model.{name}": t for stage in ("first", "cond") for name, t in codec.items()}
    names = ["betas", "alphas_cumprod", "alphas_cumprod_prev", "sqrt_alphas_cumprod", "sqrt_one_minus_alphas_cumprod"]
    names += ["log_one_minus_alphas_cumprod", "sqrt_recip_alphas_cumprod", "sqrt_recipm1_alphas_cumprod", "logvar"]
    names += ["posterior_variance", "posterior_log_variance_clipped", "posterior_mean_coef1", "posterior_mean_coef2"]
    names += ["model.diffusion_model.out.2.weight", "model_ema.diffusion_modelout2weight", "model_ema.decay"]
    return {**state, **{name: torch.ones(4) for name in names}, "scale_factor": torch.tensor(0.5)}


def write_diffusion(folder, ending):
    """Writes a codec of ours, and a whole model of latent-diffusion around the same codec; gives both files."""
    sizes = {"block_out_channels": (32, 64), "norm_num_groups": 32, "mid_block_attention": True}
    tiny_vqgan(**sizes, attention_levels=(1,)).save_pretrained(folder / "ours")
    assert run_script("export_to_original", folder / "ours", folder / "codec") == 0
    codec = yaml.safe_load((folder / "codec" / "model.yaml").read_text(encoding="utf-8"))["model"]
    config = diffusion_on({**codec, "target": "ldm.models.autoencoder.VQModelInterface"})
    state = diffusion_state(read_checkpoint(folder / "codec" / "model.ckpt"))
    source = write_checkpoint(folder / "model.ckpt", state, config)
    if ending == "safetensors":
        source = source.with_suffix(".safetensors")
        save_file({name: tensor.clone() for name, tensor in state.items()}, source)
    return folder / "ours", source


@pytest.mark.parametrize("ending", ["ckpt", "safetensors"])
def test_the_first_stage_of_a_whole_latent_diffusion_is_read(ending, tmp_path):
    ours, source = write_diffusion(tmp_path, ending)
    assert run_script(NAME, source, tmp_path / "out") == 0
    before, after = (NuwaVQGAN.from_pretrained(folder) for folder in (ours, tmp_path / "out"))
    assert before.config.block_out_channels == after.config.block_out_channels
    expected, found = before.state_dict(), after.state_dict()
    assert expected.keys() == found.keys()
    assert all(torch.equal(found[name], expected[name]) for name in expected)


def test_the_code_of_taming_agrees_with_the_first_stage_of_a_whole_latent_diffusion(taming, tmp_path):
    _, source = write_diffusion(tmp_path, "ckpt")
    assert run_script(NAME, source, tmp_path / "out", "--verify") == 0


def test_what_a_whole_latent_diffusion_does_not_have_is_refused(tmp_path, caplog):
    config = taming_config()
    codec = {"encoder.conv_in.bias": torch.zeros(32)}
    vq = {**config, "target": "ldm.models.autoencoder.VQModelInterface"}
    source = write_checkpoint(tmp_path / "model.ckpt", diffusion_state(codec), diffusion_on(vq))
    assert run_script(NAME, source, tmp_path / "out", "--ema") == 1
    assert "the VQ-GAN has none (model_ema.*) in the checkpoint" in caplog.text, "those of the diffusion are others"
    assert run_script(NAME, source, tmp_path / "out", "--stage", "cond_stage") == 1
    assert "`--stage cond_stage` asks for a VQ-GAN that the whole model's configuration does not have" in caplog.text
    write_checkpoint(source, diffusion_state(codec) | {"extra": torch.ones(1)}, diffusion_on(vq))
    assert run_script(NAME, source, tmp_path / "out") == 1
    assert "The key map does not list extra" in caplog.text
    write_checkpoint(source, {}, diffusion_on({**config, "target": "ldm.models.autoencoder.AutoencoderKL"}))
    assert run_script(NAME, source, tmp_path / "out") == 1
    assert "The VQ-GAN's `target` must be one of" in caplog.text
    assert not (tmp_path / "out").exists()


def drop(name):
    return lambda state: state.pop(name)


def put(name, value):
    return lambda state: state.update({name: value})


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (drop("encoder.mid.attn_1.q.weight"), "encoder.mid_block.attentions.0.to_q.weight"),
        (put("encoder.extra.weight", torch.zeros(1)), "encoder.extra.weight"),
        (put("encoder.down.0.block.7.conv1.weight", torch.zeros(1)), "encoder.down.0.block.7.conv1.weight"),
        (put("quant_conv.bias", torch.zeros(5)), "quant_conv.bias"),
    ],
)
def test_tensor_that_does_not_fit_is_named_and_nothing_is_left(change, named, taming, tmp_path, caplog):
    source = make_source(tmp_path, taming, change=change)
    before = sorted(tmp_path.iterdir())
    assert run_script(NAME, source, tmp_path / "deep" / "out") == 1
    assert named in caplog.text
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"double_z": True}, "double_z"),
        ({"resamp_with_conv": False}, "resamp_with_conv"),
        ({"ch_mult": [2, 2]}, "ch_mult"),
        ({"new_option": 1}, "new_option"),
    ],
)
def test_part_that_the_codec_has_not_is_refused(change, named, taming, tmp_path, caplog):
    source = make_source(tmp_path, taming)
    config = taming_config()
    config["params"]["ddconfig"] |= change
    write_checkpoint(source, {}, config)
    assert run_script(NAME, source, tmp_path / "out") == 1
    assert named in caplog.text
    assert not (tmp_path / "out").exists()


def test_dtype_is_that_of_all_weights(taming, tmp_path):
    source = make_source(tmp_path, taming)
    assert run_script(NAME, source, tmp_path / "out", "--dtype", "bfloat16") == 0
    assert {tensor.dtype for tensor in read_checkpoint(tmp_path / "out").values()} == {torch.bfloat16}


def test_sample_size_changes_nothing_but_itself(taming, tmp_path):
    source = make_source(tmp_path, taming)
    assert run_script(NAME, source, tmp_path / "own") == 0
    assert run_script(NAME, source, tmp_path / "larger", "--sample_size", 22, "--verify") == 0
    own, larger = (NuwaVQGAN.from_pretrained(tmp_path / name) for name in ("own", "larger"))
    assert (own.config.sample_size, larger.config.sample_size) == (16, 22)
    assert all(torch.equal(a, b) for a, b in zip(own.parameters(), larger.parameters(), strict=True))
    assert own.config.attention_levels == larger.config.attention_levels


def test_verify_finds_a_wrong_weight(taming, tmp_path, caplog, monkeypatch):
    from nuwa_hf.conversion import taming_keys

    swapped = {
        "encoder.mid.attn_1.q.*": "encoder.mid_block.attentions.0.to_v.*",
        "encoder.mid.attn_1.v.*": "encoder.mid_block.attentions.0.to_q.*",
    }
    monkeypatch.setitem(taming_keys.KEY_MAPS, "nearest", {**swapped, **taming_keys.NEAREST, **swapped})
    source = make_source(tmp_path, taming)
    assert run_script(NAME, source, tmp_path / "out", "--verify") == 1
    assert "tokens differ" in caplog.text
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_peak_memory_is_below_twice_the_checkpoint(taming, tmp_path):
    """With a checkpoint of some 90 MB; the program itself is not counted."""
    config = taming_config(sizes={**F16, "ch": 64, "num_res_blocks": 1}, width=256, codes=16384)
    source = write_checkpoint(tmp_path / "last.ckpt", taming_model(taming, config).state_dict(), config)
    code = (
        "import resource, sys; sys.path.insert(0, sys.argv[1]); import convert_taming_vqgan as script;"
        "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss;"
        "before = peak(); status = script.run_conversion(script.SCRIPT, sys.argv[2:]);"
        "print(status, (peak() - before) * 1024)"
    )
    command = [sys.executable, "-c", code, str(SCRIPTS), str(source), str(tmp_path / "out")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    status, grown = map(int, done.stdout.split())
    assert status == 0
    assert grown < 2 * source.stat().st_size
