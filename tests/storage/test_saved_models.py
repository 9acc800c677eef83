# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""A save is whole, or what there was before is still there."""

import resource
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from tiny import tiny_pipeline, tiny_tokenizer, tiny_transformer, tiny_vqgan

from nuwa_hf import NuwaForConditionalGeneration, NuwaTextToVideoPipeline, NuwaVQGAN
from nuwa_hf.storage.saved_models import saves_whole
from nuwa_hf.storage.whole_folders import save_aside


@contextmanager
def full_disk():
    """Writes of more than a few thousand bytes fail, as on a full disk: configurations fit, weights do not.

    Only in the block: pytest's own output may be a file too.
    """
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4000, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


@pytest.mark.parametrize("make", [tiny_pipeline, tiny_transformer, tiny_vqgan, tiny_tokenizer])
def test_a_save_that_fails_leaves_no_part_of_itself(make, tmp_path):
    model = make()
    with full_disk(), pytest.raises(OSError, match="above"):
        model.save_pretrained(tmp_path / "above" / "saved")
    assert list(tmp_path.iterdir()) == []


def test_a_save_that_fails_leaves_the_last_one(tmp_path):
    tiny_vqgan().save_pretrained(tmp_path / "saved")
    before = {path.name: path.read_bytes() for path in (tmp_path / "saved").iterdir()}
    other = tiny_vqgan(sample_size=16)
    with full_disk(), pytest.raises(OSError, match="saved"):
        other.save_pretrained(tmp_path / "saved")
    assert {path.name: path.read_bytes() for path in (tmp_path / "saved").iterdir()} == before
    assert [path.name for path in tmp_path.iterdir()] == ["saved"]


@pytest.mark.parametrize(
    ("make", "load"),
    [(tiny_transformer, NuwaForConditionalGeneration.from_pretrained), (tiny_vqgan, NuwaVQGAN.from_pretrained)],
)
def test_the_last_save_is_what_loads_and_what_belongs_to_others_stays(make, load, tmp_path):
    """An old single file was read in place of new shards."""
    model = make()
    model.save_pretrained(tmp_path)
    model.save_pretrained(tmp_path, variant="fp16")
    (tmp_path / "README.md").write_text("mine")
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(1)
    for kind in ({"max_shard_size": "10KB"}, {}):
        model.save_pretrained(tmp_path, **kind)
        loaded = load(tmp_path)
        assert all(map(torch.equal, loaded.parameters(), model.parameters()))
    assert not list(tmp_path.glob("*-of-*"))
    assert torch.equal(next(load(tmp_path, variant="fp16").parameters()), next(make().parameters()))
    assert (tmp_path / "README.md").read_text() == "mine"


def test_what_is_written_aside_already_is_not_written_aside_again(tmp_path):
    """A process that was killed left the second folder, under a name that nobody looks for."""
    seen = []

    @saves_whole
    def save(model, save_directory):
        seen.extend(path.name for path in tmp_path.iterdir())
        Path(save_directory).mkdir()

    save_aside(tmp_path / "codec", lambda folder: save(None, folder))
    assert seen == []
    save(None, tmp_path / "other")
    assert [name for name in seen if name.startswith(".other.")]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["codec", "other"]


def test_a_tokenizer_names_the_files_that_it_wrote(tmp_path):
    written = tiny_tokenizer().save_pretrained(tmp_path / "saved")
    assert sorted(written) == sorted(str(path) for path in (tmp_path / "saved").iterdir())


def test_a_pipeline_is_saved_over_another(tmp_path):
    tiny_pipeline().save_pretrained(tmp_path / "saved")
    smaller = tiny_pipeline(transformer=tiny_transformer(num_decoder_layers=1))
    smaller.save_pretrained(tmp_path / "saved")
    assert NuwaTextToVideoPipeline.from_pretrained(tmp_path / "saved").transformer.config.num_decoder_layers == 1
