# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Stored class maps: their values come through unchanged, from whatever holds them."""

import io

import numpy as np
import PIL.Image
import pytest
from clip_folders import class_maps, save_animation

from nuwa_hf.datasets import class_map_files
from nuwa_hf.datasets.class_map_files import read_class_maps
from nuwa_hf.media.errors import BrokenMediaError
from nuwa_hf.media.resizing import middle_box, resize_class_maps
from nuwa_hf.media.sources import open_media


MAPS = class_maps(6, 0, 200)
NUMBERS = (0, 2, 4)  # every other frame of a clip of 5 frames a second


def picture(one, mode="L"):
    image = PIL.Image.fromarray(one)
    if mode == "P":
        image.putpalette([value % 251 for value in range(768)])
    return image


def read(value, numbers=NUMBERS):
    return read_class_maps(value, numbers, frame_rate=2.5)


@pytest.mark.parametrize("mode", ["L", "P"])
def test_an_animated_png_is_sampled_by_its_own_times(tmp_path, mode):
    save_animation([picture(one, mode) for one in MAPS], tmp_path / "fast.png", 200)
    save_animation([picture(one, mode) for one in MAPS[:3]], tmp_path / "slow.png", 400)
    assert np.array_equal(read(str(tmp_path / "fast.png")), MAPS[[0, 2, 4]])
    assert np.array_equal(read(str(tmp_path / "slow.png")), MAPS[:3])


def test_lists_of_pictures_and_numbers_have_a_map_for_each_frame_of_the_clip(tmp_path):
    stored = []
    for place, one in enumerate(MAPS):
        picture(one).save(tmp_path / f"{place}.png")
        stored.append({"path": str(tmp_path / f"{place}.png"), "bytes": None})
    for value in (stored, [picture(one) for one in MAPS], MAPS, MAPS.tolist()):
        assert np.array_equal(read(value), MAPS[[0, 2, 4]])


def test_of_a_list_of_pictures_only_those_of_the_sampled_frames_are_read(monkeypatch):
    """All were decoded and held, so that one that is not used could break the clip."""
    read_sources = []
    monkeypatch.setattr(
        class_map_files, "open_media", lambda source: read_sources.append(source) or open_media(source)
    )
    stored = [b"broken"] * 50
    for place, number in enumerate((0, 10, 20)):
        file = io.BytesIO()
        picture(MAPS[place]).save(file, "PNG")
        stored[number] = file.getvalue()
    assert np.array_equal(read(stored, (0, 10, 20)), MAPS[:3])
    assert read_sources == [stored[0], stored[10], stored[20]]
    with pytest.raises(BrokenMediaError, match="has 50 maps, fewer than the clip has frames"):
        read(stored, (0, 10, 50))


def test_one_picture_or_a_flat_array_is_the_sketch_of_one_frame():
    for value in (picture(MAPS[1]), MAPS[1], MAPS[1].tolist()):
        assert np.array_equal(read(value, NUMBERS[:1]), MAPS[1:2])


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (MAPS[:4], "has 4 maps, fewer than the clip has frames"),
        ([], "has no maps"),
        (MAPS.astype(float), "float64 numbers"),
        ([MAPS[0].tolist(), MAPS[0, :3].tolist()], "maps of several sizes"),
        ([picture(MAPS[0])] * 4 + [picture(MAPS[0, :3])], "maps of several sizes"),
        ([PIL.Image.new("RGB", (4, 4))] * 5, "is of mode 'RGB'"),
        (picture(MAPS[0]), "is too short"),
        (None, "is no image and no clip"),
        (b"not a picture", "is no picture"),
    ],
)
def test_what_is_no_class_map_is_a_broken_clip(value, message):
    with pytest.raises(BrokenMediaError, match=f"has a sketch that .*{message}"):
        read(value)


@pytest.mark.parametrize("suffix", [".jpg", ".gif"])
def test_formats_that_do_not_keep_values_are_refused(tmp_path, suffix):
    picture(MAPS[0]).save(tmp_path / f"map{suffix}")
    with pytest.raises(BrokenMediaError, match="does not keep class indices; save it as PNG"):
        read(str(tmp_path / f"map{suffix}"), NUMBERS[:1])


def test_resizing_takes_the_pixel_that_each_centre_lies_in():
    boxes = [middle_box(*MAPS.shape[1:], *size) for size in ((12, 12), (4, 4))]
    assert np.array_equal(resize_class_maps(MAPS, *MAPS.shape[1:]), MAPS)
    assert np.array_equal(resize_class_maps(MAPS, 12, 12, boxes[0]), MAPS[:, :, 2:14])
    assert np.array_equal(resize_class_maps(MAPS, 4, 4, boxes[1]), MAPS[:, 1::3, 3:14:3])
    enlarged = resize_class_maps(MAPS, 24, 32)
    assert np.array_equal(enlarged, MAPS.repeat(2, 1).repeat(2, 2))
