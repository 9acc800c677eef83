# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
import json
import os
import resource
import runpy
import sys
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import PIL.Image
import pytest
from command_inputs import INPUTS, PROMPT
from tiny import FACTOR, FRAME_RATE, FRAME_SIZE, VISUAL_GRID, tiny_pipeline
from warm_processes import run_module

from nuwa_hf.cli import main
from nuwa_hf.cli.task_commands import TASK_COMMANDS
from nuwa_hf.media import open_media, write_mp4
from nuwa_hf.tasks import TASKS


COMMANDS = [task.command for task in TASKS]
OF_IMAGES = [task.command for task in TASKS if task.output == "image"]
OF_VIDEOS = [task.command for task in TASKS if task.output == "video"]
WITH_FILES = [task.command for task in TASKS if task.known != "nothing" or "sketch" in task.condition]
TOLERANCE = 20  # of noise in the 256 colours of a GIF; frames of noise that have nothing in common differ by 95
SIZE = (4 * FRAME_SIZE[0], 4 * FRAME_SIZE[1])
# A directory that not even root can write into.
needs_proc = pytest.mark.skipif(not Path("/proc").is_dir(), reason="this system has no /proc")


def count_option(command):
    return f"--num-{TASK_COMMANDS[command].task.output}s"


def frames_of(path):
    with PIL.Image.open(path) as image:
        return [np.asarray(image.convert("RGB")) for number in range(image.n_frames) if image.seek(number) is None]


def difference(one, other):
    return np.abs(np.subtract(one, other, dtype=int)).mean()


@pytest.mark.parametrize("command", COMMANDS)
def test_default_files_are_of_the_right_kind_and_size(run, input_folder, new_files, capsys, command):
    assert run(command, *INPUTS[command], "--seed", "0") == 0
    output, written = capsys.readouterr().out, new_files()
    assert written, "nothing was written"
    assert all(f"{name}  (seed 0)" in output for name in written)
    assert " made in " in output.splitlines()[-1]
    assert " s on cpu" in output.splitlines()[-1]
    num_frames = 2 if command == "sketch-to-video" else VISUAL_GRID[0]
    if command in OF_IMAGES:
        (name,) = written
        with PIL.Image.open(input_folder / name) as image:
            assert (image.format, image.mode, image.size) == ("PNG", "RGB", SIZE)
        return
    gif, mp4 = written
    assert [frame.shape for frame in frames_of(input_folder / gif)] == [(SIZE[1], SIZE[0], 3)] * num_frames
    with av.open(str(input_folder / mp4)) as file:
        assert [(frame.width, frame.height) for frame in file.decode(video=0)] == [SIZE] * num_frames


@pytest.mark.parametrize("command", ["text-to-image", "sketch-to-video", "edit-video"])
def test_result_of_many_is_the_one_its_seed_makes_alone(run, input_folder, new_files, capsys, command):
    suffix = ".png" if command in OF_IMAGES else ".gif"
    many = [command, *INPUTS[command], "--output", f"many{suffix}", count_option(command), "3", "--seed", "7"]
    assert run(*many, "--contact-sheet") == 0
    sheet = "many-sheet.png" if command in OF_IMAGES else "many-video-sheet.png"
    assert new_files() == sorted([*(f"many-{number}{suffix}" for number in (1, 2, 3)), sheet])
    assert f"many-2{suffix}  (seed 8)" in capsys.readouterr().out
    assert run(command, *INPUTS[command], "--output", f"one{suffix}", "--seed", "8") == 0
    one, two = input_folder / f"one{suffix}", input_folder / f"many-2{suffix}"
    # A random model's three results rarely agree; the sketch and the known part alone do not decide.
    assert one.read_bytes() == two.read_bytes() != (input_folder / f"many-1{suffix}").read_bytes()


@pytest.mark.parametrize("command", ["complete", "edit-image"])
def test_pixels_outside_the_mask_come_back_unless_composite_is_off(run, input_folder, command):
    given = np.asarray(PIL.Image.open("image.png"))
    kept = np.asarray(PIL.Image.open("mask.png")) == 0
    for name, options, is_kept in [("on.png", [], True), ("off.png", ["--no-composite"], False)]:
        assert run(command, *INPUTS[command], "--output", name, "--scale", "1", "--seed", "0", *options) == 0
        assert np.array_equal(np.asarray(PIL.Image.open(name))[kept], given[kept]) == is_kept


