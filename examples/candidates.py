# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Draw several candidates for one clip and keep the best.

    python examples/candidates.py --num_candidates 8 --output_dir outputs --seed 0
    python examples/candidates.py --clip openai/clip-vit-base-patch32 --output_dir outputs

By default the model judges itself, by how much more likely the text makes a candidate. With `--clip`, a CLIP model
judges, as in the paper. Writes best_of_1.gif and best_of_8.gif.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import torch
from transformers import CLIPModel, CLIPProcessor

from nuwa_hf import DEMO_CHECKPOINT, ClipScorer, NuwaTextToVideoPipeline
from nuwa_hf.media import enlarge, write_gif


PROMPT = "a sailboat sails in a clockwise circle over the sea"


def main(argv: Sequence[str] | None = None) -> None:
    """Draw one clip without a choice, and one that is the best of several."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--checkpoint", default=DEMO_CHECKPOINT, help="a folder, or a repository's id on the Hub")
    parser.add_argument("--output_dir", type=Path, default=Path("outputs"))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--num_candidates", type=int, default=8)
    parser.add_argument("--clip", help="folder or Hub id of a CLIP model that judges the candidates")
    args = parser.parse_args(argv)
    args.output_dir.mkdir(parents=True, exist_ok=True)

    pipeline = NuwaTextToVideoPipeline.from_pretrained(args.checkpoint)
    scorer = None
    if args.clip is not None:
        scorer = ClipScorer(CLIPModel.from_pretrained(args.clip), CLIPProcessor.from_pretrained(args.clip))

    for num_candidates in (1, args.num_candidates):
        generator = torch.Generator().manual_seed(args.seed)
        output = pipeline(PROMPT, num_candidates=num_candidates, scorer=scorer, generator=generator)

        path = args.output_dir / f"best_of_{num_candidates}.gif"
        write_gif(enlarge(output.frames[0], 2), path, fps=pipeline.frame_rate)
        print(f"{path}: {PROMPT}")


if __name__ == "__main__":
    main()
