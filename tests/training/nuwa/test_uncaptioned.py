# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Clips without captions, which train for the constant "None" condition; and what a configuration says was learnt."""

import logging
from dataclasses import replace

import pytest
import torch
from test_fine_tuning import random_tokens
from tiny import FRAME_SIZE, VISUAL_GRID, tiny_config, tiny_vqgan

from nuwa_hf import NuwaForConditionalGeneration, NuwaTextToVideoPipeline, NuwaVQGAN
from nuwa_hf.grid import Grid
from nuwa_hf.modeling.codec.digest import codec_digest
from nuwa_hf.modeling.text_ids import none_text
from nuwa_hf.training.nuwa.build_transformer import build_transformer
from nuwa_hf.training.nuwa.components import load_components
from nuwa_hf.training.nuwa.nuwa_arguments import NuwaArguments
from nuwa_hf.training.nuwa.task_batches import TaskBatches
from nuwa_hf.training.nuwa.train_nuwa import main
from nuwa_hf.training.tokens.token_files import write_metadata, write_shard


SIZES = ["--hidden_size", "16", "--num_attention_heads", "2", "--num_encoder_layers", "1", "--num_decoder_layers", "1"]


def uncaptioned_tokens():
    tokens = random_tokens()
    ids = torch.zeros_like(tokens.caption_ids)
    ids[:, :1] = none_text(tiny_config(), len(ids))
    return replace(tokens, caption_ids=ids, image_caption_ids=ids.clone())


@pytest.mark.parametrize("dropout", [0.0, 0.5, 1.0])
def test_a_clip_without_a_caption_is_a_text_that_was_dropped(dropout):
    tasks = {"T2V": 2, "T2I": 2, "TI2I": 2, "S2V": 2}
    batches = TaskBatches(uncaptioned_tokens(), tiny_config(), tasks, dropout, seed=0)(range(8))
    for batch in batches.values():
        assert torch.equal(batch.input_ids, none_text(tiny_config(), 2))
        assert batch.attention_mask.all()


@pytest.fixture(scope="module")
def uncaptioned_run(checkpoint, tmp_path_factory):
    """Folder of a run from nothing on clips without captions."""
    folder = tmp_path_factory.mktemp("uncaptioned")
    (folder / "tokens").mkdir()
    write_metadata(folder / "tokens", {"num_shards": 1})
    write_shard(folder / "tokens", 0, uncaptioned_tokens())
    parts = [word for name in ("vqgan", "tokenizer") for word in (f"--{name}", str(checkpoint / name))]
    flags = ["--tasks", "T2V=1", "--max_train_steps", "1", "--train_batch_size", "4", "--device", "cpu"]
    main([*parts, *SIZES, *flags, "--tokens", str(folder / "tokens"), "--output_dir", str(folder / "run")])
    return folder / "run"


def test_a_run_of_clips_without_captions_ends_in_a_pipeline_that_draws_without_a_prompt(uncaptioned_run, caplog):
    pipeline = NuwaTextToVideoPipeline.from_pretrained(uncaptioned_run / "pipeline")
    with caplog.at_level(logging.WARNING, logger="nuwa_hf"):
        (frames,) = pipeline().frames
    assert [frame.size for frame in frames] == [FRAME_SIZE] * VISUAL_GRID[0]
    assert not caplog.records
    assert pipeline.transformer.config.learnt_tasks == ("T2V",)
    assert pipeline.transformer.config.vqgan_digest == codec_digest(pipeline.vqgan)
    assert pipeline.transformer.config.sketch_vqgan_digest is None


def test_further_training_adds_its_tasks_and_with_another_codec_warns_and_forgets_tasks_and_temperature(
    checkpoint, uncaptioned_run, tmp_path, caplog
):
    other = tiny_vqgan()
    with torch.no_grad():
        other.quantize.embedding.weight.mul_(2)
    other.save_pretrained(tmp_path)
    own = uncaptioned_run / "pipeline" / "vqgan"
    NuwaVQGAN.from_pretrained(own).bfloat16().save_pretrained(tmp_path / "rounded")
    model = NuwaForConditionalGeneration.from_pretrained(uncaptioned_run / "pipeline" / "transformer")
    model.generation_config.update(guidance_scale=3.5, temperature=0.6)
    model.save_pretrained(tmp_path / "start")
    start, tokenizer = tmp_path / "start", str(checkpoint / "tokenizer")
    values = {"output_dir": "out", "tokens": ["a"], "tokenizer": tokenizer, "tasks": ["I2I=1", "T2I=1"]}
    for vqgan, is_other in ((own, False), (tmp_path / "rounded", False), (tmp_path, True)):
        arguments = NuwaArguments(**values, vqgan=str(vqgan), transformer=str(start))
        components = load_components(arguments)
        built = build_transformer(arguments, components, Grid(*VISUAL_GRID))
        config, sampling = built.config, built.generation_config
        assert config.learnt_tasks == (("T2I", "I2I") if is_other else ("T2I", "T2V", "I2I"))
        assert config.vqgan_digest == codec_digest(components.vqgan)
        assert ("of another codec (vqgan) and now learns those of `tokens`; what it" in caplog.text) == is_other
        assert ("is lost: T2V." in caplog.text) == is_other
        assert (sampling.guidance_scale, sampling.temperature) == (3.5, None if is_other else 0.6)


def test_with_another_codec_of_sketches_the_tasks_from_sketches_are_forgotten(checkpoint, uncaptioned_run, tmp_path):
    model = NuwaForConditionalGeneration.from_pretrained(uncaptioned_run / "pipeline" / "transformer")
    sketches = tiny_vqgan(codebook_size=model.config.sketch_codebook_size)
    sketches.save_pretrained(tmp_path / "own")
    model.config.sketch_vqgan_digest = codec_digest(sketches)
    model.config.learnt_tasks = ("T2V", "S2I", "S2V")
    model.save_pretrained(tmp_path / "start")
    with torch.no_grad():
        sketches.quantize.embedding.weight.mul_(2)
    sketches.save_pretrained(tmp_path / "other")
    parts = {"vqgan": str(uncaptioned_run / "pipeline" / "vqgan"), "tokenizer": str(checkpoint / "tokenizer")}
    values = {"output_dir": "out", "tokens": ["a"], "tasks": ["I2I=1"], "transformer": str(tmp_path / "start")}
    for name, learnt in (("own", {"T2V", "S2I", "S2V", "I2I"}), ("other", {"T2V", "I2I"})):
        arguments = NuwaArguments(**values, **parts, sketch_vqgan=str(tmp_path / name))
        built = build_transformer(arguments, load_components(arguments), Grid(*VISUAL_GRID))
        assert {*built.config.learnt_tasks} == learnt
