# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Local folders as people have them: every file is a sample, part of one, or left out with the reason."""

import codecs
import io
import json
import logging
import ntpath
import os
import shutil
import unicodedata
from pathlib import Path
from types import SimpleNamespace

import datasets
import pytest
from clip_folders import pictures, save_animation, write_metadata

from nuwa_hf.datasets import dataset_digest as digest_module
from nuwa_hf.datasets.clip_names import clip_name, folder_of
from nuwa_hf.datasets.dataset_digest import dataset_digest
from nuwa_hf.datasets.find_columns import Columns, find_columns
from nuwa_hf.datasets.open_dataset import left_out_files, open_dataset
from nuwa_hf.datasets.repeated_media import repeated_media


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """A GIF of two frames; its contents do for files of any name."""
    path = tmp_path_factory.mktemp("source") / "clip.gif"
    save_animation(pictures(2, 0, size=(8, 8)), path)
    return path


@pytest.fixture
def folder(tmp_path, clip):
    """Makes a folder of clips of these names."""

    def make(*names):
        root = tmp_path / "clips"
        root.mkdir(exist_ok=True)
        for name in names:
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(clip, root / name)
        return root

    return make


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def names_and_captions(root, path=None, **arguments):
    """The samples of a data set as {name from the root on: caption}."""
    dataset = open_dataset(path or root, **arguments)
    columns = find_columns(dataset.features)
    return {str(Path(row[columns.media]).relative_to(root)): columns.caption_of(row) for row in dataset}


def left_out(root, **arguments):
    return {one.file: one.reason for one in left_out_files(root, **arguments)}


NAMES = [
    *("train.gif", "test tubes.gif", "val/a.MP4", "train/val/test.mov", "a b.webm", "names.m4v", "data/eval.GIF"),
    *("[1] what?*.mkv", "été/ñandú 猫 🐱.avi", "a.b.c.png", "dev.3gp", "x.ts", "x.flv", "x.wmv", "x.mpg", "x.avif"),
    *("x.tif", "x.ogv", "validation-00000-of-00001.webp", "metadata.gif", "no ending", "odd.ending", "#%41&.jpg"),
]


@pytest.mark.parametrize("name", NAMES)
def test_a_clip_is_read_whatever_it_and_its_folder_are_called(name, folder):
    root = folder(name, "other.gif")
    write_metadata(root, [{"file_name": name, "text": "one"}, {"file_name": "other.gif", "text": "two"}])
    assert names_and_captions(root) == {name: "one", "other.gif": "two"}
    (root / "metadata.jsonl").unlink()
    assert {Path(row["media"]) for row in open_dataset(root)} == {root / name, root / "other.gif"}
    assert left_out_files(root) == []


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("metadata.jsonl", '{"file_name": "a.gif", "text": "a cat"}\n\n{"file_name": "b.gif", "text": "a dog, é"}\n'),
        (
            "metadata.jsonl",
            codecs.BOM_UTF8 + '{"image": "a.gif", "txt": "a cat"}\n{"image": "b.gif", "txt": "a dog, é"}'.encode(),
        ),
        ("metadata.json", '[{"video": "a.gif", "prompt": "a cat"},\n {"video": "b.gif", "prompt": "a dog, é"}]'),
        ("METADATA.CSV", codecs.BOM_UTF8 + 'file_name, caption\r\na.gif, a cat\r\nb.gif, "a dog, é"\r\n'.encode()),
        ("captions.csv", 'path,caption,id\na.gif,a cat,7\n./sub/../b.gif,"a dog, é",8\n'),
    ],
)
def test_files_of_rows_of_every_kind_give_the_same_samples(file, text, folder):
    root = folder("a.gif", "b.gif", "sub/c.gif")
    write(root / file, text)
    expected = {"a.gif": "a cat", "b.gif": "a dog, é"}
    for path in (root, root / file):
        for streaming in (False, True):
            assert names_and_captions(root, path, streaming=streaming) == expected
    assert left_out(root) == {"sub/c.gif": f"has no row in {file}"}


