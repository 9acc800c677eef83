# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
import numpy as np
import PIL.Image
import pytest
import torch
from tiny import FRAME_RATE, FRAME_SIZE, VISUAL_GRID

from nuwa_hf.datasets.class_map import palette
from nuwa_hf.pipelines.clip_sampling import ClipSampler
from nuwa_hf.pipelines.sketch_input import color_class_map, prepare_sketches


WIDTH, HEIGHT = FRAME_SIZE
FRAMES = VISUAL_GRID[0]
CLASSES = len(palette)
KINDS = (np.uint8, np.int8, np.int16, np.uint16, np.int32, np.uint32, np.int64, np.uint64)


def prepare(sketch, is_video=False, num_classes=CLASSES):
    sampler = ClipSampler(FRAME_RATE) if is_video else None
    maps = prepare_sketches(sketch, num_classes=num_classes, height=HEIGHT, width=WIDTH, sampler=sampler)
    assert maps.dtype == torch.int64
    assert maps.shape[2:] == (HEIGHT, WIDTH)
    assert is_video or maps.shape[1] == 1
    return maps


def class_map(*shape, seed=0, num_classes=CLASSES):
    return np.random.default_rng(seed).integers(0, num_classes, shape or (HEIGHT, WIDTH))


def pictures(maps):
    return [color_class_map(one, palette) for one in maps]


def test_every_form_of_a_sketch_gives_its_classes(tmp_path):
    indices = class_map()
    expected = torch.from_numpy(indices)[None, None]
    shown = color_class_map(indices, palette)
    grey = PIL.Image.fromarray(indices.astype(np.uint8))
    shown.save(tmp_path / "colors.png")
    grey.save(tmp_path / "grey.png")
    arrays = [indices.astype(kind) for kind in KINDS]
    forms = [shown, grey, tmp_path / "colors.png", str(tmp_path / "grey.png"), *arrays, *map(torch.from_numpy, arrays)]
    for form in forms:
        for is_video in (False, True):  # alone it is a clip of one frame
            assert torch.equal(prepare(form, is_video), expected)
    assert torch.equal(prepare(forms), expected.expand(len(forms), -1, -1, -1))
    assert torch.equal(prepare(forms, is_video=True), expected.transpose(0, 1).expand(-1, len(forms), -1, -1))


@pytest.mark.parametrize("num_classes", [1, 2, 5, 17, CLASSES, 256])
def test_coloured_class_map_can_be_given_back(tmp_path, num_classes):
    """Not even a palette in which all colours are one, or a PNG of fewer bits, may change a class."""
    indices = class_map(num_classes=num_classes)
    for colors in (class_map(num_classes, 3, num_classes=256), np.full((num_classes, 3), 7)):
        colors = colors.astype(np.uint8)
        shown = color_class_map(indices, colors)
        assert shown.mode == "P"
        assert np.array_equal(np.asarray(shown.convert("RGB")), colors[indices])
        shown.save(tmp_path / "sketch.png")
        with PIL.Image.open(tmp_path / "sketch.png") as stored:
            for form in (shown, tmp_path / "sketch.png", stored):
                found = prepare(form, num_classes=num_classes)
                assert torch.equal(found[0, 0], torch.from_numpy(indices))


def test_classes_of_emoji_motion_have_different_colours():
    assert len({tuple(color) for color in palette.tolist()}) == CLASSES


def test_three_axes_are_a_batch_of_images_or_one_clip():
    maps = class_map(FRAMES, HEIGHT, WIDTH)
    for form in (maps, torch.from_numpy(maps), list(maps), pictures(maps), tuple(pictures(maps))):
        assert torch.equal(prepare(form), torch.from_numpy(maps)[:, None])
        assert torch.equal(prepare(form, is_video=True), torch.from_numpy(maps)[None])


