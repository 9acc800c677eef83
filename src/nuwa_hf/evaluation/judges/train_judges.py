# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Train the judges of EmojiMotion or Moving MNIST on real training clips: `nuwa-hf train-judges --output_dir DIR`.

The judges never see a clip from a codec or a generator, and no generator is trained on them. Judges that are already
in the directory are kept; delete a judge's folder to train it again.
"""

import argparse
import json
import logging
import math
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, Subset

from nuwa_hf.datasets import EmojiMotion, MovingMNIST
from nuwa_hf.datasets.class_map import sketch_class_names
from nuwa_hf.datasets.drawn_clips import SPLIT_LENGTHS
from nuwa_hf.datasets.moving_mnist import MOVING_MNIST
from nuwa_hf.datasets.settings import SETTINGS
from nuwa_hf.device_choice import choose_device
from nuwa_hf.evaluation.judges.digit_finder import DigitFinder
from nuwa_hf.evaluation.judges.digit_reader import DIGIT_FINDER_FOLDER, DigitReader
from nuwa_hf.evaluation.judges.judge_folders import load_judge
from nuwa_hf.evaluation.judges.judge_networks import ClipJudge, FrameJudge
from nuwa_hf.evaluation.judges.judge_progress import JudgeProgress, check_loss, check_weights
from nuwa_hf.evaluation.judges.judge_reader import JudgeReader
from nuwa_hf.evaluation.judges.judge_report import draw_rows, report_scores
from nuwa_hf.evaluation.judges.judges import CLIP_JUDGE_FOLDER, FRAME_JUDGE_FOLDER, SEGMENT_JUDGE_FOLDER
from nuwa_hf.evaluation.judges.segment_judge import SegmentJudge
from nuwa_hf.evaluation.judges.train_digit_judge import FINDER_STEPS, real_clips_report, train_finder
from nuwa_hf.evaluation.judges.training_clips import JudgeClips, clip_loss, frame_loss, segment_loss
from nuwa_hf.evaluation.samples.open_source import EMOJI_MOTION
from nuwa_hf.exit_status import CommandParser, add_verbose, exit_status
from nuwa_hf.media.whole_files import remove_left_aside, written_aside
from nuwa_hf.storage.whole_folders import save_aside
from nuwa_hf.training.run.freed_memory import keep_freed_memory
from nuwa_hf.training.run.run_arguments import require_defaults


logger = logging.getLogger(__name__)

REPORT_FILE = "report.json"
WARMUP_SHARE = 0.05
# Options that the judges of the other data set do not read.
UNREAD = {EMOJI_MOTION: ("digit_steps",), MOVING_MNIST: ("setting", "frame_steps", "clip_steps", "segment_steps")}
JUDGED_SIZE = 64  # rows of pixels at which the judges' layers are right; larger frames are averaged down to it


def train(
    judge: nn.Module,
    dataset: Dataset,
    loss_function: Callable[..., Tensor],
    *,
    steps: int,
    batch_size: int = 64,
    learning_rate: float = 2e-3,
    max_seconds: float = math.inf,
    seed: int = 0,
    num_workers: int = 0,
) -> dict[str, float]:
    """Train one judge on clips that are each seen once, until the data set is exhausted.

    The learning rate rises over the first twentieth and then falls to 0 along a cosine. With `max_seconds` the
    schedule follows steps or time, whichever is further along, and the result no longer depends on the seed alone.

    Args:
        judge (`FrameJudge`, `ClipJudge` or `SegmentJudge`): trained in place.
        dataset (`torch.utils.data.Dataset`): as `JudgeClips`.
        loss_function (`Callable`): `frame_loss`, `clip_loss` or `segment_loss`.
        steps (`int`): updates at most.
        batch_size (`int`, defaults to 64): clips an update.
        learning_rate (`float`, defaults to 2e-3): the highest.
        max_seconds (`float`, defaults to `math.inf`): stop after this time, but not before the first update.
        seed (`int`, defaults to 0): of frames and augmentation.
        num_workers (`int`, defaults to 0): processes that draw clips.

    Returns:
        `dict`: `steps`, `seconds` and the `loss` (mean of the last tenth).

    Raises:
        FloatingPointError: If a loss is not finite.
    """
    device = next(judge.parameters()).device
    generator = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.AdamW(judge.parameters(), lr=learning_rate, weight_decay=1e-2)
    order = [index % len(dataset) for index in range(steps * batch_size)]
    loader = DataLoader(Subset(dataset, order), batch_size=batch_size, num_workers=num_workers)
    judge.train().to(memory_format=torch.channels_last)
    losses = []
    begin = time.monotonic()
    with JudgeProgress(loader, desc=type(judge).__name__, total=steps, max_seconds=max_seconds) as progress:
        for step, batch in enumerate(progress):
            share = max(step / steps, (time.monotonic() - begin) / max_seconds)
            if share >= 1 and losses:
                break
            decay = 0.5 + 0.5 * math.cos(math.pi * min(share, 1.0))
            for group in optimizer.param_groups:
                group["lr"] = learning_rate * min(decay, (share + 1 / steps) / WARMUP_SHARE)
            batch = {name: tensor.to(device) for name, tensor in batch.items()}
            loss = loss_function(judge, batch, generator)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
            check_loss(judge, step + 1, losses[-1])
            progress.set_postfix(loss=f"{losses[-1]:.3f}", refresh=False)
    judge.eval()
    tail = losses[-max(1, len(losses) // 10) :]
    return {"steps": len(losses), "seconds": time.monotonic() - begin, "loss": sum(tail) / len(tail)}


def save_judge(judge: FrameJudge | ClipJudge | SegmentJudge | DigitFinder, directory: Path) -> None:
    """Save a judge, whole or not at all.

    Args:
        judge (`FrameJudge`, `ClipJudge`, `SegmentJudge` or `DigitFinder`): what to save.
        directory (`Path`): where; replaced if it exists.

    Raises:
        FloatingPointError: If a weight is not finite. Nothing is written then.
        OSError: If it cannot be written.
    """
    check_weights(judge)
    save_aside(directory, judge.save_pretrained)


def build_parser() -> argparse.ArgumentParser:
    """The command's arguments."""
    parser = CommandParser(
        prog="nuwa-hf train-judges",
        description="Train the judges of EmojiMotion clips, or of Moving MNIST, on real training clips.",
    )
    parser.add_argument("--output_dir", type=Path, required=True, help="gets a folder for each judge, and report.json")
    parser.add_argument(
        "--dataset", default=EMOJI_MOTION, choices=[EMOJI_MOTION, MOVING_MNIST], help="whose clips are to be judged"
    )
    parser.add_argument("--digit_steps", type=int, default=FINDER_STEPS, help="updates of the judge of Moving MNIST")
    parser.add_argument("--setting", default="small-128", choices=list(SETTINGS), help="the EmojiMotion setting")
    parser.add_argument("--frame_steps", type=int, default=400, help="updates of the frame judge")
    parser.add_argument("--clip_steps", type=int, default=200, help="updates of the clip judge")
    parser.add_argument("--segment_steps", type=int, default=300, help="updates of the segment judge")
    parser.add_argument(
        "--max_minutes", type=float, default=math.inf, help="split evenly between those to train; default: no limit"
    )
    parser.add_argument("--batch_size", type=int, default=64, help="clips an update")
    parser.add_argument("--learning_rate", type=float, default=2e-3, help="the highest learning rate")
    parser.add_argument("--num_val_clips", type=int, default=1000, help="real val clips the report is measured on")
    parser.add_argument("--num_workers", type=int, default=1, help="processes that draw clips")
    parser.add_argument("--seed", type=int, default=0, help="of weights, clips and augmentation")
    parser.add_argument("--device", help="for example cpu or cuda (default: the accelerator if any, else cpu)")
    add_verbose(parser)
    return parser


