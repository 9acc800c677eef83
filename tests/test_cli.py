# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import PIL.Image
import pytest
from tiny import FRAME_SIZE, VISUAL_GRID

from nuwa_hf.cli import DELEGATED, build_parser, main, slug


PROMPT = "a red apple rolls to the left"
SLUG = "a-red-apple-rolls-to-the-left"
# A directory that not even root can write into.
needs_proc = pytest.mark.skipif(not Path("/proc").is_dir(), reason="this system has no /proc")


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def text_to_video(checkpoint, *arguments):
    return main(["text-to-video", PROMPT, "--checkpoint", str(checkpoint), "--device", "cpu", *arguments])


def gif_frames(path):
    with PIL.Image.open(path) as image:
        return [np.asarray(image.convert("RGB")) for number in range(image.n_frames) if image.seek(number) is None]


def test_default_is_a_gif_and_an_mp4_named_after_the_prompt(checkpoint, here, capsys):
    assert text_to_video(checkpoint, "--seed", "0") == 0
    assert sorted(path.name for path in here.iterdir()) == [f"{SLUG}.gif", f"{SLUG}.mp4"]
    height, width = 4 * FRAME_SIZE[1], 4 * FRAME_SIZE[0]
    assert [frame.shape for frame in gif_frames(here / f"{SLUG}.gif")] == [(height, width, 3)] * VISUAL_GRID[0]
    with av.open(str(here / f"{SLUG}.mp4")) as file:
        shapes = [frame.to_ndarray(format="rgb24").shape for frame in file.decode(video=0)]
    assert shapes == [(height, width, 3)] * VISUAL_GRID[0]
    output = capsys.readouterr().out
    assert f"{SLUG}.gif  (seed 0)" in output
    assert " s on cpu" in output


@pytest.mark.parametrize("suffix", [".gif", ".mp4", ".GIF"])
def test_output_with_a_suffix_is_that_file_alone(checkpoint, here, suffix):
    assert text_to_video(checkpoint, "--output", f"clip{suffix}", "--scale", "2", "--num-frames", "2") == 0
    assert [path.name for path in here.iterdir()] == [f"clip{suffix}"]


def test_video_of_many_is_the_one_its_seed_makes_alone(checkpoint, here, capsys):
    assert (
        text_to_video(checkpoint, "--output", "many.gif", "--num-videos", "3", "--seed", "7", "--contact-sheet") == 0
    )
    assert sorted(path.name for path in here.iterdir()) == ["many-1.gif", "many-2.gif", "many-3.gif", "many.png"]
    assert "many-2.gif  (seed 8)" in capsys.readouterr().out
    assert text_to_video(checkpoint, "--output", "one.gif", "--seed", "8") == 0
    assert np.array_equal(gif_frames(here / "many-2.gif"), gif_frames(here / "one.gif"))


def test_seed_that_was_drawn_is_printed_and_repeats_the_video(checkpoint, here, capsys):
    assert text_to_video(checkpoint, "--output", "first.gif") == 0
    seed = capsys.readouterr().out.split("(seed ")[1].split(")")[0]
    assert text_to_video(checkpoint, "--output", "second.gif", "--seed", seed) == 0
    assert (here / "first.gif").read_bytes() == (here / "second.gif").read_bytes()


