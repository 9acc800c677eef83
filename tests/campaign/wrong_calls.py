# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Calls that hypothesis draws from the signatures: wrong ones, each with one argument of any value, and right ones.

A wrong call must end in a ValueError or a TypeError of one line that names the argument, the rule, the value and the
remedy, before any layer has run, any random number was drawn or any file was written. A right call must work.
"""

import math
import re
import traceback
import warnings
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from hypothesis import strategies as st

from campaign.attempts import Attempts
from campaign.called_surfaces import surfaces
from campaign.drawn_values import anything, draw, fits
from campaign.empty_folders import empty_folder
from campaign.wrong_commands import Commands


LONGEST = 1000  # letters of a message
ALLOWED = (ValueError, TypeError)


@dataclass
class Surface:
    """Something that is called.

    Args:
        call (`Callable`): with arguments by name.
        hints (`dict[str, Any]`): the annotation of each argument that may be wrong.
        base (`Callable[[], dict]`): arguments of a right call, made anew.
        right (`dict[str, SearchStrategy]`): valid values of some arguments.
        is_valid (`dict[str, Callable]`): of arguments whose type is right, whether the value is, or None if unknown.
        check (`Callable`): raises AssertionError if what a right call returned is wrong.
        models (`list`): modules that may not run in a wrong call.
        errors (`tuple`): further errors that are right, such as OSError for a file.
    """

    call: Callable[..., Any]
    hints: dict[str, Any]
    base: Callable[[], dict[str, Any]]
    right: dict[str, st.SearchStrategy] = field(default_factory=dict)
    is_valid: dict[str, Callable[[Any], bool | None]] = field(default_factory=dict)
    check: Callable[[Any], None] = lambda found: None
    models: list[torch.nn.Module] = field(default_factory=list)
    errors: tuple[type[Exception], ...] = ()

    def takes(self, name: str, value: Any) -> bool | None:
        """Whether a value is a right one, as far as that can be told without the call.

        Args:
            name (`str`): of the argument.
            value: any.

        Returns:
            `bool` or None.
        """
        is_right = fits(value, self.hints[name])
        return self.is_valid[name](value) if is_right is not False and name in self.is_valid else is_right


class Calls:
    """The attack."""

    def __init__(self):
        self.surfaces = surfaces(Surface)
        self.runs = 0
        for surface in self.surfaces.values():
            for model in surface.models:
                for layer in model.modules():
                    layer.register_forward_pre_hook(self._count)

    def _count(self, *_: Any) -> None:
        self.runs += 1

    def attempt(self, surface: str, kind: str, seed: int) -> dict[str, Any]:
        """Make one call.

        Args:
            surface (`str`): what is called.
            kind (`str`): "wrong" or "right".
            seed (`int`): of the draw.

        Returns:
            `dict[str, Any]`: the verdict, and what was called.
        """
        one = self.surfaces[surface]
        with empty_folder() as folder, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                number = zlib.crc32(f"{surface} {kind} {seed}".encode())
                row = (self._wrong if kind == "wrong" else self._right)(one, number)
            except Exception:
                row = {"verdict": "campaign's own error", "error": traceback.format_exc()[-600:]}
            left = sorted(path.name for path in folder.iterdir())
        if left and row["verdict"] == "held":
            row = {**row, "verdict": "files left behind", "files": left}
        return row

    def _right(self, one: Surface, seed: int) -> dict[str, Any]:
        values = draw(st.fixed_dictionaries({}, optional=one.right), seed)
        row = {"arguments": short(values)}
        try:
            one.check(one.call(**{**one.base(), **values}))
        except Exception:
            return {"verdict": "right call fails", **row, "error": traceback.format_exc()[-600:]}
        return {"verdict": "held", **row}

    def _wrong(self, one: Surface, seed: int) -> dict[str, Any]:
        pairs = st.tuples(st.sampled_from(sorted(one.hints)), anything())
        name, value = draw(pairs.filter(lambda pair: not one.takes(*pair)), seed)
        row = {"argument": name, "value": short(value)}
        arguments = one.base()
        generators = [given for given in arguments.values() if isinstance(given, torch.Generator)]
        generators.append(torch.default_generator)
        states = [generator.get_state() for generator in generators]
        self.runs = 0
        try:
            one.call(**{**arguments, name: value})
        except (*ALLOWED, *one.errors) as error:
            text = str(error)
            row["error"] = f"{type(error).__name__}: {text}"[:LONGEST]
            what_fails = self._faults(text, name, isinstance(error, one.errors))
        except BaseException:
            return {"verdict": "another error", **row, "error": traceback.format_exc()[-600:]}
        else:
            return {"verdict": "taken" if one.takes(name, value) is None else "a wrong value is taken", **row}
        if not all(torch.equal(one.get_state(), state) for one, state in zip(generators, states, strict=True)):
            what_fails.append("random numbers were drawn")
        return {"verdict": ", ".join(what_fails) or "held", **row}

    def _faults(self, text: str, name: str, is_of_file: bool) -> list[str]:
        found = ["a layer ran"] * (self.runs > 0)
        if len(text) > LONGEST:
            found.append("a message without end")
        if "\n" in text.strip():
            found.append("several lines")
        as_named = name.replace("_", "[_-]")
        if not re.search(rf"`(\w+[._])?(--)?{as_named}\b|of a {name.title()}\b", text) and not is_of_file:
            found.append("the argument is not named")
        if not re.search(r"must|cannot|needs?\b|not\b|no\b|takes|unknown", text, re.IGNORECASE):
            found.append("no rule")
        names_others = len(set(re.findall(r"`(\w+)", text))) > 1  # then arguments do not go together
        if not re.search(r"\bgot\b", text) and not names_others and not is_of_file:
            found.append("no value")
        if ";" not in text and not is_of_file:
            found.append("no remedy")
        return found


def short(value: Any) -> str:
    """The beginning of a value's text."""
    try:
        text = repr(value)
    except Exception as error:
        text = f"<{type(value).__name__}: {error}>"
    return re.sub(r" at 0x\w+", "", text)[:200].encode("ascii", "backslashreplace").decode()


def run(attempts: Attempts, count: int, seed: int, only: list[str]) -> None:
    """Make `count` wrong calls and a tenth as many right ones, dealt to the surfaces in turn.

    Args:
        attempts (`Attempts`): where they are written down.
        count (`int`): of wrong calls.
        seed (`int`): of the first.
        only (`list[str]`): surfaces by name; empty for all.
    """
    calls, commands = Calls(), Commands()
    names = [name for name in (*calls.surfaces, *commands.parsers) if not only or name in only]
    each = math.ceil(count / len(names))
    cases = [
        {"surface": name, "kind": "command" if name in commands.parsers else "wrong", "seed": seed + number}
        for number in range(each)
        for name in names
    ]
    cases += [
        {"surface": name, "kind": "right", "seed": seed + number}
        for number in range(math.ceil(each / 10))
        for name in names
        if name in calls.surfaces and calls.surfaces[name].right
    ]

    def attempt(surface: str, kind: str, seed: int) -> dict[str, Any]:
        return (commands if kind == "command" else calls).attempt(surface, kind, seed)

    attempts.make(cases, attempt, "calls")
