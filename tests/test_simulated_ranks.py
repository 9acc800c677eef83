# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The simulation of one of many ranks, at toy size, and what it counts with."""

import json
import sys
from pathlib import Path

import pytest
import torch
from tiny import tiny_config, tiny_transformer


ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "training-at-scale.md"
RANKS = 8
CONFIG = {"hidden_size": 64, "num_decoder_layers": 3, "visual_grid": (4, 8, 8)}


@pytest.fixture(autouse=True)
def benchmarks_can_be_imported(monkeypatch):
    monkeypatch.syspath_prepend(ROOT)


def simulate_into(path, strategy, gradient_checkpointing):
    """One rank, in a process of its own."""
    sys.path.insert(0, str(ROOT))
    from benchmarks.training.simulated_ranks import simulate

    found = simulate(tiny_config(**CONFIG), strategy, 2, gradient_checkpointing, RANKS, "no")
    path.write_text(json.dumps(found))


@pytest.mark.processes
def test_a_rank_sends_and_holds_what_its_strategy_says(processes, tmp_path):
    cases = {"ddp": ("ddp", True), "fsdp": ("fsdp", False)}
    started = [processes.start(simulate_into, tmp_path / name, *case) for name, case in cases.items()]
    for process in started:
        process.join(300)
    assert [process.exitcode for process in started] == [0, 0], started[0].errors.read_text()
    ddp, fsdp = (json.loads((tmp_path / name).read_text()) for name in cases)
    numbers = dict(tiny_transformer(**CONFIG).named_parameters())
    unused = ("model.sketch_embeddings", "model.known_embeddings")
    learnt = 4 * sum(weight.numel() for name, weight in numbers.items() if not name.startswith(unused))
    assert ddp["calls"] == {"allreduce_": 1}
    assert ddp["sent"] == 2 * 7 * learnt // 8
    assert fsdp["sent"] == pytest.approx(3 * 7 * learnt / 8, rel=0.1)  # some weights are gathered once
    # Weights, two moments and the average, in parts or, with buckets, whole.
    assert ddp["memory"]["between_steps"] == pytest.approx(5 * learnt, rel=0.1)
    assert fsdp["memory"]["between_steps"] == pytest.approx(4 * learnt / 8, rel=0.25)
    kept = [case["memory"]["after_forward"] - case["memory"]["between_steps"] for case in (ddp, fsdp)]
    assert kept[0] < 0.6 * kept[1]  # the inputs of layers alone


def test_memory_is_that_of_the_tensors_that_are_alive():
    from benchmarks.measuring.tensor_memory import TensorMemory

    resize_ = torch.UntypedStorage.resize_
    with TensorMemory() as memory:
        kept = torch.zeros(100)
        view = kept[10:].view(9, 10)
        assert memory.now == 400
        del kept
        assert memory.now == 400
        more = view + 1
        assert (memory.now, memory.peak) == (760, 760)
        del view
        more.untyped_storage().resize_(0)
        assert (memory.now, memory.peak) == (0, 760)
    assert torch.UntypedStorage.resize_ is resize_


def test_the_table_of_the_page_is_that_of_the_result_and_no_formula_is_off_by_more_than_a_tenth():
    from benchmarks.training.simulated_ranks import NAME, formulas, simulated_ranks_table

    result = json.loads((ROOT / "benchmarks" / "results" / f"{NAME}.json").read_text())
    page = PAGE.read_text(encoding="utf-8")
    assert f"<!-- {NAME}:start -->\n{simulated_ranks_table(result)}\n<!-- {NAME}:end -->" in page
    for row in result["cases"]:
        memory, sent = formulas(result["settings"], row)
        assert 0.9 < memory / max(row["memory"].values()) < 1.1
        assert 0.9 < sent / row["sent"] < 1.1