def test_parquet_rows_keep_their_features_and_name_the_classes(folder):
    root = folder("a.gif", "b.gif")
    features = datasets.Features(
        {"file_name": datasets.Value("string"), "label": datasets.ClassLabel(names=["a_cat", "dog"])}
    )
    rows = datasets.Dataset.from_dict({"file_name": ["a.gif", "b.gif"], "label": [1, None]}, features=features)
    rows.to_parquet(root / "metadata.parquet")
    found = open_dataset(root)
    columns = find_columns(found.features, caption="label")
    assert [columns.caption_of(row) for row in found] == ["dog", None]
    assert columns.caption_of({"label": 0}) == "a cat"


def test_paths_may_be_whole_or_relative_or_of_windows_and_the_folder_may_be_a_dot_or_home(
    folder, tmp_path, monkeypatch
):
    root = folder("a.gif", "sub/b.gif", "sub/" + unicodedata.normalize("NFD", "é.gif"))
    rows = [str(root / "a.gif"), "sub\\b.gif", "sub/é.gif", "https://x.org/c.mp4"]
    write_metadata(root, [{"file_name": name, "text": "x"} for name in rows])
    found = [row["media"] for row in open_dataset(root)]
    assert found[:2] == [str(root / "a.gif"), str(root / "sub" / "b.gif")]
    assert Path(found[2]).is_file()
    assert found[3] == "https://x.org/c.mp4"
    monkeypatch.chdir(root)
    monkeypatch.setenv("HOME", str(tmp_path))
    for path in (".", "metadata.jsonl", "~/clips", "../clips/"):
        assert open_dataset(path)["media"] == found
    (tmp_path / "elsewhere").mkdir()
    lists = write(
        tmp_path / "elsewhere" / "list.jsonl",
        '{"video": "../clips/a.gif", "text": "x", "sketch": "../clips/sub/b.gif"}',
    )
    assert open_dataset(lists)[0] == {"video": found[0], "text": "x", "sketch": found[1]}


