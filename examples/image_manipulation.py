# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Text-guided image manipulation (TI2I): redraw the masked part of a picture to match a text.

    python examples/image_manipulation.py --output_dir outputs --seed 0

Reads inputs/image.png, which shows a robot, and inputs/mask_centre.png. Writes image_manipulation.png, whose pixels
outside the mask are those of the picture.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import torch

from nuwa_hf import DEMO_CHECKPOINT, NuwaTextGuidedImageManipulationPipeline


INPUTS = Path(__file__).parent / "inputs"
IMAGE = INPUTS / "image.png"
MASK = INPUTS / "mask_centre.png"  # white is to be filled
PROMPT = "a soccer ball in the snow"


def main(argv: Sequence[str] | None = None) -> None:
    """Edit the picture."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--checkpoint", default=DEMO_CHECKPOINT, help="a folder, or a repository's id on the Hub")
    parser.add_argument("--output_dir", type=Path, default=Path("outputs"))
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args(argv)
    args.output_dir.mkdir(parents=True, exist_ok=True)

    pipeline = NuwaTextGuidedImageManipulationPipeline.from_pretrained(args.checkpoint)
    generator = torch.Generator().manual_seed(args.seed)
    image = pipeline(PROMPT, IMAGE, MASK, generator=generator).images[0]

    path = args.output_dir / "image_manipulation.png"
    image.save(path)
    print(f"{path}: {PROMPT}")


if __name__ == "__main__":
    main()
