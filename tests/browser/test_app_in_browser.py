# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The app on the embedded checkpoint, as visitors see and use it in Chromium. It runs from the folder of a Space."""

import io
import shlex
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
from visitor import Visitor

from nuwa_hf import DEMO_CHECKPOINT
from nuwa_hf.cli import main


pytestmark = pytest.mark.browser

INPUTS = Path(__file__).parents[2] / "examples" / "inputs"
PROMPT = "a red apple rolls to the left on the grass"
FRUIT, GRASS = 6, 17  # classes of EmojiMotion
ACROSS = ((0.35, 0.5), (0.65, 0.5))


@pytest.fixture
def visitors(browser, space_url):
    """Lets visitors come; they leave after the test."""
    present = []

    def come():
        present.append(Visitor(browser, space_url))
        return present[-1]

    yield come
    for visitor in present:
        visitor.leave()


@pytest.fixture
def visitor(visitors):
    return visitors()


def paint_sketch(visitor):
    visitor.element("sketch-background", "input").click()
    visitor.page.get_by_role("option", name="grass", exact=True).click()
    visitor.choose_color("sketch", FRUIT)
    visitor.paint("sketch", *ACROSS)


def sketch_to_video(visitor):
    paint_sketch(visitor)
    for number in (1, 2):
        visitor.press("add-frame")
        visitor.element("frames", ".thumbnail-item").nth(number - 1).wait_for()


def image_completion(visitor):
    visitor.upload("image", INPUTS / "image.png")
    visitor.paint_over("mask", *ACROSS)


def image_manipulation(visitor):
    visitor.write("prompt", PROMPT)
    image_completion(visitor)


def video_manipulation(visitor):
    visitor.write("prompt", PROMPT)
    visitor.upload("video", INPUTS / "clip.gif")
    visitor.paint_over("mask", *ACROSS)


def picture(data):
    return np.asarray(PIL.Image.open(io.BytesIO(data)))


def check_painting(values, painted, free):
    """That the line is there, and only there."""
    middle = len(values) // 2
    assert set(np.unique(values)) == {painted, free}
    assert (values[middle, middle - 8 : middle + 8] == painted).all()
    assert (values[:8] == free).all()
    assert (values[-8:] == free).all()


# How a visitor fills in the form of each task.
FORMS = {
    "text-to-image": lambda visitor: visitor.write("prompt", PROMPT),
    "text-to-video": lambda visitor: visitor.write("prompt", PROMPT),
    "sketch-to-image": paint_sketch,
    "sketch-to-video": sketch_to_video,
    "image-completion": image_completion,
    "video-prediction": lambda visitor: visitor.upload("video", INPUTS / "image.png"),
    "image-manipulation": image_manipulation,
    "video-manipulation": video_manipulation,
}


def made_again(result, folder, monkeypatch):
    """What the command makes that the page shows, from the files that it shows."""
    monkeypatch.chdir(folder)
    words = shlex.split(result.command)
    given = {name: data for name, data in result.files.items() if name in words or f"--mask={name}" in words}
    for name, data in given.items():
        Path(name).write_bytes(data)
    assert "--checkpoint=tester/model" in words
    words[words.index("--checkpoint=tester/model")] = f"--checkpoint={DEMO_CHECKPOINT}"
    assert main(words[1:]) == 0
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("task", FORMS)
def test_task_is_clicked_through_and_the_command_on_the_page_makes_the_same_files(
    task, visitor, tmp_path, monkeypatch
):
    visitor.open(task)
    FORMS[task](visitor)
    visitor.write("seed", 7)
    visitor.watch_pictures("result")
    visitor.press()
    result = visitor.result()
    shown = visitor.element("result", "img").first
    shown.wait_for()
    assert shown.evaluate("image => image.decode().then(() => image.naturalWidth)") >= 128
    if "video" in task:
        assert sum(address.endswith(".png") for address in visitor.pictures()) > 1, "frames as they come"
    assert {Path(name).suffix for name in result.files} >= ({".gif", ".mp4"} if "video" in task else {".png"})
    for name, data in result.files.items():
        if name in ("sketch.png", "sketch-1.png", "sketch-2.png"):
            check_painting(picture(data), painted=FRUIT, free=GRASS)
        elif name == "mask.png":
            check_painting(picture(data) > 0, painted=True, free=False)
    assert made_again(result, tmp_path, monkeypatch) == result.files
    compile(result.program, task, "exec")


@pytest.mark.parametrize(
    ("task", "fill_in", "field", "message"),
    [
        (
            "text-to-video",
            lambda visitor: visitor.write("num-videos", 99),
            "num-videos",
            "`num_videos` must be at most 4 (the limit of this app), got 99",
        ),
        (
            "text-to-video",
            lambda visitor: visitor.write("seed", "<b>seven</b>"),
            "seed",
            "<b>seven</b>",
        ),
        ("image-manipulation", lambda visitor: None, "prompt", "`prompt` must be given"),
    ],
)
def test_wrong_input_is_a_message_at_its_field_and_nowhere_else(visitor, task, fill_in, field, message):
    visitor.open(task)
    fill_in(visitor)
    visitor.press()
    assert message in visitor.error_at(field)
    assert visitor.page.locator(".validation-error:not(input, textarea)").count() == 1
    assert "Traceback" not in visitor.page.content()


def test_a_mask_stays_while_other_frames_are_looked_at(visitor):
    visitor.open("video-manipulation")
    video_manipulation(visitor)
    place = visitor.element("mask-frame", "input[type=range]")
    for _ in range(2):
        with visitor.page.expect_response(lambda answer: "/file=" in answer.url and answer.ok):
            place.press("ArrowRight")
    assert place.input_value() == "3"
    visitor.press()
    check_painting(picture(visitor.result().files["mask.png"]) > 0, painted=True, free=False)


def test_a_long_text_is_refused_and_not_cut(visitor):
    visitor.open("text-to-image")
    visitor.element("prompt", "textarea").click()
    visitor.page.keyboard.insert_text("x" * 1001)  # as if it were pasted
    visitor.press()
    assert "at most 1000 letters (the limit of this app), got 1001" in visitor.error_at("prompt")


def test_caption_with_html_is_shown_as_text(visitor):
    caption = """<img src="x" onerror="document.title='broken'"><b id="bold">apple</b>"""
    title = visitor.page.title()
    visitor.open("text-to-image")
    visitor.write("prompt", caption)
    visitor.press()
    assert shlex.split(visitor.result().command)[-1] == caption
    assert visitor.page.locator("#bold, img[src=x]").count() == 0
    assert visitor.page.title() == title


def test_two_visitors_at_once_get_their_own_results(visitors, tmp_path, monkeypatch):
    wanted = {3: "a cat jumps up and down on the grass", 4: "a rocket flies upwards over the sea"}
    both = []
    for seed, prompt in wanted.items():
        both.append(visitors())
        both[-1].open("text-to-video")
        both[-1].write("prompt", prompt)
        both[-1].write("seed", seed)
    for visitor in both:
        visitor.press()
    for visitor, (seed, prompt) in zip(both, wanted.items(), strict=True):
        result = visitor.result()
        assert f"--seed={seed}" in result.command
        assert prompt in result.command
        folder = tmp_path / str(seed)
        folder.mkdir()
        assert made_again(result, folder, monkeypatch) == result.files