def test_nothing_is_copied_or_cached(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    open_dataset(folder("a.gif"))
    assert [path.name for path in tmp_path.iterdir()] == ["clips"]


def test_captions_are_read_beside_the_clips(folder):
    root = folder("a.gif", "sub/b.x.gif", "c.gif", "d.gif", "d.png")
    write(root / "a.txt", " a cat\n")
    write(root / "sub" / "b.x.caption", codecs.BOM_UTF8 + "ein Hündchen".encode())
    write(root / "c.txt", " \n")
    write(root / "d.TXT", "two dogs")
    write(root / "d.caption", "not this")
    write(root / "notes.txt", "buy milk")
    assert names_and_captions(root) == {
        **{"a.gif": "a cat", "sub/b.x.gif": "ein Hündchen", "c.gif": None, "d.gif": "two dogs", "d.png": "two dogs"}
    }
    assert left_out(root) == {
        "d.caption": "is not read, since there is d.TXT",
        "notes.txt": "is a text beside no sample of its name",
    }


def test_a_row_without_caption_takes_that_of_the_file_beside_its_clip(folder, caplog):
    root = folder("a.gif", "b.gif", "c.gif")
    write_metadata(
        root, [{"file_name": "a.gif", "caption": " "}, {"file_name": "b.gif", "caption": "b"}, {"file_name": "c.gif"}]
    )
    for name in ("a", "b"):
        write(root / f"{name}.txt", f"{name} of the file")
    with caplog.at_level(logging.INFO):
        assert names_and_captions(root) == {"a.gif": "a of the file", "b.gif": "b", "c.gif": None}
    assert left_out(root) == {"b.txt": "is not read, since the row of its clip has a caption"}
    assert "1 of 3 rows have no caption" in caplog.text


def test_every_file_is_used_or_left_out_with_the_reason_and_one_warning_names_them(folder, caplog):
    root = folder("a.gif", "sketch.gif", "b.gif", "c.gif", ".hidden.gif", ".git/x.gif", "kept/d.gif", "kept/.DS_Store")
    row = {"file_name": "a.gif", "text": "a", "sketch_file_name": "sketch.gif"}
    write_metadata(
        root, [row, {"file_name": "gone.gif", "text": "x"}, {"file_name": "", "text": "x"}, row, {**row, "text": "b"}]
    )
    write(root / "README.md", "# Clips")
    write(root / "info.json", '{"fps": 4}')
    write(root / "other.csv", "file_name,text\nb.gif,x\n")
    write(root / "kept" / "noise.bin2", "no clip")
    (root / "link.gif").symlink_to(root / "nothing")
    (root / "kept" / "circle").symlink_to(root)
    with caplog.at_level(logging.INFO):
        found = open_dataset(root)
    assert [(Path(row["media"]).name, row["text"], Path(row["sketch"]).name) for row in found] == [
        *(("a.gif", "a", "sketch.gif"), ("a.gif", "b", "sketch.gif"))
    ]
    expected = {
        "b.gif": "has no row in metadata.jsonl",
        "c.gif": "has no row in metadata.jsonl",
        "kept/d.gif": "has no row in metadata.jsonl",
        "gone.gif": "has a row in metadata.jsonl, but is not there",
        "metadata.jsonl, row 3": "names no file",
        "metadata.jsonl, row 4": "is the same as an earlier row",
        "README.md": "is no image and no clip",
        "kept/noise.bin2": "is no image and no clip",
        "info.json": "is not read, since there is metadata.jsonl",
        "other.csv": "is not read, since there is metadata.jsonl",
        ".hidden.gif": "is hidden, since its name starts with a dot",
        ".git": "is hidden, since its name starts with a dot",
        "kept/.DS_Store": "is hidden, since its name starts with a dot",
        "link.gif": "is a link to nothing",
        "kept/circle": "is a link to a folder that it lies in",
    }
    assert left_out(root) == expected
    (warning,) = [record for record in caplog.records if record.levelname == "WARNING"]
    assert f"Left out of {root} ({len(expected)}): b.gif, c.gif, kept/d.gif: has no row in" in warning.message


def test_a_row_that_stands_in_several_files_is_one_sample_of_its_split(folder):
    """Each clip came twice, and `all.csv`, which names no split, brought the rows of the test split into training."""
    root, head = folder("a.gif", "b.gif", "c.gif"), "file_name,text\n"
    write(root / "all.csv", f"{head}a.gif,a\nb.gif,b\nc.gif,c\n")
    write(root / "train.csv", f"{head}a.gif,a\nb.gif,b\n")
    write(root / "test.csv", f"{head}./c.gif,c\n")
    assert names_and_captions(root) == {"a.gif": "a", "b.gif": "b"}
    assert names_and_captions(root, split="test") == {"c.gif": "c"}
    assert len(open_dataset(root, split="all")) == 3
    same = {"all.csv, row 1": "train.csv", "all.csv, row 2": "train.csv", "all.csv, row 3": "test.csv"}
    found = left_out(root, split="all")
    assert found == {place: f"is the same as a row of {file}" for place, file in same.items()}


def test_a_row_that_stands_in_metadata_of_two_kinds_is_one_sample(folder):
    root = folder("a.gif", "b.gif")
    write(root / "metadata.csv", "file_name,text,size\na.gif,a,7\nb.gif,b,\n")
    rows = [{"file_name": "a.gif", "text": "a", "size": 7}, {"file_name": "b.gif", "text": "b"}]
    write_metadata(root, [*rows, {"file_name": "b.gif", "text": "another"}])
    assert list(open_dataset(root)["text"]) == ["a", "b", "another"]
    reason = "is the same as a row of metadata.csv"
    assert left_out(root) == {"metadata.jsonl, row 1": reason, "metadata.jsonl, row 2": reason}


def test_folders_of_which_each_has_its_metadata_are_one_data_set(folder):
    root = folder("train/a.gif", "train/b.gif", "bus/c.gif", "plain/d.gif")
    for name, files in (("train", "ab"), ("bus", "c")):
        write_metadata(root / name, [{"file_name": f"{one}.gif", "text": one} for one in files])
    write(root / "plain" / "d.txt", "d")
    assert names_and_captions(root) == {"train/a.gif": "a", "train/b.gif": "b", "bus/c.gif": "c", "plain/d.gif": "d"}


def splits_by_folder(root):
    for name in "abc":
        write(root / {"a": "train/a.txt", "b": "val/b.txt", "c": "train/c.txt"}[name], name)


def splits_by_column(root):
    rows = [("train/a.gif", "train"), ("val/b.gif", "validation"), ("train/c.gif", "train")]
    write_metadata(root, [{"file_name": name, "text": name[-5], "split": split} for name, split in rows])


def splits_by_file(root):
    for split, files in (("train", ("train/a.gif", "train/c.gif")), ("dev", ("val/b.gif",))):
        write(root / f"{split}.jsonl", "\n".join(json.dumps({"video": name, "text": name[-5]}) for name in files))


@pytest.mark.parametrize("mark", [splits_by_folder, splits_by_column, splits_by_file])
def test_splits_are_honoured_where_each_clip_has_one_and_the_others_are_named(mark, folder):
    root = folder("train/a.gif", "val/b.gif", "train/c.gif")
    mark(root)
    assert names_and_captions(root) == {"train/a.gif": "a", "train/c.gif": "c"}
    (reason,) = left_out(root).items()
    assert reason[0] == "val/b.gif"
    assert reason[1].startswith("belongs to the split")
    for name in ("val", "validation", "dev"):
        assert names_and_captions(root, split=name) == {"val/b.gif": "b"}
    assert len(names_and_captions(root, split="all")) == 3
    assert names_and_captions(root, split="train[1:]") == {"train/c.gif": "c"}
    with pytest.raises(
        ValueError, match=r"`dataset_split` must be one of \['train', 'validation', 'all'\].* got 'test'"
    ):
        open_dataset(root, split="test")


@pytest.mark.parametrize("above", ["data", "my set/clips", "train"])
def test_folders_of_splits_may_lie_in_one_that_holds_all_clips(above, folder):
    root = folder(*(f"{above}/{name}" for name in ("train/a.gif", "train/red_apple/c.gif", "test/b.gif")))
    for split, names in (("train", ["a.gif", "c.gif"]), ("test", ["b.gif"])):
        assert [Path(path).name for path in open_dataset(root, split=split)["media"]] == names
    assert list(open_dataset(root, split="all")["sub_folder"]) == [None, None, "red apple"]


def test_a_folder_that_only_sounds_like_a_split_is_none(folder):
    root = folder("train/a.gif", "val/b.gif", "c.gif")
    assert len(open_dataset(root)) == len(open_dataset(root, split="all")) == 3
    with pytest.raises(ValueError, match=r"`dataset_split` must be one of \['train', 'all'\]"):
        open_dataset(root, split="val")


def test_sub_folders_are_classes_where_the_caller_says_so(folder):
    root = folder("train/red_apple/a.gif", "val/b.gif", "train/x/pear/c.gif", "train/d.gif")
    found = open_dataset(root, split="all")
    columns = find_columns(found.features, caption_source="folder")
    captions = {Path(row["media"]).name: columns.caption_of(row) for row in found}
    assert captions == {"a.gif": "red apple", "b.gif": None, "c.gif": "pear", "d.gif": None}
    assert find_columns(found.features, caption_source="none") == Columns("media", None)
    assert find_columns(found.features, caption_source="none").caption_of(found[0]) is None
    with pytest.raises(
        ValueError, match=r"write each caption into a \.txt file beside its clip, or set `caption_source`"
    ):
        find_columns(found.features)
    with pytest.raises(ValueError, match="leave one of them out"):
        find_columns(found.features, caption="sub_folder", caption_source="none")
    with pytest.raises(ValueError, match="put the clips of each class into a local sub-folder"):
        find_columns({"media": None}, caption_source="folder")


ROW = '{"file_name": "a.gif", "text": "café"}\n'


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        (
            "metadata.jsonl",
            ROW.encode("utf-16"),
            r"in UTF-8, got .*metadata\.jsonl', which looks like UTF-16; save it as",
        ),
        ("a.txt", "café".encode("utf-16-be"), r"a\.txt', which looks like UTF-16; save it as UTF-8"),
        (
            "metadata.csv",
            "file_name,text\na.gif,café".encode("cp1252"),
            r"metadata\.csv', which has the byte 0xe9 in line 2",
        ),
        ("a.caption", "café".encode("cp1252"), r"a\.caption', which has the byte 0xe9 in line 1; save it as UTF-8"),
        ("metadata.jsonl", ROW + '{"file_name": ', r"metadata\.jsonl', which is broken in line 2: Expecting value"),
        ("metadata.json", '[{"file_name": "a.gif"},\n{"text" "x"}]', r"metadata\.json', which is broken in line 2"),
        ("metadata.jsonl", '"a.gif"', r"rows that are JSON objects, got 'a\.gif'"),
        (
            "metadata.csv",
            "file_name,text\na.gif,a cat, sitting",
            r"as its header, 2, got 3 .*line 2; put texts with commas in",
        ),
        ("metadata.csv", 'file_name,text\na.gif,"a cat', r"metadata\.csv', which is broken in line 2"),
        ("metadata.csv", "text,text,file_name\na,b,a.gif", r"columns of different names, got \['text'\] twice"),
        ("metadata.csv", "file_name;text\na.gif;a cat", "separate its columns by commas"),
        ("metadata.csv", "id,text\n1,a cat", r"must have a column `file_name` .* got \['id', 'text'\]"),
        ("metadata.jsonl", "", r"must have rows, got none in .*metadata\.jsonl'"),
        ("metadata.parquet", b"PAR1", r"must have whole \.parquet files, got .*metadata\.parquet'"),
        ("metadata.jsonl", '{"file_name": "a.gif", "media": "b.gif"}', "stands for 'media', another column"),
        (
            "metadata.jsonl",
            '{"file_name": "a.gif", "n": 1}\n{"file_name": "b.gif", "n": "x"}',
            "one kind of values, got 'n'",
        ),
    ],
)
def test_what_cannot_be_read_is_named_with_the_remedy(file, content, message, folder):
    root = folder("a.gif", "b.gif")
    write(root / file, content)
    with pytest.raises(ValueError, match=message):
        open_dataset(root)