def test_every_form_of_a_batch_of_clips_gives_its_clips(tmp_path):
    maps = class_map(2, FRAMES, HEIGHT, WIDTH)
    maps[0, 1] = maps[0, 0]  # the file stores this frame only once
    for place, clip in enumerate(maps):
        first, *others = pictures(clip)
        first.save(tmp_path / f"{place}.png", save_all=True, append_images=others, duration=250)
    paths = [tmp_path / "0.png", tmp_path / "1.png"]
    expected = torch.from_numpy(maps)
    forms = [maps, expected, list(maps), [list(maps[0]), maps[1]], [pictures(clip) for clip in maps], paths]
    for form in (*forms, [paths[0], pictures(maps[1])]):
        assert torch.equal(prepare(form, is_video=True), expected)
    with PIL.Image.open(paths[0]) as animated:
        assert torch.equal(prepare(animated, is_video=True), expected[:1])
    assert torch.equal(prepare(paths[0], is_video=True), expected[:1])
    assert torch.equal(prepare(paths[0])[0, 0], expected[0, 0])


def test_frames_of_another_rate_are_sampled_once(tmp_path):
    """Pictures and files were sampled each alone and then together."""
    maps = class_map(FRAMES, HEIGHT, WIDTH)
    shown, paths = pictures(maps), [tmp_path / f"{place}.png" for place in range(FRAMES)]
    for picture, path in zip(shown, paths, strict=True):
        picture.save(path)
    sizes = {"num_classes": CLASSES, "height": HEIGHT, "width": WIDTH}
    for form in (maps, list(maps), shown, paths, [shown], [paths]):
        found = prepare_sketches(form, sampler=ClipSampler(FRAME_RATE, FRAME_RATE / 2), **sizes)
        assert torch.equal(found, torch.from_numpy(maps.repeat(2, 0))[None])


@pytest.mark.parametrize("size", [(4, 5), (3, 4), (17, 29), (2 * HEIGHT, 3 * WIDTH)])
def test_resized_sketch_takes_the_pixel_its_centre_lies_in(size, caplog):
    indices = class_map(*size)
    found = prepare(indices)[0, 0]
    for y, x in np.ndindex(HEIGHT, WIDTH):
        row, column = int((y + 0.5) * size[0] / HEIGHT), int((x + 0.5) * size[1] / WIDTH)
        assert found[y, x] == indices[row, column]
    assert len(caplog.records) == 1
    assert f"`sketch` was resized from {size[0]}x{size[1]} to 8x10 (height x width)" in caplog.text
    assert ("aspect ratio" in caplog.text) == (size[0] * WIDTH != size[1] * HEIGHT)


def test_a_sketch_of_the_pictures_size_is_resized_without_a_warning(caplog):
    indices, sizes = class_map(2 * HEIGHT, 2 * WIDTH), {"num_classes": CLASSES, "height": HEIGHT, "width": WIDTH}
    found = prepare_sketches(indices, picture_size=(2 * HEIGHT, 2 * WIDTH), **sizes)
    assert torch.equal(found, prepare_sketches(indices[1::2, 1::2], **sizes))
    assert not caplog.records


def test_images_of_a_batch_may_differ_in_size_and_one_warning_says_so(caplog):
    found = prepare([class_map(4, 5), class_map(), class_map(16, 20)])
    assert len(found) == 3
    assert [record.message for record in caplog.records] == [
        "`sketch` was resized from 4x5, 16x20 to 8x10 (height x width), the model's size."
    ]


def test_format_that_changes_indices_is_refused(tmp_path):
    """Pillow numbers the colours of a GIF anew, and JPEG changes values: the classes would silently be others."""
    shown = color_class_map(class_map(), palette)
    shown.save(tmp_path / "sketch.gif")
    shown.convert("L").save(tmp_path / "sketch.jpg")
    for name in ("sketch.gif", "sketch.jpg"):
        for is_video in (False, True):
            with pytest.raises(ValueError, match=r"`sketch` must be of a format that keeps class indices, .* as PNG"):
                prepare(tmp_path / name, is_video)


BEYOND = class_map()
BEYOND[2, 3] = CLASSES
NEGATIVE = torch.zeros(2, 4, 4, dtype=torch.int64)
NEGATIVE[1, 0, 2] = -1


