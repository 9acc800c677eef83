# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Judge what a checkpoint generates: `python -m nuwa_hf.evaluation.evaluate --checkpoint DIR --judges DIR`.

Generated clips are never scored alone: real clips (what the judges can reach), real clips through the codec (what
the transformer can reach) and chance always stand beside them. `--codec_only --vqgan DIR` leaves the transformer out.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from diffusers.image_processor import VaeImageProcessor

from nuwa_hf.datasets import EmojiMotion
from nuwa_hf.evaluation.comparison import evaluate_split
from nuwa_hf.evaluation.judges import Judges
from nuwa_hf.media import contact_sheet, enlarge, write_png, written_aside
from nuwa_hf.modeling.autoencoder_vqgan import NuwaVQGAN
from nuwa_hf.pipelines import NuwaTextToVideoPipeline


SPLITS = ("train", "val", "zeroshot")
SCORES = ("object", "background", "motion", "object_and_motion", "motion_without_round_spin")
SAMPLING_OPTIONS = {"guidance_scale": float, "temperature": float, "top_k": int, "top_p": float}
SHEET_ZOOM = 2


def check_classes(judges: Judges, dataset: EmojiMotion) -> None:
    """Check that judges and data set speak of the same classes.

    Args:
        judges (`Judges`): the judges.
        dataset (`nuwa_hf.datasets.EmojiMotion`): the data set.

    Raises:
        ValueError: If a list of names differs.
    """
    pairs = {
        "objects": (judges.frame_judge.config.object_names, dataset.object_names),
        "backgrounds": (judges.frame_judge.config.background_names, dataset.background_names),
        "motions": (judges.clip_judge.config.motion_names, dataset.motion_names),
    }
    for kind, (judged, drawn) in pairs.items():
        if list(judged) != list(drawn):
            raise ValueError(
                f"`judges` must know the {kind} of the setting, got {len(judged)} {kind} for {len(drawn)} in the "
                "data set, or in another order; train judges for this setting."
            )


def format_table(report: dict[str, dict[str, Any]]) -> str:
    """Rows and scores as text: each accuracy with its 95 % interval.

    Args:
        report (`dict`): of `evaluate_split`.

    Returns:
        `str`: lines joined by newlines.
    """
    columns = [key for key in SCORES if key in report["real"]]
    lines = ["".join([f"{'':10}", *(f"{column.replace('_', ' '):>26}" for column in columns)])]
    for name, scores in report.items():
        cells = []
        for column in columns:
            score = scores.get(column)
            if score is None:
                cells.append("-")
            elif "low" in score:
                cells.append(f"{score['accuracy']:.3f} [{score['low']:.3f}, {score['high']:.3f}]")
            else:
                cells.append(f"{score['accuracy']:.3f}")
        lines.append("".join([f"{name:10}", *(f"{cell:>26}" for cell in cells)]))
    for name, scores in report.items():
        numbers = [f"{key.replace('_', ' ')} {value:.2f}" for key, value in scores.items() if isinstance(value, float)]
        if numbers:
            lines.append(f"{name:10}" + ", ".join(numbers))
    return "\n".join(lines)


def parse_requirements(texts: Sequence[str]) -> dict[str, float]:
    """Read requirements such as `object=0.9`.

    Args:
        texts (`Sequence[str]`): each a score's name, an equals sign and the least accuracy in [0, 1].

    Returns:
        `dict[str, float]`: least accuracy by score.

    Raises:
        ValueError: If a requirement cannot be read.
    """
    requirements = {}
    for text in texts:
        name, _, least = text.partition("=")
        if name not in SCORES or not least.replace(".", "", 1).isdigit() or float(least) > 1:
            raise ValueError(
                f"`require` must be a score and its least accuracy in [0, 1], such as object=0.9, with one of "
                f"{', '.join(SCORES)}; got {text!r}."
            )
        requirements[name] = float(least)
    return requirements


def unmet_requirements(row: dict[str, Any], requirements: dict[str, float]) -> list[str]:
    """Say which requirements a row of a report misses.

    Args:
        row (`dict`): accuracies of one row.
        requirements (`dict[str, float]`): of `parse_requirements`.

    Returns:
        `list[str]`: one phrase for each that is missed; a score the row lacks is missed.
    """
    found = {name: row[name]["accuracy"] if name in row else 0.0 for name in requirements}
    return [f"{name} {found[name]:.3f} < {least}" for name, least in requirements.items() if found[name] < least]


