# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""How long a user waits: the command from its start to its files, and the parts of that in Python.

    python -m benchmarks.pipeline.start_up --output benchmarks/results

Every repetition is a fresh process. The first one is not counted, so the files lie in the system's cache.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from benchmarks.measuring.machine import describe_machine, in_bytes, summarize, time_interleaved
from benchmarks.report.report import write_result


PROMPT = "a red apple rolls to the left on the grass"
PROBE = Path(__file__).with_name("start_up_probe.py")
# What the probe does once, in its order.
PARTS = ("import_torch", "import", "pipeline_class", "load", "first_video")
# What the installed `nuwa-hf` runs.
COMMAND = ("-c", "import sys; from nuwa_hf.cli import main; sys.exit(main())")


def run_process(arguments: Sequence[str], folder: Path) -> tuple[float, int, str]:
    """Run Python in a fresh process.

    Args:
        arguments (`Sequence[str]`): of the interpreter.
        folder (`Path`): working directory.

    Returns:
        `tuple[float, int, str]`: seconds from start to exit, peak memory in bytes, what it printed.

    Raises:
        RuntimeError: If it fails.
    """
    # Files and not pipes: `wait4` alone tells the memory of one process, and nobody would empty the pipes meanwhile.
    with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as errors:
        start = time.perf_counter()
        process = subprocess.Popen([sys.executable, *arguments], cwd=folder, stdout=output, stderr=errors)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        errors.seek(0)
        if process.returncode:
            last = [line for line in errors.read().splitlines() if line.strip()][-1:]
            raise RuntimeError(f"The process ended with status {process.returncode}: {''.join(last)}")
        return seconds, in_bytes(usage.ru_maxrss), output.read()


def measure(checkpoint: str | None, repetitions: int) -> dict[str, Any]:
    """Run command and probe in turn.

    Args:
        checkpoint (`str`, *optional*): a pipeline's folder; the embedded one if not given.
        repetitions (`int`): counted processes of each.

    Returns:
        `dict`: `seconds`, `peak_memory` and what the probe says about the checkpoint.

    Raises:
        RuntimeError: If a process fails.
    """
    given = [] if checkpoint is None else ["--checkpoint", checkpoint]
    probes, peaks = [], {"command": [], "process": []}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)

        def run_command() -> float:
            words = [*COMMAND, "text-to-video", PROMPT, "--output", "clip", "--seed", "0", "--device", "cpu", *given]
            seconds, peak, _ = run_process(words, folder)
            for path in (folder / "clip.gif", folder / "clip.mp4"):
                path.unlink()  # fails if it was not written
            peaks["command"].append(peak)
            return seconds

        def run_probe() -> float:
            seconds, peak, printed = run_process([str(PROBE), PROMPT, *given[1:]], folder)
            probes.append(json.loads(printed.splitlines()[-1]))
            peaks["process"].append(peak)
            return seconds

        seconds = time_interleaved({"command": run_command, "process": run_probe}, repetitions, "processes")
    counted = probes[1:]
    spans = {name: [probe[name] for probe in counted] for name in PARTS}
    spans["next_video"] = [span for probe in counted for span in probe["next_video"]]
    spans["command"] = seconds["command"]
    return {
        "seconds": {name: summarize(values) for name, values in spans.items()},
        "peak_memory": {name: max(values[1:]) for name, values in peaks.items()},
        "checkpoint": {name: probes[0][name] for name in ("parameters", "grid", "steps", "guidance_scale")},
    }


def main(argv: Sequence[str] | None = None) -> None:
    """Measure, print the table and write `start_up.json`.

    Args:
        argv (`Sequence[str]`, *optional*): the arguments; by default those of the process.

    Raises:
        RuntimeError: If a process fails, for example because the checkpoint is not there.
        ValueError: If an argument breaks its rule.
    """
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="folder of the JSON file")
    parser.add_argument("--checkpoint", type=Path, metavar="DIR", help="a pipeline's folder (default: embedded)")
    parser.add_argument("--repetitions", type=int, default=5, help="counted processes of each kind (default: 5)")
    arguments = parser.parse_args(argv)

    load = os.getloadavg()[0]
    embedded = Path(find_spec("nuwa_hf").origin).parent / "checkpoints" / "emoji-motion"
    folder = (arguments.checkpoint or embedded).resolve()
    measured = measure(None if arguments.checkpoint is None else str(folder), arguments.repetitions)
    settings = {
        "checkpoint": "embedded" if arguments.checkpoint is None else folder.name,
        "checkpoint_bytes": sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()),
        "prompt": PROMPT,
        "repetitions": arguments.repetitions,
        **measured.pop("checkpoint"),
    }
    # Described last, because that imports torch, which would count as the processes' memory.
    machine = describe_machine() | {"load": load}
    write_result("start_up", {"machine": machine, "settings": settings, **measured}, arguments.output)


if __name__ == "__main__":
    main()
