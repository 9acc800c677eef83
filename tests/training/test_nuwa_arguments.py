# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
from pathlib import Path

import yaml

import nuwa_hf.training
from nuwa_hf.training.arguments import parse_arguments
from nuwa_hf.training.nuwa_arguments import NuwaArguments
from nuwa_hf.training.task_batches import parse_task_shares, split_rows


def test_the_shipped_configuration_has_the_documented_step():
    path = Path(nuwa_hf.training.__file__).parent / "configs" / "emoji_motion_nuwa.yaml"
    assert set(yaml.safe_load(path.read_text(encoding="utf-8"))) <= set(NuwaArguments.__dataclass_fields__)
    arguments = parse_arguments(NuwaArguments, ["--config", str(path)])
    shares = parse_task_shares(arguments.tasks)
    assert split_rows(shares, arguments.train_batch_size) == {"T2V": 12, "V2V": 4, "T2I": 12}