def test_folders_and_files_without_a_clip_say_why(tmp_path, folder):
    write(tmp_path / "texts" / "README.md", "nothing")
    with pytest.raises(ValueError, match=r"which has none \(README\.md: is no image and no clip\)"):
        open_dataset(tmp_path / "texts")
    for name in ("list.jsonl", "metadata.jsonl"):
        rows = write(tmp_path / "lists" / name, '{"file_name": "clips/a.gif"}')
        with pytest.raises(
            ValueError, match=r"clips/a\.gif: has a row in .*, but is not there.*paths count from the folder"
        ):
            open_dataset(rows)
    with pytest.raises(ValueError, match="must have rows, got none in"):
        open_dataset(write(tmp_path / "empty.jsonl", ""))


def test_clips_beside_parquet_files_with_clips_inside_are_not_mixed(folder):
    root = folder("a.gif")
    features = datasets.Features({"video": datasets.Video(decode=False), "text": datasets.Value("string")})
    rows = {"video": [{"bytes": (root / "a.gif").read_bytes(), "path": None}], "text": ["inside"]}
    datasets.Dataset.from_dict(rows, features=features).to_parquet(root / "rows.parquet")
    for place in (root, root.as_uri()):
        with pytest.raises(ValueError, match=r"inside of \.parquet files, got both"):
            open_dataset(place)


