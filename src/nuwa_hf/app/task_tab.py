# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The tab of a task: its form, its button, and where results appear."""

import inspect
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any

import gradio as gr

from nuwa_hf.app.examples import EXAMPLE_PROMPTS
from nuwa_hf.app.limits import AppLimits
from nuwa_hf.app.loaded_checkpoint import LoadedCheckpoint
from nuwa_hf.app.messages import FIELD_ERRORS, PipelineWarnings, as_markdown, named_in, plain_message, shown_error
from nuwa_hf.app.run_request import Answer, check_request, run_request
from nuwa_hf.app.task_form import TaskForm, build_form
from nuwa_hf.app.upload_folder import UploadFolder
from nuwa_hf.app.visitor_request import VisitorRequest, read_request
from nuwa_hf.cli.task_commands import TaskCommand
from nuwa_hf.media.frame_limit import reading_until
from nuwa_hf.pipelines.checked_call import CheckedCall


NUM_OUTPUTS = 4  # of a checkpoint


@dataclass(frozen=True)
class TaskTab:
    """What happens in a tab.

    Args:
        form (`TaskForm`): what is filled in.
        checkpoints (`Sequence[LoadedCheckpoint]`): one, or two that are compared.
        limits (`AppLimits`): how much may be asked for.
        uploads (`UploadFolder`): where the files of its requests lie.
        outputs (`list[gr.components.Component]`): what `build_outputs` made for each checkpoint.
    """

    form: TaskForm
    checkpoints: Sequence[LoadedCheckpoint]
    limits: AppLimits
    uploads: UploadFolder
    outputs: list[gr.components.Component]

    def check(self, *values: Any) -> list[dict[str, Any]]:
        """Check a form that was filled in.

        Args:
            values: of the form's inputs, in their order.

        Returns:
            `list[dict]`: for each input whether it is valid, else the message to show there.
        """
        with self.uploads.of_request() as folder:
            try:
                self._read(values, folder, self._deadline())
            except FIELD_ERRORS as error:
                message = plain_message(error)
                place = self.form.place_of(named_in(message))
                return [gr.validate(key != place, "" if key != place else message) for key in self.form.inputs]
        return [gr.validate(True, "") for _ in self.form.inputs]

    def run(self, *values: Any) -> Iterator[list[Any]]:
        """Do what a form asks for.

        Args:
            values: of the form's inputs, in their order.

        Yields:
            `list`: the values of the outputs.

        Raises:
            gr.Error: If something is wrong, or takes too long. Its message is text, never HTML.
        """
        with self.uploads.of_request() as folder, shown_error(), PipelineWarnings() as told:
            yield from self._run(values, folder, told)

    def _deadline(self) -> float:
        return monotonic() + self.limits.max_seconds

    def _read(self, values: Sequence[Any], folder: Path, deadline: float) -> list[tuple[VisitorRequest, CheckedCall]]:
        """The request to each checkpoint, and what that does: what was painted has the size of its pictures, all else
        is the same. No file is read after this.
        """
        by_name, requests = dict(zip(self.form.inputs, values, strict=True)), []
        classes = self.checkpoints[0].classes  # in whose colours sketches are painted
        with reading_until(deadline):
            for number, checkpoint in enumerate(self.checkpoints):
                given = folder / f"given-{number}"
                given.mkdir()
                request = read_request(
                    self.form.command, by_name, given, limits=self.limits, classes=classes, size=checkpoint.size
                )
                requests.append((request, check_request(request, checkpoint, self.limits)))
                by_name["seed"] = request.args.seed  # which may have been drawn
        return requests

    def _run(self, values: Sequence[Any], folder: Path, told: PipelineWarnings) -> Iterator[list[Any]]:
        deadline = self._deadline()
        told.listen()
        requests = self._read(values, folder, deadline)
        for note in [note for request, _ in requests for note in request.notes]:
            told.add(note)
        # All values every time, never `gr.skip()`: Gradio keeps a component more for each that is skipped, then given.
        values: list[Any] = [None] * len(self.outputs)
        yield list(values)
        for number, (checkpoint, (request, call)) in enumerate(zip(self.checkpoints, requests, strict=True)):
            results = folder / str(number)
            results.mkdir()
            told.listen()
            for part in run_request(request, call, checkpoint, results, self.limits, deadline):
                first = number * NUM_OUTPUTS
                if isinstance(part, Answer):
                    values[first : first + NUM_OUTPUTS] = _shown(part)
                elif part is not None:  # a frame; without a new one, Gradio only sees whether the visitor has left
                    values[first] = [part]
                told.show()
                yield list(values)


