# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Every training command of README and docs, read by the parsers that would read it."""

import re
import shlex
from importlib.resources import files
from pathlib import Path

import pytest
from accelerate.commands.config.config_args import load_config_from_file
from accelerate.commands.launch import launch_command_parser

from nuwa_hf.training.nuwa.memory_command import MemoryArguments
from nuwa_hf.training.nuwa.nuwa_arguments import NuwaArguments
from nuwa_hf.training.nuwa.task_shares import deal_rows, parse_task_shares
from nuwa_hf.training.run.run_arguments import parse_arguments
from nuwa_hf.training.tokens.tokenize_arguments import TokenizeArguments
from nuwa_hf.training.vqgan.vqgan_arguments import VQGANArguments


ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
ARGUMENTS = {
    "train": NuwaArguments,
    "train-vqgan": VQGANArguments,
    "tokenize": TokenizeArguments,
    "memory": MemoryArguments,
    "nuwa_hf.training.nuwa.train_nuwa": NuwaArguments,
    "nuwa_hf.training.vqgan.train_vqgan": VQGANArguments,
}
WRITTEN_BY_INIT = "runs/train.yaml"


def documented():
    """Every command of a shell block: its page and its words."""
    for page in PAGES:
        for block in re.findall(r"^```bash\n(.*?)^```$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL):
            for line in block.replace("\\\n", " ").splitlines():
                if line.startswith(("nuwa-hf", "accelerate launch")):
                    for command in line.split("&&"):
                        yield page.name, shlex.split(command, comments=True)


def trainings():
    """Page, configuration of Accelerate if there is one, name of the command or module, and its arguments."""
    configs = files("nuwa_hf.training") / "configs" / "accelerate"
    for page, words in documented():
        if words[0] == "nuwa-hf" and len(words) > 1 and words[1] in ARGUMENTS and "--help" not in words:
            yield page, None, words[1], words[2:]
        if words[:2] == ["accelerate", "launch"]:
            launch = launch_command_parser().parse_args([word.replace("$CONFIGS", str(configs)) for word in words[2:]])
            assert launch.module
            if launch.training_script in ARGUMENTS:
                yield page, launch.config_file, launch.training_script, launch.training_script_args


@pytest.mark.parametrize(("page", "config", "name", "words"), [*trainings()])
def test_a_documented_command_is_accepted_and_has_rows_for_its_tasks(page, config, name, words, tmp_path, monkeypatch):
    (tmp_path / WRITTEN_BY_INIT).parent.mkdir()
    (tmp_path / WRITTEN_BY_INIT).write_text("tokens: runs/tokens\n", encoding="utf-8")
    for folder in ("src", "examples"):
        (tmp_path / folder).symlink_to(ROOT / folder)
    monkeypatch.chdir(tmp_path)
    arguments = parse_arguments(ARGUMENTS[name], words)
    if isinstance(arguments, NuwaArguments):
        processes = getattr(arguments, "num_processes", 1)
        if config is not None:
            processes = load_config_from_file(config).num_processes
        passes, shares = arguments.gradient_accumulation_steps, parse_task_shares(arguments.tasks)
        deal_rows(shares, arguments.train_batch_size, processes=processes, passes=passes)


def test_the_page_on_many_gpus_has_commands_for_its_configurations():
    launched = {Path(config).name for _, config, _, _ in trainings() if config is not None}
    assert {"ddp_8.yaml", "fsdp_64.yaml"} <= launched