def test_sampling_options_reach_the_pipeline(checkpoint, here):
    for name, options in {
        "a": ["--top-k", "1"],
        "b": ["--top-k", "1"],
        "c": ["--temperature", "0.5", "--top-p", "0.9", "--guidance-scale", "3"],
    }.items():
        assert text_to_video(checkpoint, "--output", f"{name}.gif", "--seed", str(ord(name)), *options) == 0
    assert (here / "a.gif").read_bytes() == (here / "b.gif").read_bytes() != (here / "c.gif").read_bytes()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--output", "clip.avi"], "`--output` must end in .gif or .mp4, or have no suffix for both, got 'clip.avi'"),
        (["--output", "missing/clip.gif"], "missing is no directory; make it first"),
        pytest.param(["--output", "/proc/clip.gif"], "Cannot write into /proc", marks=needs_proc),
        (["--num-frames", "0"], "`--num-frames` must be at least 1, got 0"),
        (["--num-frames", "99"], "`num_frames` must be at most 3"),
        (["--num-videos", "0"], "`--num-videos` must be at least 1"),
        (["--scale", "0"], "`--scale` must be at least 1"),
        (["--fps", "0"], "`--fps` must be at least 1"),
        (["--fps", "51"], "`--fps` must be at most 50"),
        (["--seed", "-1"], "`--seed` must be at least 0"),
        (["--temperature", "0"], "`temperature`"),
        (["--top-k", "0"], "`top_k`"),
        (["--top-p", "2"], "`top_p`"),
        (["--guidance-scale", "0"], "`guidance_scale`"),
        (["--device", "abacus"], "`--device` must be one of cpu"),
        (["--checkpoint", "./nowhere"], "No checkpoint: nowhere does not exist"),
        (["--checkpoint", "nuwa-hf/no-such-repository"], "nuwa-hf/no-such-repository"),
    ],
)
def test_error_is_one_line_and_nothing_is_written(checkpoint, here, capsys, arguments, message):
    assert text_to_video(checkpoint, *arguments) == 2
    captured = capsys.readouterr()
    assert captured.err.splitlines()[-1].startswith("nuwa-hf: error: ")
    assert message in captured.err.splitlines()[-1]
    assert "Traceback" not in captured.err
    assert not captured.out
    assert not list(here.iterdir())


def test_output_that_is_a_directory_is_refused_before_the_checkpoint_is_read(here, capsys):
    (here / "clip.gif").mkdir()
    assert text_to_video("./nowhere", "--output", "clip.gif") == 2
    assert capsys.readouterr().err == "nuwa-hf: error: Cannot write clip.gif: it is a directory.\n"


@pytest.mark.parametrize("prompt", ["", "   "])
def test_empty_prompt_is_refused(here, capsys, prompt):
    assert main(["text-to-video", prompt]) == 2
    assert capsys.readouterr().err.startswith("nuwa-hf: error: `prompt` must not be empty")
    assert not list(here.iterdir())


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["text-to-audio"],
        ["text-to-video"],
        ["text-to-video", "a", "--num-frames", "x"],
        ["text-to-video", "a", "b"],
        ["--nothing"],
    ],
)
def test_command_line_that_cannot_be_parsed_is_one_line(here, capsys, arguments):
    with pytest.raises(SystemExit) as exit_info:
        main(arguments)
    assert exit_info.value.code == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "error: " in error


def test_process_that_fails_leaves_nothing_and_no_traceback(checkpoint, tmp_path):
    command = [sys.executable, "-m", "nuwa_hf.cli", "text-to-video", "", "--checkpoint", str(checkpoint)]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert result.returncode == 2
    assert result.stderr == "nuwa-hf: error: `prompt` must not be empty, got ''; describe what to show.\n"
    assert not result.stdout
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("arguments", [["--help"], ["text-to-video", "--help"]])
def test_help_has_an_example(capsys, arguments):
    with pytest.raises(SystemExit) as exit_info:
        main(arguments)
    assert exit_info.value.code == 0
    output = capsys.readouterr().out
    assert "nuwa-hf text-to-video " in output.split("example:")[1]
    assert arguments != ["--help"] or all(name in output for name in DELEGATED)


@pytest.mark.parametrize("name", DELEGATED)
def test_other_commands_hand_on_their_help(capsys, name):
    with pytest.raises(SystemExit) as exit_info:
        main([name, "--help"])
    assert exit_info.value.code == 0
    assert "usage" in capsys.readouterr().out


def test_every_option_of_the_help_says_its_default():
    parser = build_parser()._subparsers._group_actions[0].choices["text-to-video"]
    for action in parser._actions:
        if action.option_strings and action.dest not in ("help", "contact_sheet"):
            assert "default: " in action.help


@pytest.mark.parametrize(
    ("prompt", "name"),
    [(PROMPT, SLUG), ("  Ärger & Öl!  ", "arger-ol"), ("龙", "video"), ("../../etc", "etc"), ("x" * 999, "x" * 60)],
)
def test_slug_is_a_short_plain_file_name(prompt, name):
    assert slug(prompt) == name
