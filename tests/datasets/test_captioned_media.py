# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Data sets of captioned media: wherever they lie, their rows become the same samples."""

import sys
import tarfile
from contextlib import nullcontext
from io import BytesIO

import datasets
import numpy as np
import PIL.Image
import pytest
from clip_folders import break_clip, class_maps, pictures, save_animation, write_clips, write_metadata

from nuwa_hf.datasets.captioned_media import CaptionedMedia
from nuwa_hf.datasets.clip_windows import ClipWindows
from nuwa_hf.datasets.find_columns import find_columns, usable_caption_source
from nuwa_hf.datasets.open_dataset import open_dataset
from nuwa_hf.datasets.random_crops import RandomCrops
from nuwa_hf.datasets.still_rows import is_of_stills
from nuwa_hf.datasets.undecoded_rows import STORED_FILE
from nuwa_hf.media.errors import BrokenMediaError
from nuwa_hf.media.resizing import fit_picture, middle_box, resize_class_maps
from nuwa_hf.training.tokens.train_tokenizer import dataset_captions


SIZE = {"height": 8, "width": 8}
MIDDLE = middle_box(12, 16, 8, 8)


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    datasets.disable_progress_bars()


@pytest.fixture
def folder(tmp_path):
    return write_clips(tmp_path / "clips", 3, num_classes=5)


def samples(dataset, **arguments):
    media = CaptionedMedia(dataset, **{**SIZE, "num_frames": 3, **arguments})
    return [sample for number, row in media.rows(0) for sample in media.reader.read(number, row)]


def assert_equal(found, expected):
    assert len(found) == len(expected) > 0
    for one, other in zip(found, expected, strict=True):
        for name in ("caption", "image_caption", "image_index"):
            assert one[name] == other[name]
        for name in ("video", "sketch"):
            assert np.array_equal(one[name], other[name])


def test_a_folder_gives_the_frames_captions_and_sketches_that_were_written(folder):
    for number, sample in enumerate(samples(open_dataset(folder), sketch_column="sketch")):
        expected = [fit_picture(picture, 8, 8) for picture in pictures(3, number)]
        assert np.array_equal(sample["video"], expected)
        assert sample["caption"] == sample["image_caption"] == f"a clip of {number} things"
        assert sample["name"] == f"clip{number}.gif"
        assert sample["sketch"].shape == (3, 8, 8)
        assert set(np.unique(sample["sketch"])) <= set(np.unique(class_maps(4, number, 5)))
    assert [sample["image_index"] for sample in samples(open_dataset(folder))] == [0, 1, 0]


def test_streams_parquet_saved_and_generated_data_sets_give_the_same_samples(folder, tmp_path):
    expected = samples(open_dataset(folder), sketch_column="sketch")
    assert_equal(samples(open_dataset(folder, streaming=True), sketch_column="sketch"), expected)
    (tmp_path / "rows").mkdir()
    features = datasets.Features(
        {
            "video": datasets.Video(decode=False),
            "caption": datasets.Value("string"),
            "sketch": datasets.List(datasets.Image()),
        }
    )
    rows = [
        {
            "video": {"bytes": (folder / f"clip{n}.gif").read_bytes(), "path": None},
            "caption": f"a clip of {n} things",
            "sketch": [PIL.Image.fromarray(one) for one in class_maps(4, n, 5)],
        }
        for n in range(3)
    ]
    made = datasets.Dataset.from_list(rows, features=features)
    made.to_parquet(tmp_path / "rows" / "train.parquet")
    made.save_to_disk(tmp_path / "saved")
    for path in (tmp_path / "rows", tmp_path / "rows" / "train.parquet", tmp_path / "saved"):
        for streaming in (False, True):
            assert_equal(samples(open_dataset(path, streaming=streaming), sketch_column="sketch"), expected)
    paths = [{"clip": str(folder / f"clip{n}.gif"), "text": f"a clip of {n} things"} for n in range(3)]
    without_sketches = samples(open_dataset(folder))
    for suffix, write in ((".jsonl", "to_json"), (".csv", "to_csv")):
        getattr(datasets.Dataset.from_list(paths), write)(tmp_path / f"paths{suffix}")
        for one, other in zip(samples(open_dataset(tmp_path / f"paths{suffix}")), without_sketches, strict=True):
            assert np.array_equal(one["video"], other["video"])
    generated = datasets.IterableDataset.from_generator(lambda: iter(rows))
    assert_equal(samples(generated, sketch_column="sketch"), expected)