def _shown(answer: Answer) -> list[Any]:
    """The values of the outputs, as `build_outputs` made them."""
    results = [(str(path), f"seed {seed}") for path, seed in zip(answer.shown, answer.seeds, strict=True)]
    return [results, [str(path) for path in answer.files], answer.command, answer.program]


def build_outputs(name: str, title: str) -> tuple[list[gr.components.Component], gr.Column]:
    """Build the places for the results of a checkpoint.

    Args:
        name (`str`): what their ids begin with.
        title (`str`): what to call the checkpoint; empty if there is but one.

    Returns:
        `tuple`: the results, their files, the command and the program; and what all but the first of them stand in,
            which is not seen before there is a result.
    """
    still = {"interactive": False}
    result = gr.Gallery(
        label=f"Result of {title}" if title else "Result",
        elem_id=f"{name}-result",
        object_fit="contain",
        columns=2,
        format="png",
        **still,
    )
    with gr.Column(visible=False) as about:
        files = gr.File(label="Files", elem_id=f"{name}-files", file_count="multiple", height=190, **still)
        code = {"lines": 1, "wrap_lines": True, "show_line_numbers": False, **still}
        label = "The command that makes them again"
        command = gr.Code(label=label, elem_id=f"{name}-command", language="shell", **code)
        program = gr.Code(label="The same in Python", elem_id=f"{name}-python", language="python", **code)
    return [result, files, command, program], about


def build_tab(
    command: TaskCommand, checkpoints: Sequence[LoadedCheckpoint], limits: AppLimits, uploads: UploadFolder
) -> TaskTab:
    """Build the tab of a task, within `gr.Tabs`.

    Args:
        command (`TaskCommand`): the task's command.
        checkpoints (`Sequence[LoadedCheckpoint]`): one, or two to compare.
        limits (`AppLimits`): how much may be asked for.
        uploads (`UploadFolder`): where the files of its requests lie.

    Returns:
        `TaskTab`: what happens in it.
    """
    name, first = command.task.name, checkpoints[0]
    with gr.Tab(name.replace("-", " ").capitalize(), elem_id=f"{name}-tab", id=name), gr.Row():
        with gr.Column():
            gr.Markdown(f"{command.summary.capitalize()}.")
            unlearnt = [one.title for one in checkpoints if not one.has_learnt(command.task)]
            if unlearnt:
                note = f"{' and '.join(unlearnt)} never learnt this task; results may be poor."
                gr.Markdown(as_markdown(note), elem_id=f"{name}-unlearnt", latex_delimiters=[])
            form = build_form(command, first, limits)
            button = gr.Button("Make it", variant="primary", elem_id=f"{name}-run")
            if "prompt" in form.inputs:
                gr.Examples(EXAMPLE_PROMPTS, form.inputs["prompt"], elem_id=f"{name}-examples", label="Examples")
        outputs, about = [], []
        for number, checkpoint in enumerate(checkpoints):
            with gr.Column():
                title = checkpoint.title if len(checkpoints) > 1 else ""
                places, around = build_outputs(f"{name}-other" if number else name, title)
                outputs += places
                about.append(around)
    tab = TaskTab(form, checkpoints, limits, uploads, outputs)
    made = button.click(
        _named(tab.run, form),
        list(form.inputs.values()),
        outputs,
        validator=_named(tab.check, form),
        api_name=name,
        concurrency_id="model",
        concurrency_limit=1,  # one request after the other: so its time begins with its turn
        show_progress_on=outputs[::NUM_OUTPUTS],
    )

    def show() -> dict[gr.Column, gr.Column]:
        return {one: gr.Column(visible=True) for one in about}

    made.success(show, None, about, api_visibility="private", queue=False)
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
