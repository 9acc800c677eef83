# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The command and the program beside a result."""

import shlex
from pathlib import Path

import pytest
import torch

from nuwa_hf.app.limits import AppLimits
from nuwa_hf.app.reproduction import python_program, shell_command
from nuwa_hf.app.visitor_request import read_request
from nuwa_hf.cli.output_files import OutputFiles
from nuwa_hf.cli.task_commands import TASK_COMMANDS


@pytest.mark.parametrize(
    ("accelerator", "device", "said", "moved"),
    [
        (None, "cpu", [], ""),
        ("cuda", "cuda", [], '.to("cuda")'),
        ("cuda", "cpu", ["--device=cpu"], ""),
        ("cuda", "cuda:1", ["--device=cuda:1"], '.to("cuda:1")'),
    ],
)
def test_what_was_drawn_on_a_device_is_drawn_there_again(accelerator, device, said, moved, tmp_path, monkeypatch):
    found = None if accelerator is None else torch.device(accelerator)
    monkeypatch.setattr(torch.accelerator, "current_accelerator", lambda check_available: found)
    command, values = TASK_COMMANDS["text-to-image"], {"prompt": "a bird", "seed": "5"}
    request = read_request(command, values, tmp_path, limits=AppLimits(), classes=None, size=(8, 10))
    words = shlex.split(shell_command(request, "user/model", torch.device(device)))
    assert [word for word in words if word.startswith("--device")] == said
    files = OutputFiles([[Path("a-bird.png")]], None)
    program = python_program(request, "user/model", torch.device(device), files, 4.0)
    assert f"\npipeline = NuwaTextToImagePipeline.from_pretrained('user/model'){moved}\n" in program
