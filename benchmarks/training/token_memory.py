# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Memory and speed of reading token files of 1, 10 and 100 million tokens, row by row and all at once.

    python -m benchmarks.training.token_memory --output benchmarks/results --work runs/token_memory

The tokens are random numbers of the paper's grid, codebook and vocabulary, without a codec. Files that `--work` has
already are not written again. Every case runs in a fresh process.
"""

import argparse
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from benchmarks.measuring.devices import memory_now, peak_since_reset, reset_peak
from benchmarks.measuring.machine import describe_machine, summarize
from benchmarks.report.report import write_result
from nuwa_hf import NuwaConfig
from nuwa_hf.training.nuwa.held_out_rows import parts_of
from nuwa_hf.training.nuwa.task_batches import TaskBatches
from nuwa_hf.training.tokens.token_files import TokenFiles, bounds_of, shard_path, write_metadata, write_shard


GRID = (10, 16, 16)
CODEBOOK_SIZE, VOCAB_SIZE, TEXT_LENGTH = 8192, 49408, 77
CLIPS_PER_SHARD = 2048
COUNTS = {"T2V": 32, "V2V": 16, "T2I": 16}  # rows of a batch
VALIDATION_SHARE = 0.05
WAYS = ("rows", "whole")


def write_tokens(folder: Path, num_tokens: int, seed: int, clips_per_shard: int = CLIPS_PER_SHARD) -> int:
    """Write the shards that are missing; each is a function of its number and the seed.

    Args:
        folder (`Path`): of the token files.
        num_tokens (`int`): visual tokens of all clips, rounded up to whole clips.
        seed (`int`): of the numbers.
        clips_per_shard (`int`, defaults to 2048): clips of all shards but the last one.

    Returns:
        `int`: how many clips there are.
    """
    frames, height, width = GRID
    num_clips = -(-num_tokens // (frames * height * width))
    firsts = range(0, num_clips, clips_per_shard)
    folder.mkdir(parents=True, exist_ok=True)
    write_metadata(folder, {"num_shards": len(firsts)})
    for index, first in enumerate(tqdm(firsts, desc=f"Writing {num_tokens:,} tokens", mininterval=1.0)):
        if shard_path(folder, index).exists():
            continue
        generator = torch.Generator().manual_seed(seed * 1_000_003 + index)
        clips = min(clips_per_shard, num_clips - first)
        highs = {
            "video_tokens": (CODEBOOK_SIZE, clips, *GRID),
            "caption_ids": (VOCAB_SIZE, clips, TEXT_LENGTH),
            "image_caption_ids": (VOCAB_SIZE, clips, TEXT_LENGTH),
            "image_indices": (frames, clips),
        }
        columns = {
            name: torch.randint(high, shape, generator=generator, dtype=torch.int32)
            for name, (high, *shape) in highs.items()
        }
        write_shard(folder, index, TokenFiles(**columns))
    return num_clips


def measure(folder: Path, way: str, batches: int, seed: int) -> dict[str, Any]:
    """Do what a training run does with its tokens, in this process: open, check, hold a part out, make batches.

    Args:
        folder (`Path`): of the token files.
        way (`str`): "rows" reads them as training does; "whole" first holds all of them in memory, as before.
        batches (`int`): how many are counted, after one that is not.
        seed (`int`): of the order.

    Returns:
        `dict[str, Any]`: in bytes `before`, `peak` (resident) and, where the system says it, `anonymous` and
        `anonymous_before`; `opening` in seconds; `rows_per_second`.
    """
    config = NuwaConfig(vocab_size=VOCAB_SIZE, codebook_size=CODEBOOK_SIZE, visual_grid=GRID)
    reset_peak("cpu")
    before, anonymous_before = memory_now("cpu"), anonymous_memory()
    start = time.perf_counter()
    tokens = TokenFiles.load(folder)
    if way == "whole":
        tokens = tokens[:]
    for column in vars(tokens).values():
        if column is not None:
            bounds_of(column)
    (learnt,) = parts_of([folder], [tokens], VALIDATION_SHARE, seed, is_held_out=False)
    make = TaskBatches(learnt, config, COUNTS, 0.1, seed)
    opening, rows, speeds, anonymous = time.perf_counter() - start, sum(COUNTS.values()), [], anonymous_memory()
    for step in range(batches + 1):
        start = time.perf_counter()
        made = make(range(step * rows, (step + 1) * rows))
        speeds.append(rows / (time.perf_counter() - start))
        anonymous = max(anonymous, anonymous_memory())
        del made
    return {
        "before": before,
        "peak": peak_since_reset("cpu"),
        "anonymous_before": anonymous_before,
        "anonymous": anonymous,
        "opening": opening,
        "rows_per_second": summarize(speeds[1:]),
    }


def anonymous_memory() -> int:
    """Resident bytes of this process that are in no file; 0 where the system does not say."""
    status = Path("/proc/self/status")
    lines = status.read_text(encoding="utf-8").splitlines() if status.exists() else []
    return sum(1024 * int(line.split()[1]) for line in lines if line.startswith("RssAnon:"))


def main(argv: Sequence[str] | None = None) -> None:
    """Measure, print the table and write `token_memory.json`.

    Args:
        argv (`Sequence[str]`, *optional*): the arguments; by default those of the process.
    """
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="folder of the JSON file")
    parser.add_argument("--work", type=Path, required=True, metavar="DIR", help="folder of the token files")
    parser.add_argument("--tokens", type=int, nargs="+", default=[10**6, 10**7, 10**8], help="sizes (1, 10, 100 M)")
    parser.add_argument("--batches", type=int, default=300, help="counted batches of each case (default: 300)")
    parser.add_argument("--seed", type=int, default=0, help="of tokens and order (default: 0)")
    arguments = parser.parse_args(argv)
    machine, rows = describe_machine(), []
    for num_tokens in arguments.tokens:
        folder = arguments.work / f"tokens-{num_tokens}"
        clips = write_tokens(folder, num_tokens, arguments.seed)
        sizes = [path.stat().st_size for path in folder.glob("*.safetensors")]
        row = {"tokens": num_tokens, "clips": clips, "shards": len(sizes), "bytes": sum(sizes)}
        for way in WAYS:
            with ProcessPoolExecutor(1, get_context("spawn")) as pool:
                row[way] = pool.submit(measure, folder, way, arguments.batches, arguments.seed).result()
        rows.append(row)
    settings = {"grid": GRID, "counts": COUNTS, "clips_per_shard": CLIPS_PER_SHARD, "held_out": VALIDATION_SHARE}
    settings |= {"batches": arguments.batches, "seed": arguments.seed}
    write_result("token_memory", {"machine": machine, "settings": settings, "rows": rows}, arguments.output)


if __name__ == "__main__":
    main()
