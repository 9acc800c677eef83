# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The Accelerate configurations that ship with the package."""

from importlib.resources import files

import pytest
from accelerate.commands.config.config_args import load_config_from_file
from accelerate.commands.launch import launch_command_parser

from nuwa_hf import NuwaForConditionalGeneration


FOLDER = files("nuwa_hf.training") / "configs" / "accelerate"
PATHS = sorted(path.name for path in FOLDER.iterdir())
FLAGS = {action.dest for action in launch_command_parser()._actions}


def load(name):
    return load_config_from_file(str(FOLDER / name))


@pytest.mark.parametrize("name", PATHS)
def test_accelerate_reads_every_key(name):
    config = load(name)  # raises for an unknown key at the top
    for section in (config.fsdp_config, config.deepspeed_config):
        assert set(section) <= FLAGS  # further down it would pass one over in silence


@pytest.mark.parametrize("name", PATHS)
def test_the_name_says_the_number_of_processes(name):
    assert name.removesuffix(".yaml").endswith(f"_{load(name).num_processes}")


@pytest.mark.parametrize("name", [name for name in PATHS if name.startswith("fsdp")])
def test_fsdp_wraps_the_layers_that_the_model_says_must_not_be_split(name):
    wrapped = load(name).fsdp_config["fsdp_transformer_layer_cls_to_wrap"].split(",")
    assert sorted(wrapped) == sorted(NuwaForConditionalGeneration._no_split_modules)


def test_the_machines_share_the_processes_evenly():
    assert {name: load(name).num_processes % load(name).num_machines for name in PATHS} == dict.fromkeys(PATHS, 0)
