# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The tab of a task: its form, its button, and where results appear."""

import html
import inspect
import re
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr
import torch

from nuwa_hf.app.examples import EXAMPLE_PROMPTS
from nuwa_hf.app.limits import AppLimits
from nuwa_hf.app.loaded_checkpoint import LoadedCheckpoint
from nuwa_hf.app.run_request import Answer, check_request, run_request
from nuwa_hf.app.task_form import TaskForm, build_form
from nuwa_hf.app.visitor_request import VisitorRequest, read_request
from nuwa_hf.cli.task_commands import TaskCommand
from nuwa_hf.serving import SamplerFullError


FIELD_ERRORS = (ValueError, TypeError, OSError)
BUSY_ERRORS = (SamplerFullError, MemoryError, torch.OutOfMemoryError)  # a TimeoutError is an OSError


@dataclass(frozen=True)
class TaskTab:
    """What happens in a tab.

    Args:
        form (`TaskForm`): what is filled in.
        checkpoints (`Sequence[LoadedCheckpoint]`): one, or two that are compared.
        limits (`AppLimits`): how much may be asked for.
    """

    form: TaskForm
    checkpoints: Sequence[LoadedCheckpoint]
    limits: AppLimits

    def check(self, *values: Any) -> list[dict[str, Any]]:
        """Check a form that was filled in.

        Args:
            values: of the form's inputs, in their order.

        Returns:
            `list[dict]`: for each input whether it is valid, else the message to show there.
        """
        with tempfile.TemporaryDirectory(prefix="nuwa-") as folder:
            try:
                self._read(values, Path(folder))
            except FIELD_ERRORS as error:
                message = plain_message(error, folder)
                place = self.form.component_of(_name_in(message))
                return [gr.validate(key != place, "" if key != place else message) for key in self.form.inputs]
        return [gr.validate(True, "") for _ in self.form.inputs]

    def run(self, *values: Any) -> Iterator[list[Any]]:
        """Do what a form asks for.

        Args:
            values: of the form's inputs, in their order.

        Yields:
            `list`: the updates of the outputs of each checkpoint, as `build_outputs` made them.

        Raises:
            gr.Error: If something is wrong, or takes too long. Its message is text, never HTML.
        """
        with tempfile.TemporaryDirectory(prefix="nuwa-") as folder:
            try:
                yield from self._run(values, Path(folder))
            except (*FIELD_ERRORS, *BUSY_ERRORS) as error:
                raise gr.Error(html.escape(plain_message(error, folder), quote=False), print_exception=False) from error

    def _read(self, values: Sequence[Any], folder: Path) -> VisitorRequest:
        first = self.checkpoints[0]
        by_name = dict(zip(self.form.inputs, values, strict=True))
        request = read_request(
            self.form.command, by_name, folder, limits=self.limits, classes=first.classes, size=first.size
        )
        for checkpoint in self.checkpoints:
            check_request(request, checkpoint, self.limits)
        return request

    def _run(self, values: Sequence[Any], folder: Path) -> Iterator[list[Any]]:
        given = folder / "given"
        given.mkdir()
        request = self._read(values, given)
        updates = [no_change() for _ in self.checkpoints]
        yield [update for one in updates for update in started()]
        for number, checkpoint in enumerate(self.checkpoints):
            results = folder / str(number)
            results.mkdir()
            for part in run_request(request, checkpoint, results, self.limits):
                if isinstance(part, Answer):
                    updates[number] = finished(part)
                else:
                    updates[number] = [part, *no_change()[1:]]
                yield [update for one in updates for update in one]
                updates[number] = no_change()


def started() -> list[Any]:
    """The updates of the outputs of a checkpoint when a request begins."""
    return [None, None, None, "", ""]


def no_change() -> list[Any]:
    """The updates of the outputs of a checkpoint that change nothing."""
    return [gr.skip() for _ in range(5)]


