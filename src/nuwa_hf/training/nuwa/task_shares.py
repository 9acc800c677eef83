# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""How often each task is trained: its share, and its rows in the batch of all processes."""

import logging
from collections.abc import Mapping, Sequence

from nuwa_hf.tasks import TASKS


logger = logging.getLogger(__name__)

MOST_OFF = 0.2  # of a share, by which the one that whole rows give may differ without a warning


def parse_task_shares(texts: Sequence[str]) -> dict[str, float]:
    """Shares of the tasks from texts such as `"T2V=0.6"`.

    Args:
        texts (`Sequence[str]`): one text a task.

    Returns:
        `dict[str, float]`: the paper's short name to a share; the shares sum to 1.

    Raises:
        ValueError: If a text has another form, or a task is unknown, named twice or without a positive share.
    """
    known = [task.abbreviation for task in TASKS]
    shares = {}
    for text in texts:
        name, _, number = text.partition("=")
        try:
            share = float(number)
        except ValueError:
            share = 0.0
        if name not in known or name in shares or not 0 < share < float("inf"):
            raise ValueError(
                f"`tasks` must be entries like 'T2V=0.6' with tasks among {known}, each once, and shares above 0, got "
                f"{list(texts)}."
            )
        shares[name] = share
    if not shares:
        raise ValueError("`tasks` must name at least one task, got none; use for example 'T2V=1'.")
    return {name: share / sum(shares.values()) for name, share in shares.items()}


def deal_rows(shares: dict[str, float], rows: int, *, processes: int = 1, passes: int = 1) -> dict[str, int]:
    """Deal the rows of all processes to the tasks.

    The rows of one pass, over all processes, are dealt by largest remainder. Where these are too few for a row of each
    task, the rows of all passes of a step are dealt together. A process may have rows of one task only.

    Args:
        shares (`dict[str, float]`): task to share; they sum to 1.
        rows (`int`): rows of one pass in one process.
        processes (`int`, defaults to 1): how many processes share a step.
        passes (`int`, defaults to 1): of a step.

    Returns:
        `dict[str, int]`: task to rows, at least 1. They sum to the rows of a pass, or of a step, in all processes.

    Raises:
        ValueError: If even a step is too small.
    """
    counts = _by_largest_remainder(shares, rows * processes)
    if 0 in counts.values():
        counts = _by_largest_remainder(shares, rows * processes * passes)
    empty = [name for name, count in counts.items() if count == 0]
    if empty:
        raise ValueError(
            "`train_batch_size` must be so large that a step has at least one row of each task, got "
            f"{rows} x {passes} passes x {processes} processes, which leaves none to {empty}; use a larger batch or "
            "larger shares, or more `gradient_accumulation_steps`."
        )
    return counts


def describe_shares(counts: Mapping[str, int]) -> str:
    """The rows that are dealt to the tasks, and the shares that these are.

    Args:
        counts (`Mapping[str, int]`): as `deal_rows` gives them.

    Returns:
        `str`: such as "of each 4 rows 2 of T2V (0.5), 1 of V2V (0.25), 1 of T2I (0.25)".
    """
    dealt = sum(counts.values())
    shown = ", ".join(f"{count} of {name} ({count / dealt:.3g})" for name, count in counts.items())
    return f"of each {dealt:,} rows {shown}"


def warn_of_rounded_shares(shares: Mapping[str, float], counts: Mapping[str, int]) -> None:
    """Warn if whole rows are shares that are far from those that were asked for.

    Args:
        shares (`Mapping[str, float]`): task to share; they sum to 1.
        counts (`Mapping[str, int]`): as `deal_rows` gives them.
    """
    dealt = sum(counts.values())
    real = {name: count / dealt for name, count in counts.items()}
    off = [name for name, share in shares.items() if abs(real[name] / share - 1) > MOST_OFF]
    if off:
        told = ", ".join(f"{name} gets {real[name]:.3g} of the rows in place of {shares[name]:.3g}" for name in off)
        remedy = "use a larger `train_batch_size`, or other `tasks`."
        logger.warning("%s, since %d rows are dealt at once; %s", told, dealt, remedy)


def _by_largest_remainder(shares: dict[str, float], rows: int) -> dict[str, int]:
    counts = {name: int(share * rows) for name, share in shares.items()}
    by_remainder = sorted(shares, key=lambda name: shares[name] * rows - counts[name], reverse=True)
    for name in by_remainder[: rows - sum(counts.values())]:
        counts[name] += 1
    return counts