def parse_arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line and check it before any work.

    Args:
        argv (`Sequence[str]`, *optional*): arguments; those of the process if left out.

    Returns:
        `argparse.Namespace`: one attribute for each option; `require` as a `dict`.

    Raises:
        ValueError: If an option breaks its rule.
    """
    parser = argparse.ArgumentParser(description="Score the clips that a checkpoint generates, beside their bounds.")
    parser.add_argument("--checkpoint", type=Path, help="directory of a pipeline")
    parser.add_argument("--codec_only", action="store_true", help="score only real clips through the codec")
    parser.add_argument("--vqgan", type=Path, help="directory of the codec for --codec_only")
    parser.add_argument("--judges", type=Path, required=True, help="directory that train_judges wrote")
    parser.add_argument("--setting", default="small", choices=["small", "large"], help="the EmojiMotion setting")
    parser.add_argument("--split", nargs="+", default=["val"], help=f"some of {', '.join(SPLITS)}")
    parser.add_argument("--num_clips", type=int, default=200, help="clips of each split")
    parser.add_argument("--batch_size", type=int, default=16, help="clips coded or generated at once")
    parser.add_argument("--seed", type=int, default=0, help="of the first generated clip; the next has the next")
    for name, kind in SAMPLING_OPTIONS.items():
        parser.add_argument(f"--{name}", type=kind, help="of the pipeline; its own default if left out")
    parser.add_argument(
        "--require", nargs="+", default=[], metavar="SCORE=LEAST", help="fail if the first split misses"
    )
    parser.add_argument("--output", type=Path, help="JSON report")
    parser.add_argument("--contact_sheet", type=Path, help="PNG of the first clips of the first split, not picked")
    parser.add_argument("--sheet_clips", type=int, default=12, help="clips on the contact sheet")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    arguments = parser.parse_args(argv)
    for name, least in {"num_clips": 2, "batch_size": 1, "sheet_clips": 1}.items():
        if getattr(arguments, name) < least:
            raise ValueError(f"`{name}` must be at least {least}, got {getattr(arguments, name)}.")
    unknown = [split for split in arguments.split if split not in SPLITS]
    if unknown:
        raise ValueError(f"`split` must be some of {', '.join(SPLITS)}, got {', '.join(unknown)}.")
    name, file = ("vqgan", "config.json") if arguments.codec_only else ("checkpoint", "model_index.json")
    directory = getattr(arguments, name)
    if directory is None or not (directory / file).is_file():
        raise ValueError(f"`{name}` must be a directory that holds {file}, got {directory and str(directory)!r}.")
    arguments.require = parse_requirements(arguments.require)
    return arguments


def main(argv: Sequence[str] | None = None) -> int:
    """Score, print the table, and write the report and the contact sheet.

    Args:
        argv (`Sequence[str]`, *optional*): arguments; those of the process if left out.

    Returns:
        `int`: 0, or 1 if a requirement is not met (what and by how much is then the last line on stderr).
    """
    arguments = parse_arguments(argv)
    judges = Judges.from_pretrained(arguments.judges, device=arguments.device)
    datasets = [EmojiMotion(setting=arguments.setting, split=split) for split in arguments.split]
    check_classes(judges, datasets[0])
    pipeline = None
    if arguments.codec_only:
        vqgan = NuwaVQGAN.from_pretrained(arguments.vqgan).to(arguments.device).eval()
    else:
        pipeline = NuwaTextToVideoPipeline.from_pretrained(arguments.checkpoint).to(arguments.device)
        vqgan = pipeline.vqgan
    sampling = {name: getattr(arguments, name) for name in SAMPLING_OPTIONS}
    judged_row = "codec" if pipeline is None else "generated"
    report = {"setting": arguments.setting, "num_clips": arguments.num_clips, "seed": arguments.seed, "splits": {}}
    report |= sampling
    unmet = []
    for dataset in datasets:
        scores, clips, captions = evaluate_split(
            dataset,
            judges,
            vqgan,
            pipeline,
            num_clips=arguments.num_clips,
            batch_size=arguments.batch_size,
            seed=arguments.seed,
            **sampling,
        )
        report["splits"][dataset.split] = scores
        sys.stdout.write(f"\n{dataset.split}, {arguments.num_clips} clips\n{format_table(scores)}\n")
        if dataset is datasets[0]:
            unmet = unmet_requirements(scores[judged_row], arguments.require)
            if arguments.contact_sheet is not None:
                first = clips[: arguments.sheet_clips].permute(0, 1, 3, 4, 2).numpy()
                rows = [enlarge(VaeImageProcessor.numpy_to_pil(frames), SHEET_ZOOM) for frames in first]
                write_png(contact_sheet(rows, captions[: len(rows)]), arguments.contact_sheet)
        if arguments.output is not None:
            with written_aside(arguments.output) as aside:
                aside.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    if unmet:
        sys.stderr.write(f"required of {judged_row} clips of {arguments.split[0]}, not met: {'; '.join(unmet)}\n")
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