def finished(answer: Answer) -> list[Any]:
    """The updates of the outputs of a checkpoint at the end.

    Args:
        answer (`Answer`): the result.

    Returns:
        `list`: for each output, as `build_outputs` made them.
    """
    shown = [(str(path), f"seed {seed}") for path, seed in zip(answer.shown, answer.seeds, strict=True)]
    return [gr.skip(), shown, [str(path) for path in answer.files], answer.command, answer.program]


def build_outputs(name: str, title: str, is_streamed: bool) -> list[gr.components.Component]:
    """Build the places for the results of a checkpoint.

    Args:
        name (`str`): what their ids begin with.
        title (`str`): what to call the checkpoint; empty if there is but one.
        is_streamed (`bool`): whether frames are shown as they come.

    Returns:
        `list`: the frame that was made last, the results, their files, the command, the program.
    """
    of = f" of {title}" if title else ""
    return [
        gr.Image(label=f"Frames as they come{of}", elem_id=f"{name}-stream", interactive=False, format="png",
                 visible=is_streamed, height=300),
        gr.Gallery(label=f"Result{of}", elem_id=f"{name}-result", interactive=False, object_fit="contain", columns=2),
        gr.File(label="Files: results, and what was given", elem_id=f"{name}-files", interactive=False,
                file_count="multiple"),
        gr.Code(label="The command that makes them again", elem_id=f"{name}-command", language="shell",
                interactive=False, wrap_lines=True),
        gr.Code(label="The same in Python", elem_id=f"{name}-python", language="python", interactive=False),
    ]


def build_tab(command: TaskCommand, checkpoints: Sequence[LoadedCheckpoint], limits: AppLimits) -> TaskTab:
    """Build the tab of a task, within `gr.Tabs`.

    Args:
        command (`TaskCommand`): the task's command.
        checkpoints (`Sequence[LoadedCheckpoint]`): one, or two to compare.
        limits (`AppLimits`): how much may be asked for.

    Returns:
        `TaskTab`: what happens in it.
    """
    name, first = command.task.name, checkpoints[0]
    is_streamed = hasattr(first.pipeline(name), "stream")
    with gr.Tab(name.replace("-", " ").capitalize(), elem_id=f"{name}-tab", id=name), gr.Row():
        with gr.Column():
            gr.Markdown(f"{command.summary.capitalize()}.")
            form = build_form(command, limits, first.classes, first.size)
            tab = TaskTab(form, checkpoints, limits)
            button = gr.Button("Make it", variant="primary", elem_id=f"{name}-run")
            if "prompt" in form.inputs:
                gr.Examples(EXAMPLE_PROMPTS, form.inputs["prompt"], elem_id=f"{name}-examples", label="Examples")
        outputs = []
        for number, checkpoint in enumerate(checkpoints):
            with gr.Column():
                title = checkpoint.name if len(checkpoints) > 1 else ""
                outputs += build_outputs(f"{name}-other" if number else name, title, is_streamed)
    button.click(
        _named(tab.run, form),
        list(form.inputs.values()),
        outputs,
        validator=_named(tab.check, form),
        api_name=name,
        show_progress_on=outputs[1::5],
    )
    return tab


def _named(function: Callable[..., Any], form: TaskForm) -> Callable[..., Any]:
    """The function with a parameter for each input, so that clients of the app can give them by name."""
    if inspect.isgeneratorfunction(function):

        def named(*values):
            yield from function(*values)

    else:

        def named(*values):
            return function(*values)

    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    named.__signature__ = inspect.Signature([inspect.Parameter(key, kind, default=None) for key in form.inputs])
    return named


def plain_message(error: Exception, folder: str) -> str:
    """What is wrong, in one line, without the folder of the request.

    Args:
        error (`Exception`): what was raised.
        folder (`str`): the folder of the request.

    Returns:
        `str`: the message.
    """
    message = " ".join(str(error).split()) or type(error).__name__
    return re.sub(rf"{re.escape(folder)}(/given)?/", "", message)


def _name_in(message: str) -> str:
    found = re.search(r"`([^`]+)`", message)
    return found[1] if found else ""
