# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""All eight tasks from one checkpoint: the pipelines share their components, so eight need no more memory than one.

    python examples/from_pipe.py --output_dir outputs --seed 0

Writes eight_tasks.png, which has a row for each task, and prints how many parameters they have in all.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import torch

import nuwa_hf
from nuwa_hf import DEMO_CHECKPOINT, TASKS, NuwaTextToImagePipeline
from nuwa_hf.media import contact_sheet


INPUTS = Path(__file__).parent / "inputs"
SKETCHES = [INPUTS / f"sketch_{frame}.png" for frame in range(6)]
IMAGE = {"image": INPUTS / "image.png", "mask": INPUTS / "mask_centre.png"}
CALLS = {
    "T2I": {"prompt": "a red apple on the grass"},
    "T2V": {"prompt": "a red apple rolls to the left on the grass"},
    "S2I": {"sketch": INPUTS / "sketch.png"},
    "S2V": {"sketch": SKETCHES},
    "I2I": IMAGE,
    "V2V": {"video": INPUTS / "first_frame.png"},
    "TI2I": {"prompt": "a soccer ball in the snow", **IMAGE},
    "TV2V": {"prompt": "a strawberry moves upwards in the snow", "video": INPUTS / "clip.gif"},
}


def count_parameters(pipelines: Sequence[nuwa_hf.NuwaPipelineBase]) -> int:
    """Count the parameters of some pipelines; one that several of them share is counted once.

    Args:
        pipelines (`Sequence[NuwaPipelineBase]`): the pipelines.

    Returns:
        `int`: the number of parameters.
    """
    models = [part for pipe in pipelines for part in pipe.components.values() if isinstance(part, torch.nn.Module)]
    return sum({parameter: parameter.numel() for model in models for parameter in model.parameters()}.values())


def main(argv: Sequence[str] | None = None) -> None:
    """Run the eight tasks."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--checkpoint", default=DEMO_CHECKPOINT, help="a folder, or a repository's id on the Hub")
    parser.add_argument("--output_dir", type=Path, default=Path("outputs"))
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args(argv)
    args.output_dir.mkdir(parents=True, exist_ok=True)

    loaded = NuwaTextToImagePipeline.from_pretrained(args.checkpoint)
    pipelines = [getattr(nuwa_hf, task.pipeline).from_pipe(loaded) for task in TASKS]

    rows = []
    for task, pipeline in zip(TASKS, pipelines, strict=True):
        generator = torch.Generator().manual_seed(args.seed)
        output = pipeline(**CALLS[task.abbreviation], generator=generator)
        rows.append(output.images if task.output == "image" else output.frames[0])

    path = args.output_dir / "eight_tasks.png"
    contact_sheet(rows, [f"{task.name} ({task.abbreviation})" for task in TASKS]).save(path)
    print(
        f"{path}: one pipeline holds {count_parameters([loaded])} parameters, eight hold {count_parameters(pipelines)}"
    )


if __name__ == "__main__":
    main()
