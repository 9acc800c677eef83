# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Data sets at URLs have the rows of the same files on disk, and any row of a stream is found from its parts."""

import shutil

import datasets
import fsspec
import pytest
from clip_folders import pictures, write_clips, write_metadata

from nuwa_hf.datasets.captioned_media import CaptionedMedia
from nuwa_hf.datasets.open_dataset import left_out_files, open_dataset
from nuwa_hf.datasets.stream_parts import count_part, num_parts, rows_from


@pytest.fixture
def memory():
    """An empty store that `memory://` URLs name."""
    store = fsspec.filesystem("memory")
    store.store.clear()
    yield store
    store.store.clear()


@pytest.fixture
def parquet(tmp_path, monkeypatch):
    """Two files with 5 and 2 clips inside, in row groups of 2."""
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    clips = write_clips(tmp_path / "clips", 7)
    for name, numbers in (("a", range(5)), ("b", range(5, 7))):
        videos = [{"bytes": (clips / f"clip{n}.gif").read_bytes(), "path": None} for n in numbers]
        (tmp_path / "rows").mkdir(exist_ok=True)
        rows = datasets.Dataset.from_dict({"video": videos, "text": [f"clip {n}" for n in numbers]})
        rows.to_parquet(tmp_path / "rows" / f"{name}.parquet", batch_size=2)
    return tmp_path / "rows"


def samples(dataset):
    media = CaptionedMedia(dataset, height=8, width=8, num_frames=2)
    return [one for number, row in media.rows(0) for one in media.reader.read(number, row)]


@pytest.mark.parametrize("pattern", ["clips/*.gif", "*/clip0.gif"])
def test_a_local_pattern_is_refused_with_the_url_that_takes_it(pattern, tmp_path, monkeypatch):
    write_clips(tmp_path / "clips", 2)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=r"got the pattern '.+', as only a URL may be; give the folder .+") as refused:
        open_dataset(pattern)
    url = str(refused.value).rpartition(" or ")[2].strip("'.")
    assert url == f"file://{tmp_path.as_posix()}/{pattern}"
    assert len(open_dataset(url)) == (2 if pattern.startswith("clips") else 1)


def test_a_folder_at_a_url_has_the_samples_of_the_local_one_by_rows_and_by_captions_beside_clips(memory, tmp_path):
    write_clips(tmp_path / "clips" / "train", 3)
    (tmp_path / "clips" / "test").mkdir()
    pictures(1, 0)[0].save(tmp_path / "clips" / "test" / "cat.png")
    (tmp_path / "clips" / "test" / "cat.txt").write_text("a cat")
    (tmp_path / "clips" / "notes.pdf").write_text("no clip")
    memory.put(str(tmp_path / "clips"), "/bucket/clips", recursive=True)
    for split, streaming in (("train", False), ("train[1:]", True)):
        local, remote = (
            samples(open_dataset(place, split=split, streaming=streaming))
            for place in (tmp_path / "clips", "memory://bucket/clips/")
        )
        assert [one["caption"] for one in local] == [one["caption"] for one in remote]
        assert all((one["video"] == other["video"]).all() for one, other in zip(local, remote, strict=True))
    (row,) = open_dataset("memory://bucket/clips", split="test")
    assert (row["media"], row["text"]) == ("memory:///bucket/clips/test/cat.png", "a cat")
    assert {one.file for one in left_out_files("memory://bucket/clips", split="test")} == {
        f"train/clip{number}.gif" for number in range(3)
    }


def test_a_file_of_rows_at_a_url_names_clips_from_its_folder(memory, tmp_path):
    write_metadata(tmp_path, [{"file_name": "a/b.gif", "text": "one"}, {"file_name": "c.gif", "text": "two"}])
    memory.put(str(tmp_path / "metadata.jsonl"), "/bucket/rows.jsonl")
    memory.pipe({"/bucket/a/b.gif": b"", "/bucket/c.gif": b""})
    rows = list(open_dataset("memory://bucket/rows.jsonl"))
    assert [row["media"] for row in rows] == ["memory:///bucket/a/b.gif", "memory:///bucket/c.gif"]


