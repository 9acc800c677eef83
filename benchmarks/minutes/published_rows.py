# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The rows of a result that stands in a folder: measured on several days, they come together here."""

import json
import shutil
from pathlib import Path
from typing import Any

from benchmarks.minutes.rows import CONTENDERS, Plan, RowName, kept


RESULT = "equal_minutes.json"
CLIPS_FOLDER = "equal_minutes_clips"  # the first clips of each row


def published(output: Path, plan: Plan) -> dict[str, Any]:
    """The result that stands in a folder.

    Args:
        output (`Path`): the folder.
        plan (`Plan`): what is measured now.

    Returns:
        `dict`: as `collect` gives it, without rows if there is none yet.

    Raises:
        ValueError: If the result there is of another size.
    """
    path = output / RESULT
    if not path.exists():
        return {"size": plan.size, "per_set": plan.per_set, "rows": []}
    result = json.loads(path.read_text(encoding="utf-8"))
    _check_plan("--output", path, result, plan)
    return result


def check_work(work_dir: Path, plan: Plan) -> None:
    """Refuse a folder in which another size was measured: its real clips and its judge would be taken for those of
    this one.

    Args:
        work_dir (`Path`): where everything is kept.
        plan (`Plan`): what is measured now.

    Raises:
        ValueError: If it is such a folder.
    """
    path = work_dir / "plan.json"
    _check_plan("--work_dir", path, kept(path, lambda: {"size": plan.size, "per_set": plan.per_set}), plan)


def _check_plan(option: str, path: Path, found: dict[str, Any], plan: Plan) -> None:
    for name, value in (("size", plan.size), ("per_set", plan.per_set)):
        if found[name] != value:
            raise ValueError(
                f"`{option}` must hold no result or one with {name} {value}, got {found[name]} in {path}; choose "
                "another folder."
            )


def row_name(row: dict[str, Any]) -> RowName:
    """The name of a measured row."""
    return RowName(row["contender"], float(row["minutes"]), row["seed"])


def collect(plan: Plan, work_dir: Path, output: Path) -> dict[str, Any]:
    """All that is measured so far, here or before; first clips are put beside the result.

    Args:
        plan (`Plan`): the plan.
        work_dir (`Path`): where its rows are measured.
        output (`Path`): where the result stands, with the rows of other days.

    Returns:
        `dict`: `real`, `rows` and what was asked for.
    """
    before = published(output, plan)
    rows = {str(row_name(row)): row for row in before["rows"]}
    for row in plan.rows():
        path = work_dir / "results" / f"{row}.json"
        if str(row) not in rows and path.exists():
            rows[str(row)] = json.loads(path.read_text(encoding="utf-8"))
            if path.with_suffix(".png").exists():  # not where the codec was still being trained at the end
                (output / CLIPS_FOLDER).mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path.with_suffix(".png"), output / CLIPS_FOLDER / f"{row}.png")
    order = list(CONTENDERS)
    ordered = sorted(rows.values(), key=lambda row: (row["seed"], row["minutes"], order.index(row["contender"])))
    real = json.loads((work_dir / "real.json").read_text(encoding="utf-8"))
    return {"size": plan.size, "per_set": plan.per_set, "real": real, "rows": ordered}
