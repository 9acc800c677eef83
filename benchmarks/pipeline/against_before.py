# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""This checkout against another one of the project: seconds of the same calls, in turns.

    git worktree add ../before COMMIT
    python -m benchmarks.pipeline.against_before --before ../before/src --output benchmarks/results

The embedded checkpoint makes a video, from text to pixels; a model of the paper's size with random weights makes the
tokens of an image and of a video in several precisions. Each version runs in a process of its own. The two take turns,
so that other load on the machine affects both alike, and what counts is the ratio within a turn.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.measuring.machine import describe_machine, paired_ratio, summarize, time_interleaved
from benchmarks.report.report import write_result


ROOT = Path(__file__).parents[2]
EMBEDDED = "embedded video"
PRECISIONS = ("float32", "bfloat16", "int8")
SIZES = {"image": (1, 21, 21), "video": (10, 21, 21)}
CASES = (EMBEDDED, *(f"nuwa-336 {output}, {precision}" for precision in PRECISIONS for output in SIZES))
TEXT_LENGTH = 20


def build_call(case: str, weights: Path) -> Callable[[], Any]:
    """What a case calls. Only names that old versions have too are used.

    Args:
        case (`str`): one of `CASES`.
        weights (`Path`): a folder with a transformer of the paper's size.

    Returns:
        `Callable`: makes one output.
    """
    import torch

    from nuwa_hf import DEMO_CHECKPOINT, NuwaForConditionalGeneration, NuwaInt8Config, NuwaTextToVideoPipeline

    if case == EMBEDDED:
        pipeline = NuwaTextToVideoPipeline.from_pretrained(DEMO_CHECKPOINT)
        pipeline.set_progress_bar_config(disable=True)
        return lambda: pipeline("a rocket flies upwards over the sea", generator=torch.Generator().manual_seed(0))
    output, precision = case.removeprefix("nuwa-336 ").split(", ")
    how = {"quantization_config": NuwaInt8Config()} if precision == "int8" else {}
    dtype = torch.bfloat16 if precision == "bfloat16" else torch.float32
    model = NuwaForConditionalGeneration.from_pretrained(weights, dtype=dtype, **how)
    text = torch.randint(5, 1000, (1, TEXT_LENGTH), generator=torch.Generator().manual_seed(1))
    return lambda: model.generate(text, grid=SIZES[output], generator=torch.Generator().manual_seed(0))


class Version:
    """A process that times a case with one version of the package.

    Args:
        source (`Path`): the folder that holds `nuwa_hf`.
        case (`str`): one of `CASES`.
        weights (`Path`): as for `build_call`.
    """

    def __init__(self, source: Path, case: str, weights: Path):
        paths = os.pathsep.join(map(str, (source.resolve(), ROOT)))
        self.process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.pipeline.against_before", "--serve", case, "--weights", str(weights)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": paths},
        )

    def __call__(self) -> float:
        """Seconds of one call.

        Raises:
            RuntimeError: If the process has ended.
        """
        try:
            print(file=self.process.stdin, flush=True)
            return float(self.process.stdout.readline())
        except (BrokenPipeError, ValueError) as error:
            raise RuntimeError("A version under test has ended; its own message is above.") from error

    def end(self) -> None:
        """End the process."""
        self.process.stdin.close()
        self.process.wait()


def serve(case: str, weights: Path) -> None:
    """Answer every line of the input with the seconds of one call."""
    import torch

    from benchmarks.measuring.machine import timed

    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever else is printed
    with torch.no_grad():
        run = timed(build_call(case, weights))
        for _ in sys.stdin:
            print(run(), file=answers, flush=True)


def measure(
    before: Path, after: Path, cases: Sequence[str], repetitions: dict[str, int], weights: Path
) -> list[dict[str, Any]]:
    """Time cases with both versions.

    Args:
        before (`Path`): the folder that holds the other `nuwa_hf`.
        after (`Path`): the folder that holds this one.
        cases (`Sequence[str]`): of `CASES`.
        repetitions (`dict[str, int]`): counted turns of each case.
        weights (`Path`): as for `build_call`.

    Returns:
        `list[dict]`: for each case `before`, `after` and `ratio`, the median of after / before within a turn.
    """
    rows = []
    for case in cases:
        versions = {"before": Version(before, case, weights), "after": Version(after, case, weights)}
        try:
            seconds = time_interleaved(versions, repetitions[case], case)
        finally:
            for version in versions.values():
                version.end()
        rows.append(
            {
                "case": case,
                **{name: summarize(values) for name, values in seconds.items()},
                "ratio": paired_ratio(seconds["after"], seconds["before"]),
            }
        )
    return rows


def save_random_weights(folder: Path) -> None:
    """Save a transformer of the paper's size with random weights, 3.9 GB."""
    import torch

    from nuwa_hf import NuwaConfig, NuwaForConditionalGeneration

    torch.manual_seed(0)
    NuwaForConditionalGeneration(NuwaConfig()).save_pretrained(folder)


def main(argv: Sequence[str] | None = None) -> None:
    """Run the benchmark from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--before", type=Path, help="the folder src of the other checkout")
    parser.add_argument("--cases", nargs="+", choices=CASES, default=CASES, metavar="CASE")
    parser.add_argument("--weights", type=Path, help="a saved transformer of the paper's size; made when not given")
    parser.add_argument(
        "--repetitions", type=int, default=3, help="turns of a case; the embedded video has ten times so many"
    )
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results"))
    parser.add_argument("--serve", choices=CASES, help=argparse.SUPPRESS)
    arguments = parser.parse_args(argv)
    if arguments.serve:
        serve(arguments.serve, arguments.weights)
        return
    if arguments.before is None or not (arguments.before / "nuwa_hf").is_dir():
        parser.error(f"`--before` must be a folder that holds `nuwa_hf`, got {arguments.before}.")
    machine = describe_machine()
    repetitions = {case: arguments.repetitions * (10 if case == EMBEDDED else 1) for case in arguments.cases}
    with tempfile.TemporaryDirectory() as work:
        weights = arguments.weights or Path(work)
        if arguments.weights is None and any(case != EMBEDDED for case in arguments.cases):
            save_random_weights(weights)
        rows = measure(arguments.before, ROOT / "src", arguments.cases, repetitions, weights)
    result = {"machine": machine, "settings": {"repetitions": arguments.repetitions}, "rows": rows}
    write_result("against_before", result, arguments.output)


if __name__ == "__main__":
    main()
