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
