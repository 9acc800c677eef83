# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Attempts that are written down one by one, so that a campaign that was stopped goes on."""

import json
import time
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from tqdm import tqdm


class Attempts:
    """The attempts of a campaign, as lines of JSON in one file.

    Args:
        path (`Path`): the file; what it holds is not tried again.
        seconds (`float`): how long to go on.
    """

    def __init__(self, path: Path, seconds: float):
        self.path, self.ends = path, time.monotonic() + seconds
        path.parent.mkdir(parents=True, exist_ok=True)
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        whole = text[: text.rfind("\n") + 1]  # a kill may leave part of a line
        if whole != text:
            path.write_text(whole, encoding="utf-8")
        self.rows = [json.loads(line) for line in whole.splitlines()]

    def make(self, cases: Iterable[dict[str, Any]], attempt: Callable[..., dict[str, Any]], title: str) -> None:
        """Try each case that was not tried yet, until the time is over.

        Args:
            cases (`Iterable[dict]`): what `attempt` is called with; each is tried once.
            attempt (`Callable`): returns what happened: `verdict`, "held" if all was well, and more.
            title (`str`): before the progress bar.
        """
        tried = {json.dumps(row["case"], sort_keys=True) for row in self.rows}
        for case in tqdm(list(cases), desc=title):
            if json.dumps(case, sort_keys=True) in tried:
                continue
            if time.monotonic() > self.ends:
                return
            row = {"case": case, **attempt(**case)}
            if row["verdict"] != "held":
                tqdm.write(f"{case}: {row}")
            with self.path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")
            self.rows.append(row)

    def counts(self, *names: str) -> Counter:
        """How many attempts there are of each kind and verdict.

        Args:
            names (`str`): which parts of a case make its kind.

        Returns:
            `Counter`: of tuples of these parts and the verdict.
        """
        return Counter((*(row["case"].get(name) for name in names), row["verdict"]) for row in self.rows)
