# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Count how many clips move as their captions say, for real clips and for those that checkpoints generate.

    python examples/fine_tuning/judge_directions.py --checkpoints embedded runs/lora/pipeline --output directions.json

A clip's background is the median of its frames. What differs from it is the object, whose position is the centre of
these pixels. The path from its first position to its last has a direction, which is right if no other direction is
nearer. Nothing here is trained, so no generator can have been trained to please it.
"""

import argparse
import json
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from diffusers.image_processor import VaeImageProcessor
from make_clips import KNOWN_MOTIONS, NEW_MOTION, draw_samples
from tqdm import tqdm

from nuwa_hf import DEMO_CHECKPOINT, NuwaTextToVideoPipeline
from nuwa_hf.datasets.motions import DIRECTIONS
from nuwa_hf.media import contact_sheet, write_png


DIFFERENT = 0.3  # in the sum of a pixel's three channels, each in [0, 1]
LEAST_WAY = 0.125  # of the frame's side, from which on an object counts as moved
SHOWN = 4
CLIPS_AT_ONCE = 16


def direction_of(video: np.ndarray) -> str | None:
    """The direction in which the object of a clip moves.

    Args:
        video (`np.ndarray` of shape `(T, Y, X, 3)`): values in [0, 1].

    Returns:
        `str`: a key of `DIRECTIONS`, or None if nothing moves.
    """
    is_thing = np.abs(video - np.median(video, axis=0)).sum(-1) > DIFFERENT
    is_thing = is_thing[is_thing.any((1, 2))]  # leave out frames that show only background
    if len(is_thing) < 2:
        return None
    middles = np.array([np.argwhere(frame).mean(0) for frame in is_thing])
    down, right = middles[-1] - middles[0]
    if np.hypot(down, right) < LEAST_WAY * video.shape[1]:
        return None
    return max(DIRECTIONS, key=lambda name: np.dot((right, down), DIRECTIONS[name]) / np.hypot(*DIRECTIONS[name]))


def make_videos(pipeline: NuwaTextToVideoPipeline, captions: Sequence[str], seed: int) -> list[np.ndarray]:
    """Make one clip for each caption, each with a seed of its own."""
    videos = []
    for first in tqdm(range(0, len(captions), CLIPS_AT_ONCE), unit="batch"):
        some = list(captions[first : first + CLIPS_AT_ONCE])
        generators = [torch.Generator().manual_seed(seed + first + place) for place in range(len(some))]
        videos.extend(pipeline(some, generator=generators, output_type="np").frames)
    return videos


def share_right(videos: Sequence[np.ndarray], directions: Sequence[str]) -> float:
    """The share of the clips that move in the direction that was asked for."""
    return float(np.mean([direction_of(video) == asked for video, asked in zip(videos, directions, strict=True)]))


def main(argv: Sequence[str] | None = None) -> None:
    """Judge, then write the shares as JSON and the first clips of the new motion as a picture next to it.

    Args:
        argv (`Sequence[str]`, *optional*): the arguments; by default those of the process.
    """
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoints", nargs="+", required=True, help="folders, Hub ids or 'embedded'")
    parser.add_argument("--output", type=Path, required=True, metavar="FILE", help="the JSON file")
    parser.add_argument("--num_clips", type=int, default=100, help="clips of the new and of known motions (100)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the first clip (default: 0)")
    arguments = parser.parse_args(argv)
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    known = [motion for motion in KNOWN_MOTIONS if motion in DIRECTIONS]
    samples, asked = {}, {}
    for name, motions in (("new motion", [NEW_MOTION]), ("known motions", known)):
        samples[name] = list(islice(draw_samples("val", arguments.seed, motions), arguments.num_clips))
        asked[name] = [sample["motions"][0] for sample in samples[name]]
    clips = {name: [sample["video"] / 255 for sample in some] for name, some in samples.items()}
    result = {"real clips": {name: share_right(clips[name], asked[name]) for name in samples}}
    shown = {sample["caption"]: [] for sample in samples["new motion"][:SHOWN]}
    for checkpoint in arguments.checkpoints:
        pipeline = NuwaTextToVideoPipeline.from_pretrained(DEMO_CHECKPOINT if checkpoint == "embedded" else checkpoint)
        pipeline.set_progress_bar_config(disable=True)
        result[checkpoint] = {}
        for name, some in samples.items():
            videos = make_videos(pipeline, [sample["caption"] for sample in some], arguments.seed)
            result[checkpoint][name] = share_right(videos, asked[name])
            if name == "new motion":
                for caption, video in zip(shown, videos, strict=False):
                    shown[caption].append((f"{checkpoint}: {caption}", VaeImageProcessor.numpy_to_pil(video)))
    print(json.dumps(result, indent=2))
    arguments.output.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    rows = [row for rows in shown.values() for row in rows]
    write_png(
        contact_sheet([clip for _, clip in rows], [name for name, _ in rows]), arguments.output.with_suffix(".png")
    )


if __name__ == "__main__":
    main()
