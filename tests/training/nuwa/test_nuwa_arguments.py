# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
import sys
from pathlib import Path

import pytest
import yaml

import nuwa_hf.training
from nuwa_hf import NuwaConfig
from nuwa_hf.tasks import TASKS, get_task
from nuwa_hf.training.nuwa.nuwa_arguments import NuwaArguments
from nuwa_hf.training.nuwa.task_batches import starts_from_sketch
from nuwa_hf.training.nuwa.task_shares import deal_rows, parse_task_shares
from nuwa_hf.training.run.run_arguments import parse_arguments


def test_the_shipped_configuration_has_the_documented_step():
    path = Path(nuwa_hf.training.__file__).parent / "configs" / "emoji_motion_nuwa.yaml"
    assert set(yaml.safe_load(path.read_text(encoding="utf-8"))) <= set(NuwaArguments.__dataclass_fields__)
    arguments = parse_arguments(NuwaArguments, ["--config", str(path)])
    shares = parse_task_shares(arguments.tasks)
    rows = {"T2V": 5, "V2V": 2, "S2V": 6, "TV2V": 2, "T2I": 4, "S2I": 8, "I2I": 5, "TI2I": 7}
    assert deal_rows(shares, arguments.train_batch_size) == rows
    assert set(rows) == {task.abbreviation for task in TASKS}
    t, h, w = NuwaConfig.from_preset(arguments.preset).visual_grid
    frames = sum(count * (t if get_task(name).output == "video" else 1) for name, count in rows.items())
    assert frames * h * w == 7296


PARTS = {"output_dir": "out", "vqgan": "a", "tokenizer": "b", "tokens": ["c"]}
WHOLE = {"output_dir": "out", "checkpoint": "a", "tokens": ["c"]}


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.abbreviation)
def test_a_task_that_starts_from_a_sketch_asks_for_the_sketch_codec(task):
    values = PARTS
    tasks = ["T2V=1", f"{task.abbreviation}=1"] if task.abbreviation != "T2V" else ["T2V=1"]
    NuwaArguments(**values, tasks=tasks, sketch_vqgan="d")
    if starts_from_sketch(task.abbreviation):
        with pytest.raises(ValueError, match=rf"`sketch_vqgan` must be .* for \['{task.abbreviation}'\], got None"):
            NuwaArguments(**values, tasks=tasks)
    else:
        NuwaArguments(**values, tasks=tasks)


def test_one_folder_of_tokens_may_stand_without_a_list(tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text("output_dir: out\ncheckpoint: a\ntokens: one\nvalidation_tokens: other\n")
    arguments = parse_arguments(NuwaArguments, ["--config", str(path)])
    assert (arguments.tokens, arguments.validation_tokens) == (["one"], ["other"])
    arguments = parse_arguments(NuwaArguments, ["--config", str(path), "--tokens", "a=2", "b=1:T2V"])
    assert arguments.tokens == ["a=2", "b=1:T2V"]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({**WHOLE, "hidden_size": 16}, r"`checkpoint` must be None with \['hidden_size'\]"),
        ({**WHOLE, "window": [3, 3, 3]}, r"`checkpoint` must be None with \['window'\]"),
        ({**PARTS, "window": [3, 2, 3]}, r"`window` must be three odd numbers: .*, got \[3, 2, 3\]"),
        ({**WHOLE, "condition_window": [3, 3]}, r"`condition_window` must be three odd numbers"),
        ({**WHOLE, "validation_share": 1.0}, "`validation_share` must be at least 0 and below 1"),
        ({**WHOLE, "validation_share": 0.1, "validation_tokens": ["d"]}, "`validation_share` must be 0 with"),
        ({**WHOLE, "validation_prompts": ["a", ""]}, r"`validation_prompts\[1\]` must not be empty"),
        ({**WHOLE, "max_shard_size": "5"}, "`max_shard_size` must be a number above 0 with a unit, got '5'"),
        ({**WHOLE, "learning_rate": 0.0}, "`learning_rate` must be greater than 0, got 0.0; leave it out"),
        ({**PARTS, "vqgan": None}, "`vqgan` must be given without `checkpoint`"),
        ({**PARTS, "tokenizer": None}, "`tokenizer` must be given without `checkpoint`"),
        ({**PARTS, "fine_tune": "lora"}, "`fine_tune` must be 'full' without a `checkpoint`"),
        ({**PARTS, "fine_tune": "frozen-encoder"}, "`fine_tune` must be 'full' without a `checkpoint`"),
        ({**WHOLE, "fine_tune": "half"}, "`fine_tune` must be one of"),
        ({**WHOLE, "lora_rank": 0}, "`lora_rank` must be greater than 0"),
        ({**WHOLE, "lora_dropout": 1.5}, "`lora_dropout` must be a share"),
        ({**WHOLE, "lora_target_modules": []}, "`lora_target_modules` must be at least one name"),
        ({**WHOLE, "lora_rank": 8}, "`lora_rank` must be left out without `fine_tune` lora, got 8"),
        ({**WHOLE, "lora_target_modules": ["q_proj"]}, "`lora_target_modules` must be left out without `fine_tune`"),
        ({**WHOLE, "temperature": 0.0}, "`temperature` must be above 0"),
        ({**WHOLE, "unguided_temperature": 0.0}, "`unguided_temperature` must be above 0"),
    ],
)
def test_what_a_run_starts_from_and_learns_is_named_once(values, message):
    with pytest.raises(ValueError, match=message):
        NuwaArguments(**values)


def test_lora_asks_for_adamw_and_for_the_package_that_makes_adapters(monkeypatch):
    pytest.importorskip("peft", reason="adapters are PEFT's")
    with pytest.raises(ValueError, match="`optimizer` must be 'adamw' with lora"):
        NuwaArguments(**WHOLE, fine_tune="lora", optimizer="muon")
    NuwaArguments(**WHOLE, fine_tune="lora")
    monkeypatch.setitem(sys.modules, "peft", None)
    with pytest.raises(ValueError, match=r"pip install nuwa_hf\[lora\]"):
        NuwaArguments(**WHOLE, fine_tune="lora")


def test_a_whole_checkpoint_may_bring_the_codec_of_sketches():
    NuwaArguments(**WHOLE, tasks=["S2V=1"])
