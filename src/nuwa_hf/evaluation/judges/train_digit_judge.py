# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Train the judge of Moving MNIST on real frames of the split "train": `nuwa-hf train-judges --dataset moving-mnist`.

It never sees the handwriting of the splits that it judges, nor a clip from a codec or a generator.
"""

import logging
import math
import time
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset, Subset
from tqdm.auto import tqdm

from nuwa_hf.datasets.moving_mnist import DIGIT_COUNTS, FRAME_SIZE, MovingMNIST
from nuwa_hf.evaluation.judges.digit_finder import DigitFinder, cell_classes, finder_loss
from nuwa_hf.evaluation.judges.digit_reader import DigitReader
from nuwa_hf.evaluation.judges.judge_progress import check_loss
from nuwa_hf.evaluation.judges.training_clips import augment
from nuwa_hf.evaluation.metrics.sample_scores import share_score
from nuwa_hf.evaluation.samples.sample_set import SampleBatch


logger = logging.getLogger(__name__)

MOST_DIGITS = 2
FRAMES_PER_CLIP = 2
FINDER_STEPS = 4000  # updates that suffice for MNIST's digits
MOST_WARP = 0.15  # how far each entry of the random affine map of a frame is from that of the identity
JUDGED = ("right_digits", "right_motion", "right_digits_and_motion")


class FinderFrames(Dataset):
    """Frames of Moving MNIST with their digits and where these are.

    Args:
        clips (`MovingMNIST`): where they come from.
    """

    def __init__(self, clips: MovingMNIST):
        self.clips = clips

    def __len__(self) -> int:
        return len(self.clips)

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        """Some frames of a clip.

        Args:
            index (`int`): of the clip.

        Returns:
            `dict`: `frames` `(2, 3, Y, X)` uint8; `digits` `(2,)` long, -1 for none; `centres` `(2, 2, 2)`: of each
            frame and digit x and y in pixels.
        """
        sample = self.clips[index]
        chosen = np.random.default_rng(index).choice(len(sample["video"]), FRAMES_PER_CLIP, replace=False)
        digits = torch.full((MOST_DIGITS,), -1)
        digits[: len(sample["digits"])] = torch.tensor(sample["digits"])
        centres = torch.zeros(FRAMES_PER_CLIP, MOST_DIGITS, 2)
        centres[:, : len(sample["digits"])] = torch.from_numpy(sample["track"][:, chosen]).transpose(0, 1) * FRAME_SIZE
        frames = torch.from_numpy(sample["video"][chosen]).permute(0, 3, 1, 2)
        return {"frames": frames, "digits": digits, "centres": centres}


@torch.random.fork_rng(devices=[])
def train_finder(
    clips: MovingMNIST,
    *,
    steps: int,
    batch_size: int = 64,
    learning_rate: float = 2e-3,
    max_seconds: float = math.inf,
    seed: int = 0,
    num_workers: int = 0,
    device: torch.device | str = "cpu",
) -> tuple[DigitFinder, dict[str, float]]:
    """Train a judge; the learning rate rises over the first twentieth and then falls to 0 along a cosine.

    Args:
        clips (`MovingMNIST`): of the split "train".
        steps (`int`): updates at most.
        batch_size (`int`, defaults to 64): frames an update, two of a clip.
        learning_rate (`float`, defaults to 2e-3): the highest.
        max_seconds (`float`, defaults to `math.inf`): stop after this time, but not before the first update.
        seed (`int`, defaults to 0): of weights and augmentation.
        num_workers (`int`, defaults to 0): processes that draw clips.
        device (`torch.device` or `str`, defaults to `"cpu"`): where it learns.

    Returns:
        `tuple[DigitFinder, dict[str, float]]`: the judge, and `steps`, `seconds` and the `loss` of the last tenth.

    Raises:
        FloatingPointError: If a loss is not finite.
    """
    torch.default_generator.manual_seed(seed)  # of the CPU, which alone draws
    finder = DigitFinder().to(device, memory_format=torch.channels_last).train()
    generator = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.AdamW(finder.parameters(), lr=learning_rate, weight_decay=1e-2)
    rows = max(1, batch_size // FRAMES_PER_CLIP)
    order = [index % len(clips) for index in range(steps * rows)]
    loader = DataLoader(Subset(FinderFrames(clips), order), batch_size=rows, num_workers=num_workers)
    losses, begin = [], time.monotonic()
    with tqdm(loader, desc="DigitFinder", total=steps) as progress:
        for step, batch in enumerate(progress):
            share = max(step / steps, (time.monotonic() - begin) / max_seconds)
            if share >= 1 and losses:
                break
            rate = min(0.5 + 0.5 * math.cos(math.pi * min(share, 1.0)), 20 * (share + 1 / steps))
            for group in optimizer.param_groups:
                group["lr"] = learning_rate * rate
            frames = augment(batch["frames"].float() / 255, generator).mean(dim=2).flatten(0, 1)
            frames, centres = warp(frames, batch["centres"].flatten(0, 1), generator)
            digits = batch["digits"].repeat_interleave(FRAMES_PER_CLIP, dim=0)
            classes = cell_classes(digits, centres, FRAME_SIZE)
            loss = finder_loss(finder, frames.to(device), classes.to(device))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
            check_loss(finder, step + 1, losses[-1])
            progress.set_postfix(loss=f"{losses[-1]:.3f}", refresh=False)
    tail = losses[-max(1, len(losses) // 10) :]
    seconds = time.monotonic() - begin
    return finder.eval(), {"steps": len(losses), "seconds": seconds, "loss": sum(tail) / len(tail)}


def warp(brightness: Tensor, centres: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Turn, stretch and shear each frame a little about its middle, so that the judge reads more hands than it saw.

    Args:
        brightness (`torch.Tensor` of shape `(B, Y, X)`): in [0, 1]; Y = X.
        centres (`torch.Tensor` of shape `(B, k, 2)`): x and y of the digits' centres in pixels.
        generator (`torch.Generator`): draws the map of each frame.

    Returns:
        `tuple[torch.Tensor, torch.Tensor]`: both, warped.
    """
    half = brightness.shape[-1] / 2
    to_source = torch.eye(2) + MOST_WARP * (2 * torch.rand(len(brightness), 2, 2, generator=generator) - 1)
    maps = functional.pad(to_source, (0, 1))
    grid = functional.affine_grid(maps, [len(brightness), 1, *brightness.shape[1:]], align_corners=False)
    warped = functional.grid_sample(brightness[:, None], grid, align_corners=False)[:, 0]
    moved = torch.linalg.solve(to_source, (centres / half - 1).mT).mT
    return warped, (moved + 1) * half


