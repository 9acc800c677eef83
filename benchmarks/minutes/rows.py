# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The rows of the comparison: each is a contender, a budget and a seed, trained, sampled from and judged."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import torch

from benchmarks.measuring.machine import describe_machine, peak_memory
from benchmarks.minutes.clips import pack_of
from benchmarks.minutes.contender import SIZES, Contender, Size, snapshot_folders
from benchmarks.minutes.judging import DISTANCE, Judge, draw_all, sampling_seconds, write_first_clips
from benchmarks.minutes.timed_training import DONE
from benchmarks.pipeline.floors import matrix_rate
from benchmarks.report.formatting import which_machine
from nuwa_hf.bulk.digests import model_digest
from nuwa_hf.datasets.moving_mnist import MovingMNIST
from nuwa_hf.evaluation.judges.digit_reader import DIGIT_FINDER_FOLDER
from nuwa_hf.evaluation.judges.train_digit_judge import train_finder
from nuwa_hf.evaluation.judges.train_judges import save_judge
from nuwa_hf.evaluation.metrics.metric_table import resolve_metrics
from nuwa_hf.media import written_aside
from nuwa_hf.modeling.autoencoder_vqgan import NuwaVQGAN


JUDGE = Path(__file__).with_name("judge")  # made by `nuwa-hf train-judges --dataset moving-mnist`
TOY_JUDGE_STEPS = 12
CONTENDERS = {
    "nuwa_hf": "NuwaHfContender",
    "nuwa_pytorch": "NuwaPytorchContender",
    "diffusion": "DiffusionContender",
    "gpt2": "Gpt2Contender",
}


@dataclass(frozen=True)
class Plan:
    """What is measured.

    Args:
        size (`str`): a key of `SIZES`.
        contenders (`tuple[str, ...]`): keys of `CONTENDERS`.
        budgets (`tuple[tuple[float, tuple[int, ...]], ...]`): minutes of training, each with its seeds.
        per_set (`int`): clips of each set that are judged at the end of a budget.
        per_set_on_the_way (`int`): likewise after a part of it, at most a batch of them; 0 for none.
        sampling_minutes (`float`): after which no more clips are drawn for a row.
        timed_batches (`tuple[int, ...]`): clips of the calls whose time is taken.
    """

    size: str
    contenders: tuple[str, ...] = tuple(CONTENDERS)
    budgets: tuple[tuple[float, tuple[int, ...]], ...] = ((20.0, (0, 1, 2)), (60.0, (0,)))
    per_set: int = 128
    per_set_on_the_way: int = 8
    sampling_minutes: float = 15.0
    timed_batches: tuple[int, ...] = (1, 16)

    def rows(self) -> list["RowName"]:
        """All rows: first the first seed of each budget, so that there is something to see early."""
        seeds = sorted({seed for _, own in self.budgets for seed in own})
        return [
            RowName(contender, minutes, seed)
            for seed in seeds
            for minutes, own in self.budgets
            if seed in own
            for contender in self.contenders
        ]


TOY = Plan(
    "toy",
    budgets=((0.08, (0,)),),
    per_set=2,
    per_set_on_the_way=0,
    sampling_minutes=0.01,
    timed_batches=(1,),
)
FULL = Plan("full")


@dataclass(frozen=True)
class RowName:
    """One row.

    Args:
        contender (`str`): a key of `CONTENDERS`.
        minutes (`float`): of training.
        seed (`int`): of everything.
    """

    contender: str
    minutes: float
    seed: int

    def __str__(self) -> str:
        return f"{self.contender}-{self.minutes:g}-{self.seed}"


def build(name: str, size: Size) -> Contender:
    """A contender.

    Args:
        name (`str`): a key of `CONTENDERS`.
        size (`Size`): its size.

    Returns:
        `Contender`.
    """
    return getattr(import_module(f"benchmarks.minutes.{name}_contender"), CONTENDERS[name])(size)


def judge_folder(plan: Plan, work_dir: Path) -> Path:
    """Where the judge is: rows of several days have the same one, which comes with the benchmarks."""
    return JUDGE if plan.size == "full" else work_dir / "judge"


def judge_real(plan: Plan, work_dir: Path) -> None:
    """Judge real clips; at toy size, train the judge first."""
    drawn, folder = SIZES[plan.size].drawn, judge_folder(plan, work_dir)
    if plan.size == "toy" and not (folder / DIGIT_FINDER_FOLDER).is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        finder, _ = train_finder(MovingMNIST(pack_of(drawn)), steps=TOY_JUDGE_STEPS)
        save_judge(finder, folder / DIGIT_FINDER_FOLDER)
    kept(work_dir / "real.json", lambda: Judge(folder, max(plan.per_set, 2), drawn).score_real())


