# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
import logging

import pytest
import torch
from tiny import tiny_pipeline

from nuwa_hf import NuwaTextToImagePipeline, NuwaTextToVideoPipeline
from nuwa_hf.modeling.codec.digest import codec_digest


@pytest.fixture
def warnings(caplog):
    with caplog.at_level(logging.WARNING, logger="nuwa_hf"):
        yield caplog


def learnt_pipeline(tasks=("T2V",)):
    """A pipeline whose configuration says what its transformer learnt."""
    pipeline = tiny_pipeline("T2V")
    config = pipeline.transformer.config
    config.vqgan_digest, config.sketch_vqgan_digest = map(codec_digest, (pipeline.vqgan, pipeline.sketch_vqgan))
    config.learnt_tasks = tasks
    return pipeline


def with_other_weights(codec, name):
    with torch.no_grad():
        for own, weight in codec.named_parameters():
            if own.startswith(name):
                weight.mul_(1.5)


@pytest.mark.parametrize(
    ("component", "part", "is_noticed"),
    [("vqgan", "quantize.", True), ("sketch_vqgan", "quantize.", True), ("vqgan", "decoder.", False)],
)
def test_another_codec_is_noticed_once_and_one_whose_decoder_learnt_on_is_accepted(
    warnings, tmp_path, component, part, is_noticed
):
    pipeline = learnt_pipeline()
    pipeline.save_pretrained(tmp_path)
    loaded = NuwaTextToVideoPipeline.from_pretrained(tmp_path)
    assert loaded.transformer.config.vqgan_digest == codec_digest(pipeline.vqgan)
    assert not warnings.records
    with_other_weights(getattr(loaded, component), part)
    for _ in range(2):
        NuwaTextToImagePipeline.from_pipe(loaded)
    assert len(warnings.records) == int(is_noticed)
    assert f"`{component}` is not the codec whose tokens `transformer` learnt" in warnings.text or not is_noticed
    loaded.transformer.config.vqgan_digest = loaded.transformer.config.sketch_vqgan_digest = None  # as saved before
    NuwaTextToVideoPipeline(**loaded.components)
    assert len(warnings.records) == int(is_noticed)


def test_a_task_that_was_never_learnt_is_named_once_and_unknown_tasks_are_not(warnings):
    pipeline = learnt_pipeline()
    pipeline("an apple", output_type="latent")
    assert not warnings.records
    images = NuwaTextToImagePipeline.from_pipe(pipeline)
    for _ in range(2):
        images("an apple", output_type="latent")
    (record,) = warnings.records
    assert "`transformer` never learnt T2I (text-to-image), but T2V" in record.getMessage()
    unknown = NuwaTextToImagePipeline.from_pipe(learnt_pipeline(tasks=None))
    unknown("an apple", output_type="latent")
    assert len(warnings.records) == 1
    learnt_pipeline(tasks=())("an apple", output_type="latent")
    assert "never learnt T2V (text-to-video); results" in warnings.records[1].getMessage()
