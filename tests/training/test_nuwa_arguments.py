# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
from pathlib import Path

import pytest
import yaml

import nuwa_hf.training
from nuwa_hf import NuwaConfig
from nuwa_hf.tasks import TASKS, get_task
from nuwa_hf.training.arguments import parse_arguments
from nuwa_hf.training.nuwa_arguments import NuwaArguments
from nuwa_hf.training.task_batches import parse_task_shares, split_rows, starts_from_sketch


def test_the_shipped_configuration_has_the_documented_step():
    path = Path(nuwa_hf.training.__file__).parent / "configs" / "emoji_motion_nuwa.yaml"
    assert set(yaml.safe_load(path.read_text(encoding="utf-8"))) <= set(NuwaArguments.__dataclass_fields__)
    arguments = parse_arguments(NuwaArguments, ["--config", str(path)])
    shares = parse_task_shares(arguments.tasks)
    rows = {"T2V": 5, "V2V": 2, "S2V": 6, "TV2V": 2, "T2I": 4, "S2I": 8, "I2I": 5, "TI2I": 7}
    assert split_rows(shares, arguments.train_batch_size) == rows
    assert set(rows) == {task.abbreviation for task in TASKS}
    t, h, w = NuwaConfig.from_preset(arguments.preset).visual_grid
    frames = sum(count * (t if get_task(name).output == "video" else 1) for name, count in rows.items())
    assert frames * h * w == 7296


def test_the_small_preset_looks_at_sketches_and_known_parts_through_a_wider_window():
    config = NuwaConfig.from_preset("emoji-motion")
    assert config.sketch_codebook_size == 256
    assert config.condition_window == (11, 5, 5)


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.abbreviation)
def test_a_task_that_starts_from_a_sketch_asks_for_the_sketch_codec(task):
    values = {"output_dir": "out", "vqgan": "a", "tokenizer": "b", "tokens": "c"}
    tasks = ["T2V=1", f"{task.abbreviation}=1"] if task.abbreviation != "T2V" else ["T2V=1"]
    NuwaArguments(**values, tasks=tasks, sketch_vqgan="d")
    if starts_from_sketch(task.abbreviation):
        with pytest.raises(ValueError, match=rf"`sketch_vqgan` must be .* for \['{task.abbreviation}'\], got None"):
            NuwaArguments(**values, tasks=tasks)
    else:
        NuwaArguments(**values, tasks=tasks)