@pytest.mark.parametrize("ending", [".tar", ".arrow"])
def test_a_picture_beside_shards_does_not_become_the_data_set(ending, folder):
    root = folder("cover.gif")
    write(root / f"clips-0{ending}", b"clips")
    for place in (root, root.as_uri()):
        with pytest.raises(ValueError, match=rf"inside of \{ending} files, got both .* cover\.gif and clips-0"):
            open_dataset(place)


@pytest.mark.parametrize(
    ("file", "content"),
    [("log.csv", "step,loss\n1,2,3\n"), ("log.jsonl", '{"loss": 1}\n{"loss"'), ("log.csv", "é".encode("utf-16"))],
)
def test_a_broken_file_of_something_else_is_left_out(file, content, folder):
    root = folder("a.gif")
    write(root / "a.txt", "a cat")
    write(root / file, content)
    assert names_and_captions(root) == {"a.gif": "a cat"}
    assert left_out(root) == {file: "is broken and names no image and no clip"}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_broken_file_that_names_clips_is_not_passed_over(encoding, folder):
    root = folder("a.gif")
    write(root / "captions.csv", "file_name,text\na.gif,a cat, sitting\n".encode(encoding))
    with pytest.raises(ValueError, match=r"captions\.csv"):
        open_dataset(root)


