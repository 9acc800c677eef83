# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
from pathlib import Path

import pytest

import nuwa_hf.training
from nuwa_hf.training.arguments import parse_arguments
from nuwa_hf.training.vqgan_arguments import VQGANArguments


@pytest.mark.parametrize(
    ("name", "value"), [("discriminator_start", -0.1), ("codebook_learning", "magic"), ("l1_weight", 0.0)]
)
def test_value_that_breaks_its_rule_is_an_error_that_names_both(name, value):
    with pytest.raises(ValueError, match=f"`{name}.*{value}"):
        VQGANArguments(output_dir="run", **{name: value})


def test_packaged_config_is_valid():
    config = Path(nuwa_hf.training.__file__).parent / "configs" / "emoji_motion_vqgan.yaml"
    assert parse_arguments(VQGANArguments, ["--config", str(config)]).setting == "small"
