# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Train the two judges on real training clips: `python -m nuwa_hf.evaluation.train_judges --output_dir DIR`.

They never see a clip that went through a codec or a generator, and no generator is ever trained on them.
"""

import argparse
import json
import logging
import math
import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, Subset
from tqdm.auto import tqdm

from nuwa_hf.datasets import EmojiMotion
from nuwa_hf.evaluation.judge_clips import JudgeClips, clip_loss, frame_loss
from nuwa_hf.evaluation.judges import CLIP_JUDGE_FOLDER, FRAME_JUDGE_FOLDER, ClipJudge, FrameJudge, Judges
from nuwa_hf.evaluation.scores import ClipTruth, score_verdicts
from nuwa_hf.media import written_aside


logger = logging.getLogger(__name__)

WARMUP_SHARE = 0.05


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
    """Train one judge on fresh clips, each seen once while the data set lasts.

    The learning rate rises over the first twentieth and then falls to 0 along a cosine. With `max_seconds` the
    schedule runs on whichever is further along, steps or time; the result is a function of the seed only without it.

    Args:
        judge (`FrameJudge` or `ClipJudge`): trained in place.
        dataset (`torch.utils.data.Dataset`): as `JudgeClips`.
        loss_function (`Callable`): `frame_loss` or `clip_loss`.
        steps (`int`): updates at most.
        batch_size (`int`, defaults to 64): clips an update.
        learning_rate (`float`, defaults to 2e-3): the highest.
        max_seconds (`float`, defaults to `math.inf`): stop after this time, but not before the first update.
        seed (`int`, defaults to 0): of frames and augmentation.
        num_workers (`int`, defaults to 0): processes that draw clips.

    Returns:
        `dict`: `steps`, `seconds` and the `loss` (mean of the last tenth).
    """
    device = next(judge.parameters()).device
    generator = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.AdamW(judge.parameters(), lr=learning_rate, weight_decay=1e-2)
    order = [index % len(dataset) for index in range(steps * batch_size)]
    loader = DataLoader(Subset(dataset, order), batch_size=batch_size, num_workers=num_workers)
    judge.train().to(memory_format=torch.channels_last)
    losses = []
    begin = time.monotonic()
    with tqdm(loader, desc=type(judge).__name__, total=steps) as progress:
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
            progress.set_postfix(loss=f"{losses[-1]:.3f}", refresh=False)
    judge.eval()
    tail = losses[-max(1, len(losses) // 10) :]
    return {"steps": len(losses), "seconds": time.monotonic() - begin, "loss": sum(tail) / len(tail)}


def draw_clips(dataset: EmojiMotion, num_clips: int) -> tuple[Tensor, list[ClipTruth]]:
    """The first clips of a data set with their truths.

    Args:
        dataset (`nuwa_hf.datasets.EmojiMotion`): where they come from.
        num_clips (`int`): how many.

    Returns:
        `tuple`: clips `(B, T, 3, Y, X)` in [0, 1] and `B` truths.
    """
    samples = [dataset[index] for index in tqdm(range(num_clips), desc=f"{dataset.split} clips", leave=False)]
    clips = torch.stack([torch.from_numpy(sample["video"]).permute(0, 3, 1, 2) for sample in samples]).float() / 255
    return clips, [ClipTruth.from_sample(sample, dataset) for sample in samples]


def report_accuracies(judges: Judges, clips: Tensor, truths: Sequence[ClipTruth], seed: int = 0) -> dict[str, dict]:
    """Accuracies on real clips, and on three controls that must collapse.

    Args:
        judges (`Judges`): both judges.
        clips (`torch.Tensor` of shape `(B, T, 3, Y, X)`): real clips in [0, 1].
        truths (`Sequence[ClipTruth]`): their truths.
        seed (`int`, defaults to 0): of the shuffled frames.

    Returns:
        `dict`: `real`, `first_frame_repeated`, `frames_shuffled` and `another_clips_caption`, each a `dict` of
        accuracies. The first two controls keep objects and background and lose the motion; the third loses all.
    """
    verdicts = judges(clips, show_progress=True)
    repeated = clips[:, :1].expand_as(clips)
    generator = torch.Generator().manual_seed(seed)
    order = torch.rand(clips.shape[:2], generator=generator).argsort(dim=1)
    shuffled = clips[torch.arange(len(clips))[:, None], order]
    # Rolled within the clips of one object and within those of two, so that every clip still has a motion to judge.
    others = list(truths)
    for is_single in (True, False):
        places = [place for place, truth in enumerate(truths) if (truth.motion is not None) == is_single]
        for place, other in zip(places, places[1:] + places[:1], strict=True):
            others[place] = truths[other]
    scored = {
        "real": score_verdicts(verdicts, truths),
        "first_frame_repeated": score_verdicts(judges(repeated, show_progress=True), truths),
        "frames_shuffled": score_verdicts(judges(shuffled, show_progress=True), truths),
        "another_clips_caption": score_verdicts(verdicts, others),
    }
    return {row: {name: accuracy.to_dict() for name, accuracy in part.items()} for row, part in scored.items()}


def save_judge(judge: FrameJudge | ClipJudge, directory: Path) -> None:
    """Save a judge so that the directory holds the old one or the new one, never half of one.

    Args:
        judge (`FrameJudge` or `ClipJudge`): what to save.
        directory (`Path`): where; replaced if it exists.
    """
    aside = directory.with_name(f"{directory.name}.partial")
    shutil.rmtree(aside, ignore_errors=True)
    judge.save_pretrained(aside)
    if directory.exists():
        shutil.rmtree(directory)
    aside.rename(directory)


def parse_arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line.

    Args:
        argv (`Sequence[str]`, *optional*): arguments; those of the process if left out.

    Returns:
        `argparse.Namespace`: one attribute for each option.

    Raises:
        ValueError: If a count is below 1 or the time not above 0.
    """
    parser = argparse.ArgumentParser(description="Train the judges of EmojiMotion clips on real training clips.")
    parser.add_argument("--output_dir", type=Path, required=True, help="gets frame_judge/, clip_judge/, report.json")
    parser.add_argument("--setting", default="small", choices=["small", "large"], help="the EmojiMotion setting")
    parser.add_argument("--frame_steps", type=int, default=400, help="updates of the frame judge")
    parser.add_argument("--clip_steps", type=int, default=200, help="updates of the clip judge")
    parser.add_argument(
        "--max_minutes", type=float, default=math.inf, help="split evenly between the judges; the default is no limit"
    )
    parser.add_argument("--batch_size", type=int, default=64, help="clips an update")
    parser.add_argument("--learning_rate", type=float, default=2e-3, help="the highest learning rate")
    parser.add_argument("--num_val_clips", type=int, default=1000, help="real val clips the report is measured on")
    parser.add_argument("--num_workers", type=int, default=1, help="processes that draw clips")
    parser.add_argument("--seed", type=int, default=0, help="of weights, clips and augmentation")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    arguments = parser.parse_args(argv)
    for name in ("frame_steps", "clip_steps", "batch_size", "num_val_clips"):
        if getattr(arguments, name) < 1:
            raise ValueError(f"`{name}` must be at least 1, got {getattr(arguments, name)}.")
    if not arguments.max_minutes > 0:
        raise ValueError(f"`max_minutes` must be more than 0, got {arguments.max_minutes}; leave it out for no limit.")
    return arguments


