# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The files of a folder that are no samples, each with the reason."""

from collections.abc import Iterable
from dataclasses import dataclass


NAMES_SHOWN = 3  # of each reason


@dataclass(frozen=True)
class LeftOut:
    """A file that becomes no sample and is part of none.

    Args:
        file (`str`): its path in the folder, or its whole path if it lies elsewhere; of a row that is no sample, the
            file of rows with the row's number.
        reason (`str`): the rest of a sentence, such as "is no picture and no clip".
    """

    file: str
    reason: str


def left_out_summary(left_out: Iterable[LeftOut]) -> str:
    """How many files there are of each reason, with the first few of them.

    Args:
        left_out (`Iterable[LeftOut]`): the files.

    Returns:
        `str`: such as "2 with no row in metadata.jsonl (a.gif, b.gif)"; reasons by falling number.
    """
    files: dict[str, list[str]] = {}
    for one in left_out:
        files.setdefault(one.reason, []).append(one.file)
    parts = []
    for reason, names in sorted(files.items(), key=lambda item: -len(item[1])):
        shown = ", ".join(names[:NAMES_SHOWN]) + (", ..." if len(names) > NAMES_SHOWN else "")
        parts.append(f"{len(names)}: {reason} ({shown})")
    return "; ".join(parts)
