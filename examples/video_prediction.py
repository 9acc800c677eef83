# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Video prediction (V2V): continue a clip from its first frame.

    python examples/video_prediction.py --output_dir outputs --seed 0

Nothing says which way the object will move, so another seed may give another motion.
Reads inputs/first_frame.png; several frames, a GIF or an MP4 work as well. Writes video_prediction.gif.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import torch

from nuwa_hf import DEMO_CHECKPOINT, NuwaVideoPredictionPipeline
from nuwa_hf.media import enlarge, write_gif


INPUTS = Path(__file__).parent / "inputs"
FIRST_FRAME = INPUTS / "first_frame.png"


def main(argv: Sequence[str] | None = None) -> None:
    """Continue the clip."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--checkpoint", default=DEMO_CHECKPOINT, help="a folder, or a repository's id on the Hub")
    parser.add_argument("--output_dir", type=Path, default=Path("outputs"))
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args(argv)
    args.output_dir.mkdir(parents=True, exist_ok=True)

    pipeline = NuwaVideoPredictionPipeline.from_pretrained(args.checkpoint)
    generator = torch.Generator().manual_seed(args.seed)
    frames = pipeline(FIRST_FRAME, num_frames=6, generator=generator).frames[0]

    path = args.output_dir / "video_prediction.gif"
    write_gif(enlarge(frames, 2), path, fps=pipeline.frame_rate)
    print(path)


if __name__ == "__main__":
    main()
