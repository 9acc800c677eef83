# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Measures how many images and videos a long-lived sampler makes in a second, by the size of its batches.

    python -m benchmarks.sampling.batches --output benchmarks/results

Requests of one batch differ in prompt, seed, guidance and temperature. Times include the decoding of pixels. Processor
time, of all threads together, hardly depends on what else the machine does; with OMP_WAIT_POLICY=PASSIVE threads that
wait take none.
"""

import argparse
import time
from collections import defaultdict
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import torch

from benchmarks.measuring.machine import describe_machine, summarize, time_interleaved
from benchmarks.report.report import write_result
from nuwa_hf import DEMO_CHECKPOINT, EmojiMotion, NuwaSampler, NuwaTextToVideoPipeline


TASKS = ("text-to-image", "text-to-video")
NEARLY = 0.85  # of the highest throughput: the knee is the smallest batch that reaches as much


def _knee(rates: dict[int, float]) -> int:
    return min(size for size, rate in rates.items() if rate >= NEARLY * max(rates.values()))


def main(argv: Sequence[str] | None = None) -> None:
    """Measure, print the table and write `batches.json`.

    Args:
        argv (`Sequence[str]`, *optional*): the arguments; by default those of the process.
    """
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="folder of the JSON file")
    parser.add_argument("--checkpoint", type=Path, metavar="DIR", help="a pipeline's folder (default: embedded)")
    parser.add_argument("--sizes", type=int, nargs="+", default=[1, 2, 4, 8, 16], help="of batches")
    parser.add_argument("--repetitions", type=int, default=5, help="batches of each size (default: 5)")
    arguments = parser.parse_args(argv)
    machine = describe_machine()
    pipeline = NuwaTextToVideoPipeline.from_pretrained(arguments.checkpoint or DEMO_CHECKPOINT)
    captions = [sample["caption"] for sample in map(EmojiMotion(split="val").__getitem__, range(max(arguments.sizes)))]
    scale = pipeline.choose_sampling().guidance_scale

    def requests(task: str, size: int) -> list[tuple[str, dict]]:
        return [
            (
                task,
                {
                    "prompt": captions[number],
                    "guidance_scale": scale + number / 10,
                    "temperature": 1 - number / 100,
                    "generator": torch.Generator().manual_seed(number),
                    "output_type": "pt",
                },
            )
            for number in range(size)
        ]

    rows, processor_seconds = [], defaultdict(list)
    with NuwaSampler(pipeline, max_batch_size=max(arguments.sizes), max_wait=0) as sampler:

        def make(task: str, size: int) -> float:
            start, processor = time.perf_counter(), time.process_time()
            for future in sampler.submit_many(requests(task, size)):
                future.result()
            processor_seconds[task, size].append(time.process_time() - processor)
            return time.perf_counter() - start

        for task in TASKS:
            cases = {size: partial(make, task, size) for size in arguments.sizes}
            seconds = time_interleaved(cases, arguments.repetitions, task)
            rates = {size: size / summarize(values)["median"] for size, values in seconds.items()}
            rows.append(
                {
                    "task": task,
                    "sizes": [
                        {
                            "size": size,
                            "seconds": summarize(values),
                            "processor_seconds": summarize(processor_seconds[task, size][1:]),  # as in `seconds`
                            "per_second": rates[size],
                        }
                        for size, values in seconds.items()
                    ],
                    "knee": _knee(rates),
                    "processor_knee": _knee(
                        {size: size / summarize(processor_seconds[task, size][1:])["median"] for size in rates}
                    ),
                }
            )
    settings = {
        "checkpoint": "embedded" if arguments.checkpoint is None else arguments.checkpoint.resolve().name,
        "grid": pipeline.transformer.config.visual_grid,
        "guidance_scale": scale,
        "repetitions": arguments.repetitions,
        "nearly": NEARLY,
    }
    write_result("batches", {"machine": machine, "settings": settings, "rows": rows}, arguments.output)


if __name__ == "__main__":
    main()
