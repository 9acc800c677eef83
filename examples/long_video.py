# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Videos longer than those the checkpoint was trained on: overlapping chunks, each continuing from the last frames.

    python examples/long_video.py --output_dir outputs --seed 0

Draws 12 frames, twice as many as the embedded checkpoint has positions for: once from a text, and once to continue a
clip. The text describes a motion that can go on forever, unlike that of an object that crosses the picture.
Reads inputs/clip.mp4. Writes long_video.gif and continued_video.gif.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import torch

from nuwa_hf import DEMO_CHECKPOINT, NuwaTextToVideoPipeline, NuwaVideoPredictionPipeline
from nuwa_hf.media import enlarge, write_gif


INPUTS = Path(__file__).parent / "inputs"
CLIP = INPUTS / "clip.mp4"
PROMPT = "a cat jumps up and down on the grass"
NUM_FRAMES = 12


def main(argv: Sequence[str] | None = None) -> None:
    """Draw both clips."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--checkpoint", default=DEMO_CHECKPOINT, help="a folder, or a repository's id on the Hub")
    parser.add_argument("--output_dir", type=Path, default=Path("outputs"))
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args(argv)
    args.output_dir.mkdir(parents=True, exist_ok=True)

    pipeline = NuwaTextToVideoPipeline.from_pretrained(args.checkpoint)
    generator = torch.Generator().manual_seed(args.seed)
    told = pipeline(PROMPT, num_frames=NUM_FRAMES, generator=generator).frames[0]

    pipeline = NuwaVideoPredictionPipeline.from_pipe(pipeline)
    generator = torch.Generator().manual_seed(args.seed)
    continued = pipeline(CLIP, num_frames=NUM_FRAMES, generator=generator).frames[0]

    for name, frames in (("long_video", told), ("continued_video", continued)):
        path = args.output_dir / f"{name}.gif"
        write_gif(enlarge(frames, 2), path, fps=pipeline.frame_rate)
        print(f"{path}: {len(frames)} frames")


if __name__ == "__main__":
    main()
