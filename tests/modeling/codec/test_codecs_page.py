# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The codec that docs/codecs.md shows works as the page says."""

import re
import sys
from importlib import import_module
from pathlib import Path

import pytest
import torch
from diffusers import DiffusionPipeline
from tiny import seeded, tiny_inputs, tiny_pipeline, tiny_transformer

from nuwa_hf.modeling.codec import VQModelCodec, as_codec


PAGE = Path(__file__).parents[3] / "docs" / "codecs.md"


@pytest.fixture(scope="module")
def blocks():
    return re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)


@pytest.fixture
def own_codec(blocks, tmp_path, monkeypatch):
    """The page's class, in a module of its own as the page asks."""
    (tmp_path / "mean_color_codec.py").write_text(blocks[0], encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield import_module("mean_color_codec").MeanColorCodec(levels=3, patch=2, sample_size=8)
    del sys.modules["mean_color_codec"]


def test_own_codec_gives_back_the_mean_colours_of_patches(own_codec):
    images = torch.rand(2, 3, 8, 12) * 2 - 1
    decoded = own_codec.decode(own_codec.encode(images).tokens).sample
    assert decoded.shape == images.shape
    means = torch.nn.functional.avg_pool2d(images, 2)
    assert (decoded[..., ::2, ::2] - means).abs().max() <= 0.5 + 1e-6  # half of the step between three levels


@pytest.mark.parametrize("task", ["T2V", "TI2I"])
def test_pipeline_with_ones_own_codec_is_saved_loaded_and_run(own_codec, task, tmp_path):
    pipeline = tiny_pipeline(task, vqgan=own_codec, transformer=tiny_transformer(codebook_size=27))
    pipeline.save_pretrained(tmp_path / "pipeline")
    loaded = type(pipeline).from_pretrained(tmp_path / "pipeline")
    loaded.set_progress_bar_config(disable=True)
    assert type(loaded.vqgan) is type(own_codec)
    outputs = [one(**tiny_inputs(task), generator=seeded(0), output_type="pt") for one in (pipeline, loaded)]
    assert torch.equal(outputs[0][0], outputs[1][0])
    assert DiffusionPipeline.from_pretrained(tmp_path / "pipeline").vqgan.codebook_size == 27


def test_slicing_and_tiling_are_refused_where_a_codec_has_none(own_codec):
    pipeline = tiny_pipeline("S2I", vqgan=own_codec, transformer=tiny_transformer(codebook_size=27))
    for switch in ("slicing", "tiling"):
        with pytest.raises(ValueError, match=f"`vqgan` must be a codec with {switch}, .* got MeanColorCodec"):
            getattr(pipeline, f"enable_vae_{switch}")()
        assert not getattr(pipeline.sketch_vqgan, f"use_{switch}")


def test_the_adapter_that_the_page_registers_is_there(blocks):
    names = {}
    exec(blocks[1], names)
    assert as_codec.dispatch(names["VQModel"]) is VQModelCodec