@pytest.mark.parametrize("kind", ["rows", "stream", "stream with threads", "generated"])
def test_files_that_are_not_read_are_not_decoded_wherever_they_stand_in_a_row(folder, kind):
    """A sound asked for a package that decodes it, and a picture in a struct was decoded with each row."""
    other = {"bytes": b"of no known kind", "path": None}
    rows = [
        {
            "video": {"bytes": (folder / f"clip{n}.gif").read_bytes(), "path": None},
            "text": f"a clip of {n} things",
            "sound": other,
            "more": {"covers": [other], "size": n},
        }
        for n in range(3)
    ]
    text, more = datasets.Value("string"), {"size": datasets.Value("int64")}
    plain = {"video": STORED_FILE, "text": text, "sound": STORED_FILE, "more": {"covers": [STORED_FILE], **more}}
    covers = datasets.List(datasets.Image())
    features = {"video": datasets.Video(), "text": text, "sound": datasets.Audio(), "more": {"covers": covers, **more}}
    made = datasets.Dataset.from_list(rows, features=datasets.Features(plain)).cast(datasets.Features(features))
    dataset = {
        "rows": made,
        "stream": made.to_iterable_dataset(),
        "stream with threads": made.to_iterable_dataset().decode(num_threads=2),  # as `datasets` streams folders
        "generated": datasets.IterableDataset.from_generator(lambda: iter(rows), features=datasets.Features(features)),
    }[kind]
    for one, other in zip(samples(dataset), samples(open_dataset(folder)), strict=True):
        assert one["caption"] == other["caption"]
        assert np.array_equal(one["video"], other["video"])
    assert not is_of_stills(dataset, "video")
    assert len(list(dataset_captions(dataset, find_columns(dataset.features)))) == 3