@pytest.mark.parametrize("is_video", [False, True])
@pytest.mark.parametrize(
    ("sketch", "error", "message"),
    [
        (BEYOND, ValueError, f"classes from 0 to {CLASSES - 1}, got {CLASSES} at row 2, column 3; map"),
        (PIL.Image.fromarray(BEYOND.astype(np.uint8)), ValueError, f"got {CLASSES} at"),
        (NEGATIVE, ValueError, "got -1 at row 0, column 2"),
        (np.full((4, 4), 2**64 - 1, np.uint64), ValueError, "`sketch` must have classes from 0"),
        (np.zeros((4, 4)), TypeError, "integers, the classes, got float64"),
        (torch.full((4, 4), float("nan")), TypeError, r"integers, the classes, got torch\.float32"),
        (np.zeros((4, 4), bool), TypeError, "integers, the classes, got bool"),
        (np.zeros((0, 4), int), ValueError, "at least one pixel"),
        (np.zeros((2, 4, 0), int), ValueError, "at least one pixel"),
        (PIL.Image.new("L", (4, 0)), ValueError, "at least one pixel"),
        (np.zeros((0, 4, 4), int), ValueError, "at least one"),
        (np.zeros(4, int), ValueError, "must have shape"),
        (np.zeros((1, 1, 1, 4, 4), int), ValueError, "must have shape"),
        ([], ValueError, "at least one sketch"),
        (
            PIL.Image.new("RGB", (4, 4)),
            ValueError,
            'mode "P" or "L", .* of mode \'RGB\'; make it with `color_class_map`',
        ),
        (PIL.Image.new("1", (4, 4)), ValueError, "is of mode '1'"),
        (PIL.Image.new("I;16", (4, 4)), ValueError, "is of mode 'I;16'"),
        (None, TypeError, "`sketch` must be a PIL image, .* got NoneType"),
        ([None], TypeError, r"`sketch\[0\]` must be"),
        ("missing.png", OSError, "`sketch` must be the path of a file"),
    ],
)
def test_bad_sketch_is_refused_with_the_remedy(sketch, error, message, is_video):
    with pytest.raises(error, match=message):
        prepare(sketch, is_video)


SHORT, LONG = np.zeros((2, 4, 4), int), np.zeros((3, 4, 4), int)


@pytest.mark.parametrize(
    ("sketch", "error", "message"),
    [
        ([SHORT, LONG], ValueError, "one number of frames in a batch, got 2, 3"),
        ([np.zeros((4, 4), int), np.zeros((5, 4), int)], ValueError, "frames of one size, got 4x4, 5x4"),
        ([[]], ValueError, "at least one frame"),
        ([[SHORT]], ValueError, r"`sketch\[0\]` must be a clip"),
        ([NEGATIVE, SHORT], ValueError, r"`sketch\[0\]` must have classes .* got -1"),
    ],
)
def test_bad_sketch_of_a_video_is_refused(sketch, error, message):
    with pytest.raises(error, match=message):
        prepare(sketch, is_video=True)


def test_clip_is_no_sketch_of_an_image():
    with pytest.raises(ValueError, match=r"`sketch\[0\]` must have shape"):
        prepare([SHORT])
    with pytest.raises(ValueError, match="must have shape"):
        prepare(SHORT[None])
    with pytest.raises(TypeError, match=r"`sketch\[0\]` must be .* got list"):
        prepare([[SHORT[0]]])


def test_unreadable_sketch_file_is_refused(tmp_path):
    (tmp_path / "sketch.png").write_text("no picture")
    for is_video in (False, True):
        with pytest.raises(ValueError, match=r"`sketch` must be .*, got .*sketch\.png"):
            prepare(tmp_path / "sketch.png", is_video)


@pytest.mark.parametrize(
    ("indices", "colors", "error", "message"),
    [
        (np.full((4, 4), CLASSES), palette, ValueError, f"`class_map` must have classes .* got {CLASSES}"),
        (np.zeros((2, 4, 4), int), palette, ValueError, "`class_map` must have shape"),
        (np.zeros((4, 4)), palette, TypeError, "`class_map` must have integers"),
        (class_map(), palette.astype(float), TypeError, "`palette` must have uint8 numbers, got float64"),
        (class_map(), palette[:, :2], ValueError, r"`palette` must have shape \(classes, 3\)"),
        (class_map(), palette[:0], ValueError, "`palette` must have shape"),
        (class_map(), np.zeros((257, 3), np.uint8), ValueError, "at most 256 classes"),
    ],
)
def test_class_map_that_cannot_be_coloured_is_refused(indices, colors, error, message):
    with pytest.raises(error, match=message):
        color_class_map(indices, colors)
