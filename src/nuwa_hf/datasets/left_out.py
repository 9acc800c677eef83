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
    """The first few files of each reason, and how many more there are.

    Args:
        left_out (`Iterable[LeftOut]`): the files.

    Returns:
        `str`: such as "a.gif, b.gif: has no row in metadata.jsonl"; the reason of most files first.
    """
    files: dict[str, list[str]] = {}
    for one in left_out:
        files.setdefault(one.reason, []).append(one.file)
    parts = []
    for reason, names in sorted(files.items(), key=lambda item: -len(item[1])):
        more = f" and {len(names) - NAMES_SHOWN} more" if len(names) > NAMES_SHOWN else ""
        parts.append(f"{', '.join(names[:NAMES_SHOWN])}{more}: {reason}")
    return "; ".join(parts)
