# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
import argparse
import contextlib
import io
import re
import shlex
import subprocess
from importlib import import_module
from importlib.metadata import version
from types import SimpleNamespace

import pytest
import torch

from nuwa_hf.cli import DELEGATED, build_parser, main
from nuwa_hf.cli.versions import versions_text
from nuwa_hf.tasks import TASKS


COMMANDS = [task.command for task in TASKS]


def help_of(capsys, *arguments):
    with pytest.raises(SystemExit) as exit_info:
        main([*arguments, "--help"])
    assert exit_info.value.code == 0
    return capsys.readouterr().out


def status_of(words):
    try:
        return main(words)
    except SystemExit as end:  # argparse's own
        return end.code


def test_alone_it_lists_every_command_in_one_group_in_the_order_of_work(capsys):
    assert main([]) == 0
    groups, found = [], []
    for line in capsys.readouterr().out.splitlines():
        if heading := re.fullmatch(r"(\w+):", line):
            groups.append(heading[1])
        elif command := re.match(r"  ([a-z-]+)  +\w", line):
            found.append(command[1])
    assert groups == ["make", "prepare", "train", "judge", "share"]
    assert sorted(found) == sorted([*COMMANDS, *DELEGATED])
    help_text = help_of(capsys)
    assert re.findall(r"^    ([a-z-]+)  ", help_text, flags=re.MULTILINE) == found
    assert "nuwa-hf text-to-video " in help_text.split("example:")[1]


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_a_task_has_an_example_that_parses(capsys, command):
    words = shlex.split(help_of(capsys, command).split("example:")[1])
    assert words[:2] == ["nuwa-hf", command]
    assert build_parser().parse_args(words[1:]).command == command


@pytest.mark.parametrize("name", [*COMMANDS, *DELEGATED])
def test_help_names_each_default_and_what_must_be_given(capsys, name):
    """Some commands named no default, others None as one; `--no_resume` was said to go on with a run."""
    text = help_of(capsys, name)
    parser = build_parser()._subparsers._group_actions[0].choices[name]
    if name in DELEGATED:
        parser = import_module(DELEGATED[name].module).build_parser()
    parser.format_help()
    options = [action for action in parser._actions if action.option_strings]
    values = {action.dest for action in options if action.nargs != 0}
    assert text.count("(required)") == sum(action.required for action in options)
    assert "default: None" not in text
    for action in options:
        if isinstance(action, argparse._StoreFalseAction) and action.dest in values:
            assert action.help == f"Switches --{action.dest} off."
        elif action.nargs != 0 and isinstance(action.default, int | float | str) and action.default != "":
            assert "default" in action.help


@pytest.mark.parametrize("name", DELEGATED)
def test_other_commands_hand_on_their_help(capsys, name):
    text = help_of(capsys, name)
    assert text.startswith(f"usage: nuwa-hf {name} ")
    assert text.split("\n\n")[1][0].isupper()  # it begins with what the command does
    assert "--verbose" in text


