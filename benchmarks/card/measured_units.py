# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Units of work whose results are written one by one, so that a measurement that was cut off goes on where it was."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple


class Unit(NamedTuple):
    """A piece of a measurement.

    Args:
        name (`str`): unlike any other's.
        seconds (`float`): how long it may take, generously; it does not start with less time left.
        run (`Callable`): `run(seconds_left)` measures and returns what JSON can hold.
    """

    name: str
    seconds: float
    run: Callable[[float], Any]


def run_units(units: list[Unit], path: Path, header: dict[str, Any], seconds: float) -> list[str]:
    """Run the units that a file does not hold yet, and write each result as it comes.

    A unit that fails is written as an error and not held against the others; the next run tries it again.

    Args:
        units (`list[Unit]`): in order.
        path (`Path`): a JSON file, made if it is not there.
        header (`dict`): what the results depend on. Results with another header are refused.
        seconds (`float`): how long all units may take together in this run.

    Returns:
        `list[str]`: units that are still to be run, or run again.

    Raises:
        ValueError: If the file holds results with another header.
    """
    found = {"header": header, "results": {}, "errors": {}}
    if path.exists():
        found = json.loads(path.read_text(encoding="utf-8"))
        if found["header"] != json.loads(json.dumps(header)):
            raise ValueError(
                f"`--output` must hold results of this machine and these sizes, but {path} has {found['header']}; use "
                "another folder."
            )
    end = time.monotonic() + seconds
    for name, needed, run in units:
        left = end - time.monotonic()
        if name in found["results"] or left < needed:
            continue
        start = time.monotonic()
        try:
            result = run(left)
        except (RuntimeError, ValueError) as error:  # out of memory is a RuntimeError
            found["errors"][name] = f"{type(error).__name__}: {error}"
        else:
            found["results"][name] = {"took_seconds": time.monotonic() - start, **result}
            found["errors"].pop(name, None)
        print(f"{name}: {found['errors'].get(name) or found['results'][name]}", flush=True)
        aside = path.with_suffix(".partial")
        aside.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
        aside.replace(path)
    return [unit.name for unit in units if unit.name not in found["results"]]
