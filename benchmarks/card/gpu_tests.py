# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The tests that need a GPU, file by file."""

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from benchmarks.card.measured_units import Unit


ROOT = Path(__file__).parents[2]
SECONDS = 60.0  # a file takes at most about this on a GPU


def units_of_tests() -> list[Unit]:
    """One unit for each file that has tests marked `gpu`."""
    files = [path for path in sorted((ROOT / "tests").rglob("test_*.py")) if "mark.gpu" in path.read_text("utf-8")]
    names = [path.relative_to(ROOT).as_posix() for path in files]
    return [Unit(name, SECONDS, lambda left, name=name: run_file(name, left)) for name in names]


def run_file(name: str, seconds: float) -> dict[str, Any]:
    """Run the tests of a file that are marked `gpu`.

    Args:
        name (`str`): the file, relative to the repository.
        seconds (`float`): how long they may take.

    Returns:
        `dict`: `passed`, `skipped`, and `failed`, which is empty.

    Raises:
        RuntimeError: If one fails, they take longer, or none ran.
    """
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        command = [sys.executable, "-m", "pytest", "-q", "-m", "gpu", f"--junitxml={report}", name]
        try:
            done = subprocess.run(command, cwd=ROOT, timeout=seconds, capture_output=True, text=True, check=False)
        except subprocess.TimeoutExpired as error:
            raise RuntimeError(f"its tests took more than the {seconds:.0f} s that were left.") from error
        if not report.exists():
            raise RuntimeError(f"pytest ended with status {done.returncode}: {done.stdout[-300:]}{done.stderr[-300:]}")
        found = read_report(report)
    if found["failed"]:  # so that the next call runs them again
        messages = "; ".join(f"{test}: {message}" for test, message in found["failed"].items())
        raise RuntimeError(f"{len(found['failed'])} failed, {found['passed']} passed: {messages}")
    return found


def read_report(path: Path) -> dict[str, Any]:
    """What a JUnit report says: `passed`, `skipped`, and `failed` with the first line of each message.

    Raises:
        RuntimeError: If it has no test.
    """
    passed, skipped, failed = 0, 0, {}
    for case in ElementTree.parse(path).getroot().iter("testcase"):
        wrong = case.find("failure") if case.find("failure") is not None else case.find("error")
        if wrong is not None:
            failed[case.get("name")] = (wrong.get("message") or "").split("\n")[0]
        elif case.find("skipped") is not None:
            skipped += 1
        else:
            passed += 1
    if not passed + skipped + len(failed):
        raise RuntimeError("no test of this file ran.")
    return {"passed": passed, "skipped": skipped, "failed": failed}