def main(argv: Sequence[str] | None = None) -> int:
    """Train both judges, save them, and write the report of their accuracies on real clips.

    Args:
        argv (`Sequence[str]`, *optional*): arguments; those of the process if left out.

    Returns:
        `int`: 0.
    """
    arguments = parse_arguments(argv)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    dataset = EmojiMotion(setting=arguments.setting, split="train", seed=arguments.seed)
    clips = JudgeClips(dataset)
    torch.manual_seed(arguments.seed)
    frame_judge = FrameJudge(dataset.object_names, dataset.background_names).to(arguments.device)
    clip_judge = ClipJudge(dataset.motion_names, num_frames=clips[0]["clip"].shape[0]).to(arguments.device)
    options = {
        "batch_size": arguments.batch_size,
        "learning_rate": arguments.learning_rate,
        "max_seconds": 30 * arguments.max_minutes,
        "seed": arguments.seed,
        "num_workers": arguments.num_workers,
    }
    report = {"setting": arguments.setting, "seed": arguments.seed, "training": {}, "splits": {}}
    arguments.output_dir.mkdir(parents=True, exist_ok=True)
    report["training"]["frame_judge"] = train(frame_judge, clips, frame_loss, steps=arguments.frame_steps, **options)
    save_judge(frame_judge, arguments.output_dir / FRAME_JUDGE_FOLDER)
    report["training"]["clip_judge"] = train(clip_judge, clips, clip_loss, steps=arguments.clip_steps, **options)
    save_judge(clip_judge, arguments.output_dir / CLIP_JUDGE_FOLDER)

    judges = Judges(frame_judge, clip_judge)
    for split in ("val", "zeroshot"):
        unseen = EmojiMotion(setting=arguments.setting, split=split)
        accuracies = report_accuracies(judges, *draw_clips(unseen, arguments.num_val_clips))
        report["splits"][split] = accuracies
        for row, scores in accuracies.items():
            shown = "  ".join(f"{name} {score['accuracy']:.3f}" for name, score in scores.items())
            logger.info("%s, %s: %s", split, row.replace("_", " "), shown)
    with written_aside(arguments.output_dir / "report.json") as aside:
        aside.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