def train_row(plan: Plan, row: RowName, work_dir: Path) -> None:
    """Train a row, or go on; what the training took of memory is kept beside it, and how fast the machine was.

    Raises:
        ValueError: If it was begun on another machine.
    """
    folder = work_dir / "runs" / str(row)
    begun_here(folder)
    contender, before = build(row.contender, SIZES[plan.size]), kept(folder / "matrix_rate.json", _matrix_rate)
    contender.train(row.minutes, row.seed, folder)
    kept(folder / "training.json", lambda: {"memory": peak_memory(), "matrix_rates": [before, _matrix_rate()]})


def begun_here(folder: Path) -> dict[str, Any]:
    """The machine on which the work in a folder was begun, with its load then: it must be this one.

    Args:
        folder (`Path`): of a training.

    Returns:
        `dict[str, Any]`: as `describe_machine` gives it.

    Raises:
        ValueError: If it was begun on another machine: its seconds would be those of two.
    """
    here = describe_machine()
    began = kept(folder / "machine.json", lambda: here)
    if which_machine(began) != which_machine(here):
        raise ValueError(
            f"`--work_dir` must hold what was begun on this machine ({which_machine(here)}), got "
            f"{which_machine(began)} for {folder}; remove {folder}."
        )
    return began


def _matrix_rate() -> float:
    return matrix_rate(torch.float32, "cpu")


def sample_row(plan: Plan, row: RowName, work_dir: Path) -> None:
    """Draw, time and judge a trained row; `results/ROW.json` is the result, and `ROW.png` has its first clips."""
    size, folder = SIZES[plan.size], work_dir / "runs" / str(row)
    path = work_dir / "results" / f"{row}.json"

    def measure() -> dict[str, Any]:
        contender, curve = build(row.contender, size), []
        snapshots = snapshot_folders(folder, row.minutes)
        for seconds, snapshot in snapshots.items():
            is_last = seconds == max(snapshots)
            count = plan.per_set if is_last else plan.per_set_on_the_way
            if count == 0:
                continue
            if not snapshot.exists():  # its codec was still being trained
                curve.append({"seconds": seconds, "scores": None})
                continue
            contender.load(snapshot)
            minutes = plan.sampling_minutes if is_last else 0.0
            draw_all(contender, count, 60 * minutes, size.drawn, snapshot / "clips", row.seed)
            judge = Judge(judge_folder(plan, work_dir), max(plan.per_set, 2), size.drawn)
            curve.append({"seconds": seconds, "scores": judge.score(snapshot / "clips")})
            if is_last:
                write_first_clips(snapshot / "clips", path.with_suffix(".png"))
        training, trained, machine = (
            json.loads((folder / name).read_text(encoding="utf-8")) for name in ("training.json", DONE, "machine.json")
        )
        return {
            **vars(row),
            "title": contender.title,
            "parameters": contender.parameters(),
            "steps": trained["steps"],  # of what draws, not of its codec
            "training_memory": training["memory"],
            "matrix_rates": training["matrix_rates"],  # operations a second, before the training and after it
            "sampling_seconds": sampling_seconds(contender, plan.timed_batches, size.drawn),
            "sampling_memory": peak_memory(),
            "curve": curve,
            "codec": _digest(contender),
            "machine": machine,  # and its load, before the training
        }

    kept(path, measure)


def _digest(contender: Contender) -> str | None:
    """Of this package's codec, by which rows that share one can be told; None for who has another or none."""
    codec = contender.parts().get("codec")
    return model_digest(codec) if isinstance(codec, NuwaVQGAN) else None


def kept(path: Path, make: Callable[[], Any]) -> Any:
    """What a file holds, made first if it is not there."""
    if not path.exists():
        value = make()
        path.parent.mkdir(parents=True, exist_ok=True)
        with written_aside(path) as aside:
            aside.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")
    return json.loads(path.read_text(encoding="utf-8"))


def check_all(plan: Plan, names: Sequence[str]) -> None:
    """Look for what the judge, the data and contenders need, before any work."""
    resolve_metrics([DISTANCE])
    pack_of(SIZES[plan.size].drawn)
    for name in names:
        build(name, SIZES[plan.size]).check()
