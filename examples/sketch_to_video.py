# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Sketch to video (S2V): draw a clip from one class map per frame, and from these together with a text.

    python examples/sketch_to_video.py --output_dir outputs --seed 0

The sketch says where a fruit is in each frame. A text can say which fruit it is.
Reads inputs/sketch_0.png to sketch_5.png. Writes sketch_to_video.gif and sketch_and_text_to_video.gif.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import torch

from nuwa_hf import DEMO_CHECKPOINT, NuwaSketchToVideoPipeline
from nuwa_hf.media import enlarge, write_gif


INPUTS = Path(__file__).parent / "inputs"
SKETCHES = [INPUTS / f"sketch_{frame}.png" for frame in range(6)]
PROMPT = "a red apple rolls to the right in the snow"


def main(argv: Sequence[str] | None = None) -> None:
    """Draw one clip without a text and one with it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--checkpoint", default=DEMO_CHECKPOINT, help="a folder, or a repository's id on the Hub")
    parser.add_argument("--output_dir", type=Path, default=Path("outputs"))
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args(argv)
    args.output_dir.mkdir(parents=True, exist_ok=True)

    pipeline = NuwaSketchToVideoPipeline.from_pretrained(args.checkpoint)
    for name, prompt in (("sketch_to_video", None), ("sketch_and_text_to_video", PROMPT)):
        generator = torch.Generator().manual_seed(args.seed)
        frames = pipeline(SKETCHES, prompt, generator=generator).frames[0]

        path = args.output_dir / f"{name}.gif"
        write_gif(enlarge(frames, 2), path, fps=pipeline.frame_rate)
        print(f"{path}: {prompt or 'no text'}")


if __name__ == "__main__":
    main()
