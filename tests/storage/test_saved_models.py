# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""A save is whole, or what there was before is still there."""

import resource
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from diffusers.hooks import apply_group_offloading
from tiny import tiny_pipeline, tiny_tokenizer, tiny_transformer, tiny_vqgan, tiny_vqmodel

from nuwa_hf import NuwaForConditionalGeneration, NuwaProcessor, NuwaTextToVideoPipeline, NuwaVQGAN
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


def tiny_processor():
    """With a codec of diffusers, whose own save is not whole."""
    return NuwaProcessor(tiny_tokenizer(), tiny_vqmodel())


@pytest.mark.parametrize("make", [tiny_pipeline, tiny_transformer, tiny_vqgan, tiny_tokenizer, tiny_processor])
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


@pytest.mark.parametrize("method", ["replace", "unlink"])
def test_weights_that_may_not_be_replaced_are_named(method, tmp_path, monkeypatch):
    """Windows does not give up a file that a loaded model maps; here the system's answer is put in its place."""
    do = getattr(Path, method)

    def keep_the_weights(path, *target):
        (changed,) = target or (path,)
        if changed.suffix == ".safetensors" and changed.exists():
            raise PermissionError(13, "Access is denied", str(path), None, *map(str, target))
        return do(path, *target)

    tiny_vqgan().save_pretrained(tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    monkeypatch.setattr(Path, method, keep_the_weights)
    kind = {"max_shard_size": "10KB"} if method == "unlink" else {}
    message = r"`save_directory` must have .*model\.safetensors may not \(Access is denied\).*another folder"
    with pytest.raises(PermissionError, match=message):
        tiny_vqgan(sample_size=16).save_pretrained(tmp_path, **kind)
    if method == "replace":
        assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


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


def test_a_processor_names_the_file_of_its_settings(tmp_path):
    assert tiny_processor().save_pretrained(tmp_path / "saved") == [str(tmp_path / "saved" / "processor_config.json")]


def test_a_pipeline_is_saved_over_another(tmp_path):
    tiny_pipeline().save_pretrained(tmp_path / "saved")
    smaller = tiny_pipeline(transformer=tiny_transformer(num_decoder_layers=1))
    smaller.save_pretrained(tmp_path / "saved")
    assert NuwaTextToVideoPipeline.from_pretrained(tmp_path / "saved").transformer.config.num_decoder_layers == 1


def saved_in(folders, here):
    """A save of one file that appends the names of the folder that it fills and of all that lies `here` meanwhile."""

    @saves_whole
    def save(model, save_directory):
        folders.append((Path(save_directory).name, sorted(path.name for path in here.iterdir())))
        Path(save_directory).mkdir(exist_ok=True)
        Path(save_directory, "config.json").write_text("{}")

    return save


@pytest.mark.parametrize(("given", "named"), [(".", "work"), ("..", "above"), ("../../above", "above")])
def test_a_folder_that_is_named_by_its_place_is_filled_and_no_other(given, named, tmp_path, monkeypatch):
    """`..` took all files of the working directory along."""
    work = tmp_path / "above" / "work"
    work.mkdir(parents=True)
    (work / "mine.txt").write_text("mine")
    monkeypatch.chdir(work)
    folders = []
    saved_in(folders, tmp_path)(None, given)
    assert [name for name, _ in folders] == [named]
    saved = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()}
    expected = "above/work/config.json" if named == "work" else "above/config.json"
    assert saved == {expected, "above/work/mine.txt"}


def test_a_folder_that_is_there_is_written_within(tmp_path):
    """It may be a disk of its own, onto which nothing can be renamed, in a folder that nobody may write to."""
    (tmp_path / "disk").mkdir()
    folders = []
    saved_in(folders, tmp_path)(None, tmp_path / "disk")
    assert folders == [("disk", ["disk"])]
    assert [path.name for path in (tmp_path / "disk").iterdir()] == ["config.json"]


@pytest.mark.parametrize("make", [tiny_transformer, tiny_vqgan, tiny_tokenizer, tiny_processor])
def test_a_push_that_fails_leaves_the_save(make, tmp_path):
    model = make()
    with pytest.raises(OSError, match="offline"):
        model.save_pretrained(tmp_path / "saved", push_to_hub=True, repo_id="me/saved", commit_message="mine")
    type(model).from_pretrained(tmp_path / "saved")
    assert [path.name for path in tmp_path.iterdir()] == ["saved"]


@pytest.mark.parametrize("offload_type", ["leaf_level", "block_level"])
@pytest.mark.parametrize("part", ["transformer", "vqgan"])
def test_weights_that_are_on_disk_in_groups_are_not_saved_as_they_are(part, offload_type, tmp_path):
    """What stood in the memory was saved under their names, in place of what there was before."""
    pipeline = tiny_pipeline()
    pipeline.save_pretrained(tmp_path / "saved")
    before = {path: path.read_bytes() for path in (tmp_path / "saved").rglob("*") if path.is_file()}
    model, weights = getattr(pipeline, part), {n: w.clone() for n, w in getattr(pipeline, part).state_dict().items()}
    settings = {"offload_type": offload_type, "offload_to_disk_path": str(tmp_path / "groups")}
    apply_group_offloading(model, torch.device("cpu"), num_blocks_per_group=1, **settings)
    for save in (
        lambda: pipeline.save_pretrained(tmp_path / "saved"),
        lambda: pipeline.push_to_hub("tester/saved"),
        lambda: model.save_pretrained(tmp_path / "saved" / part),
    ):
        with pytest.raises(ValueError, match=r"must not be offloaded to disk .* before `enable_group_offload`"):
            save()
    assert {path: path.read_bytes() for path in (tmp_path / "saved").rglob("*") if path.is_file()} == before
    if part == "transformer":  # of transformers, which takes weights from elsewhere
        model.save_pretrained(tmp_path / "given", state_dict=weights)
        loaded = NuwaForConditionalGeneration.from_pretrained(tmp_path / "given").state_dict()
        assert all(torch.equal(loaded[name], weight) for name, weight in weights.items())


def test_weights_that_group_offloading_keeps_in_memory_are_saved(tmp_path):
    model = tiny_transformer()
    expected = {name: weight.clone() for name, weight in model.state_dict().items()}
    apply_group_offloading(model, torch.device("cpu"), offload_type="leaf_level")
    model.save_pretrained(tmp_path)
    loaded = NuwaForConditionalGeneration.from_pretrained(tmp_path).state_dict()
    assert all(torch.equal(loaded[name], weight) for name, weight in expected.items())
