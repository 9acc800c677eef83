# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The fields of a task's form, made from the table of its command."""

from dataclasses import dataclass
from typing import Any, Literal

from nuwa_hf.cli.task_arguments import Option, options_of
from nuwa_hf.cli.task_commands import Input, TaskCommand


Kind = Literal["text", "whole number", "number", "switch", "image", "video", "mask", "sketch", "sketches"]
# Said by whoever starts the app, or by the app itself.
OF_THE_APP = ("output", "checkpoint", "device", "contact_sheet", "json")
SHOWN = ("prompt", "mask", "seed", "guidance_scale", "num_candidates", "num_frames")


@dataclass(frozen=True)
class FormField:
    """A field of a form.

    Args:
        name (`str`): its name in the pipeline's call, or in the command's parsed arguments.
        flag (`str`, *optional*): the command's option; None for what comes without one.
        kind (`str`): what is put in.
        label (`str`): above the field.
        help (`str`): what it does.
        default (*optional*): the value that leaving it empty means; a switch that is on means the other one.
        default_text (`str`, *optional*): in words, what leaving it empty means.
        is_needed (`bool`, *optional*, defaults to `False`): whether it must be filled in.
    """

    name: str
    flag: str | None
    kind: Kind
    label: str
    help: str
    default: Any = None
    default_text: str | None = None
    is_needed: bool = False

    @property
    def id_part(self) -> str:
        """How the field is called in ids of the page: the option's name, or the argument's."""
        return (self.flag or self.name).removeprefix("--").replace("_", "-")

    @property
    def is_shown(self) -> bool:
        """Whether it is seen without opening the further settings."""
        return self.flag is None or self.name in SHOWN or self.name.endswith("_per_prompt")

    def is_meant_by(self, name: str) -> bool:
        """Whether a message is about this field.

        Args:
            name (`str`): what the message has in backticks, such as `"num_frames"`, `"--seed"` or `"sketch[2]"`.

        Returns:
            `bool`.
        """
        plain = name.partition("[")[0].removeprefix("--").replace("-", "_")
        return plain in (self.name, self.id_part.replace("-", "_"))


def fields_of(command: TaskCommand) -> list[FormField]:
    """The fields of a task's form.

    Args:
        command (`TaskCommand`): the task's command.

    Returns:
        `list[FormField]`: what is given, then the options in the order of the command's help.
    """
    options = [one for one in options_of(command) if one.name not in OF_THE_APP]
    return [*map(_of_input, command.inputs), *(_of_option(one, command) for one in options)]


def _of_input(one: Input) -> FormField:
    kind = "text" if one.name == "prompt" else "sketches" if one.name == "sketch" and one.is_clip else one.name
    help_text = one.help.replace(", in quotes", "")  # of a shell
    return FormField(one.name, None, kind, one.name.capitalize(), help_text, is_needed=not one.is_optional)


def _of_option(option: Option, command: TaskCommand) -> FormField:
    words = option.flag.removeprefix("--").replace("-", " ")
    is_switch = isinstance(option.default, bool)
    kind = "switch" if is_switch else {int: "whole number", float: "number", str: "text"}[option.type]
    return FormField(
        option.name,
        option.flag,
        "mask" if option.name == "mask" else kind,
        words.replace("num ", "number of ", 1).capitalize(),
        option.help.replace(", in quotes", ""),
        default=option.default,
        default_text=option.default_text,
        is_needed=option.name in command.needed,
    )
