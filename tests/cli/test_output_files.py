# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
from pathlib import Path

import PIL.Image
import pytest

from nuwa_hf.cli.output_files import check_writable, default_name, output_path, plan_files, slug, write_result
from nuwa_hf.media.whole_files import check_can_be_written
from nuwa_hf.tasks import TASKS, get_task


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("a red apple", "a-red-apple"),
        ("  Ärger & Öl!  ", "ärger-öl"),
        ("A\u0308rger", "ärger"),
        ("龙 在 飞", "龙-在-飞"),
        ("Красный_мяч", "красный-мяч"),
        ("हिन्दी किताब", "हिन्दी-किताब"),
        ("龙" * 20, "龙" * 20),
        ("龙" * 99, "龙" * 17 + "-57ac6819"),
        ("🐉 ❤\ufe0f", "video"),
        ("../../etc", "etc"),
        ("x" * 60, "x" * 60),
        ("x" * 999, "x" * 51 + "-3256fefc"),
    ],
)
def test_slug_is_a_short_plain_file_name(text, name):
    assert slug(text, "video") == name


def test_long_texts_that_begin_alike_have_names_of_their_own():
    """The picture of the second replaced that of the first without a word."""
    scene = "a detailed photograph of a cat that sleeps on a red sofa beside the window, "
    names = {slug(scene + when, "image") for when in ("in the morning", "in the evening", "in the evening, at sea")}
    assert len(names) == 3
    assert all(name.startswith("a-detailed-photograph-of-a-cat") and len(name) == 60 for name in names)


@pytest.mark.parametrize(
    ("prompt", "inputs", "name"),
    [
        ("A cat!", ["photos/Dog.png"], "a-cat-complete"),
        (None, ["photos/My Dog.PNG"], "my-dog-complete"),
        (None, ["https://example.org/dog.png"], "dog-complete"),
        (None, ["龙.png", "mask.png"], "龙-complete"),
        (None, ["🐉.png", "mask.png"], "image-complete"),
        (None, [], "image"),
        ("A cat!", [], "a-cat"),
        ("龙", ["image.png", "mask.png"], "龙-complete"),
        ("Mask", ["image.png", "mask.png"], "mask-complete"),
    ],
)
def test_default_name_is_the_prompt_or_the_first_input_and_the_command(prompt, inputs, name):
    assert default_name(get_task("I2I"), prompt, inputs) == name


def test_no_two_commands_write_the_same_files_by_default():
    written = []
    for task in TASKS:
        inputs = [] if task.name in ("text-to-image", "text-to-video") else ["a dog.png"]
        files = plan_files(default_name(task, "a dog", inputs), task.output, 1, with_sheet=True)
        written += [*files.results[0], files.sheet]
    assert len(written) == len(set(written)) == 8 + 4 + 8


@pytest.mark.parametrize(
    ("kind", "output", "names"),
    [
        ("image", "a/b", ["b.png"]),
        ("image", "a/b.JPG", ["b.JPG"]),
        ("image", "b.webp", ["b.webp"]),
        ("video", "a/b", ["b.gif", "b.mp4"]),
        ("video", "b.GIF", ["b.GIF"]),
    ],
)
@pytest.mark.parametrize("count", [1, 3])
def test_files_are_named_by_suffix_and_numbered_if_many(kind, output, names, count):
    files = plan_files(output, kind, count, with_sheet=True)
    numbers = [""] if count == 1 else ["-1", "-2", "-3"]
    assert [[path.name for path in paths] for paths in files.results] == [
        [name.replace("b.", f"b{number}.") for name in names] for number in numbers
    ]
    assert files.sheet not in [path for paths in files.results for path in paths]
    assert plan_files(output, kind, count, with_sheet=False).sheet is None


@pytest.mark.parametrize(
    ("kind", "output", "message"),
    [
        ("video", "clip.avi", "must end in .gif or .mp4, or have no suffix for both, got 'clip.avi'"),
        ("video", "clip.png", "must end in .gif or .mp4"),
        ("image", "clip.gif", "must end in .png or .jpg or .jpeg or .webp, or have no suffix for .png"),
        ("image", "", "must name a file"),
    ],
)
def test_output_that_names_no_file_of_the_kind_is_refused(kind, output, message):
    with pytest.raises(ValueError, match=message):
        plan_files(output, kind, 1, with_sheet=False)


def test_folder_that_is_there_takes_the_file_of_the_default_name(tmp_path):
    (tmp_path / "v1.5").mkdir()
    for folder in (tmp_path, tmp_path / "v1.5"):
        for output in (str(folder), f"{folder}/"):
            assert Path(output_path(output, "a-cat")) == folder / "a-cat"
    assert output_path(None, "a-cat") == "a-cat"
    assert output_path("new/clip.gif", "a-cat") == "new/clip.gif"
    with pytest.raises(ValueError, match="a folder that is there, got 'none/'; make the folder first"):
        plan_files(output_path("none/", "a-cat"), "image", 1, with_sheet=False)


def test_inputs_are_never_replaced(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "link.png").symlink_to(tmp_path / "image.png")
    for output in ("image.png", str(tmp_path / "image.png"), "link.png"):
        with pytest.raises(OSError, match="it is an input"):
            check_writable(plan_files(output, "image", 1, with_sheet=False), ["https://x/image.png", "image.png"])
    for kind, sheet in (("image", "other-sheet.png"), ("video", "other-video-sheet.png")):
        with pytest.raises(OSError, match=f"{sheet}: it is an input"):
            check_writable(plan_files("other", kind, 1, with_sheet=True), [sheet])
    check_writable(plan_files("other", "image", 1, with_sheet=False), ["image.png"])
    assert [path.name for path in tmp_path.iterdir()] == ["link.png"]


def test_longest_name_is_written_and_a_longer_one_refused_at_once(tmp_path):
    longest, longer = (plan_files(str(tmp_path / ("ü" * count)), "video", 1, with_sheet=False) for count in (125, 126))
    check_writable(longest, [])
    for path in longest.results[0]:  # of 254 bytes
        write_result([PIL.Image.new("RGB", (4, 4), "red")], path, 4)
    assert sorted(tmp_path.iterdir()) == sorted(longest.results[0])
    with pytest.raises(OSError, match="File name too long; choose another name"):
        check_writable(longer, [])
    with pytest.raises(OSError, match="File name too long; choose another name"):
        check_can_be_written(longer.results[0][0])


@pytest.mark.parametrize(("suffix", "kind"), [(".PNG", "PNG"), (".jpg", "JPEG"), (".webp", "WEBP"), (".gif", "GIF")])
def test_suffix_decides_the_format(tmp_path, suffix, kind):
    write_result([PIL.Image.new("RGB", (4, 4), "red")], tmp_path / f"a{suffix}", 4)
    with PIL.Image.open(tmp_path / f"a{suffix}") as image:
        assert image.format == kind
