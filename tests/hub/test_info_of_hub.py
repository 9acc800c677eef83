# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
import json

from nuwa_hf.cli import main


def test_info_of_a_checkpoint_on_the_hub_knows_the_size_of_its_weights(processes, pushed):
    done = processes.run(main, ["info", "tester/pipeline", "--json"])
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["where"], found["kind"]) == ("hub", "pipeline")
    parts = [part for part in found["parts"].values() if part["kind"] != "tokenizer"]
    assert all(part["weight_bytes"] >= 4 * part["parameters"] > 0 for part in parts)


def test_info_of_what_is_not_there_is_one_line(processes):
    done = processes.run(main, ["info", "tester/nothing-here"])
    assert done.stdout == ""
    assert "No checkpoint: 'tester/nothing-here' is no folder here" in done.stderr