def test_the_digest_follows_captions_files_sizes_and_times_but_not_the_folders_place(folder, tmp_path):
    root = folder("a.gif", "b.gif")

    def digest(root=root, **arguments):
        found = open_dataset(root, **arguments)
        return dataset_digest(
            found, find_columns(found.features, caption_source="auto" if "text" in found.features else "none")
        )

    seen = [digest()]
    assert seen[0] == digest(streaming=True)
    write_metadata(root, [{"file_name": name, "text": "x"} for name in ("a.gif", "b.gif")])
    seen.append(digest())
    write_metadata(root, [{"file_name": name, "text": "y"} for name in ("a.gif", "b.gif")])
    seen.append(digest())
    write_metadata(root, [{"file_name": "a.gif", "text": "y"}])
    seen.append(digest())
    (root / "a.gif").write_bytes((root / "a.gif").read_bytes() + b" ")
    seen.append(digest())
    assert len(set(seen)) == len(seen)
    shutil.copytree(root, tmp_path / "moved", copy_function=shutil.copy2)
    assert digest(tmp_path / "moved") == seen[-1]
    inside = datasets.Dataset.from_dict(
        {"video": [{"bytes": b"x", "path": None}]}, features=datasets.Features({"video": datasets.Video(decode=False)})
    )
    assert dataset_digest(inside, Columns("video", None)) == inside._fingerprint
    assert dataset_digest(inside.to_iterable_dataset(), Columns("video", None)) is None


def test_files_on_several_drives_have_a_digest_and_those_on_one_may_be_moved(monkeypatch):
    """Two drives of Windows ended in a ValueError."""
    monkeypatch.setattr(digest_module, "os", SimpleNamespace(path=ntpath, stat=os.stat))

    def digest(clips, sketches):
        rows = datasets.Dataset.from_dict({"video": clips, "sketch": sketches})
        return dataset_digest(rows, Columns("video", None, "sketch"))

    one = digest([r"C:\a\0.gif", r"C:\a\b\1.gif"], [r"C:\a\0.png", r"C:\a\1.png"])
    assert digest([r"D:\c\0.gif", r"D:\c\b\1.gif"], [r"D:\c\0.png", r"D:\c\1.png"]) == one
    several = [
        digest([r"C:\a\0.gif", rf"{drive}:\a\{name}.gif"], [r"C:\a\0.png", rf"{other}:\a\1.png"])
        for drive, name, other in (("D", 1, "C"), ("D", 2, "C"), ("C", 1, "D"), ("C", 1, "E"))
    ]
    assert len({one, *several}) == 5


