# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Sketch to image (S2I): draw a picture from a class map, and from a class map together with a text.

    python examples/sketch_to_image.py --output_dir outputs --seed 0

The sketch says what kind of thing is where (here a creature over snow, below a sky). A text can say which one it is.
Reads inputs/sketch.png. Writes sketch_to_image.png and sketch_and_text_to_image.png.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import torch

from nuwa_hf import DEMO_CHECKPOINT, NuwaSketchToImagePipeline


INPUTS = Path(__file__).parent / "inputs"
SKETCH = INPUTS / "sketch.png"  # mode "P": the value of a pixel is its class, and the palette is only for display
PROMPT = "a ghost in the snow"


def main(argv: Sequence[str] | None = None) -> None:
    """Draw one picture without a text and one with it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--checkpoint", default=DEMO_CHECKPOINT, help="a folder, or a repository's id on the Hub")
    parser.add_argument("--output_dir", type=Path, default=Path("outputs"))
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args(argv)
    args.output_dir.mkdir(parents=True, exist_ok=True)

    pipeline = NuwaSketchToImagePipeline.from_pretrained(args.checkpoint)
    for name, prompt in (("sketch_to_image", None), ("sketch_and_text_to_image", PROMPT)):
        generator = torch.Generator().manual_seed(args.seed)
        image = pipeline(SKETCH, prompt, generator=generator).images[0]

        path = args.output_dir / f"{name}.png"
        image.save(path)
        print(f"{path}: {prompt or 'no text'}")


if __name__ == "__main__":
    main()