def test_first_frames_come_back_however_they_are_given(run, input_folder):
    given = frames_of("clip.gif")
    for number in range(2):
        PIL.Image.fromarray(given[number]).save(f"frame-{number}.png")
    cases = {"one": (["image.png"], 1), "two": (["frame-0.png", "frame-1.png"], 2), "all": (["clip.gif"], 3)}
    for name, (files, count) in cases.items():
        options = ["--num-frames", "5", "--overlap-frames", "1", "--scale", "1", "--output", f"{name}.gif"]
        assert run("predict", *files, *options) == 0
        result = frames_of(f"{name}.gif")
        assert len(result) == 5
        assert difference(result[:count], given[:count]) < TOLERANCE


@pytest.mark.parametrize(("fps", "reds"), [(24, [10 * k for k in range(24)]), (1, [0, 200])])
@pytest.mark.parametrize("command", ["predict", "edit-video"])
def test_a_clip_comes_out_at_its_own_speed(run, here, command, fps, reds):
    """Frames of a faster clip are left out, those of a slower one are there several times."""
    write_mp4([PIL.Image.new("RGB", FRAME_SIZE, (red, 90, 30)) for red in reds], "given.mp4", fps=fps)
    seconds = len(reds) // fps
    corner = PIL.Image.new("L", FRAME_SIZE)
    corner.paste(255, (0, 0, FACTOR, FACTOR))
    corner.save("mask.png")
    options = {
        "predict": ["given.mp4", "--num-frames", str(seconds * FRAME_RATE + 1)],
        "edit-video": [PROMPT, "given.mp4", "--num-frames", str(seconds * FRAME_RATE), "--mask", "mask.png"],
    }
    assert run(command, *options[command], "--overlap-frames", "1", "--scale", "1", "--output", "out.mp4") == 0
    with open_media("out.mp4") as written, open_media("given.mp4") as given:
        assert written.seconds() - given.seconds() == Fraction(command == "predict", FRAME_RATE)
        for time in range(seconds * FRAME_RATE):
            last = FRAME_SIZE[0] - 1, FRAME_SIZE[1] - 1
            start = Fraction(time, FRAME_RATE)
            came, went = (next(media.frames(start)).picture().getpixel(last)[0] for media in (written, given))
            assert abs(came - went) <= 6


