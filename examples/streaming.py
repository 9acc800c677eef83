# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Stream a video frame by frame: each arrives as soon as it is drawn, and memory does not grow with their number.

    python examples/streaming.py --output_dir outputs --seed 0

Draws 24 frames, although the embedded checkpoint has learnt only six, and prints when each arrived.
Writes streaming.gif.
"""

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

import torch

from nuwa_hf import DEMO_CHECKPOINT, NuwaTextToVideoPipeline
from nuwa_hf.media import enlarge, write_gif


PROMPT = "a cat jumps up and down on the grass"
NUM_FRAMES = 24


def main(argv: Sequence[str] | None = None) -> None:
    """Draw one clip."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--checkpoint", default=DEMO_CHECKPOINT, help="a folder, or a repository's id on the Hub")
    parser.add_argument("--output_dir", type=Path, default=Path("outputs"))
    parser.add_argument("--overlap_frames", type=int, help="continue in chunks that see this many of the last frames")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args(argv)
    args.output_dir.mkdir(parents=True, exist_ok=True)

    pipeline = NuwaTextToVideoPipeline.from_pretrained(args.checkpoint)
    pipeline.set_progress_bar_config(disable=True)
    stream = pipeline.stream(
        PROMPT,
        num_frames=NUM_FRAMES,
        overlap_frames=args.overlap_frames,
        generator=torch.Generator().manual_seed(args.seed),
    )
    start, frames = time.perf_counter(), []
    for (frame,) in stream:
        frames.append(frame)
        print(f"frame {len(frames)} after {time.perf_counter() - start:.2f} s")

    path = args.output_dir / "streaming.gif"
    write_gif(enlarge(frames, 2), path, fps=pipeline.frame_rate)
    print(f"{path}: {PROMPT}")


if __name__ == "__main__":
    main()
