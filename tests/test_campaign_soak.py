# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""What the soak says of a run that was stopped, beside one that went on."""

import json

from campaign.soak import differing, early_and_late, logged, lying


RIGHT = [{"step": step, "loss": 1 / step} for step in range(1, 9)] + [{"step": 4, "validation_loss": 0.5}]


def test_a_loss_that_a_resume_changed_is_seen():
    own = [{**line, "loss": line["loss"] + 1e-9} if line["step"] > 5 else line for line in RIGHT[:8]]
    assert differing(own, RIGHT, first_stop=5) == (6, 3)
    own = [*RIGHT[:8], {"step": 4, "validation_loss": 0.25}]
    assert differing(own, RIGHT, first_stop=5) == (4, 3)


def test_steps_after_the_first_stop_are_compared_as_far_as_the_other_run_has_come():
    assert differing(RIGHT, RIGHT, first_stop=5) == (None, 3)
    assert differing(RIGHT, RIGHT[:6], first_stop=5) == (None, 1)
    assert differing(RIGHT, RIGHT[:5], first_stop=5) == (None, 0)
    assert differing(RIGHT, RIGHT[:8], first_stop=2) == (None, 6)  # its validation is still to come


def test_what_was_logged_is_read_without_the_speed_and_half_a_line(tmp_path):
    assert logged(tmp_path) == []
    text = json.dumps({"step": 1, "loss": 2.0, "tokens_per_second": 7.0}) + '\n{"step": 2, "lo'
    (tmp_path / "metrics.jsonl").write_text(text, encoding="utf-8")
    assert logged(tmp_path) == [{"step": 1, "loss": 2.0}]


def test_hidden_files_that_are_left_over_are_counted(tmp_path):
    for name in ("checkpoint-000020/a", "checkpoint-000020/b", "samples/25.png", "metrics.jsonl", ".half/model"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert lying(tmp_path) == {"checkpoints": 1, "samples": 1, "others": 2}


def test_memory_is_taken_after_the_start_and_at_the_end():
    assert early_and_late([500.0] + [100.0] * 8 + [130.0]) == [100.0, 130.0]
    assert early_and_late([]) == [0.0, 0.0]