def test_mask_of_a_video_says_what_is_drawn_anew(run, input_folder):
    edit = ["edit-video", PROMPT, "clip.gif", "--mask", "mask.png", "--scale", "2", "--contact-sheet"]
    assert run(*edit, "--output", "edited.gif") == 0
    kept = frames_of("edited.gif")[2][FRAME_SIZE[1] :]
    given = frames_of("clip.gif")[2][FRAME_SIZE[1] // 2 :].repeat(2, axis=0).repeat(2, axis=1)
    assert difference(kept, given) < TOLERANCE


@pytest.mark.parametrize("command", ["sketch-to-image", "sketch-to-video"])
def test_text_beside_a_sketch_changes_the_result_and_its_name(run, input_folder, new_files, command):
    options = ["--seed", "0", "--guidance-scale", "4"]
    assert run(command, *INPUTS[command], *options) == 0
    assert run(command, *INPUTS[command], *options, "--prompt", PROMPT) == 0
    suffix = ".png" if command in OF_IMAGES else ".gif"
    plain, told = f"sketch-0-{command}{suffix}", f"a-red-apple-rolls-to-the-left-{command}{suffix}"
    assert {plain, told} <= set(new_files())
    assert (input_folder / plain).read_bytes() != (input_folder / told).read_bytes()


def test_animated_sketch_is_the_same_as_its_frames(run, input_folder):
    first, second = (PIL.Image.open(f"sketch-{number}.png") for number in (0, 1))
    first.save("animated.png", save_all=True, append_images=[second], duration=250)
    assert run("sketch-to-video", "animated.png", "--seed", "0", "--output", "a.gif") == 0
    assert run("sketch-to-video", "sketch-0.png", "sketch-1.png", "--seed", "0", "--output", "b.gif") == 0
    assert Path("a.gif").read_bytes() == Path("b.gif").read_bytes()


def test_sampling_options_reach_the_pipeline(run, here):
    for name, options in {
        "a": ["--top-k", "1"],
        "b": ["--top-k", "1"],
        "c": ["--temperature", "0.5", "--top-p", "0.9", "--guidance-scale", "3"],
        "d": ["--temperature", "0.5", "--top-p", "0.9", "--guidance-scale", "3", "--negative-prompt", "two birds"],
        "e": ["--temperature", "0.5", "--top-p", "0.9", "--guidance-scale", "3", "--num-candidates", "12"],
        "f": ["--temperature", "0.5", "--top-p", "0.9", "--guidance-scale", "3", "--top-k", "0"],
    }.items():
        seed = "0" if name > "b" else str(ord(name))
        assert run("text-to-video", PROMPT, "--output", f"{name}.gif", "--seed", seed, *options) == 0
    results = [(here / f"{name}.gif").read_bytes() for name in "abcdef"]
    assert results[0] == results[1]
    assert [results.index(one) for one in results] == [0, 0, 2, 3, 4, 2]


def test_paper_way_gives_another_completion(run, here, input_folder):
    for name, options in {"a.png": [], "b.png": ["--no-condition-on-known"]}.items():
        assert run("complete", *INPUTS["complete"], "--output", name, "--seed", "0", *options) == 0
    assert (here / "a.png").read_bytes() != (here / "b.png").read_bytes()


def test_seed_that_was_drawn_is_printed_and_repeats_the_result(run, here, capsys):
    assert run("text-to-image", PROMPT, "--output", "first.png") == 0
    seed = capsys.readouterr().out.split("(seed ")[1].split(")")[0]
    assert run("text-to-image", PROMPT, "--output", "second.png", "--seed", seed, "--json") == 0
    (result,) = json.loads(capsys.readouterr().out)["results"]
    assert result == {"seed": int(seed), "files": ["second.png"]}
    assert (here / "first.png").read_bytes() == (here / "second.png").read_bytes()


def test_the_embedded_checkpoint_goes_by_its_name(here):
    for name, options in {"named.png": ["--checkpoint", "embedded"], "default.png": []}.items():
        words = ["text-to-image", PROMPT, "--device", "cpu", "--seed", "0", "--output", name]
        assert main([*words, *options]) == 0
    assert (here / "named.png").read_bytes() == (here / "default.png").read_bytes()


def fails_in_one_line(capsys, status, message):
    captured = capsys.readouterr()
    last_line = captured.err.splitlines()[-1]
    return (status, captured.out) == (2, "") and last_line.startswith("nuwa-hf: error: ") and message in last_line


@pytest.mark.parametrize("command", ["text-to-image", "edit-video"])
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--output", "result.avi"], "`--output` must end in ."),
        (["--output", "missing/result"], "missing is no directory; make it first"),
        pytest.param(["--output", "/proc/result"], "Cannot write into /proc", marks=needs_proc),
        (["--scale", "0"], "`--scale` must be at least 1, got 0"),
        (["--scale", "4000"], "`--scale` must make frames of at most 89,478,485 pixels, got 4000, which makes "),
        (["--seed", "-1"], "`--seed` must be at least 0"),
        (["--temperature", "-1"], "`temperature`"),
        (["--top-k", "-1"], "`top_k`"),
        (["--top-p", "2"], "`top_p`"),
        (["--min-p", "2"], "`min_p`"),
        (["--device", "abacus"], "`--device` must be one of cpu"),
        (["--checkpoint", "./nowhere"], "No checkpoint: nowhere does not exist"),
        (["--checkpoint", "nuwa-hf/no-such-repository"], "nuwa-hf/no-such-repository"),
    ],
)
def test_error_is_one_line_and_nothing_is_written(
    checkpoint, input_folder, new_files, capsys, command, arguments, message
):
    status = main([command, *INPUTS[command], "--checkpoint", str(checkpoint), "--device", "cpu", *arguments])
    assert fails_in_one_line(capsys, status, message)
    assert new_files() == []


