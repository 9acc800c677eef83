# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""What is wrong with a job that was disturbed and given again, by what its folder and its logs say.

Each function gives the faults that it finds, each with the names that show it. No fault is an empty dict.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from campaign.results import Results
from nuwa_hf.training.run.run_checkpoints import CHECKPOINT_NAME, step_of


GOES_ON = re.compile(r"of them to go from .*checkpoint-(\d{6,})$", re.MULTILINE)  # as `run_summary` says it
NOT_WRITTEN = re.compile(r"(checkpoint-\d{6,}) could not be written")
HALF, LOST, OTHER, MISSING, STRAY, AGAIN = (
    *("half a result", "lost too much", "other results"),
    *("missing files", "stray files", "made again"),
)
DID_NOT_STRIKE = "did not strike"
Faults = dict[str, list[str]]


@dataclass(frozen=True)
class Seen:
    """What a job's folder holds at a time.

    Args:
        results (`dict[str, str]`): what a reader takes for results.
        names (`frozenset[str]`): of all files.
        stamps (`dict[str, tuple[int, int]]`): of the files that are work done: which file it is, and its last change.
        step (`int`): the last that was logged; 0 if the job logs none.
    """

    results: Results
    names: frozenset[str]
    stamps: dict[str, tuple[int, int]]
    step: int


def look(folder: Path, results: Callable[[Path], Results], kept: str | None) -> Seen:
    """Look at a folder.

    Args:
        folder (`Path`): the job's output.
        results (`Callable[[Path], Results]`): what of it counts as a result.
        kept (`str`, *optional*): the form of the names of work that is done once and for all.

    Returns:
        `Seen`.
    """
    done = [] if kept is None else [path for path in folder.glob(kept) if path.is_file()]
    stamps = {str(path.relative_to(folder)): (path.stat().st_ino, path.stat().st_mtime_ns) for path in done}
    return Seen(results(folder), all_names(folder), stamps, last_step(folder))


def of_stopped(before: Seen, between: Seen, log: str, *, is_over: bool, may_add: bool) -> Faults:
    """What is wrong with what a disturbed job leaves.

    Args:
        before (`Seen`): what it leaves undisturbed.
        between (`Seen`): what it left.
        log (`str`): what it said.
        is_over (`bool`): whether it ended well all the same. Then all must be there, but for checkpoints that it said
            could not be written.
        may_add (`bool`): whether it may leave a checkpoint of a step at which it writes none undisturbed.

    Returns:
        `dict[str, list[str]]`.
    """
    not_written = set(NOT_WRITTEN.findall(log)) - between.results.keys()
    if is_over:
        return _differences(_without(before, not_written), between, may_add=may_add)
    held = _without(between, _added(before, between) if may_add else set()).results
    # What comes at the last step that was logged, or later, was perhaps about to be written.
    due = {name for name, step in _steps_of(before.results).items() if step < between.step}
    half = [name for name in held if before.results.get(name) != held[name]]
    return _only({HALF: half, LOST: due - between.results.keys() - not_written})


def goes_on(codes: list[int | str], before: Seen, between: Seen, *, keeps_result: bool) -> bool:
    """Whether a job that was given again ended as it should.

    Args:
        codes (`list[int | str]`): its exit statuses.
        before (`Seen`): what it leaves undisturbed.
        between (`Seen`): what it left when it was disturbed.
        keeps_result (`bool`): whether it refuses a place that has its result, which a kill at the very end leaves.

    Returns:
        `bool`.
    """
    return not any(codes) or (keeps_result and codes == [1] and between.results == before.results)


def of_resumed(before: Seen, between: Seen, after: Seen, log: str, *, may_add: bool) -> Faults:
    """What is wrong with what a job leaves that was given again.

    Args:
        before (`Seen`): what it leaves undisturbed.
        between (`Seen`): what it left when it was disturbed.
        after (`Seen`): what it left then.
        log (`str`): what it said the second time.
        may_add (`bool`): as `of_stopped` has it.

    Returns:
        `dict[str, list[str]]`.
    """
    newest = max(_steps_of(between.results).values(), default=0)
    lost = [] if resumed_at(log) == newest else [f"from {resumed_at(log)} on, not from {newest}"]
    again = [name for name, stamp in between.stamps.items() if after.stamps.get(name) != stamp]
    return _differences(before, after, may_add=may_add) | _only({LOST: lost, AGAIN: again})


def verdict_of(found: Faults, *, is_struck: bool) -> str:
    """What is written down of an attempt, in which a job may have ended before anything disturbed it."""
    return ", ".join(found) or ("held" if is_struck else DID_NOT_STRIKE)


def resumed_at(log: str) -> int:
    """The step from which a run says that it goes on; 0 for a fresh start."""
    found = GOES_ON.search(log)
    return 0 if found is None else int(found[1])


def last_step(folder: Path) -> int:
    """The last step that was logged; 0 if none was."""
    file = folder / "metrics.jsonl"
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    return max((json.loads(line)["step"] for line in lines if line.endswith("}")), default=0)


def all_names(folder: Path) -> frozenset[str]:
    """All files, but for locks and what carries a process's number in its name."""
    names = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    return frozenset(name for name in names if not name.endswith(".lock") and "/.seconds-" not in f"/{name}")


def _differences(before: Seen, found: Seen, *, may_add: bool) -> Faults:
    found = _without(found, _added(before, found) if may_add else set())
    names = before.results.keys() | found.results.keys()
    return _only(
        {
            OTHER: [name for name in names if before.results.get(name) != found.results.get(name)],
            MISSING: before.names - found.names,
            STRAY: found.names - before.names,
        }
    )


def _added(before: Seen, found: Seen) -> set[str]:
    return _steps_of(found.results).keys() - before.results.keys()


def _steps_of(results: Results) -> dict[str, int]:
    """Of each checkpoint among them."""
    return {name: step_of(Path(name)) for name in results if CHECKPOINT_NAME.fullmatch(name)}


def _without(seen: Seen, folders: set[str]) -> Seen:
    results = {name: held for name, held in seen.results.items() if name not in folders}
    names = frozenset(name for name in seen.names if Path(name).parts[0] not in folders)
    return replace(seen, results=results, names=names)


def _only(faults: Mapping[str, Iterable[str]]) -> Faults:
    return {fault: sorted(names) for fault, names in faults.items() if names}
