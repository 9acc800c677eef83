# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Codecs that are trained further."""

import json

import numpy as np
import pytest
import torch
from diffusers import VQModel
from PIL import Image

from nuwa_hf import NuwaVQGAN
from nuwa_hf.training.vqgan.build_codec import load_start, settle_arguments, take_over
from nuwa_hf.training.vqgan.codebook_updates import EmaCodebook
from nuwa_hf.training.vqgan.reconstruction_targets import TARGETS
from nuwa_hf.training.vqgan.train_vqgan import main
from nuwa_hf.training.vqgan.vqgan_arguments import VQGANArguments


TINY = {"block_out_channels": (4, 8), "norm_num_groups": 2, "layers_per_block": 1, "attention_levels": ()}
TINY |= {"latent_channels": 4, "codebook_dim": 4, "codebook_size": 64, "sample_size": 16}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Three codecs, and pictures."""
    folder = tmp_path_factory.mktemp("codecs")
    NuwaVQGAN(**TINY).save_pretrained(folder / "nearest")
    fsq = {**TINY, "codebook_dim": None, "codebook_size": None, "quantizer": "fsq", "fsq_levels": (3, 3)}
    NuwaVQGAN(**fsq).save_pretrained(folder / "fsq")
    NuwaVQGAN(**TINY, in_channels=5, out_channels=5).save_pretrained(folder / "classes")
    VQModel(norm_num_groups=4, block_out_channels=(4,)).save_pretrained(folder / "vqmodel")
    random = np.random.default_rng(0)
    (folder / "pictures").mkdir()
    for number in range(4):
        picture = Image.fromarray(random.integers(0, 256, (16, 16, 3), dtype=np.uint8))
        picture.save(folder / "pictures" / f"{number}.png")
    return folder


def moved_parts(start: NuwaVQGAN, trained: NuwaVQGAN) -> set[str]:
    pairs = zip(start.named_parameters(), trained.parameters(), strict=True)
    return {name.split(".")[0] for (name, one), other in pairs if not torch.equal(one, other)}


@pytest.mark.parametrize(
    ("name", "fine_tune", "learnt"),
    [
        ("nearest", "full", {"encoder", "quant_conv", "quantize", "post_quant_conv", "decoder"}),
        ("nearest", "decoder-and-codebook", {"quantize", "post_quant_conv", "decoder"}),
        ("nearest", "decoder", {"post_quant_conv", "decoder"}),
        ("fsq", "full", {"encoder", "quant_conv", "post_quant_conv", "decoder"}),
    ],
)
def test_a_run_moves_what_is_learnt_and_measures_its_start_before_the_first_step(
    folder, tmp_path, monkeypatch, name, fine_tune, learnt
):
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
    values = {"vqgan": folder / name, "fine_tune": fine_tune, "dataset": folder / "pictures", "device": "cpu"}
    values |= {"output_dir": tmp_path / "run", "max_train_steps": 2, "train_batch_size": 2, "num_samples": 2}
    values |= {"discriminator_start": 1, "log_every": 1, "learning_rate": 0.01}
    main([str(part) for flag, value in values.items() for part in (f"--{flag}", value)])
    start, trained = (NuwaVQGAN.from_pretrained(place) for place in (folder / name, tmp_path / "run" / "vqgan"))
    assert moved_parts(start, trained) == learnt
    if fine_tune == "decoder":  # token files stay valid
        pixels = torch.rand(4, 3, 16, 16) * 2 - 1
        assert torch.equal(start.encode(pixels).tokens, trained.encode(pixels).tokens)
    if name == "nearest":
        # Codes go on from the start's: those that no latent took stand where they stood.
        codes, before = trained.quantize.codebook(), start.quantize.codebook()
        assert (codes == before).all(1).any()
    lines = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").open()]
    assert [line["step"] for line in lines if "held_out_psnr" in line] == [0, 2]
    assert "psnr_objects" not in lines[-1]


def test_a_run_does_not_go_on_from_a_codec_that_has_become_another(folder, tmp_path):
    start = NuwaVQGAN.from_pretrained(folder / "nearest")
    start.save_pretrained(tmp_path / "start")
    values = {"vqgan": tmp_path / "start", "dataset": folder / "pictures", "device": "cpu", "num_samples": 2}
    values |= {"output_dir": tmp_path / "run", "max_train_steps": 1, "train_batch_size": 2, "discriminator_start": 1}
    flags = [str(part) for flag, value in values.items() for part in (f"--{flag}", value)]
    main(flags)
    with torch.no_grad():
        start.quantize.embedding.weight.mul_(2)
    start.save_pretrained(tmp_path / "start")
    with pytest.raises(ValueError, match="learnt from other data: digest of the codec to start from"):
        main(flags)


def test_codes_that_are_added_mean_nothing_until_training_moves_them_to_latents(folder):
    start = load_start(VQGANArguments(output_dir="unused", vqgan=str(folder / "nearest")), 3)
    larger = take_over(start, "full", 16, 80)
    pixels = torch.rand(4, 3, 16, 16) * 2 - 1
    encoded = larger.encode(pixels)
    assert torch.equal(encoded.tokens, start.encode(pixels).tokens)
    codebook = EmaCodebook(larger.quantize)
    codebook.initialise(encoded.latents, kept=64)
    codes = larger.quantize.codebook()
    assert torch.equal(codes[:64], start.quantize.codebook())
    latents = encoded.latents.movedim(1, -1).flatten(0, -2)
    assert all((code == latents).all(1).any() for code in codes[64:])


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"block_out_channels": [8]}, r"`block_out_channels` must be left out beside `vqgan`.*, got \[8\]"),
        ({"mid_block_attention": True}, "`mid_block_attention` must be left out beside `vqgan`"),
        ({"fsq_levels": [8, 5]}, "`fsq_levels` must be left out beside `vqgan`"),
        ({"vqgan": None, "fine_tune": "decoder"}, "`fine_tune` must be 'full' without a `vqgan`, got 'decoder'"),
        ({"image_size": 31}, "`image_size` must be a multiple of 2, the downsampling, got 31; use 32"),
        (
            {"vqgan": "classes"},
            "`vqgan` must be a codec of RGB frames, with 3 channels, got '5 channels in and 5 out'",
        ),
        (
            {"target": "sketches", "dataset": None, "discriminator_start": 1.0},
            "`vqgan` must be a codec of EmojiMotion's sketches, with .* classes, got '3 channels in and 3 out'",
        ),
        ({"vqgan": "fsq", "fine_tune": "decoder-and-codebook"}, "`fine_tune` must be 'full' or 'decoder' with the qu"),
        ({"codebook_size": 63}, "`codebook_size` must be at least the 64 of `vqgan`, got 63; merge codes"),
        ({"vqgan": "fsq", "codebook_size": 80}, "`codebook_size` must be left out with the quantizer 'fsq'"),
        ({"codebook_size": 80, "fine_tune": "decoder"}, "`fine_tune` must be 'full' or 'decoder-and-codebook' with a"),
        ({"vqgan": "vqmodel"}, "`vqgan` must be a NuwaVQGAN, got 'VQModel'; convert .*convert_diffusers_vqmodel.py"),
    ],
)
def test_what_does_not_fit_the_start_is_refused_by_name(folder, values, message):
    values = {"vqgan": "nearest", "dataset": "clips", **values}
    if values["vqgan"] is not None:
        values["vqgan"] = str(folder / values["vqgan"])
    with pytest.raises(ValueError, match=message):
        settled(**values)


def settled(**values) -> VQGANArguments:
    arguments = VQGANArguments(output_dir="unused", **values)
    return settle_arguments(arguments, load_start(arguments, TARGETS[arguments.target].num_channels))


def test_size_and_rate_are_those_of_the_start_unless_given():
    for given, expected in (({}, (128, 8e-4)), ({"image_size": 32, "learning_rate": 1}, (32, 1.0))):
        arguments = settled(dataset="clips", vqgan="embedded", **given)
        assert (arguments.image_size, arguments.learning_rate) == expected
