# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Image completion (I2I): fill in the part of a picture that a mask hides.

    python examples/image_completion.py --output_dir outputs --seed 0

Here the upper half is missing. By default the model sees everything that is kept around the hole. In the paper's way,
`condition_on_known=False`, it sees only what comes before in raster order, and here that is nothing.
Reads inputs/image.png and inputs/mask_upper_half.png. Writes completed.png and completed_in_raster_order.png, whose
pixels outside the mask are those of the picture.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import torch

from nuwa_hf import DEMO_CHECKPOINT, NuwaImageCompletionPipeline


INPUTS = Path(__file__).parent / "inputs"
IMAGE = INPUTS / "image.png"
MASK = INPUTS / "mask_upper_half.png"  # white is to be filled


def main(argv: Sequence[str] | None = None) -> None:
    """Complete the picture in both ways."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--checkpoint", default=DEMO_CHECKPOINT, help="a folder, or a repository's id on the Hub")
    parser.add_argument("--output_dir", type=Path, default=Path("outputs"))
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args(argv)
    args.output_dir.mkdir(parents=True, exist_ok=True)

    pipeline = NuwaImageCompletionPipeline.from_pretrained(args.checkpoint)
    for name, condition_on_known in (("completed", True), ("completed_in_raster_order", False)):
        generator = torch.Generator().manual_seed(args.seed)
        image = pipeline(IMAGE, MASK, condition_on_known=condition_on_known, generator=generator).images[0]

        path = args.output_dir / f"{name}.png"
        image.save(path)
        print(path)


if __name__ == "__main__":
    main()