@pytest.mark.parametrize(
    "arguments",
    [
        ["text-to-video", "a", "--num-frames", "x"],
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
        (["text-to-image", "a", "--Num-Images", "2"], "write --num-images"),
        (["text-to-video", "a", "--num-images", "2"], "write --num-videos"),
        (["text-to-video", "a", "-n", "2"], "write --num-videos"),
        (["text-to-video", "a", "--out", "x.gif"], "write --output"),
        (["text-to-video", "a", "--negative", "b"], "write --negative-prompt"),
        (["inspect", "clips", "--fps", "8"], "error: Unknown argument '--fps'; its name here is `frame_rate`."),
        (["inspect", "--dataset", "clips"], "comes without an option, nuwa-hf inspect DATA."),
        (["push", "a", "--repo-id=b/c"], "comes without an option, nuwa-hf push FOLDER USER/MODEL."),
        (["evaluate", "--model", "a"], "its name here is `checkpoint`."),
        (["train-judges", "--out", "a"], "its name here is `output_dir`."),
        (["compare", "a", "b", "--metric", "psnr"], "the closest valid one is `metrics`."),
        (["info", "--zzz"], "Unknown argument '--zzz'; see `--help`."),
        (["text-to-video", "a", "--guidence-scale", "2"], "the closest is --guidance-scale"),
        (["complete", "a.png", "--strength", ".5"], "is said by --mask"),
        (["T2V", "a"], "write nuwa-hf text-to-video, which can make videos of a text"),
        (["image_to_video", "a.png"], "write nuwa-hf predict"),
        (["evalute", "--checkpoint", "a"], "has no command evalute: the nearest are evaluate, "),
        (["text-to-audio"], "the nearest are text-to-video, text-to-image"),
        (["zzz"], "has no command zzz: nuwa-hf alone lists them all"),
        (["predict", "a.png", "--zzz"], "see nuwa-hf predict --help"),
        (["text-to-video", "a", "red", "apple"], "got 'red' besides; put a text of several words in quotes."),
        (["edit-image", "a", "cat", "a.png", "--mask", "b.png"], "takes PROMPT IMAGE and options, and got 'a.png'"),
        (["text-to-image", "-dog", "--seed", "0"], "write a text that begins with a hyphen last, after --."),
        (["complete", "a.png", "b.png", "--mask", "c.png"], "and got 'b.png' besides; leave it out."),
    ],
)
def test_option_of_another_program_says_what_to_write(capsys, words, message):
    assert status_of(words) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert message in error


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["text-to-image", "a", "--num_images", "0"], "`--num-images` must be at least 1"),
        (["evaluate", "--batch-size=0", "--vqgan", "a"], "`batch_size` must be at least 1"),
        (["train-judges", "--output-dir", "a", "--num-val-clips", "0"], "`num_val_clips` must be at least 1"),
    ],
)
def test_options_are_taken_with_hyphens_and_with_underscores(capsys, words, message):
    assert status_of(words) == 2
    assert message in capsys.readouterr().err


def test_what_follows_two_hyphens_is_no_option(capsys):
    assert main(["text-to-image", "--seed", "-1", "--", "--prompt"]) == 2
    assert "`--seed` must be at least 0" in capsys.readouterr().err


def test_versions_are_those_of_the_libraries_and_name_the_device(capsys):
    with pytest.raises(SystemExit) as exit_info:
        main(["--version"])
    first, *lines = capsys.readouterr().out.splitlines()
    found = dict(re.split(r"  +", line, maxsplit=1) for line in lines)
    assert exit_info.value.code == 0
    assert first.startswith("nuwa-hf ")
    assert (found["torch"], found["transformers"]) == (version("torch"), version("transformers"))
    assert "cores" in found["device"]


@pytest.mark.parametrize(
    ("cuda", "hip", "said"), [("12.8", None, "2 x GPU, 24 GB, CUDA 12.8"), (None, "6.4", "2 x GPU, 24 GB, ROCm 6.4")]
)
def test_versions_name_the_library_of_the_gpu(monkeypatch, cuda, hip, said):
    """With ROCm it was "CUDA None"."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    found = SimpleNamespace(name="GPU", total_memory=24e9)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda number: found)
    monkeypatch.setattr(torch.version, "cuda", cuda)
    monkeypatch.setattr(torch.version, "hip", hip)
    assert said in versions_text()


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("nuwa-hf trai", "train train-judges train-tokenizer train-vqgan"),
        ("nuwa-hf train --max_train_", "--max_train_hours --max_train_steps"),
        ("nuwa-hf train --mixed_precision ", "bf16 fp16 no"),
        ("nuwa-hf text-to-video rocket --num-v", "--num-videos"),
        ("nuwa-hf evaluate --metrics fid --js", "--json"),
        ("nuwa-hf --print-completion ", "bash fish zsh"),
    ],
)
def test_bash_completes(bash_script, line, expected):
    pressed_tab = (
        f"COMP_WORDS=({line}{chr(34) * 2 if line.endswith(' ') else ''}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1));"
        '_shtab_nuwa_hf 2>/dev/null; printf "%s\\n" "${COMPREPLY[@]}"'
    )
    found = subprocess.run(
        ["bash", "--norc", "-c", f"source {shlex.quote(bash_script)}; {pressed_tab}"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert " ".join(sorted(found.stdout.split())) == expected


@pytest.fixture(scope="module")
def bash_script(tmp_path_factory):
    with contextlib.redirect_stdout(io.StringIO()) as stream, pytest.raises(SystemExit):
        main(["--print-completion", "bash"])
    file = tmp_path_factory.mktemp("completion") / "nuwa-hf"
    file.write_text(stream.getvalue(), encoding="utf-8")
    return str(file)
