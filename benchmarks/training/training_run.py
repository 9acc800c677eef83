# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""A real training run of the embedded checkpoint on all eight tasks: tokens/s, waiting for data, checkpoints.

    python -m benchmarks.training.training_run --output benchmarks/results

It is `nuwa-hf train --checkpoint embedded` on random tokens, with the mix of the embedded checkpoint's own training.
"""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
import yaml

from benchmarks.measuring.machine import describe_machine
from benchmarks.report.report import write_result
from nuwa_hf import DEMO_CHECKPOINT, NuwaConfig
from nuwa_hf.training.nuwa.train_nuwa import main as train
from nuwa_hf.training.run.run_state import RunState
from nuwa_hf.training.tokens.token_files import TokenFiles, write_metadata, write_shard


CONFIG = "src/nuwa_hf/training/configs/emoji_motion_nuwa.yaml"
KEPT = ("tasks", "train_batch_size", "optimizer", "muon_learning_rate", "learning_rate", "ema_decay")
TEXT_LENGTH = 20


def write_random_tokens(folder: Path, num_clips: int, seed: int) -> None:
    """Token files of the embedded checkpoint's grid and codebooks.

    Args:
        folder (`Path`): a new folder.
        num_clips (`int`): how many clips.
        seed (`int`): of the tokens.
    """
    config = NuwaConfig.from_pretrained(DEMO_CHECKPOINT, subfolder="transformer")
    generator = torch.Generator().manual_seed(seed)

    def draw(low: int, high: int, *shape: int) -> torch.Tensor:
        return torch.randint(low, high, shape, generator=generator, dtype=torch.int32)

    text = [draw(config.none_token_id + 1, config.vocab_size, num_clips, TEXT_LENGTH) for _ in range(2)]
    grid = config.visual_grid
    tokens = TokenFiles(
        video_tokens=draw(0, config.codebook_size, num_clips, *grid),
        caption_ids=text[0],
        image_caption_ids=text[1],
        image_indices=draw(0, grid[0], num_clips),
        sketch_tokens=draw(0, config.sketch_codebook_size, num_clips, *grid),
    )
    folder.mkdir()
    write_shard(folder, 0, tokens)
    write_metadata(folder, {"num_shards": 1})


def run(steps: int, every: int, batch_size: int | None, seed: int, work: Path) -> dict[str, Any]:
    """Train, and say what the run logged and what its checkpoints took.

    Args:
        steps (`int`): optimiser steps.
        every (`int`): steps from one line of the log to the next.
        batch_size (`int`, *optional*): clips of a step; by default those of the embedded checkpoint's own training.
        seed (`int`): of tokens and run.
        work (`Path`): an empty folder.

    Returns:
        `dict[str, Any]`: `log` (the lines after the first), `checkpoint_seconds` and `checkpoint_bytes`.
    """
    write_random_tokens(work / "tokens", 512, seed)
    settings = yaml.safe_load((Path(__file__).parents[2] / CONFIG).read_text(encoding="utf-8"))
    settings = {name: settings[name] for name in KEPT} | {
        "checkpoint": str(DEMO_CHECKPOINT),
        "tokens": [str(work / "tokens")],
        "output_dir": str(work / "run"),
        "max_train_steps": steps,
        "log_every": every,
        "checkpointing_steps": steps // 2,
        "sample_every": steps + 1,
        "sample_sheets": False,
        "device": "cpu",
        "seed": seed,
    }
    if batch_size is not None:
        settings["train_batch_size"] = batch_size
    config = work / "run.yaml"
    config.write_text(yaml.safe_dump(settings), encoding="utf-8")
    seconds, save = [], RunState.save

    def timed_save(state: RunState) -> Path | None:
        start = time.perf_counter()
        written = save(state)
        seconds.append(time.perf_counter() - start)
        return written

    RunState.save = timed_save
    try:
        train(["--config", str(config)])
    finally:
        RunState.save = save
    lines = [json.loads(line) for line in (work / "run" / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
    checkpoint = sorted((work / "run").glob("checkpoint-*"))[-1]
    return {
        "log": lines[1:],  # the first steps warm the caches
        "checkpoint_seconds": seconds,
        "checkpoint_bytes": sum(path.stat().st_size for path in checkpoint.rglob("*") if path.is_file()),
    }


def main(argv: Sequence[str] | None = None) -> None:
    """Measure, print the table and write `training_run.json`.

    Args:
        argv (`Sequence[str]`, *optional*): the arguments; by default those of the process.
    """
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="folder of the JSON file")
    parser.add_argument("--steps", type=int, default=40, help="optimiser steps, with two checkpoints (default: 40)")
    parser.add_argument("--every", type=int, default=5, help="steps from one line of the log to the next (5)")
    parser.add_argument("--batch_size", type=int, help="clips of a step (default: as the checkpoint was trained)")
    parser.add_argument("--seed", type=int, default=0, help="of tokens and run (default: 0)")
    arguments = parser.parse_args(argv)
    machine = describe_machine()
    with tempfile.TemporaryDirectory() as work:
        result = run(arguments.steps, arguments.every, arguments.batch_size, arguments.seed, Path(work))
    log = result.pop("log")
    result |= {name: statistics.median(line[name] for line in log) for name in ("tokens_per_second", "data_share")}
    settings = {name: getattr(arguments, name) for name in ("steps", "every", "batch_size", "seed")}
    write_result("training_run", {"machine": machine, "settings": settings, **result}, arguments.output)


if __name__ == "__main__":
    main()
