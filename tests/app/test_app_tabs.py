# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""What the tabs make: that which the command and the program beside it make again, byte by byte."""

import logging
import mimetypes
import re
import shlex
import shutil
import threading
import warnings
from pathlib import Path

import PIL.Image
import pytest
from form_values import values_of
from tiny import FRAME_SIZE, VISUAL_GRID, tiny_pipeline, tiny_transformer, tiny_vqgan

from nuwa_hf.app.input_files import sketch_of
from nuwa_hf.cli import main
from nuwa_hf.datasets.media_endings import MEDIA_ENDINGS, PICTURE_ENDINGS
from nuwa_hf.tasks import TASKS


pytest.importorskip("gradio")
NAMES = [task.name for task in TASKS]
LEARNT = VISUAL_GRID[0]
NUM_FRAMES = {"text-to-video": 5, "sketch-to-video": 2, "video-prediction": LEARNT, "video-manipulation": LEARNT}


def make(tab, given, folder):
    """Fills in the form, presses the button, and returns the last value of each output, and how many frames were shown
    as they came; files go to the folder.
    """
    last, num_frames = [None] * len(tab.outputs), 0
    for updates in tab.run(*values_of(tab, given)):
        num_frames += isinstance(updates[0], list) and isinstance(updates[0][0], PIL.Image.Image)
        last = [old if isinstance(new, dict) else new for old, new in zip(last, updates, strict=True)]
        for paths in updates[1 :: len(updates) // 2]:
            for path in paths if isinstance(paths, list) else ():
                shutil.copy(path, folder)
    return last, num_frames


def test_every_task_has_a_tab_with_its_fields(app):
    ids = {component.get("props", {}).get("elem_id") for component in app.get_config_file()["components"]}
    for name in NAMES:
        parts = ("tab", "run", "seed", "temperature", "result", "files", "command", "python", "other-result")
        assert {f"{name}-{part}" for part in parts} <= ids
    assert {
        "text-to-image-prompt",
        "image-completion-mask",
        "sketch-to-video-add-frame",
    } <= ids


@pytest.mark.parametrize("name", NAMES)
def test_command_and_program_make_the_same_files(name, app, uploads, tmp_path, monkeypatch):
    made, by_command, by_program = (tmp_path / folder for folder in ("made", "by_command", "by_program"))
    made.mkdir()
    (_, files, command, program, *_), num_shown = make(app.tabs[name], {**uploads[name], "seed": "5"}, made)
    assert num_shown == NUM_FRAMES.get(name, 0)  # as they came
    given = [Path(path).name for path in files if re.match(r"(image|video|mask|sketch)(-\d)?\.", Path(path).name)]
    for folder in (by_command, by_program):
        folder.mkdir()
        for one in given:
            shutil.copy(made / one, folder)

    monkeypatch.chdir(by_command)
    assert main(shlex.split(command)[1:]) == 0
    monkeypatch.chdir(by_program)
    exec(compile(program, "program.py", "exec"), {})

    assert len(files) > len(given)
    for path in files:
        wanted = (made / Path(path).name).read_bytes()
        assert (by_command / Path(path).name).read_bytes() == wanted
        assert (by_program / Path(path).name).read_bytes() == wanted


@pytest.mark.parametrize("name", ["image-completion", "sketch-to-video", "video-prediction", "video-manipulation"])
def test_files_are_read_once_for_a_run(name, app, uploads):
    """They were read three times, each of which takes seconds for a long clip."""
    made = []
    values = values_of(app.tabs[name], {**uploads[name], "seed": "5"})
    for is_overwritten in (False, True):
        running = app.tabs[name].run(*values)
        next(running)
        given = [path for path in app.uploads.path.parent.glob("nuwa-app-*/*/given-*/*") if not path.is_dir()]
        assert given
        for path in given if is_overwritten else ():
            path.write_bytes(b"no picture")
        for last in running:
            if last[1] is not None:
                results = {Path(path).name: Path(path).read_bytes() for path in last[1]}
        made.append({key: value for key, value in results.items() if value != b"no picture"})
    assert made[1].items() <= made[0].items()
    assert made[1]


WRONG = [
    ("text-to-image", {"seed": "soon"}, "seed"),
    ("text-to-image", {"seed": "-1"}, "seed"),
    ("text-to-image", {"temperature": "-1"}, "temperature"),
    ("text-to-image", {"guidance_scale": "nan"}, "guidance_scale"),
    ("text-to-image", {"num_images_per_prompt": 5}, "num_images_per_prompt"),
    ("text-to-image", {"num_images_per_prompt": 1.5}, "num_images_per_prompt"),
    ("text-to-image", {"prompt": "x" * 1001}, "prompt"),
    ("text-to-image", {"prompt": ["x"] * 3}, "prompt"),
    ("text-to-video", {"num_frames": "7"}, "num_frames"),
    ("text-to-video", {"fps": "51"}, "fps"),
    ("sketch-to-image", {"sketch": None}, "sketch"),
    ("sketch-to-image", {"sketch_background": "lava"}, "sketch_background"),
    ("sketch-to-video", {"sketch_files": [__file__]}, "sketch"),
    ("sketch-to-image", {"sketch_files": __file__}, "sketch"),
    ("image-completion", {"image_files": None}, "image_files"),
    ("image-completion", {"image_files": __file__}, "image_files"),
    ("image-completion", {"mask": None}, "mask"),
    ("video-prediction", {"num_frames": "1"}, "num_frames"),
    ("image-manipulation", {"prompt": " "}, "prompt"),
    ("video-manipulation", {"video_files": None}, "video_files"),
    ("video-manipulation", {"video_files": ["gone.gif"]}, "video_files"),
    ("image-completion", {"image_files": "gone.png"}, "image_files"),
]


@pytest.mark.parametrize(("name", "wrong", "place"), WRONG)
def test_wrong_input_is_a_message_at_its_field(name, wrong, place, app, uploads):
    tab = app.tabs[name]
    said = dict(zip(tab.form.inputs, tab.check(*values_of(tab, {**uploads[name], **wrong})), strict=True))
    assert [key for key, one in said.items() if not one["is_valid"]] == [place]
    assert f"`{place.removesuffix('_files').removesuffix('_per_prompt')}" in said[place]["message"].replace("--", "")
    assert "/" not in said[place]["message"]  # no folder of this machine


@pytest.mark.parametrize("name", ["video-prediction", "video-manipulation", "sketch-to-video"])
def test_no_more_files_are_copied_and_read_than_a_video_has_frames(name, app, uploads, tmp_path, monkeypatch):
    """A request of a few bytes that names an upload again and again filled the disk and the memory."""
    tab, count = app.tabs[name], app.max_files
    key = "sketch_files" if name == "sketch-to-video" else "video_files"
    values = {**uploads[name], key: [uploads[name][key][0]] * (count + 1)}
    with pytest.raises(ValueError, match=rf"must be at most {count} files \(the limit of this app\), got {count + 1}"):
        tab._read(values_of(tab, values), tmp_path, float("inf"))
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("name", ["image-completion", "video-prediction", "video-manipulation"])
def test_files_are_read_within_the_time_of_a_request(name, app, uploads, monkeypatch):
    from gradio import Error

    tab = app.tabs[name]
    values = values_of(tab, uploads[name])
    monkeypatch.setattr("nuwa_hf.app.task_tab.monotonic", lambda: float("-inf"))  # its turn was long ago
    said = [one["message"] for one in tab.check(*values) if not one["is_valid"]]
    assert len(said) == 1
    assert "must be short enough to be read in time" in said[0]
    with pytest.raises(Error, match="must be short enough to be read in time"):
        next(tab.run(*values))


def test_what_the_pipelines_warn_of_is_shown_once_and_to_whoever_asked(app):
    tab, text = app.tabs["text-to-image"], "a <b>red apple " * 40
    running = tab.run(*values_of(tab, {"prompt": text, "negative_prompt": "a dog", "guidance_scale": "1"}))
    with warnings.catch_warnings(record=True) as shown:  # outside of a server, Gradio's notes are such
        warnings.simplefilter("always")
        next(running)
        warn_of_another = logging.getLogger("nuwa_hf.pipelines.prompts").warning
        other = threading.Thread(target=warn_of_another, args=["another visitor's"])
        other.start()
        other.join()
        list(running)
    messages = sorted(str(one.message) for one in shown)
    begins = ["The prompt is longer than 12 tokens", "`negative_prompt` has no effect"]
    assert [one[: len(begin)] for one, begin in zip(messages, begins, strict=True)] == begins
    assert "a &lt;b&gt;red apple" in messages[0]
    assert "<" not in messages[0]


def test_a_painted_frame_that_was_not_added_is_told(app, uploads):
    def told(tab, **given):
        with warnings.catch_warnings(record=True) as shown:
            warnings.simplefilter("always")
            list(tab.run(*values_of(tab, given)))
        return [str(one.message) for one in shown if "canvas" in str(one.message)]

    tab, canvas = app.tabs["sketch-to-video"], uploads["sketch-to-image"]
    classes = tab.checkpoints[0].classes
    last, other = (
        sketch_of(canvas["sketch"], background, classes, (FRAME_SIZE[1], FRAME_SIZE[0]))
        for background in ("grass", classes.names[0])
    )
    assert told(tab, **canvas, sketch_frames=[other, last]) == []
    assert told(tab, **canvas, sketch_frames=[last, other]) == [
        "The painting on the canvas was not added as a frame, and is left out."
    ]
    for form in ({**canvas, **uploads["sketch-to-video"]}, {**uploads["sketch-to-video"], "sketch_frames": [last]}):
        (message,) = [one["message"] for one in tab.check(*values_of(tab, form)) if not one["is_valid"]]
        assert message == "`sketch` must be painted or uploaded, got both; take one of them away."


def test_a_number_is_not_rounded(app):
    """1.5 images were 2, without a word."""
    tab = app.tabs["text-to-image"]

    def said(number):
        given = {key: tab.form.inputs[key].preprocess(number) for key in ("num_images_per_prompt", "num_candidates")}
        checked = zip(tab.form.inputs, tab.check(*values_of(tab, {"prompt": "a bird", **given})), strict=True)
        return [(key, one["message"]) for key, one in checked if not one["is_valid"]]

    assert said(2) == said(2.0) == []
    assert said(1.5) == [("num_images_per_prompt", "`num_images` must be a whole number, got 1.5.")]


def test_a_task_that_the_checkpoint_never_learnt_says_so(tmp_path):
    from nuwa_hf.app import build_app

    tiny_pipeline("T2V", transformer=tiny_transformer(learnt_tasks=["T2V"])).save_pretrained(tmp_path)
    page = build_app(tmp_path, device="cpu")
    ids = {component.get("props", {}).get("elem_id") for component in page.get_config_file()["components"]}
    page.close()
    assert {name for name in NAMES if f"{name}-unlearnt" in ids} == {*NAMES} - {"text-to-video"}


def test_a_checkpoint_of_many_frames_makes_as_many(uploads, tmp_path):
    from nuwa_hf.app import AppLimits, build_app

    def said(tab):
        values = values_of(tab, {**uploads[tab.form.command.task.name], "num_frames": ""})
        return {key: one["message"] for key, one in zip(tab.form.inputs, tab.check(*values), strict=True)}

    tiny_pipeline("T2V", transformer=tiny_transformer(visual_grid=(30, *VISUAL_GRID[1:]))).save_pretrained(tmp_path)
    names = ("text-to-video", "video-prediction")
    for limits, is_refused in ((None, False), (AppLimits(max_frames=24), True)):
        page = build_app(tmp_path, device="cpu", limits=limits)
        messages = [said(page.tabs[name]) for name in names]
        page.close()
        assert [[key for key, message in one.items() if message] for one in messages] == [
            ["num_frames"] * is_refused
        ] * 2
        assert (
            all("24 frames (the limit of this app), with those given, got 30" in str(one) for one in messages)
            == is_refused
        )


@pytest.mark.parametrize(
    ("name", "key", "endings"),
    [("video-prediction", "video_files", MEDIA_ENDINGS), ("image-completion", "image_files", PICTURE_ENDINGS)],
)
def test_every_kind_of_file_that_is_read_may_be_uploaded(name, key, endings, app, monkeypatch):
    """A clip of a phone (.3gp) or a camera (.mts) was refused, and more in a container that knows few types."""
    from gradio.data_classes import FileData, ListFiles

    field = app.tabs[name].form.inputs[key]
    for known in (mimetypes.guess_type, lambda *_, **__: (None, None)):
        monkeypatch.setattr(mimetypes, "guess_type", known)
        for ending in endings:
            file = FileData(path=f"a{ending}")
            assert field.preprocess(ListFiles([file]) if key == "video_files" else file)


def test_what_is_right_gives_no_message(app, uploads):
    for name, tab in app.tabs.items():
        assert all(one["is_valid"] for one in tab.check(*values_of(tab, uploads[name])))


def test_what_is_painted_has_the_size_of_each_checkpoint_and_an_open_seed_is_the_same(checkpoint, uploads, tmp_path):
    """A mask of the first checkpoint's size was refused for the other."""
    from nuwa_hf.app import build_app

    tiny_pipeline("T2V", vqgan=tiny_vqgan(block_out_channels=(8, 8, 8))).save_pretrained(tmp_path)
    width, height = FRAME_SIZE
    mask = uploads["image-completion"]["mask"]
    page = build_app(checkpoint, compare=tmp_path, device="cpu")
    for name in ("image-completion", "image-manipulation", "video-manipulation"):
        tab = page.tabs[name]
        form = values_of(tab, {**uploads[name], "mask": mask})
        assert [one["message"] for one in tab.check(*form) if not one["is_valid"]] == []
        for values in tab.run(*form):
            files = [Path(path) for files in (values[1], values[5]) for path in files or ()]
            sizes = [PIL.Image.open(file).size for file in files if file.name == "mask.png"]
        assert sizes == [(width, height), (2 * width, 2 * height)]
        seeds = [re.search(r"--seed=(\d+)", command)[1] for command in (values[2], values[6])]
        assert seeds[0] == seeds[1]
    page.close()
