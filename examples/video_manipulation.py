# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Text-guided video manipulation (TV2V): keep the first frame of a clip and redraw the rest to match a text.

    python examples/video_manipulation.py --output_dir outputs --seed 0

In the clip, a strawberry moves to the right; the text says that it moves up.
Reads inputs/clip.gif. Writes video_manipulation.gif.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import torch

from nuwa_hf import DEMO_CHECKPOINT, NuwaTextGuidedVideoManipulationPipeline
from nuwa_hf.media import enlarge, write_gif


INPUTS = Path(__file__).parent / "inputs"
CLIP = INPUTS / "clip.gif"
PROMPT = "a strawberry moves upwards in the snow"


def main(argv: Sequence[str] | None = None) -> None:
    """Edit the clip."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--checkpoint", default=DEMO_CHECKPOINT, help="a folder, or a repository's id on the Hub")
    parser.add_argument("--output_dir", type=Path, default=Path("outputs"))
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args(argv)
    args.output_dir.mkdir(parents=True, exist_ok=True)

    pipeline = NuwaTextGuidedVideoManipulationPipeline.from_pretrained(args.checkpoint)
    generator = torch.Generator().manual_seed(args.seed)
    frames = pipeline(PROMPT, CLIP, generator=generator).frames[0]  # pass a mask to keep something else

    path = args.output_dir / "video_manipulation.gif"
    write_gif(enlarge(frames, 2), path, fps=pipeline.frame_rate)
    print(f"{path}: {PROMPT}")


if __name__ == "__main__":
    main()
