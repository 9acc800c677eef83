# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
import shlex

import pytest

from nuwa_hf.cli import DELEGATED, build_parser, main
from nuwa_hf.tasks import TASKS


COMMANDS = [task.command for task in TASKS]


def help_of(capsys, *arguments):
    with pytest.raises(SystemExit) as exit_info:
        main([*arguments, "--help"])
    assert exit_info.value.code == 0
    return capsys.readouterr().out


def test_help_lists_every_command_and_has_an_example(capsys):
    text = help_of(capsys)
    assert all(f"\n    {name}" in text for name in (*COMMANDS, *DELEGATED))
    assert "nuwa-hf text-to-video " in text.split("example:")[1]


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_a_task_has_an_example_that_parses(capsys, command):
    words = shlex.split(help_of(capsys, command).split("example:")[1])
    assert words[:2] == ["nuwa-hf", command]
    assert build_parser().parse_args(words[1:]).command == command


@pytest.mark.parametrize("name", DELEGATED)
def test_other_commands_hand_on_their_help(capsys, name):
    assert "usage" in help_of(capsys, name)


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["text-to-audio"],
        ["text-to-video", "a", "--num-frames", "x"],
        ["text-to-video", "a", "b"],
        ["complete", "a.png"],
        ["edit-image", "a"],
        ["predict"],
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


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["text-to-video", "--prompt", "a cat"], "comes without an option, nuwa-hf text-to-video PROMPT"),
        (["edit-image", "--image=a.png"], "comes without an option, nuwa-hf edit-image PROMPT IMAGE"),
        (["text-to-image", "a", "--num_inference_steps", "50"], "steps follows from the frames"),
        (["text-to-image", "a", "--height", "64"], "the size is the checkpoint's"),
        (["text-to-image", "a", "--fps", "8"], "an image has no frames"),
        (["text-to-image", "a", "--num_images", "2"], "write --num-images"),
        (["text-to-video", "a", "--num-images", "2"], "write --num-videos"),
        (["text-to-video", "a", "-n", "2"], "write --num-videos"),
        (["text-to-video", "a", "--out", "x.gif"], "write --output"),
        (["text-to-video", "a", "--negative_prompt", "b"], "write --negative-prompt"),
        (["text-to-video", "a", "--guidence-scale", "2"], "the closest is --guidance-scale"),
        (["complete", "a.png", "--strength", ".5"], "is said by --mask"),
        (["T2V", "a"], "write nuwa-hf text-to-video, which can make videos of a text"),
        (["image_to_video", "a.png"], "write nuwa-hf predict"),
        (["predict", "a.png", "--zzz"], "see nuwa-hf predict --help"),
    ],
)
def test_option_of_another_program_says_what_to_write(capsys, words, message):
    assert main(words) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert message in error


def test_what_follows_two_hyphens_is_no_option(capsys):
    assert main(["text-to-image", "--seed", "-1", "--", "--prompt"]) == 2
    assert "`--seed` must be at least 0" in capsys.readouterr().err
