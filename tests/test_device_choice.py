# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
import pytest
import torch

from nuwa_hf.device_choice import choose_device
from nuwa_hf.evaluation.evaluate_arguments import parse_compare_arguments, parse_evaluate_arguments
from nuwa_hf.evaluation.judges.train_judges import parse_arguments


@pytest.mark.parametrize("kind", ["cuda", "mps", "xpu"])
def test_an_accelerator_of_any_kind_is_taken_unless_another_device_is_named(monkeypatch, kind):
    monkeypatch.setattr(torch.accelerator, "current_accelerator", lambda check_available: torch.device(kind))
    assert choose_device(None) == choose_device(kind) == torch.device(kind)
    assert choose_device("cpu") == torch.device("cpu")
    for other in ("gpu", "meta"):
        with pytest.raises(ValueError, match=rf"`--device` must be one of cpu, {kind} on this machine, got '{other}'"):
            choose_device(other)


@pytest.mark.parametrize(
    ("parse", "words"),
    [
        (parse_evaluate_arguments, ["--checkpoint", "a"]),
        (parse_compare_arguments, ["a", "b", "--metrics", "mse"]),
        (parse_arguments, ["--output_dir", "a"]),
    ],
)
def test_commands_that_measure_leave_the_device_to_the_machine(parse, words):
    """They took CUDA or the CPU, and passed over every other accelerator."""
    assert parse(words).device is None
