# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Run one of the ablations: train every variant with every seed, score them, write the result.

    python -m benchmarks.ablations.run --config benchmarks/ablations/configs/attention.yaml --work_dir runs/ablations \
        --output benchmarks/results

Whatever is in `--work_dir` already is not made again, so the command can be stopped and given again at any time, and
ablations share the runs that they have in common. It needs `pip install -e ".[benchmarks,eval]"`.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.ablations.settings import Run, read_runs
from benchmarks.ablations.train_run import train_run
from benchmarks.measuring.machine import describe_machine
from nuwa_hf.media import written_aside


def run_ablation(runs: Sequence[Run], work_dir: Path) -> dict[str, Any]:
    """Train and score whatever is missing.

    Args:
        runs (`Sequence[Run]`): at least one.
        work_dir (`Path`): where everything is kept, for all ablations.

    Returns:
        `dict[str, Any]`: `machine`, `settings` (of the first run), `real` (what the metrics say of real clips) and
        `runs`: the variant, the seed and the scores of each.

    Raises:
        ValueError: If a library is missing.
    """
    from benchmarks.ablations.score_run import Scorer, check_metrics  # what only trains needs no evaluation

    check_metrics(runs)
    machine, scorer, rows = describe_machine(), Scorer(work_dir), []
    for run in runs:
        trained = train_run(run, work_dir)
        rows.append({"variant": run.variant, "seed": run.seed, **scorer.score(run, trained)})
    return {
        "machine": machine,
        "settings": runs[0].settings,
        "real": scorer.real(runs[0], trained.data),
        "runs": rows,
    }


def check_nothing_is_lost(path: Path, runs: Sequence[Run]) -> None:
    """Refuse to replace a result that has other runs.

    Args:
        path (`Path`): of the result.
        runs (`Sequence[Run]`): those that it will have.

    Raises:
        ValueError: If it has others now.
    """
    before = json.loads(path.read_text(encoding="utf-8"))["runs"] if path.exists() else []
    lost = {(row["variant"], row["seed"]) for row in before} - {(run.variant, run.seed) for run in runs}
    if lost:
        variant, seed = min(lost)
        raise ValueError(
            f"`--output` must hold no run that is not asked for and would be lost, got {variant!r} with seed {seed} "
            f"in {path}; leave out `--variants` and `--seeds`, or choose another folder."
        )


def main(argv: Sequence[str] | None = None) -> None:
    """Train and score.

    Args:
        argv (`Sequence[str]`, *optional*): the arguments; by default those of the process.

    Raises:
        ValueError: If runs would be lost, or a library is missing.
    """
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", type=Path, required=True, metavar="FILE", help="the ablation's YAML file")
    parser.add_argument("--work_dir", type=Path, required=True, metavar="DIR", help="data, codecs, transformers")
    parser.add_argument("--output", type=Path, metavar="DIR", help="folder of the JSON file; without it, only train")
    parser.add_argument("--variants", nargs="+", help="only these")
    parser.add_argument("--seeds", nargs="+", type=int, help="only these")
    arguments = parser.parse_args(argv)
    runs = [
        run
        for run in read_runs(arguments.config)
        if (arguments.variants is None or run.variant in arguments.variants)
        and (arguments.seeds is None or run.seed in arguments.seeds)
    ]
    if not runs:
        parser.error("`--variants` and `--seeds` must leave a run, got none; take names and seeds from the file.")
    if arguments.output is None:
        for run in runs:
            print(f"{run.variant}, seed {run.seed}: {run.transformer_name()}", flush=True)
            train_run(run, arguments.work_dir)
        return
    path = arguments.output / f"ablation_{arguments.config.stem}.json"
    check_nothing_is_lost(path, runs)
    result = run_ablation(runs, arguments.work_dir)
    arguments.output.mkdir(parents=True, exist_ok=True)
    with written_aside(path) as aside:
        aside.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(path)


if __name__ == "__main__":
    main()
