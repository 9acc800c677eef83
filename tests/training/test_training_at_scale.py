# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The numbers of docs/training-at-scale.md are those that its formulas give."""

from math import prod
from pathlib import Path

import pytest
import torch

from nuwa_hf import NuwaConfig
from nuwa_hf.training.nuwa.memory_estimate import memory_table, weight_shapes
from nuwa_hf.training.nuwa.sent_estimate import sent_bytes
from nuwa_hf.training.nuwa.task_batches import TaskBatch
from nuwa_hf.training.nuwa.throughput import attended_pairs, training_flops


PAGE = Path(__file__).parents[2] / "docs" / "training-at-scale.md"
CONFIG = NuwaConfig.from_preset("nuwa-336")
# GPUs, strategy, rows, gradient checkpointing
MEMORY = [
    (8, "ddp", 2, False),
    (8, "ddp", 2, True),
    (8, "ddp", 16, True),
    (8, "zero2", 16, True),
    (8, "fsdp", 16, True),
    (64, "fsdp", 2, False),
    (64, "fsdp", 8, True),
]
TIME = [(8, "ddp", 2), (8, "ddp", 16), (8, "fsdp", 16), (64, "ddp", 2), (64, "fsdp", 2), (64, "fsdp", 8)]
PEAK, MFU, WITHIN_MACHINE, BETWEEN_MACHINES = 312e12, 0.3, 200e9, 25e9


def flops_of_a_clip() -> int:
    def shape(*sizes):
        return torch.empty(sizes, dtype=torch.long, device="meta")

    text, clip = shape(1, CONFIG.max_text_length), shape(1, *CONFIG.visual_grid)
    return training_flops(CONFIG, TaskBatch(text, text, clip, clip))


def tokens_per_day(gpus: int, rows: int, seconds: float) -> float:
    return 86400 * gpus * rows * prod(CONFIG.visual_grid) / seconds


def seconds_of(gpus: int, strategy: str, rows: int) -> tuple[float, float, float]:
    """Of computing, of sending, and the bytes that a GPU sends."""
    sent = sent_bytes(CONFIG, num_processes=gpus, strategy=strategy)
    link = WITHIN_MACHINE if gpus == 8 else BETWEEN_MACHINES
    return rows * flops_of_a_clip() / (PEAK * MFU), sent / link, sent


def memory_block() -> str:
    names = ("num_processes", "strategy", "rows", "gradient_checkpointing")
    return memory_table(CONFIG, [dict(zip(names, setting, strict=True)) for setting in MEMORY])


def time_block() -> str:
    lines = [
        "| GPUs | strategy | rows | a step, samples | computing | sent by a GPU | sending | tokens per day |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for gpus, strategy, rows in TIME:
        computing, sending, sent = seconds_of(gpus, strategy, rows)
        most, least = (tokens_per_day(gpus, rows, s) / 1e9 for s in (max(computing, sending), computing + sending))
        lines.append(
            f"| {gpus} | {strategy} | {rows} | {gpus * rows} | {computing:.2f} s | {sent / 1e9:.1f} GB | "
            f"{sending:.2f} s | {most:.0f} to {least:.0f} billion |"
        )
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize(("name", "block"), [("memory", memory_block), ("time", time_block)])
def test_a_table_of_the_page_is_what_the_formulas_give(name, block):
    text = PAGE.read_text(encoding="utf-8")
    shown = text.split(f"<!-- {name}:start -->\n")[1].split(f"<!-- {name}:end -->")[0]
    assert shown == block()


def test_numbers_in_the_text_are_what_the_formulas_give():
    text = " ".join(PAGE.read_text(encoding="utf-8").split())
    clip, tokens = flops_of_a_clip(), prod(CONFIG.visual_grid)
    assert f"takes {clip / 1e12:.1f}e12 floating point operations" in text
    assert f"{clip / tokens / 1e9:.2f}e9 per token" in text
    assert f"a clip is {2 * tokens / 1e3:.1f} kB, and a step of 128 clips {256 * tokens / 1e6:.1f} MB" in text
    fortnight = 14 * tokens_per_day(64, 2, seconds_of(64, "ddp", 2)[0])
    assert f"at most about {fortnight / 1e12:.1f}e12 tokens, or {fortnight / tokens / 1e6:.0f} million clips" in text
    grid = CONFIG.get_visual_grid()
    for window, number in ((CONFIG.window, "for 0.02e12"), ((None, None, None), "would take 3.6e12")):
        pairs = attended_pairs(grid, grid, window, causal=True)
        flops = 12 * CONFIG.hidden_size * CONFIG.num_decoder_layers * pairs
        assert flops / 1e12 == pytest.approx(float(number.split()[-1].removesuffix("e12")), abs=0.05)
        assert number in text
    layers = sum(shape.numel() for name, shape in weight_shapes(CONFIG).items() if ".layers." in name)
    everything = sum(shape.numel() for shape in weight_shapes(CONFIG).values())
    assert f"layers have {layers / 1e6:.0f} M weights" in text
    assert f"there are {everything / 1e6:.0f} M" in text


if __name__ == "__main__":
    page = PAGE.read_text(encoding="utf-8")
    for name, block in (("memory", memory_block), ("time", time_block)):
        start, end = (f"<!-- {name}:{where} -->" for where in ("start", "end"))
        before, rest = page.split(start)
        page = f"{before}{start}\n{block()}{end}{rest.split(end)[1]}"
    PAGE.write_text(page, encoding="utf-8")
