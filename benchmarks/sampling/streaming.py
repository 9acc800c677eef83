# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Measures streaming: time to the first frame, time between frames, memory, and the quality of late frames.

    python -m benchmarks.sampling.streaming --output benchmarks/results --judges runs/judges

Both ways of going on beyond the learnt frames are measured, each in a process of its own. With judges, validation
captions with one thing are streamed and every frame is judged: does it show the thing?
"""

import argparse
import multiprocessing
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from benchmarks.measuring.devices import memory_now
from benchmarks.measuring.machine import describe_machine, summarize, time_interleaved, timed
from benchmarks.report.report import write_result
from nuwa_hf import DEMO_CHECKPOINT, EmojiMotion, NuwaTextToVideoPipeline
from nuwa_hf.evaluation.judges.clip_truth import ClipTruth
from nuwa_hf.evaluation.judges.judge_reader import shows_exactly
from nuwa_hf.evaluation.judges.judges import Judges


# Way of going on beyond the learnt frames to `overlap_frames`; half of the learnt frames is what a call takes.
WAYS = {"one wavefront": lambda learnt: None, "chunks": lambda learnt: learnt // 2}
PROMPT = "a red apple rolls to the left on the grass"


def load(checkpoint: Path) -> NuwaTextToVideoPipeline:
    """A pipeline without a progress bar."""
    pipeline = NuwaTextToVideoPipeline.from_pretrained(checkpoint)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def measure_way(
    checkpoint: Path, way: str, num_frames: int, warm_up: int, every: int, repetitions: int, seed: int
) -> dict[str, Any]:
    """Times and memory of one way, in this process.

    Args:
        checkpoint (`Path`): a pipeline's folder.
        way (`str`): a key of `WAYS`.
        num_frames (`int`): frames of the long stream.
        warm_up (`int`): frames before its memory is read first.
        every (`int`): frames from one reading to the next.
        repetitions (`int`): first frames and whole calls that are timed.
        seed (`int`): of the sampling.

    Returns:
        `dict`: `seconds` with `first_frame` and `whole_call`, `gaps` and `memory`.
    """
    pipeline = load(checkpoint)

    def stream(count: int):
        generator = torch.Generator().manual_seed(seed)
        overlap = WAYS[way](pipeline.max_frames)
        return pipeline.stream(PROMPT, num_frames=count, overlap_frames=overlap, generator=generator, output_type="np")

    def call() -> None:
        pipeline(PROMPT, generator=torch.Generator().manual_seed(seed), output_type="np")

    cases = {"first_frame": timed(lambda: next(stream(num_frames))), "whole_call": timed(call)}
    seconds = time_interleaved(cases, repetitions, way)

    times, frames, resident = [], [], []
    for number, _ in enumerate(tqdm(stream(num_frames), total=num_frames, desc=way, mininterval=1.0), 1):
        times.append(time.perf_counter())
        if number >= warm_up and (number - warm_up) % every == 0:
            frames.append(number)
            resident.append(memory_now("cpu"))
    gaps = np.diff(times)
    return {
        "seconds": {name: summarize(values) for name, values in seconds.items()},
        "gaps": {
            "frames_per_second": len(gaps) / float(gaps.sum()),
            "median": float(np.median(gaps)),
            "percentile_95": float(np.percentile(gaps, 95)),
            "seconds": [round(gap, 6) for gap in gaps.tolist()],
        },
        "memory": {
            "frames": frames,
            "resident": resident,
            "bytes_per_frame": float(np.polyfit(frames, resident, 1)[0]),
        },
    }


def judge_ways(
    checkpoint: Path, judges: Path, num_captions: int, num_frames: int, batch_size: int, seed: int
) -> dict[str, Any]:
    """How often frames show the thing of their caption, by frame.

    Args:
        checkpoint (`Path`): a pipeline's folder.
        judges (`Path`): a folder that `nuwa-hf train-judges` wrote, for the setting `small`.
        num_captions (`int`): captions with one thing, the first ones of the validation split.
        num_frames (`int`): frames of a video.
        batch_size (`int`): videos streamed at once.
        seed (`int`): of the first video; the next has the next, and both ways have the same.

    Returns:
        `dict`: `num_captions`, `num_frames` and for each of the `ways` the share that is right `by_frame` and in
        `spans` of as many frames as were learnt.

    Raises:
        ValueError: If there are not that many captions, or the judges do not know the data set's classes.
    """
    dataset, verdicts, pipeline = EmojiMotion(split="val"), Judges.from_pretrained(judges), load(checkpoint)
    found = (sample for sample in map(dataset.__getitem__, range(len(dataset))) if len(sample["objects"]) == 1)
    samples = list(islice(found, num_captions))
    if len(samples) < num_captions:
        raise ValueError(f"`--num_captions` must be at most {len(samples)}, got {num_captions}.")
    truths = [ClipTruth.of_clip(sample, verdicts) for sample in samples]
    ways = {}
    for way, overlap_of in WAYS.items():
        hits = []
        for start in tqdm(range(0, num_captions, batch_size), desc=f"{way}, judged", mininterval=1.0):
            batch = samples[start : start + batch_size]
            right = truths[start : start + batch_size]
            frames = pipeline.stream(
                [sample["caption"] for sample in batch],
                num_frames=num_frames,
                overlap_frames=overlap_of(pipeline.max_frames),
                generator=[torch.Generator().manual_seed(seed + start + number) for number in range(len(batch))],
                output_type="pt",
            )
            outputs = map(verdicts.judge_frames, frames)
            hits.append([shows_exactly(out.object_logits, right).numpy() for out in outputs])
        by_frame = np.concatenate(hits, axis=1).mean(1)
        spans = [
            {
                "first": first + 1,
                "last": min(first + pipeline.max_frames, num_frames),
                "share": float(by_frame[first : first + pipeline.max_frames].mean()),
            }
            for first in range(0, num_frames, pipeline.max_frames)
        ]
        ways[way] = {"by_frame": by_frame.tolist(), "spans": spans}
    return {"num_captions": num_captions, "num_frames": num_frames, "ways": ways}


def main(argv: Sequence[str] | None = None) -> None:
    """Measure, print the tables and write `streaming.json`.

    Args:
        argv (`Sequence[str]`, *optional*): the arguments; by default those of the process.

    Raises:
        ValueError: If an argument breaks its rule.
    """
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="folder of the JSON file")
    parser.add_argument("--checkpoint", type=Path, metavar="DIR", help="a pipeline's folder (default: embedded)")
    parser.add_argument("--num_frames", type=int, default=1000, help="of the long stream (default: 1000)")
    parser.add_argument("--warm_up", type=int, default=100, help="frames before memory is read first (default: 100)")
    parser.add_argument("--every", type=int, default=50, help="frames from one reading to the next (default: 50)")
    parser.add_argument("--repetitions", type=int, default=7, help="first frames and whole calls (default: 7)")
    parser.add_argument("--judges", type=Path, metavar="DIR", help="judge frames, with what train-judges wrote")
    parser.add_argument("--num_captions", type=int, default=96, help="videos that are judged (default: 96)")
    parser.add_argument("--judged_frames", type=int, default=18, help="frames of each of them (default: 18)")
    parser.add_argument("--batch_size", type=int, default=16, help="of them streamed at once (default: 16)")
    parser.add_argument("--seed", type=int, default=0, help="of the sampling (default: 0)")
    arguments = parser.parse_args(argv)
    if not 1 <= arguments.warm_up <= arguments.num_frames - arguments.every:
        raise ValueError(
            f"`--num_frames` must be at least `--warm_up` and `--every` together, {arguments.warm_up} + "
            f"{arguments.every}, so that memory is read twice, got {arguments.num_frames}."
        )

    machine = describe_machine()
    checkpoint = arguments.checkpoint or DEMO_CHECKPOINT
    pipeline = load(checkpoint)
    settings = {
        "checkpoint": "embedded" if arguments.checkpoint is None else arguments.checkpoint.resolve().name,
        "prompt": PROMPT,
        "grid": pipeline.transformer.config.visual_grid,
        "guidance_scale": pipeline.choose_sampling().guidance_scale,
    }
    measured = {name: getattr(arguments, name) for name in ("num_frames", "warm_up", "every", "repetitions", "seed")}
    ways = {}
    for way in WAYS:
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
            ways[way] = pool.submit(measure_way, checkpoint, way, **measured).result()
    result = {"machine": machine, "settings": settings | measured, "ways": ways}
    if arguments.judges is not None:
        sizes = (arguments.num_captions, arguments.judged_frames, arguments.batch_size, arguments.seed)
        result["judged"] = judge_ways(checkpoint, arguments.judges, *sizes)
    write_result("streaming", result, arguments.output)


if __name__ == "__main__":
    main()