def score_real_clips(reader: DigitReader, clips: MovingMNIST, batch_size: int = 50) -> dict[str, dict[str, Any]]:
    """What the judge says of real clips: the most that anything else can reach.

    Args:
        reader (`DigitReader`): the judge.
        clips (`MovingMNIST`): all of them are judged.
        batch_size (`int`, defaults to 50): clips at once.

    Returns:
        `dict[str, dict[str, Any]]`: the fields of a `Score` for each of `JUDGED`.
    """
    parts = []
    for start in range(0, len(clips), batch_size):
        samples = [clips[index] for index in range(start, min(start + batch_size, len(clips)))]
        videos = torch.from_numpy(np.stack([sample["video"] for sample in samples])).permute(0, 1, 4, 2, 3)
        parts.append(reader(SampleBatch(videos, captions=[sample["caption"] for sample in samples])))
    return {name: vars(share_score(torch.cat([part[name] for part in parts]))) for name in JUDGED}


def real_clips_report(reader: DigitReader, num_clips: int, **options: Any) -> dict[str, dict[str, dict[str, Any]]]:
    """The judge's scores of real clips of each kind.

    Args:
        reader (`DigitReader`): the judge.
        num_clips (`int`): of each kind.
        options: further arguments of `MovingMNIST`.

    Returns:
        `dict`: as `score_real_clips`, for names such as `"moving-mnist-1 val"`.
    """
    report = {}
    for name, counts in DIGIT_COUNTS.items():
        for split in ("val", "zeroshot") if len(counts) == 1 else ():
            clips = MovingMNIST(digit_counts=counts, split=split, length=num_clips, **options)
            report[f"{name} {split}"] = score_real_clips(reader, clips)
            shown = "  ".join(f"{key} {score['value']:.3f}" for key, score in report[f"{name} {split}"].items())
            logger.info("%s, %s: %s", name, split, shown.replace("_", " "))
    return report
