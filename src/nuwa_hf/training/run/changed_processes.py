# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""What differs for a run that goes on with another number of processes, or another batch."""

from pathlib import Path

from nuwa_hf.training.run.run_arguments import RunArguments
from nuwa_hf.training.run.saved_arguments import read_arguments


def written_by(checkpoint: Path) -> int:
    """The number of processes that wrote a checkpoint."""
    return len(list(checkpoint.glob("random_states_*.pkl")))


def what_changed(
    checkpoint: Path, arguments: RunArguments, processes: int, *, samples_before: int, samples_now: int
) -> list[str]:
    """The changes and their consequences, in words.

    Args:
        checkpoint (`Path`): what was resumed.
        arguments (`RunArguments`): of the run now.
        processes (`int`): of the run now.
        samples_before (`int`): of a step, when the checkpoint was written.
        samples_now (`int`): of a step now.

    Returns:
        `list[str]`: nothing if the run goes on exactly as it would have.
    """
    changes = []
    if written_by(checkpoint) != processes:
        changes.append(
            f"it was written by {written_by(checkpoint)} processes and goes on with {processes}, whose random states "
            "(those of dropout) start anew"
        )
    if samples_now != samples_before:
        changes.append(f"a step had {samples_before} samples and has {samples_now} now, so the data's order changes")
    elif changes:
        changes.append(f"a step has {samples_now} samples as before, so the data's order stays")
    saved = read_arguments(checkpoint)
    rows = arguments.train_batch_size * processes
    size = None if saved is None else saved.get("train_batch_size")
    rows_before = size * written_by(checkpoint) if isinstance(size, int) else None
    if samples_now == samples_before and rows_before not in (None, rows):
        changes.append(
            f"a pass over all processes had {rows_before} rows and has {rows} now, so a step's samples are dealt out "
            "in other batches"
        )
    return changes
