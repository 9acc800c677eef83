# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Text to image (T2I): draw a picture from a text.

    python examples/text_to_image.py --output_dir outputs --seed 0

Writes text_to_image.png.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import torch

from nuwa_hf import DEMO_CHECKPOINT, NuwaTextToImagePipeline


PROMPT = "a red apple on the grass"


def main(argv: Sequence[str] | None = None) -> None:
    """Draw one picture."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--checkpoint", default=DEMO_CHECKPOINT, help="a folder, or a repository's id on the Hub")
    parser.add_argument("--output_dir", type=Path, default=Path("outputs"))
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args(argv)
    args.output_dir.mkdir(parents=True, exist_ok=True)

    pipeline = NuwaTextToImagePipeline.from_pretrained(args.checkpoint)
    generator = torch.Generator().manual_seed(args.seed)
    image = pipeline(PROMPT, generator=generator).images[0]

    path = args.output_dir / "text_to_image.png"
    image.save(path)
    print(f"{path}: {PROMPT}")


if __name__ == "__main__":
    main()
