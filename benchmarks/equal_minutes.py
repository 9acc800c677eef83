# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""What a user would pick instead: four ways to draw videos from text, on the same data, in the same minutes.

    python -m benchmarks.equal_minutes --work_dir runs/equal_minutes --output benchmarks/results \
        --pictures docs/images/benchmarks
    python -m benchmarks.equal_minutes --toy --work_dir /tmp/toy --output /tmp/toy

Each row is trained and sampled from in processes of its own, one after another, with two threads. The same command
goes on where it was stopped, and rows that stand in --output are not measured again. `--contenders` leaves some
out, `--budgets` and `--seeds` replace those of the plan.
"""

import argparse
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks.minutes.pictures import draw_curves, side_by_side
from benchmarks.minutes.published_rows import check_work, collect, published, row_name
from benchmarks.minutes.rows import (
    CONTENDERS,
    FULL,
    TOY,
    Plan,
    RowName,
    check_all,
    judge_real,
    sample_row,
    train_row,
)
from benchmarks.report.report import write_result
from nuwa_hf.training.run.freed_memory import keep_freed_memory


THREADS = 2


def build_parser() -> argparse.ArgumentParser:
    """The command's arguments."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work_dir", type=Path, required=True, metavar="DIR", help="where everything is kept")
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="gets the result")
    parser.add_argument("--pictures", type=Path, metavar="DIR", help="gets the pictures; --output if left out")
    parser.add_argument("--toy", action="store_true", help="seconds instead of hours, on drawn digits, in one process")
    parser.add_argument("--contenders", nargs="+", choices=list(CONTENDERS), help="by default all")
    parser.add_argument("--budgets", nargs="+", type=float, help="minutes, all with all of --seeds")
    parser.add_argument("--seeds", nargs="+", type=int, help="with --budgets")
    parser.add_argument("--part", help=argparse.SUPPRESS)  # what one process does, such as train:gpt2:20:0
    return parser


def plan_of(arguments: argparse.Namespace) -> Plan:
    """What the arguments ask for.

    Args:
        arguments (`argparse.Namespace`): of the command.

    Returns:
        `Plan`.

    Raises:
        ValueError: If an argument breaks its rule.
    """
    if arguments.seeds and not arguments.budgets:
        raise ValueError(
            "`--seeds` must stand beside `--budgets`, got none; give the minutes too, as in --budgets 20."
        )
    if min(arguments.budgets or [1]) <= 0:
        raise ValueError(f"`--budgets` must be above 0, got {arguments.budgets}; give minutes of training.")
    plan = TOY if arguments.toy else FULL
    if arguments.contenders:
        plan = replace(plan, contenders=tuple(arguments.contenders))
    if arguments.budgets:
        seeds = tuple(arguments.seeds or (0,))
        plan = replace(plan, budgets=tuple((minutes, seeds) for minutes in arguments.budgets))
    return plan


def run_part(part: str, plan: Plan, work_dir: Path) -> None:
    """Do one part.

    Args:
        part (`str`): "judge", or "train" or "sample" with contender, minutes and seed behind colons.
        plan (`Plan`): the plan.
        work_dir (`Path`): where everything is kept.
    """
    keep_freed_memory()  # for every contender alike: this package's training does so by itself
    what, *words = part.split(":")
    if what == "judge":
        judge_real(plan, work_dir)
        return
    row = RowName(words[0], float(words[1]), int(words[2]))
    (train_row if what == "train" else sample_row)(plan, row, work_dir)


def main(argv: Sequence[str] | None = None) -> None:
    """Measure all rows, write what there is after each of them, and the pictures at the end.

    Args:
        argv (`Sequence[str]`, *optional*): the arguments; by default those of the process.
    """
    arguments = build_parser().parse_args(argv)
    plan, work_dir = plan_of(arguments), arguments.work_dir
    if arguments.part is not None:
        run_part(arguments.part, plan, work_dir)
        return
    before = {str(row_name(row)) for row in published(arguments.output, plan)["rows"]}
    missing = [row for row in plan.rows() if str(row) not in before]
    check_all(plan, sorted({row.contender for row in missing}))
    check_work(work_dir, plan)
    rows = [f"{row.contender}:{row.minutes:g}:{row.seed}" for row in missing]
    for part in ("judge", *(f"{what}:{row}" for row in rows for what in ("train", "sample"))):
        if plan.size == "toy":
            run_part(part, plan, work_dir)
        else:
            _run_process(part, argv)
        if not part.startswith("train"):
            result = collect(plan, work_dir, arguments.output)
            write_result("equal_minutes", result, arguments.output)
    pictures = arguments.pictures or arguments.output
    draw_curves(result, pictures / "equal_minutes.png")
    side_by_side(result, arguments.output, pictures / "equal_minutes_clips.png")


def _run_process(part: str, argv: Sequence[str] | None) -> None:
    words = list(sys.argv[1:] if argv is None else argv)
    environment = {**os.environ, "OMP_NUM_THREADS": str(THREADS)}
    command = [sys.executable, "-m", "benchmarks.equal_minutes", *words, "--part", part]
    subprocess.run(command, check=True, env=environment)


if __name__ == "__main__":
    main()