def test_of_several_faults_the_same_is_named_in_every_process(run, input_folder, capsys):
    """Which one it was depended on the order of hashes."""
    assert fails_in_one_line(capsys, run("text-to-video", " ", "--negative-prompt", " "), "`prompt` must not be empty")
    rates = ["--fps", "-1", "--frame-rate", "-1"]
    assert fails_in_one_line(capsys, run("predict", "clip.gif", *rates), "`--fps`")


@pytest.mark.parametrize("command", ["text-to-image", "edit-video"])
def test_count_below_one_is_refused(run, input_folder, new_files, capsys, command):
    option = count_option(command)
    assert fails_in_one_line(capsys, run(command, *INPUTS[command], option, "0"), f"`{option}` must be at least 1")
    assert new_files() == []


@pytest.mark.parametrize("command", WITH_FILES)
def test_missing_damaged_or_wrong_input_leaves_nothing(run, input_folder, new_files, capsys, command):
    file = next(word for word in INPUTS[command] if word.endswith((".png", ".gif")))
    whole = (input_folder / file).read_bytes()
    (input_folder / file).write_bytes(whole[: len(whole) // 2])
    assert fails_in_one_line(capsys, run(command, *INPUTS[command]), file)
    (input_folder / file).write_bytes(b"no picture")
    assert fails_in_one_line(capsys, run(command, *INPUTS[command]), file)
    (input_folder / file).unlink()
    assert fails_in_one_line(capsys, run(command, *INPUTS[command]), "which is not there; check the path")
    assert new_files() == []


@pytest.mark.parametrize("command", ["complete", "edit-image", "edit-video"])
@pytest.mark.parametrize(
    ("size", "value", "message"),
    [((7, 5), 255, "`mask` must have the size of what it masks"), (FRAME_SIZE, 0, "something to fill")],
)
def test_mask_that_does_not_fit_leaves_nothing(run, input_folder, new_files, capsys, command, size, value, message):
    PIL.Image.new("L", size, value).save("mask.png")
    words = INPUTS[command] if "--mask" in INPUTS[command] else [*INPUTS[command], "--mask", "mask.png"]
    assert fails_in_one_line(capsys, run(command, *words), message)
    assert new_files() == []


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["sketch-to-image", "image.png"], '`sketch` must be of mode "P" or "L"'),
        (["sketch-to-video", "clip.gif"], "GIF"),
        (["predict", "clip.gif", "--num-frames", "1"], "more than the 1 frames that are given"),
        (["predict", "clip.gif", "--frame-rate", "0"], "`--frame-rate` must be from 0.01"),
        (["predict", "clip.gif", "image.png"], "got a list of clips"),
        (["edit-video", PROMPT, "image.png"], "at least 2 frames"),
        (["predict", "image.png", "--overlap-frames", "0"], "`--overlap-frames` must be at least 1"),
        (["predict", "image.png", "--num-frames", "0"], "`--num-frames` must be at least 1"),
        (["predict", "image.png", "--num-frames", "99999"], "`--num-frames` must be at most 4096"),
        (["text-to-video", PROMPT, "--fps", "0"], "`--fps` must be from 0.01"),
        (["text-to-video", PROMPT, "--fps", "51"], "`fps` of a GIF must be at most 50, got 51.0; write an MP4"),
        (["text-to-image", PROMPT, "--guidance-scale", "0"], "`guidance_scale`"),
        (["text-to-image", PROMPT, "--num-candidates", "0"], "`--num-candidates` must be at least 1"),
        (["text-to-image", "  "], "`prompt` must not be empty"),
        (["sketch-to-image", "sketch-0.png", "--prompt", ""], "`prompt` must not be empty"),
        (["text-to-image", PROMPT, "--negative-prompt", ""], "`negative_prompt` must not be empty"),
        (["complete", *INPUTS["complete"], "--output", "image.png"], "it is an input; choose another name"),
    ],
)
def test_command_refuses_what_its_task_cannot_use(run, input_folder, new_files, capsys, words, message):
    assert fails_in_one_line(capsys, run(*words), message)
    assert new_files() == []


