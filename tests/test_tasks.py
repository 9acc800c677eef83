# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The table of tasks agrees with itself and with the package."""

import dataclasses

import pytest

import nuwa_hf
from nuwa_hf.tasks import TASKS, find_task, get_task


def test_there_are_eight_tasks_with_names_of_their_own():
    assert len(TASKS) == 8
    for field in ("name", "abbreviation", "pipeline", "command"):
        assert len({getattr(task, field) for task in TASKS}) == 8


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.abbreviation)
def test_abbreviation_spells_condition_and_output(task):
    source, target = task.abbreviation.split("2")
    assert target == {"image": "I", "video": "V"}[task.output]
    assert ("T" in source) == (task.condition == "text")
    assert ("S" in source) == task.condition.endswith("sketch")
    # What the decoder is given is written as a visual input of the task.
    assert ("I" in source or "V" in source) == (task.known != "nothing")


def test_every_named_pipeline_exists_and_every_pipeline_is_named():
    named = {task.pipeline for task in TASKS}
    exported = {name for name in dir(nuwa_hf) if name.startswith("Nuwa") and name.endswith("Pipeline")}
    assert named == exported


def test_rows_are_found_by_abbreviation_and_cannot_be_changed():
    assert get_task("T2V").name == "text-to-video"
    with pytest.raises(ValueError, match="must be one of"):
        get_task("X2Y")
    with pytest.raises(dataclasses.FrozenInstanceError):
        get_task("T2V").name = "other"


def test_task_is_found_by_either_name_in_either_case():
    assert all(
        find_task(name.upper()) == task == find_task(name.lower()) for task in TASKS for name in task_names(task)
    )
    with pytest.raises(ValueError, match=r"`task` must be one of text-to-image \(T2I\), .*, got 'predict'"):
        find_task("predict")


def task_names(task):
    return task.name, task.abbreviation