def parse_arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line.

    Args:
        argv (`Sequence[str]`, *optional*): arguments; those of the process if left out.

    Returns:
        `argparse.Namespace`: one attribute for each option.

    Raises:
        ValueError: If a count is below 1 or there are fewer val clips, the time or the learning rate is not above 0,
            a seed is below 0 or too large, or an option belongs to the judges of the other data set.
    """
    parser = build_parser()
    arguments = parser.parse_args(argv)
    require_defaults(parser, arguments, UNREAD[arguments.dataset], f"left out with `dataset` {arguments.dataset}")
    for name in ("frame_steps", "clip_steps", "segment_steps", "digit_steps", "batch_size", "num_val_clips"):
        if getattr(arguments, name) < 1:
            raise ValueError(f"`{name}` must be at least 1, got {getattr(arguments, name)}; use 1 or more.")
    asked, most = arguments.num_val_clips, SPLIT_LENGTHS["val"]
    if arguments.dataset == EMOJI_MOTION and asked > most:
        raise ValueError(f"`num_val_clips` must be at most the {most} that EmojiMotion has, got {asked}; use fewer.")
    for name in ("num_workers", "seed"):
        if getattr(arguments, name) < 0:
            raise ValueError(f"`{name}` must be at least 0, got {getattr(arguments, name)}; use 0 or more.")
    if arguments.seed >= 2**63:
        raise ValueError(f"`seed` must fit into 63 bits, got {arguments.seed}; use for example 0.")
    if not 0 < arguments.learning_rate < math.inf:
        rate = arguments.learning_rate
        raise ValueError(f"`learning_rate` must be a finite number above 0, got {rate}; leave it out for the default.")
    if not arguments.max_minutes > 0:
        raise ValueError(f"`max_minutes` must be more than 0, got {arguments.max_minutes}; leave it out for no limit.")
    return arguments


def check_kept_judge(config: dict[str, Any], expected: dict[str, Any], directory: Path) -> None:
    """Check that an existing judge has the classes and sizes that this run would give it.

    Args:
        config (`dict`): its configuration.
        expected (`dict`): the classes and sizes that this run would give it.
        directory (`Path`): where it is.

    Raises:
        ValueError: If they differ.
    """
    different = [name for name, value in expected.items() if config.get(name) != value]
    if different:
        raise ValueError(
            f"`output_dir` must hold judges of this setting, got {str(directory)!r} with another "
            f"{', '.join(different)}; delete it or choose another directory."
        )


def write_report(report: dict[str, Any], directory: Path) -> None:
    """Write the report.

    Args:
        report (`dict`): the report so far.
        directory (`Path`): gets `report.json`.
    """
    remove_left_aside(directory, REPORT_FILE)
    with written_aside(directory / REPORT_FILE) as aside:
        aside.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


def main(argv: Sequence[str] | None = None) -> int:
    """Train the missing judges, save each when it is ready, and report the scores of all on real clips.

    Args:
        argv (`Sequence[str]`, *optional*): arguments; those of the process if left out.

    Returns:
        `int`: 0.

    Raises:
        ValueError: If an option breaks its rule, the machine lacks the device, or the directory holds a judge of other
            classes.
        FloatingPointError: If a loss or a weight is not finite; the judges that were ready before stay.
    """
    arguments = parse_arguments(argv)
    arguments.device = choose_device(arguments.device)
    if arguments.device.type == "cpu":
        keep_freed_memory()
    if arguments.dataset == MOVING_MNIST:
        _train_digit_judge(arguments)
        return 0
    dataset = EmojiMotion(setting=arguments.setting, split="train", seed=arguments.seed)
    clips = JudgeClips(dataset)
    size = {"image_size": JUDGED_SIZE if dataset.setting.size > JUDGED_SIZE else None}
    names = {"object_names": dataset.object_names, "background_names": dataset.background_names, **size}
    motions = {"motion_names": dataset.motion_names, "num_frames": dataset.setting.num_frames, **size}
    classes_of_sketches = {"class_names": list(sketch_class_names), **size}
    plan = {
        FRAME_JUDGE_FOLDER: (FrameJudge, names, frame_loss, arguments.frame_steps),
        CLIP_JUDGE_FOLDER: (ClipJudge, motions, clip_loss, arguments.clip_steps),
        SEGMENT_JUDGE_FOLDER: (SegmentJudge, classes_of_sketches, segment_loss, arguments.segment_steps),
    }
    missing = [folder for folder in plan if not (arguments.output_dir / folder).is_dir()]
    for folder in [folder for folder in plan if folder not in missing]:
        judge_class, classes, _, _ = plan[folder]
        check_kept_judge(
            judge_class.load_config(arguments.output_dir / folder), classes, arguments.output_dir / folder
        )
        logger.info("%s is there and kept", folder)
    options = {
        "batch_size": arguments.batch_size,
        "learning_rate": arguments.learning_rate,
        "max_seconds": 60 * arguments.max_minutes / max(1, len(missing)),
        "seed": arguments.seed,
        "num_workers": arguments.num_workers,
    }
    arguments.output_dir.mkdir(parents=True, exist_ok=True)
    report = {"setting": arguments.setting, "seed": arguments.seed, "training": {}, "splits": {}}
    if (arguments.output_dir / REPORT_FILE).is_file():
        old = json.loads((arguments.output_dir / REPORT_FILE).read_text(encoding="utf-8"))
        report["training"] = {name: log for name, log in old["training"].items() if name not in missing}
    for folder in missing:
        judge_class, classes, loss_function, steps = plan[folder]
        # Each has its own seed, so a judge does not depend on which others were missing.
        torch.manual_seed(arguments.seed)
        judge = judge_class(**classes)
        if folder == SEGMENT_JUDGE_FOLDER:
            judge.start_from(load_judge(FrameJudge, arguments.output_dir / FRAME_JUDGE_FOLDER))
        judge.to(arguments.device)
        report["training"][folder] = train(judge, clips, loss_function, steps=steps, **options)
        save_judge(judge, arguments.output_dir / folder)
        write_report(report, arguments.output_dir)

    reader = JudgeReader.open(arguments.output_dir, device=arguments.device)
    for split in ("val", "zeroshot"):
        unseen = EmojiMotion(setting=arguments.setting, split=split)
        report["splits"][split] = report_scores(reader, draw_rows(unseen, arguments.num_val_clips))
        for row, scores in report["splits"][split].items():
            shown = "  ".join(f"{name} {score['value']:.3f}" for name, score in scores.items())
            logger.info("%s, %s: %s", split, row.replace("_", " "), shown)
    write_report(report, arguments.output_dir)
    logger.info("The judges and their report are in %s.", arguments.output_dir)
    return 0


def _train_digit_judge(arguments: argparse.Namespace) -> None:
    folder = arguments.output_dir / DIGIT_FINDER_FOLDER
    arguments.output_dir.mkdir(parents=True, exist_ok=True)
    report = {"dataset": arguments.dataset, "seed": arguments.seed, "training": {}}
    if folder.is_dir():
        logger.info("%s is there and kept", folder.name)
        if (arguments.output_dir / REPORT_FILE).is_file():
            old = json.loads((arguments.output_dir / REPORT_FILE).read_text(encoding="utf-8"))
            report["training"] = old["training"]
    else:
        finder, report["training"][folder.name] = train_finder(
            MovingMNIST(split="train", seed=arguments.seed),
            steps=arguments.digit_steps,
            max_seconds=60 * arguments.max_minutes,
            **{
                name: getattr(arguments, name)
                for name in ("batch_size", "learning_rate", "seed", "num_workers", "device")
            },
        )
        save_judge(finder, folder)
    reader = DigitReader.open(arguments.output_dir, device=arguments.device)
    report["splits"] = real_clips_report(reader, arguments.num_val_clips)
    write_report(report, arguments.output_dir)
    logger.info("The judge and its report are in %s.", arguments.output_dir)


if __name__ == "__main__":
    raise SystemExit(exit_status(main))
