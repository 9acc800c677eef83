# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""A run that pushes to a Hub on this machine: at its checkpoints, of which one push fails, and at the end."""

import json
import os

import pytest
from local_hub import STRANGER_TOKEN, WRITER_TOKEN, Trouble
from test_fine_tuning import flags_of, tokens_folder

from nuwa_hf.command_logs import command_logs
from nuwa_hf.training.nuwa.train_nuwa import main


assert tokens_folder  # a fixture


def train_as_users(plan):
    """Trains run after run, each as another user, and says how each ended."""
    ends = []
    for token, flags in plan:
        os.environ["HF_TOKEN"] = token
        try:
            with command_logs(is_verbose=False):
                main(flags)
            ends.append("")
        except OSError as error:
            ends.append(f"{type(error).__name__}: {error}")
    print("ends:", json.dumps(ends))


@pytest.fixture(scope="module")
def runs(hub, processes, checkpoint, tokens_folder, tmp_path_factory):
    """The Hub after a run whose first push meets a rival and one that may not push; folders, ends and log."""
    folder = tmp_path_factory.mktemp("pushed")
    flags = [*flags_of(checkpoint, tokens_folder, folder / "run", sample_sheets=True), "--push_to_hub"]
    other = [*flags_of(checkpoint, tokens_folder, folder / "other", max_train_steps=1), "--push_to_hub"]
    plan = [
        (WRITER_TOKEN, [*flags, "--hub_model_id", "tester/run", "--checkpointing_steps", "1", "--fine_tune", "lora"]),
        (STRANGER_TOKEN, [*other, "--hub_model_id", "tester/other", "--hub_every", "end"]),
    ]
    hub.trouble = Trouble(rival_commits=1)
    done = processes.run(train_as_users, plan)
    assert done.returncode == 0, done.stderr[-5000:]
    ends = json.loads(done.stdout.rpartition("ends: ")[2])
    return hub, folder, ends, done.stderr


pytest.importorskip("peft", reason="adapters are PEFT's")


def test_a_push_on_the_way_that_fails_is_said_and_the_run_goes_on(runs):
    _, _, ends, log = runs
    assert ends[0] == ""
    assert "Step 1 could not be pushed, the run goes on" in log
    assert all(f"Pushed step {step}" in log for step in (2, 3, 4))


def test_the_repository_ends_with_the_finished_pipeline_and_a_card_of_the_run(runs):
    hub, folder, _, _ = runs
    files = hub.repositories["tester/run"].commit("main").files
    pipeline = folder / "run" / "pipeline"
    written = {path.relative_to(pipeline).as_posix() for path in pipeline.rglob("*") if path.is_file()}
    assert written <= files.keys()
    for name in ("transformer/model.safetensors", "model_index.json", "samples/step-000004-T2V.png"):
        assert files[name][0] == (pipeline / name).read_bytes()
    card = files["README.md"][0].decode()
    assert "4 optimiser steps" in card
    assert "fine_tune: lora" in card
    assert str(folder) not in card


def test_the_last_push_must_succeed(runs):
    hub, folder, ends, _ = runs
    assert ends[1].startswith("PushError: Nothing was pushed to tester/other")
    assert "tester/other" not in hub.repositories
    assert (folder / "other" / "pipeline" / "model_index.json").is_file()