@pytest.mark.parametrize("name", ["", "/*.parquet", "/a.parquet"])
def test_files_with_clips_inside_are_read_at_a_url(parquet, name):
    rows = samples(open_dataset(f"{parquet.as_uri()}{name}", streaming=True))
    assert [row["caption"] for row in rows] == [f"clip {n}" for n in range(5 if name.endswith("a.parquet") else 7)]
    with pytest.raises(ValueError, match=r"`dataset` must be .* which cannot be opened"):
        open_dataset(f"{parquet.as_uri()}{name}", split="val", streaming=True)


@pytest.mark.parametrize("names", [("train-0", "val-0"), ("training/a", "valid/b"), ("data/train", "data/dev")])
def test_files_with_clips_inside_have_the_splits_of_the_local_folder_at_a_url(parquet, names):
    folder = parquet.rename(parquet.with_name("rows of a"))
    at_url = folder.with_name("rows [1]")
    for name, file in zip(names, sorted(folder.iterdir()), strict=True):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        file.rename(folder / f"{name}.parquet")
    shutil.copytree(folder, at_url)
    (at_url / "notes.json").write_text("{}")
    for split, count in (("train", 5), ("validation", 2), ("train+validation", 7), ("train[:2]", 2)):
        local, remote = (open_dataset(place, split=split)["text"] for place in (folder, f"file://{at_url}"))
        assert len(local) == count
        assert list(local) == list(remote)
    assert len(open_dataset(f"file://{at_url}/{names[1]}.parquet")) == 2
    with pytest.raises(ValueError, match=r"`dataset` must be .* which cannot be opened"):
        open_dataset(f"file://{at_url}", split="test")


def test_of_several_configurations_the_folder_of_one_is_opened_with_its_splits(parquet):
    """A pattern of all its files was advised, which mixed those of the test split into training."""
    cards = []
    for name in ("of_a", "of_b"):
        (parquet / name).mkdir()
        for split, file in (("train", "a"), ("test", "b")):
            shutil.copy(parquet / f"{file}.parquet", parquet / name / f"{split}-0.parquet")
        cards.append(f"- config_name: {name}\n  data_files: {name}/*.parquet\n")
    for file in ("a", "b"):
        (parquet / f"{file}.parquet").unlink()
    (parquet / "README.md").write_text("---\nconfigs:\n" + "".join(cards) + "---\n")
    message = r"`dataset` must have one configuration.*; open the folder .*NAME/FOLDER.:(.|\n)*\[.of_a., .of_b.\]"
    with pytest.raises(ValueError, match=message):
        open_dataset(parquet)
    for place in (parquet / "of_a", f"{parquet.as_uri()}/of_a"):
        assert list(open_dataset(place)["text"]) == [f"clip {n}" for n in range(5)]
        assert list(open_dataset(place, split="test")["text"]) == ["clip 5", "clip 6"]


@pytest.mark.parametrize("of", ["clips", "rows"])
def test_any_row_of_a_stream_is_found_from_the_counts_of_its_parts(parquet, of):
    media = CaptionedMedia(open_dataset(parquet.parent / of, streaming=True), height=8, width=8, num_frames=2)
    counts = [count_part(media.stream, part) for part in range(num_parts(media.stream))]
    assert counts == ([(1,)] * 7 if of == "clips" else [(2, 2, 1), (2,)])
    whole = list(media.rows(0))
    for start in range(9):
        assert list(media.counted(counts).rows(start)) == whole[start:]
        assert list(rows_from(media.stream, counts, start)) == [row for _, row in whole[start:]]


@pytest.mark.parametrize(
    ("url", "error", "message"),
    [
        ("memory://bucket/empty", ValueError, "`dataset` must hold at least one file, got none at 'memory://bucket"),
        ("nowhere://bucket", ValueError, "`dataset` must be a URL that an installed package opens"),
        ("http+unix://bucket", ValueError, "`dataset` must be a URL that an installed package opens"),
    ],
)
def test_urls_that_cannot_be_read_are_refused(url, error, message):
    with pytest.raises(error, match=message):
        open_dataset(url)


def test_a_folder_without_clips_at_a_url_is_refused(memory):
    memory.pipe_file("/bucket/notes.pdf", b"no clip")
    with pytest.raises(ValueError, match="`dataset` must hold at least one image or clip, got none at"):
        open_dataset("memory://bucket")
