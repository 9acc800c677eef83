# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Text to video (T2V): draw a clip from a text.

    python examples/text_to_video.py --output_dir outputs --seed 0

Writes text_to_video.gif, and text_to_video.mp4 with the same frames.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import torch

from nuwa_hf import DEMO_CHECKPOINT, NuwaTextToVideoPipeline
from nuwa_hf.media import enlarge, write_gif, write_mp4


PROMPT = "a whale swims to the right over the sea"


def main(argv: Sequence[str] | None = None) -> None:
    """Draw one clip."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--checkpoint", default=DEMO_CHECKPOINT, help="a folder, or a repository's id on the Hub")
    parser.add_argument("--output_dir", type=Path, default=Path("outputs"))
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args(argv)
    args.output_dir.mkdir(parents=True, exist_ok=True)

    pipeline = NuwaTextToVideoPipeline.from_pretrained(args.checkpoint)
    generator = torch.Generator().manual_seed(args.seed)
    frames = pipeline(PROMPT, generator=generator).frames[0]

    path = args.output_dir / "text_to_video.gif"
    write_gif(enlarge(frames, 2), path, fps=pipeline.frame_rate)
    write_mp4(enlarge(frames, 2), path.with_suffix(".mp4"), fps=pipeline.frame_rate)
    print(f"{path}: {PROMPT}")


if __name__ == "__main__":
    main()