def test_sketch_without_a_sketch_codec_says_what_is_missing(input_folder, tmp_path_factory, new_files, capsys):
    folder = tmp_path_factory.mktemp("without_sketches")
    tiny_pipeline(sketch_vqgan=None).save_pretrained(folder)
    status = main(["sketch-to-image", "sketch-0.png", "--checkpoint", str(folder), "--device", "cpu"])
    assert fails_in_one_line(capsys, status, "`sketch_vqgan`")
    assert new_files() == []


def test_missing_encoder_is_said_before_any_work(run, here, capsys, monkeypatch):
    monkeypatch.setattr("nuwa_hf.media.write_clips.H264", "libx999")
    for output, message in (
        ("clip.mp4", "the encoder libx999"),
        ("clip", "the encoder libx999"),
        ("clip.gif", "nowhere"),
    ):
        words = ["text-to-video", PROMPT, "--checkpoint", "./nowhere", "--output", output]
        assert fails_in_one_line(capsys, main(words), message)
    (here / "prompts.jsonl").write_text(f'{{"prompt": "{PROMPT}"}}\n')
    words = ["generate", "--prompts", "prompts.jsonl", "--output_dir", "out", "--task", "text-to-video"]
    assert fails_in_one_line(capsys, run(*words), "the encoder libx999")
    assert not (here / "out").exists()


def test_output_that_is_a_directory_is_refused_before_the_checkpoint_is_read(here, capsys):
    (here / "clip.gif").mkdir()
    assert main(["text-to-video", PROMPT, "--checkpoint", "./nowhere", "--output", "clip.gif"]) == 2
    assert capsys.readouterr().err == "nuwa-hf: error: Cannot write clip.gif: it is a directory.\n"


def test_process_writes_files_and_shows_a_bar_of_waves(checkpoint, processes, input_folder, new_files):
    words = [*INPUTS["complete"], "--checkpoint", str(checkpoint), "--device", "cpu"]
    result = processes.run(run_module, "nuwa_hf.cli", "complete", *words)
    assert result.returncode == 0, result.stderr
    assert "100%" in result.stderr
    assert new_files() == ["image-complete.png"]


def run_where(trouble, *words):
    """The command with a stdout of ASCII, or one that is closed, or files that may not grow."""
    if trouble == "ascii":
        sys.stdout = open(1, "w", encoding="ascii", closefd=False)  # noqa: SIM115 (open until the process ends)
    elif trouble == "closed":
        reading, writing = os.pipe()
        os.close(reading)
        os.dup2(writing, 1)
        sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115
    else:
        resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))
    sys.exit(main(words))


@pytest.mark.parametrize(
    ("trouble", "status", "files"),
    [("ascii", 0, ["é-1.png", "é-2.png"]), ("closed", 141, ["é-1.png", "é-2.png"]), ("full", 2, [])],
)
def test_no_traceback_for_an_ascii_terminal_a_closed_pipe_and_a_full_disk(
    checkpoint, processes, input_folder, new_files, trouble, status, files
):
    words = [*INPUTS["complete"], "--checkpoint", str(checkpoint), "--device", "cpu", "--output", "é.png"]
    result = processes.run(run_where, trouble, "complete", *words, "--num-images", "2", "--scale", "64")
    assert result.returncode == status, result.stderr
    assert "Traceback" not in result.stderr
    assert "BrokenPipe" not in result.stderr
    assert new_files() == files
    assert ("\\xe9-1.png" in result.stdout) == (trouble == "ascii")
    assert ("nuwa-hf: error: Cannot write \xe9-1.png: File too large." in result.stderr) == (trouble == "full")


def test_output_may_be_a_folder_that_is_there(run, input_folder, new_files):
    Path("v1.5").mkdir()
    assert run("complete", *INPUTS["complete"], "--output", "v1.5", "--contact-sheet") == 0
    assert sorted(path.name for path in Path("v1.5").iterdir()) == ["image-complete-sheet.png", "image-complete.png"]


def test_module_that_fails_exits_with_one_line(here, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["nuwa-hf", "text-to-video", ""])
    with pytest.raises(SystemExit) as exit_info:
        runpy.run_module("nuwa_hf.cli", run_name="__main__")
    assert exit_info.value.code == 2
    assert capsys.readouterr().err == "nuwa-hf: error: `prompt` must not be empty, got ''; describe what to show.\n"
    assert not list(here.iterdir())
