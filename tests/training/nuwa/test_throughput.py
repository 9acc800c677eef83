# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""What a step costs: operations counted by hand equal those that PyTorch counts."""

from itertools import product

import pytest
import torch
from tiny import tiny_config, tiny_transformer
from torch.utils.flop_counter import FlopCounterMode

from nuwa_hf.grid import Grid
from nuwa_hf.nearby_attention.neighborhood import neighborhood_mask
from nuwa_hf.training.nuwa.task_batches import TaskBatch
from nuwa_hf.training.nuwa.throughput import PEAKS, Throughput, attended_pairs, peak_flops, training_flops


def batch_of(grid, rows=2, text=5, sketched=False, known=False):
    tokens = torch.zeros(rows, *grid, dtype=torch.long)
    ids = torch.ones(rows, text, dtype=torch.long)
    mask = torch.zeros(rows, *grid, dtype=torch.bool)
    mask[:, 0, 0, 0] = True
    return TaskBatch(
        ids,
        ids.clone(),
        tokens,
        tokens.clone(),
        sketch_tokens=tokens.clone() if sketched else None,
        known_mask=mask if known else None,
    )


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("window", [(1, 1, 1), (3, 3, 3), (5, 1, 3), (None, 3, None), (None, None, None)])
def test_counted_pairs_are_those_of_the_mask(window, causal):
    for grid in (Grid(1, 1, 1), Grid(2, 3, 4), Grid(4, 1, 2)):
        mask = neighborhood_mask(grid, grid, window, causal)
        assert attended_pairs(grid, grid, window, causal) == int(mask.sum())


def test_pairs_between_two_grids_are_those_of_the_mask():
    for query, key in product((Grid(2, 3, 4), Grid(5, 1, 1)), repeat=2):
        assert attended_pairs(query, key, (3, 3, 3)) == int(neighborhood_mask(query, key, (3, 3, 3), False).sum())


@pytest.mark.parametrize(("sketched", "known"), [(False, False), (True, False), (False, True)])
def test_the_operations_are_those_that_pytorch_counts(sketched, known):
    """Eager attention computes every pair and a window that covers the grid sees all but what is not causal. The loss
    computes the logits twice.
    """
    grid = Grid(2, 3, 3)
    wide = (3, 5, 5)
    sizes = {"visual_grid": tuple(grid), "window": wide, "condition_window": wide, "attn_implementation": "eager"}
    model = tiny_transformer(**sizes).train()
    batch = batch_of(grid, sketched=sketched, known=known)
    with FlopCounterMode(display=False) as counter:
        model(**vars(batch), logits_to_keep=[]).loss.backward()
    unseen = grid.numel**2 - attended_pairs(grid, grid, wide, causal=True)
    config = model.config
    extra = 6 * 2 * len(batch.labels) * config.num_decoder_layers * config.hidden_size * unseen
    extra += 2 * batch.labels.numel() * config.hidden_size * config.codebook_size
    assert training_flops(config, batch) + extra == counter.get_total_flops()


def test_operations_grow_with_the_rows_and_not_with_what_is_out_of_the_window():
    config = tiny_config(visual_grid=(9, 9, 9))
    one, two = (training_flops(config, batch_of(Grid(2, 9, 9), rows=rows)) for rows in (1, 2))
    assert two == 2 * one
    by_frames = [training_flops(config, batch_of(Grid(frames, 9, 9))) for frames in (5, 6, 7)]
    assert by_frames[2] - by_frames[1] == by_frames[1] - by_frames[0]


@pytest.mark.parametrize(
    ("device", "precision", "expected"),
    [
        ("NVIDIA A100-SXM4-80GB", "bf16", 312e12),
        ("NVIDIA H100 80GB HBM3", "bf16", 989e12),
        ("NVIDIA H100 PCIe", "bf16", 756e12),
        ("NVIDIA L4", "bf16", 121e12),
        ("NVIDIA L40S", "bf16", None),
        ("Tesla T4", "fp16", 65e12),
        ("Tesla T4", "bf16", None),
        ("NVIDIA GeForce RTX 4090", "no", 82.6e12),
        ("NVIDIA A100-SXM4-40GB MIG 3g.20gb", "bf16", None),
        ("a card of next year", "bf16", None),
    ],
)
def test_a_card_is_known_by_its_name_or_not_at_all(device, precision, expected):
    assert peak_flops(device, precision) == expected


def test_no_card_of_the_table_hides_another():
    for name, peaks in PEAKS:
        for precision, value in peaks.items():
            assert peak_flops(f"NVIDIA {name}", precision) == 1e12 * value


def test_the_speed_is_that_of_the_clock_that_is_given():
    now = [100.0]
    speed = Throughput(tiny_config(), torch.device("cpu"), "no", clock=lambda: now[0])
    with speed.waiting():
        now[0] += 1
    speed.count({"T2I": batch_of(Grid(1, 4, 5))})
    now[0] += 3
    assert speed.read() == {"tokens_per_second": 2 * 4 * 5 / 4, "data_share": 1 / 4}


def test_a_window_counts_its_own_steps_and_leaves_out_what_is_not_known_of_a_cpu():
    speed = Throughput(tiny_config(), torch.device("cpu"), "no")
    batch = batch_of(Grid(1, 4, 5))
    for _ in range(2):
        with speed.waiting():
            pass
        speed.count({"T2I": batch, "I2I": batch})
        values = speed.read()
        assert set(values) == {"tokens_per_second", "data_share"}
        assert set(values) <= set(Throughput.NAMES)
        assert 0 < values["data_share"] < 1
        assert values["tokens_per_second"] > 0
    assert speed.read()["tokens_per_second"] == 0
