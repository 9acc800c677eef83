# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
import inspect

import pytest

import nuwa_hf
from nuwa_hf.cli import build_parser
from nuwa_hf.cli.task_arguments import PIPELINE_OPTIONS, options_of
from nuwa_hf.cli.task_commands import TASK_COMMANDS
from nuwa_hf.tasks import TASKS


# What a command line has no use for: the pipelines' ways of being part of a program.
NOT_OFFERED = {
    "self",
    "scorer",
    "generator",
    "schedule",
    "output_type",
    "return_dict",
    "callback_on_step_end",
    "callback_on_step_end_tensor_inputs",
    *(f"{kind}prompt_{what}" for kind in ("", "negative_") for what in ("embeds", "attention_mask")),
    *("height", "width"),
}


def parameters_of_the_call(command):
    return inspect.signature(getattr(nuwa_hf, command.task.pipeline).__call__).parameters


def test_every_task_has_its_command():
    assert [(name, command.task) for name, command in TASK_COMMANDS.items()] == [(t.command, t) for t in TASKS]


@pytest.mark.parametrize("command", TASK_COMMANDS.values(), ids=TASK_COMMANDS)
def test_every_argument_of_the_pipeline_is_offered(command):
    parameters = set(parameters_of_the_call(command))
    assert command.parameters == parameters - NOT_OFFERED
    assert command.parameters <= {one.name for one in (*command.inputs, *PIPELINE_OPTIONS)}
    assert command.count_name in parameters


@pytest.mark.parametrize("command", TASK_COMMANDS.values(), ids=TASK_COMMANDS)
def test_inputs_are_the_arguments_without_a_default_in_their_order(command):
    needed = [p.name for p in list(parameters_of_the_call(command).values())[1:] if p.default is p.empty]
    inputs = [one.name for one in command.inputs if not one.is_optional]
    assert inputs == [name for name in needed if name != "mask"]
    assert all(one.name == "prompt" for one in command.inputs if one.is_optional)
    assert list(command.needed) == [name for name in needed if name == "mask"]


@pytest.mark.parametrize("command", TASK_COMMANDS.values(), ids=TASK_COMMANDS)
def test_every_option_of_the_help_says_its_default(command):
    parser = build_parser()._subparsers._group_actions[0].choices[command.task.command]
    for action in parser._actions:
        if action.option_strings and action.nargs != 0 and not action.required:
            assert "(default: " in action.help


@pytest.mark.parametrize("command", TASK_COMMANDS.values(), ids=TASK_COMMANDS)
def test_defaults_are_those_of_the_pipeline(command):
    for option in options_of(command):
        parameter = parameters_of_the_call(command).get(option.name)
        if parameter is not None and parameter.default is not parameter.empty:
            assert option.default == parameter.default