def test_a_tar_file_with_sounds_is_streamed_or_says_what_prepares_it(folder, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torchcodec.encoders", None)  # not installed
    (tmp_path / "tars").mkdir()
    with tarfile.open(tmp_path / "tars" / "a.tar", "w") as archive:
        for n in range(3):
            clip = (folder / f"clip{n}.gif").read_bytes()
            for ending, data in (("gif", clip), ("txt", b"a clip"), ("wav", b"RIFF")):
                entry = tarfile.TarInfo(f"{n}.{ending}")
                entry.size = len(data)
                archive.addfile(entry, BytesIO(data))
    found = samples(open_dataset(tmp_path / "tars", streaming=True))
    assert [sample["caption"] for sample in found] == ["a clip"] * 3
    with pytest.raises(ValueError, match=r"must hold what installed packages prepare, .*torchcodec.* Or stream it"):
        open_dataset(tmp_path / "tars")


def write_numbers(folder):
    """Ten captioned pictures in a saved data set, in one with splits, and inside of a file."""
    inside = [{"bytes": bytes([number]), "path": None} for number in range(10)]
    features = datasets.Features({"image": datasets.Image(), "text": datasets.Value("string")})
    made = datasets.Dataset.from_dict({"image": inside, "text": [str(n) for n in range(10)]}, features=features)
    made.save_to_disk(folder / "saved")
    parts = {"train": made.select(range(6)), "val": made.select(range(6, 10))}
    datasets.DatasetDict(parts).save_to_disk(folder / "with_splits")
    made.to_parquet(folder / "rows.parquet")


@pytest.mark.parametrize("name", ["saved", "with_splits", "rows.parquet"])
def test_splits_of_rows_that_datasets_reads_are_those_that_are_named(name, tmp_path):
    write_numbers(tmp_path)

    def texts(split):
        return "".join(open_dataset(tmp_path / name, split=split)["text"])

    train = "012345" if name == "with_splits" else "0123456789"
    assert texts("train") == train
    assert texts("all") == "0123456789"
    half = len(train) // 2
    assert (texts("train[:50%]"), texts("train[50%:]")) == (train[:half], train[half:])
    if name == "with_splits":
        assert (texts("val"), texts("val[1:]+train[:1]")) == ("6789", "7890")
    for wrong in ("test", "train[20:]" if name != "rows.parquet" else "validation"):
        with pytest.raises(ValueError, match="`dataset"):
            open_dataset(tmp_path / name, split=wrong)


def test_a_saved_split_has_its_own_name_too(tmp_path):
    datasets.Dataset.from_dict({"text": ["a", "b"]}, split="validation").save_to_disk(tmp_path / "saved")
    for split in ("train", "validation", "all"):
        assert list(open_dataset(tmp_path / "saved", split=split)["text"]) == ["a", "b"]
    (row,) = open_dataset(tmp_path / "saved", split="validation[1:]", streaming=True)
    assert row == {"text": "b"}


def test_rows_from_a_start_on_are_the_rest_of_all_rows(folder):
    for streaming in (False, True):
        media = CaptionedMedia(open_dataset(folder, streaming=streaming), **SIZE, num_frames=3)
        every = list(media.rows(0))
        assert [number for number, _ in every] == [0, 1, 2]
        assert list(media.rows(1)) == every[1:]
        assert list(media.rows(3)) == []
        assert media.num_rows == (None if streaming else 3)


def test_captioned_images_are_clips_of_one_frame(tmp_path):
    (tmp_path / "images").mkdir()
    shown = pictures(3, 5)
    for number, picture in enumerate(shown):
        picture.save(tmp_path / "images" / f"{number}.png")
    write_metadata(tmp_path / "images", [{"file_name": f"{n}.png", "caption": f"image {n}"} for n in range(3)])
    found = samples(open_dataset(tmp_path / "images"), num_frames=1)
    assert [sample["image_index"] for sample in found] == [0, 0, 0]
    assert np.array_equal(found[1]["video"], [fit_picture(shown[1], 8, 8)])
    with pytest.raises(ValueError, match="`num_frames` must be 1 for still images"):
        CaptionedMedia(open_dataset(tmp_path / "images"), **SIZE, num_frames=2)


def test_the_still_frames_of_each_class_are_all_frames_also_where_classes_stand_by_turns(tmp_path):
    folder = write_clips(tmp_path / "clips", 36)
    shown = [sample["image_index"] for sample in samples(open_dataset(folder))]
    for step in (2, 3, 4):
        assert all(set(shown[first::step]) == {0, 1, 2} for first in range(step))


def test_broken_and_short_clips_say_what_is_wrong_and_one_without_a_caption_has_none(tmp_path):
    folder = write_clips(tmp_path / "clips", 3)
    break_clip(folder, 0)
    save_animation(pictures(2, 9), folder / "clip1.gif")
    write_metadata(folder, [{"file_name": f"clip{n}.gif", "text": "a clip" if n < 2 else " "} for n in range(3)])
    media = CaptionedMedia(open_dataset(folder), **SIZE, num_frames=3)
    broken, short, uncaptioned = media.rows(0)
    for row, reason in ((broken, "cannot be decoded"), (short, "is too short")):
        with pytest.raises(BrokenMediaError, match=reason):
            list(media.reader.read(*row))
    (sample,) = media.reader.read(*uncaptioned)
    assert sample["caption"] is sample["image_caption"] is None
    (unread,) = samples(open_dataset(folder).select([2]), caption_source="none")
    assert np.array_equal(unread["video"], sample["video"])


def test_windows_of_a_long_clip_are_the_frames_shown_from_their_starts_on(tmp_path):
    """A clip of eight frames, each shown for 0.4 s, in samples of two frames: the last can start at 2.4 s."""
    folder = write_clips(tmp_path / "clips", 1, num_frames=8, num_classes=5)
    shown = np.stack([fit_picture(picture, 8, 8) for picture in pictures(8, 0)])
    for arguments, firsts in (
        ({"clips_per_video": 3}, [0, 3, 6]),
        ({"stride": 0.8}, [0, 2, 4, 6]),
        ({"stride": 0.8, "clips_per_video": 2}, [0, 2]),
        ({"clips_per_video": 99}, [0, 1, 2, 3, 4, 5, 6]),
    ):
        found = samples(open_dataset(folder), num_frames=2, windows=ClipWindows(**arguments), sketch_column="sketch")
        assert [sample["image_index"] for sample in found] == [place % 2 for place in range(len(firsts))]
        assert np.array_equal([sample["video"] for sample in found], [shown[n : n + 2] for n in firsts])
        maps = np.stack([resize_class_maps(class_maps(8, 0, 5), 8, 8, MIDDLE)[n : n + 2] for n in firsts])
        assert np.array_equal([sample["sketch"] for sample in found], maps)


def test_crops_are_the_middle_and_parts_of_all_frames_of_a_window_and_of_its_sketches(tmp_path):
    """Pictures whose pixels say where they are: each crop is the box that it was cut from, in every frame."""
    folder = write_clips(tmp_path / "clips", 2, num_frames=8, num_classes=5)
    crops = RandomCrops(3, crop_scale=0.5, seed=4)
    arguments = {"num_frames": 2, "windows": ClipWindows(2), "sketch_column": "sketch"}
    found = samples(open_dataset(folder), crops=crops, **arguments)
    whole = samples(open_dataset(folder), **arguments)
    assert len(found) == 12
    assert [sample["image_index"] for sample in found[:6]] == [0, 1] * 3
    for key in ("video", "sketch"):
        assert all(np.array_equal(one[key], other[key]) for one, other in zip(found[::3], whole, strict=True))
    boxes = crops.boxes(1, 1, 12, 16, 8, 8)
    for sample, box in zip(found[9:], boxes, strict=True):
        shown = [fit_picture(picture, 8, 8, box) for picture in pictures(8, 1)[6:]]
        assert np.array_equal(sample["video"], shown)
        assert np.array_equal(sample["sketch"], resize_class_maps(class_maps(8, 1, 5), 8, 8, box)[6:])


@pytest.mark.parametrize("size", [(30, 30), (40, 90), (90, 40)])
def test_crops_lie_within_the_frames_and_depend_on_seed_row_and_window(size):
    crops = RandomCrops(5, crop_scale=0.7)
    boxes = crops.boxes(0, 0, *size, 10, 20)
    assert boxes == crops.boxes(0, 0, *size, 10, 20)
    largest = boxes[0][2] - boxes[0][0]
    for left, top, right, bottom in boxes:
        assert 0 <= left <= right <= size[1] + 1e-9
        assert 0 <= top <= bottom <= size[0] + 1e-9
        assert right - left == pytest.approx(2 * (bottom - top))
        assert 0.7 * largest - 1e-9 <= right - left <= largest + 1e-9
    others = [
        RandomCrops(5, crop_scale=0.7, seed=seed).boxes(*place, *size, 10, 20)
        for seed, *place in ((1, 0, 0), (0, 1, 0), (0, 0, 1))
    ]
    assert len({tuple(some) for some in [boxes, *others]}) == 4


def test_a_class_beyond_the_codec_is_an_error_that_names_the_clip(folder):
    with pytest.raises(
        ValueError, match=r"`sketch_column` must have classes from 0 to 2.* got 4 in clip0\.gif"
    ) as caught:
        samples(open_dataset(folder), sketch_column="sketch", num_classes=3)
    assert not isinstance(caught.value, BrokenMediaError)


def test_a_sketch_of_another_aspect_is_a_broken_clip(folder):
    save_animation(pictures(4, 0, size=(16, 16)), folder / "clip0.gif")
    with pytest.raises(BrokenMediaError, match="a sketch of 12x16 beside frames of 16x16"):
        samples(open_dataset(folder), sketch_column="sketch")


def test_columns_are_found_by_kind_and_name_or_must_be_named():
    video, image, text = datasets.Video(), datasets.Image(), datasets.Value("string")
    columns = find_columns({"id": text, "clip": video, "caption": text, "sketch": image})
    assert (columns.media, columns.caption, columns.sketch) == ("clip", "caption", None)
    assert find_columns({"video": None, "text": None}).media == "video"
    assert find_columns({"a": image, "b": image, "text": text}, media="b").media == "b"
    for features, arguments, message in (
        ({"video": video, "label": text}, {}, "`caption_column` must name the column of captions"),
        ({"video": video, "text": text, "caption": text}, {}, r"\['text', 'caption'\] could both be it"),
        ({"a": image, "b": video, "text": text}, {}, "`media_column` must name"),
        ({"text": text}, {}, "`media_column` must name"),
        ({"video": video, "text": datasets.Value("int64")}, {}, "`caption_column` must hold texts"),
        ({"video": video, "text": text}, {"sketch": "maps"}, "`sketch_column` must be one of the columns"),
    ):
        with pytest.raises(ValueError, match=message):
            find_columns(features, **arguments)


def test_only_columns_that_may_hold_captions_are_taken_for_some():
    image, text = datasets.Image(), datasets.Value("string")
    empty, numbers, classes = (
        datasets.Value("null"),
        datasets.List(datasets.Value("int64")),
        datasets.ClassLabel(names=["cat"]),
    )
    for columns, source in (
        ({"text": empty}, "none"),
        ({"caption": numbers, "sub_folder": text}, "folder"),
        ({"text": classes}, "auto"),
        ({"text": None}, "auto"),
        ({"text": empty, "caption": text}, "auto"),
    ):
        assert usable_caption_source({"image": image, **columns}) == source
    assert find_columns({"image": image, "text": empty, "caption": text}).caption == "caption"
    with pytest.raises(ValueError, match="name another column, or set `caption_source` to 'none'"):
        find_columns({"image": image, "text": empty})
    with pytest.raises(ValueError, match="empty in every row; name another column, or leave it out"):
        find_columns({"image": image, "text": empty}, caption="text")


def test_lists_of_captions_are_refused_whoever_looks_for_them():
    """They were passed over without a word, or refused without a remedy."""
    text = datasets.Value("string")
    for texts in (datasets.List(text), datasets.LargeList(text)):
        features = {"image": datasets.Image(), "text": datasets.Value("null"), "caption": texts, "sub_folder": text}
        assert usable_caption_source(features) == "auto"
        for caption in (None, "caption"):
            with pytest.raises(ValueError, match=r"got 'caption' with lists; give each caption a row of its own, or"):
                find_columns(features, caption=caption)
        assert find_columns({**features, "text": text}).caption == "text"
    with pytest.raises(ValueError, match="give each caption a row of its own"):
        find_columns({"image": None, "text": None}).caption_of({"image": b"", "text": ["a cat", "a dog"]})


def test_what_is_no_data_set_or_empty_is_refused(folder, tmp_path):
    (tmp_path / "empty" / "inner").mkdir(parents=True)
    with pytest.raises(ValueError, match="an empty folder"):
        open_dataset(tmp_path / "empty")
    with pytest.raises(ValueError, match=r"`dataset` must be a folder .* which cannot be opened"):
        open_dataset(tmp_path / "absent")
    (tmp_path / "clip.mp4").touch()
    with pytest.raises(ValueError, match="give the folder that it lies in"):
        open_dataset(tmp_path / "clip.mp4")
    with pytest.raises(ValueError, match="got no rows"):
        CaptionedMedia(datasets.Dataset.from_dict({"video": [], "text": []}), **SIZE)
    with pytest.raises(TypeError, match="choose one of its splits"):
        CaptionedMedia(datasets.DatasetDict(), **SIZE)
    with pytest.raises(ValueError, match=r"`frame_rate` must be from 0\.01"):
        CaptionedMedia(open_dataset(folder), **SIZE, frame_rate=0)


@pytest.fixture
def mixed(tmp_path):
    """Two clips behind five covers."""
    root = tmp_path / "mixed"
    write_clips(root / "videos", 2)
    (root / "videos" / "metadata.jsonl").unlink()
    (root / "covers").mkdir()
    for number, picture in enumerate(pictures(5, 0)):
        picture.save(root / "covers" / f"{number}.png")
    return root


@pytest.mark.parametrize("streaming", [False, True])
def test_clips_are_read_in_whatever_order_and_stills_beside_them_are_too_short(mixed, streaming):
    reason = "is too short: 1 frame at 2.5 a second, where 3 are needed"
    media = CaptionedMedia(open_dataset(mixed, streaming=streaming), **SIZE, num_frames=3, caption_source="none")
    lengths = []
    for number, row in media.rows(0):
        try:
            lengths += [len(sample["video"]) for sample in media.reader.read(number, row)]
        except BrokenMediaError as error:
            lengths.append(str(error))
    assert lengths == [reason] * 5 + [3, 3]


def test_still_images_alone_are_refused_where_several_frames_are_asked_for(mixed):
    stills = open_dataset(mixed / "covers")
    for dataset in (stills, open_dataset(mixed / "covers", streaming=True)):
        with pytest.raises(ValueError, match=r"`num_frames` must be 1 for still images, .* got 3; use 1, or"):
            CaptionedMedia(dataset, **SIZE, num_frames=3, caption_source="none")
    bytes_of = [{"bytes": (mixed / "covers" / f"{n % 5}.png").read_bytes(), "path": None} for n in range(6)]
    inside = datasets.Dataset.from_dict({"image": bytes_of}, features=datasets.Features({"image": datasets.Image()}))
    with pytest.raises(ValueError, match="`num_frames` must be 1 for still images"):  # whose rest is not known
        CaptionedMedia(inside.to_iterable_dataset(), **SIZE, num_frames=3, caption_source="none")


@pytest.mark.parametrize(("part", "expected"), [("", True), ("covers", True), ("videos", False)])
def test_a_data_set_is_of_stills_if_most_of_a_few_rows_are(mixed, part, expected):
    rows = open_dataset(mixed / part)
    assert is_of_stills(rows, "media") == expected
    assert is_of_stills(rows.to_iterable_dataset(), "media") == expected
    missing = datasets.Dataset.from_dict({"media": [str(mixed / "absent.png"), "https://no.where.invalid/clip.mp4"]})
    assert not is_of_stills(missing, "media")


def test_what_lies_at_a_url_is_a_clip_by_its_name_and_is_not_fetched(mixed):
    stills = [str(path) for path in sorted((mixed / "covers").iterdir())]
    for name, is_refused in (("clip.mp4", False), ("cover.jpg", True)):
        rows = datasets.Dataset.from_dict({"media": [*stills, f"https://no.where.invalid/{name}"]})
        with pytest.raises(ValueError, match="for still images") if is_refused else nullcontext():
            CaptionedMedia(rows, **SIZE, num_frames=3, caption_source="none")
