# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
import shutil
import tracemalloc

import datasets
import numpy as np
import pytest
import torch
from clip_folders import break_clip, pictures, save_animation, write_clips, write_metadata
from sample_sizes import EMOJI_SIZE, SIZE

from nuwa_hf.datasets.spread_rows import golden_place
from nuwa_hf.evaluation.samples.real_samples import RealSamples
from nuwa_hf.media import fit_picture


def test_samples_are_the_first_clips_at_the_size_and_rate_asked_for(open_clips):
    real = open_clips(num_samples=3)
    batch = real.read([2])
    shown = [
        0,
        0,
        1,
    ]  # at 0, 1/4 and 1/2 s, of frames that last 0.4 s
    frames = np.stack([fit_picture(pictures(4, seed=2)[number], SIZE["height"], SIZE["width"]) for number in shown])
    assert batch.clips.shape == (1, 3, 3, 8, 10)
    assert batch.clips.dtype == torch.uint8
    assert (
        batch.clips[0].permute(0, 2, 3, 1).float() - torch.from_numpy(frames).float()
    ).abs().mean() < 8  # a palette
    assert batch.captions == ["a clip of 2 things"]
    assert batch.sketches.shape == (1, 3, 8, 10)
    assert real.has == {"captions", "sketches"}


def test_batches_of_any_size_and_any_places_hold_the_same_samples(open_clips):
    real = open_clips()
    whole = real.read(range(7))
    for size in (1, 3, 7):
        batches = list(real.batches(size))
        assert [len(batch.clips) for batch in batches] == [size] * (7 // size) + ([7 % size] if 7 % size else [])
        assert torch.equal(torch.cat([batch.clips for batch in batches]), whole.clips)
        assert [text for batch in batches for text in batch.captions] == whole.captions
    assert torch.equal(real.read([5, 1]).clips, whole.clips[[5, 1]])
    assert torch.equal(real.take([5, 1]).read([0, 1]).sketches, whole.sketches[[5, 1]])


def test_broken_clips_are_left_out_counted_and_named(tmp_path, open_clips, caplog):
    folder = write_clips(tmp_path / "clips", 5)
    for index in (1, 3):
        break_clip(folder, index)
    real = open_clips(folder, sketch_column=None, num_samples=3)
    assert real.captions == tuple(f"a clip of {index} things" for index in (0, 2, 4))
    assert [one.file for one in real.left_out] == ["clip1.gif", "clip3.gif"]
    assert "(2): clip1.gif" in caplog.text
    with pytest.raises(ValueError, match=r"`num_samples` must be at most 3.*\(2 are left out: clip1.gif.*got 4"):
        open_clips(folder, sketch_column=None, num_samples=4)


def test_clip_that_is_damaged_later_is_named(tmp_path, open_clips):
    real = open_clips(write_clips(tmp_path / "clips", 2), sketch_column=None)
    break_clip(tmp_path / "clips", 1)
    with pytest.raises(ValueError, match=r"`dataset` must be whole and readable, got clip1.gif"):
        list(real.batches(1))


def test_captions_that_some_samples_lack_are_asked_for_in_vain(tmp_path, open_clips):
    folder = write_clips(tmp_path / "clips", 3)
    rows = [{"file_name": f"clip{index}.gif", "text": None if index == 1 else "a clip"} for index in range(3)]
    write_metadata(folder, rows)
    real = open_clips(folder, sketch_column=None)
    assert "captions" not in real.has
    with pytest.raises(ValueError, match="CLIPSIM needs, got 1 of 3 samples without, the first in row 1"):
        real.require("captions", "CLIPSIM")
    with pytest.raises(ValueError, match=r"`dataset` must have sketches.*got no samples with them"):
        real.require("sketches", "S2V")


def test_samples_of_the_same_clip_or_the_same_bytes_are_known(tmp_path, open_clips, make_emoji):
    folder = write_clips(tmp_path / "clips", 2)
    write_metadata(folder, [{"file_name": f"clip{n // 2}.gif", "text": f"caption {n}"} for n in range(4)])
    for still in (False, True):
        real = open_clips(folder, sketch_column=None, still=still)
        assert real.clips == (0, 0, 2, 2)
        assert real.take([3, 0, 2]).clips == (0, 1, 0)
    first, second = pictures(2, 0)
    images = datasets.Dataset.from_dict({"image": [first, second, first]}).cast_column("image", datasets.Image())
    assert RealSamples.open(images, still=True, **SIZE).clips == (0, 1, 0)
    assert RealSamples.open(make_emoji(), num_samples=3, **EMOJI_SIZE).clips == (0, 1, 2)


def test_columns_that_hold_no_captions_are_passed_over(tmp_path, open_clips):
    folder = write_clips(tmp_path / "clips", 2)
    write_metadata(folder, [{"file_name": f"clip{n}.gif", "text": None, "caption": [1, 2]} for n in range(2)])
    assert "captions" not in open_clips(folder, sketch_column=None).has
    with pytest.raises(ValueError, match="empty in every row; name another column, or leave it out"):
        open_clips(folder, sketch_column=None, caption_column="text")
    write_metadata(folder, [{"file_name": f"clip{n}.gif", "caption": ["a", "b"]} for n in range(2)])
    with pytest.raises(ValueError, match="give each caption a row of its own"):
        open_clips(folder, sketch_column=None)


def test_label_is_the_sub_folder_or_the_class(tmp_path, open_clips):
    for index, name in enumerate(("high_jump", "high_jump", "sailing")):
        (tmp_path / "clips" / name).mkdir(parents=True, exist_ok=True)
        save_animation(pictures(4, index), tmp_path / "clips" / name / f"{index}.gif")
    real = open_clips(tmp_path / "clips", sketch_column=None)
    assert real.labels == ("high jump", "high jump", "sailing")
    assert (real.num_labels, open_clips().num_labels) == (2, None)
    assert real.read([2]).captions == ["sailing"]
    images = datasets.Dataset.from_dict({"image": pictures(2, 0), "label": [1, 0], "kind": ["a", "b"]})
    images = images.cast_column("image", datasets.Image())
    images = images.cast_column("label", datasets.ClassLabel(names=["cat", "big_dog", "fog"]))
    assert RealSamples.open(images, still=True, **SIZE).labels == ("big dog", "cat")
    assert RealSamples.open(images, still=True, num_samples=1, **SIZE).num_labels == 2  # no row shows fog
    assert RealSamples.open(images.select([1]), still=True, **SIZE).num_labels == 1
    assert RealSamples.open(images, still=True, label_column="kind", **SIZE).labels == ("a", "b")
    with pytest.raises(ValueError, match="`label_column` must be one of the columns"):
        RealSamples.open(images, still=True, label_column="sort", **SIZE)


def test_stills_of_clips_are_their_still_frames(open_clips):
    stills, clips = open_clips(still=True), open_clips()
    assert stills.num_frames == 1
    whole, moving = stills.read(range(7)), clips.read(range(7))
    places, stills_of = torch.arange(7), torch.tensor([golden_place(row, 3) for row in range(7)])
    assert set(stills_of.tolist()) == {0, 1, 2}
    assert torch.equal(whole.clips[:, 0], moving.clips[places, stills_of])
    assert torch.equal(whole.sketches[:, 0], moving.sketches[places, stills_of])


def test_samples_of_emoji_motion_have_their_truth(make_emoji):
    dataset = make_emoji()
    clips, stills = (RealSamples.open(dataset, still=still, **EMOJI_SIZE).read([3]) for still in (False, True))
    sample = dataset[3]
    assert torch.equal(clips.clips[0].permute(0, 2, 3, 1), torch.from_numpy(sample["video"]))
    assert torch.equal(stills.clips[0, 0].permute(1, 2, 0), torch.from_numpy(sample["image"]))
    assert torch.equal(stills.sketches[0, 0], torch.from_numpy(sample["image_sketch"]).long())
    assert (clips.captions, stills.captions) == ([sample["caption"]], [sample["image_caption"]])
    assert clips.rows[0]["motions"] == sample["motions"]
    assert RealSamples.open(dataset, **EMOJI_SIZE).has == {"captions", "sketches", "rows"}


def test_open_data_has_its_own_split_and_only_emoji_motion_by_its_name_a_setting(clips, make_emoji):
    own = RealSamples.open(make_emoji(), **EMOJI_SIZE)
    assert RealSamples.open(make_emoji(), split="val", **EMOJI_SIZE).digest == own.digest
    with pytest.raises(ValueError, match="`split` must be left out of a data set that is open, or be its 'val', got"):
        RealSamples.open(make_emoji(), split="zeroshot", **EMOJI_SIZE)
    images = {"image": pictures(2, 0)}
    for split, rule in ((datasets.Split.TEST, "open, or be its 'test', got 'val'"), (None, "open, got 'val'; drop")):
        rows = datasets.Dataset.from_dict(images, split=split).cast_column("image", datasets.Image())
        with pytest.raises(ValueError, match=rule):
            RealSamples.open(rows, split="val", still=True, **SIZE)
    for dataset in (clips, make_emoji()):
        with pytest.raises(ValueError, match="`setting` must be left out where the data set is not 'emoji-motion'"):
            RealSamples.open(dataset, setting="small", **SIZE)


def test_still_that_shows_nothing_is_left_out(make_emoji):
    dataset = make_emoji(motions=("appear",), length=30)
    empty = [index for index in range(30) if "an empty scene" in dataset[index]["image_caption"]]
    assert empty
    assert RealSamples.open(dataset, still=True, **EMOJI_SIZE).numbers == tuple(sorted({*range(30)} - {*empty}))
    assert len(RealSamples.open(dataset, **EMOJI_SIZE)) == 30


def test_digest_is_that_of_the_content_and_of_the_first_samples(tmp_path, clips, open_clips):
    real = open_clips(num_samples=4)
    folder = tmp_path / "elsewhere"
    shutil.copytree(clips, folder)
    assert open_clips(folder, num_samples=4).digest == real.digest == open_clips().digest_of(4)
    digests = {real.digest, real.digest_of(3), real.take([1, 0, 2, 3]).digest}
    digests.add(open_clips(num_samples=4, height=12).digest)
    (folder / "clip3.gif").write_bytes((folder / "clip5.gif").read_bytes())
    digests.add(open_clips(folder, num_samples=4).digest)
    write_metadata(folder, [{"file_name": f"clip{index}.gif", "text": "another"} for index in range(4)])
    digests.add(open_clips(folder, num_samples=4, sketch_column=None).digest)
    assert len(digests) == 6


def test_memory_does_not_grow_with_the_number_of_samples(open_clips):
    def peak(count):
        tracemalloc.start()
        real = open_clips(num_samples=count, height=160, width=200)  # 288 kB of pixels each
        for _ in real.batches(1):
            pass
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak

    peak(1)  # what is imported when it is first used
    assert peak(7) < peak(2) + 288_000


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_samples": 0}, "`num_samples` must be at least 1"),
        ({"sketch_column": "maps"}, "`sketch_column` must be one of the columns"),
        ({"num_frames": 50}, "`num_samples` must be at most 0.*clip0.gif, clip1.gif, clip2.gif and 4 more"),
        ({"split": "test"}, "test"),
    ],
)
def test_data_that_does_not_fit_is_refused(open_clips, options, message):
    with pytest.raises(ValueError, match=message):
        open_clips(**options)


def test_streams_and_sizes_that_emoji_motion_has_not_are_refused(make_emoji):
    stream = datasets.Dataset.from_dict({"image": pictures(2, 0)}).to_iterable_dataset()
    with pytest.raises(TypeError, match=r"`dataset` must be a path.*without streaming"):
        RealSamples.open(stream, **SIZE)
    with pytest.raises(ValueError, match="`height` must be 16, at which EmojiMotion is drawn, got 8"):
        RealSamples.open(make_emoji(), **{**EMOJI_SIZE, "height": 8})
