# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Command lines with one wrong word, given to `nuwa_hf.cli.main` in this process.

Each must end with exit status 2 and one line on stderr that names the option, and leave no file.
"""

import argparse
import contextlib
import io
import math
import signal
import tempfile
import traceback
import zlib
from importlib import import_module
from pathlib import Path
from typing import Any

from clip_folders import class_maps, pictures, write_clips
from hypothesis import strategies as st
from local_hub import LocalHub
from PIL import Image
from tiny import NUM_CLASSES

from campaign.drawn_values import FRACTIONS, NUMBERS, WORDS, draw
from campaign.empty_folders import empty_folder
from campaign.killed_jobs import make_jobs
from nuwa_hf.cli import DELEGATED, main
from nuwa_hf.cli.command_line import build_parser
from nuwa_hf.cli.task_commands import TASK_COMMANDS
from nuwa_hf.exit_status import USER_ERROR
from nuwa_hf.training.init.recipes import RECIPES


FILES = ("checkpoint", "vqgan", "sketch_vqgan", "tokenizer", "tokens", "prompts", "config", "mask", "transformer")
# What a command needs besides what its parser says.
ASKED_LATER = {
    "evaluate": ("checkpoint", "dataset", "task", "metrics"),
    "merge-codes": ("codebook_size",),
    "push-space": ("package_url",),
    "tokenize": ("vqgan", "tokenizer"),
    "train": ("vqgan", "tokenizer", "tokens", "sketch_vqgan"),
}
NOT_READ = {"memory": ("vqgan", "sketch_vqgan", "tokenizer")}  # taken since `train` takes them
TIME_LIMIT = 30  # seconds
NO_FILE = "there-is-no-such-folder/at-all"


class Commands:
    """The attack on the command line."""

    def __init__(self):
        signal.signal(signal.SIGALRM, _end)
        self.parsers = {name: import_module(command.module).build_parser() for name, command in DELEGATED.items()}
        of_tasks = build_parser()._subparsers._group_actions[0].choices
        self.parsers |= {name: of_tasks[name] for name in TASK_COMMANDS}
        self.parsers = {name: parser for name, parser in self.parsers.items() if self._options(name)}
        self.right = right_words(Path(tempfile.mkdtemp()))

    def attempt(self, surface: str, kind: str, seed: int) -> dict[str, Any]:
        """Give one wrong command line.

        Args:
            surface (`str`): the command's name.
            kind (`str`): "command".
            seed (`int`): of the draw.

        Returns:
            `dict[str, Any]`: the verdict, and what was given.
        """
        number = zlib.crc32(f"{surface} {kind} {seed}".encode())
        return self.give(surface, *draw(st.sampled_from(self._options(surface)).flatmap(self._wrong_words), number))

    def give(self, surface: str, named: str, words: list[str]) -> dict[str, Any]:
        """Give a command line, and look at what it says.

        Args:
            surface (`str`): the command's name.
            named (`str`): the option that is wrong.
            words (`list[str]`): the option and its value; what the command needs besides is put before them.

        Returns:
            `dict[str, Any]`: the verdict, and what was given.
        """
        needed = self._needed(surface, words)
        errors, output = io.StringIO(), io.StringIO()
        row = {"argument": named, "value": repr(words)[:200]}
        with empty_folder() as folder, contextlib.redirect_stderr(errors), contextlib.redirect_stdout(output):
            signal.alarm(TIME_LIMIT)  # for those that set to work
            try:
                status = main([surface, *needed, *words])
            except SystemExit as stop:
                status = stop.code
            except BaseException:
                return {"verdict": "another error", **row, "error": traceback.format_exc()[-600:]}
            finally:
                signal.alarm(0)
            left = sorted(path.name for path in folder.iterdir())
        lines = errors.getvalue().strip().splitlines()
        text = "\n".join(lines)
        row["error"] = text if len(text) < 1000 else f"{text[:500]}...{text[-500:]}"
        found = [f"status {status}"] * (status != USER_ERROR) + ["files left behind"] * bool(left)
        found += ["not one line"] * (len(lines) != 1)
        said = text.replace("-", "_")
        if named.strip("-").replace("-", "_") not in said and NO_FILE.replace("-", "_") not in said:
            found += ["the argument is not named"]
        return {"verdict": ", ".join(found) or "held", **row}

    def _options(self, surface: str) -> list[argparse.Action]:
        actions = [one for one in self.parsers[surface]._actions if one.option_strings and one.nargs != 0]
        return [one for one in actions if _kind(one) is not None and one.dest not in NOT_READ.get(surface, ())]

    def _needed(self, surface: str, words: list[str]) -> list[str]:
        """What the command must be given besides, and is right."""
        needed = []
        for one in self.parsers[surface]._actions:
            is_needed = one.required or one.dest in ASKED_LATER.get(surface, ())
            if one.option_strings and is_needed and one.option_strings[-1] != words[0].partition("=")[0]:
                needed += [one.option_strings[-1], self.right[one.dest]]
            elif not one.option_strings and one.nargs != "?":
                needed += [self.right[one.dest]]
        return needed

    def _wrong_words(self, action: argparse.Action) -> st.SearchStrategy:
        text = st.one_of(
            st.sampled_from([*map(str, NUMBERS), *map(str, FRACTIONS), *WORDS]),
            st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=20),
        )
        flag = action.option_strings[-1]
        if _kind(action) == "file":
            return st.just((flag, [flag, NO_FILE]))
        wrong = text.filter(lambda word: _is_wrong(word, action))
        return wrong.map(lambda word: (flag, [f"{flag}={word}"]))


def right_words(folder: Path) -> dict[str, str]:
    """What commands need, by name, so that nothing but the wrong word is wrong.

    Args:
        folder (`Path`): gets images, clips, tokens and a pipeline.

    Returns:
        `dict[str, str]`: a word for each.
    """
    inputs = folder / "inputs"
    with LocalHub() as hub:
        make_jobs(inputs, hub)
    pictures(1, 0)[0].save(inputs / "image.png")
    Image.fromarray(class_maps(1, 0, NUM_CLASSES)[0]).save(inputs / "sketch.png")
    Image.new("L", (16, 12), 255).save(inputs / "mask.png")
    clips = str(write_clips(folder / "clips", 3))
    words = {name: str(inputs / f"{name}.png") for name in ("image", "sketch", "mask")}
    words |= {name: str(inputs / name) for name in ("checkpoint", "vqgan", "sketch_vqgan", "tokenizer", "tokens")}
    words |= dict.fromkeys(("dataset", "generated", "real"), clips) | {"video": f"{clips}/clip0.gif"}
    return words | {
        "codebook_size": "8",
        "folder": str(inputs / "checkpoint"),
        "metrics": "mse",
        "output_dir": "new",
        "package_url": "git+https://github.com/user/nuwa_hf@main",
        "prompt": "a dog",
        "prompts": str(inputs / "prompts.jsonl"),
        "recipe": next(iter(RECIPES)),
        "repo_id": "user/name",
        "task": "text-to-image",
    }


class WorksOn(BaseException):
    """A wrong command has begun to work."""


def _end(*_: Any) -> None:
    raise WorksOn


def _kind(action: argparse.Action) -> str | None:
    if action.choices:
        return "choice"
    if action.dest in FILES and action.nargs is None:
        return "file"
    return {int: "int", float: "float"}.get(action.type)


def _is_wrong(word: str, action: argparse.Action) -> bool:
    if "\x00" in word or "\ud800" in word:  # no operating system passes these on
        return False
    if _kind(action) == "choice":
        return word not in map(str, action.choices)
    try:
        number = (int if _kind(action) == "int" else float)(word)
    except ValueError:
        return True
    return (not math.isfinite(number) or number < 0) and number != action.default