def test_the_digest_reads_no_clip_that_lies_inside_and_is_the_same_again_with_sketches_inside(folder):
    features = datasets.Features({"video": datasets.Value("binary")})
    inside = datasets.Dataset.from_dict({"video": [b"x", b"y"]}, features=features)
    assert dataset_digest(inside, Columns("video", None)) == inside._fingerprint
    clip = folder("a.gif") / "a.gif"
    features = datasets.Features({"video": datasets.Value("string"), "sketch": datasets.Image()})
    sketches = [io.BytesIO(), io.BytesIO()]
    for seed, sketch in enumerate(sketches):
        pictures(1, seed)[0].save(sketch, "PNG")

    def digest(sketch):
        rows = {"video": [str(clip)], "sketch": [{"bytes": sketch.getvalue(), "path": None}]}
        return dataset_digest(datasets.Dataset.from_dict(rows, features=features), Columns("video", None, "sketch"))

    assert digest(sketches[0]) == digest(sketches[0]) != digest(sketches[1])


def test_clips_are_called_by_their_paths_from_the_folder_on(folder, tmp_path):
    root = folder("cats/1.gif", "dogs/1.gif")
    elsewhere = tmp_path / "else.gif"
    shutil.copy(root / "cats" / "1.gif", elsewhere)
    write_metadata(root, [{"file_name": name} for name in ("cats/1.gif", "dogs/1.gif", str(elsewhere))])
    names = ["cats/1.gif", "dogs/1.gif", str(elsewhere)]
    for place in (root, root / "metadata.jsonl"):
        for streaming in (False, True):
            found = open_dataset(place, streaming=streaming)
            rows = enumerate(row["media"] for row in found)
            assert [clip_name(number, source, folder_of(found)) for number, source in rows] == names
    assert folder_of(open_dataset(root).filter(lambda media: "dogs" in media, input_columns=["media"])) == str(root)
    remote = open_dataset(root.as_uri())
    rows = enumerate(remote["media"])
    assert [clip_name(number, source, folder_of(remote)) for number, source in rows][:2] == names[:2]


def test_without_a_folder_clips_are_called_by_their_files_or_rows():
    found = datasets.Dataset.from_dict({"media": ["/a/b.gif"]})
    assert folder_of(found) is None
    sources = ["/a/b.gif", {"path": "c/d.mp4", "bytes": b""}, {"path": None, "bytes": b""}]
    names = [clip_name(number, source, None) for number, source in enumerate(sources)]
    assert names == ["b.gif", "d.mp4", "row 2"]


def test_rows_of_a_clip_are_known_by_its_path_or_its_bytes(folder):
    root = folder("a.gif", "b.gif")
    rows = [("a.gif", "x"), ("b.gif", "x"), ("./a.gif", "y"), ("a.gif", "z"), ("b.gif", "y")]
    write_metadata(root, [{"file_name": name, "text": text} for name, text in rows])
    for streaming in (False, True):
        first_rows = repeated_media(open_dataset(root, streaming=streaming), "media")
        assert first_rows.tolist() == [0, 1, 0, 0, 1]
        assert first_rows.nbytes == 4 * len(rows)  # which each process of `nuwa-hf tokenize` gets
    videos = [{"bytes": content, "path": "same.gif"} for content in (b"a", b"b", b"a")]
    features = datasets.Features({"video": datasets.Video(decode=False)})
    inside = datasets.Dataset.from_dict({"video": videos}, features=features)
    assert repeated_media(inside, "video").tolist() == [0, 1, 0]
    assert repeated_media(inside.select([0, 1]), "video") is None
    assert repeated_media(inside.to_iterable_dataset(), "video") is None
