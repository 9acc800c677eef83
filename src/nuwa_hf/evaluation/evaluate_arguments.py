# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The command lines of `nuwa-hf evaluate` and `nuwa-hf compare`."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from nuwa_hf.datasets.settings import SETTINGS
from nuwa_hf.evaluation.protocols.protocol import protocol_names
from nuwa_hf.evaluation.protocols.run import SAMPLING_OPTIONS, SCORERS
from nuwa_hf.evaluation.samples.task_inputs import MASKS
from nuwa_hf.exit_status import CommandParser, add_verbose
from nuwa_hf.tasks import TASKS


EVALUATE_EXAMPLES = """examples:
  nuwa-hf evaluate --checkpoint runs/full/pipeline --dataset clips --task text-to-video \\
      --metrics frechet:efficientnet --features efficientnet --num_samples 100 --output scores.json
  nuwa-hf evaluate --checkpoint DIR --dataset bair --protocol bair-v2v --features i3d=i3d_torchscript.pt \\
      --output bair.json
"""
COMPARE_EXAMPLE = """example:
  nuwa-hf compare generated real --metrics frechet:efficientnet --features efficientnet
"""


def build_evaluate_parser() -> argparse.ArgumentParser:
    """The arguments of `nuwa-hf evaluate`."""
    parser = CommandParser(
        prog="nuwa-hf evaluate",
        description="Measure what a checkpoint generates, beside its bounds and published figures. Samples that are "
        "there already are not made again; `accelerate launch -m nuwa_hf.cli evaluate ...` uses several processes.",
        epilog=EVALUATE_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    what = parser.add_argument_group("what is measured")
    what.add_argument("--checkpoint", help="a folder, an id of the Hub, or embedded")
    what.add_argument("--vqgan", help="a codec in place of a checkpoint: only real samples through it are measured")
    what.add_argument("--task", nargs="+", metavar="TASK", help=f"{', '.join(task.name for task in TASKS)}")
    what.add_argument("--protocol", help=f"{', '.join(protocol_names())}, or a YAML file; --task picks runs of it")
    what.add_argument(
        "--metrics", nargs="+", default=[], metavar="NAME", help="columns; docs/evaluation.md lists them"
    )
    what.add_argument(
        "--num_samples",
        type=int,
        help="samples of each row, the first of the data; of a protocol's runs, at most so many",
    )
    what.add_argument("--seeds", nargs="+", type=int, default=[0], help="with several, means and intervals over them")
    what.add_argument("--require", nargs="+", default=[], metavar="METRIC=LIMIT", help="fail if the first run misses")
    _add_data_options(parser.add_argument_group("the real samples"))
    how = parser.add_argument_group("how samples are made")
    how.add_argument("--candidates", type=int, help="the best of so many candidates for each sample")
    how.add_argument("--scorer", choices=SCORERS, help="what picks it; clip needs the feature clip")
    how.add_argument("--given_frames", type=int, help="frames that videos are continued from, 1 if left out")
    how.add_argument("--mask", choices=MASKS, help="what is hidden of an image, its upper half if left out")
    for name, kind in SAMPLING_OPTIONS.items():
        how.add_argument(f"--{name}", type=kind, help="of the pipeline; its own default if left out")
    how.add_argument("--samples_dir", type=Path, help="where samples are kept; beside --output if left out")
    _add_shared_options(parser)
    return parser


def parse_evaluate_arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line of `nuwa-hf evaluate`.

    Args:
        argv (`Sequence[str]`, *optional*): arguments; those of the process if left out.

    Returns:
        `argparse.Namespace`: one attribute for each option; `require` as a `dict`.

    Raises:
        ValueError: If options do not fit together.
    """
    arguments = build_evaluate_parser().parse_args(argv)
    _check(arguments)
    arguments.require = parse_requirements(arguments.require)
    return arguments


def build_compare_parser() -> argparse.ArgumentParser:
    """The arguments of `nuwa-hf compare`."""
    parser = CommandParser(
        prog="nuwa-hf compare",
        description="Compare two folders of images or clips, whatever program made them.",
        epilog=COMPARE_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("generated", type=Path, metavar="GENERATED", help="folder of images or clips")
    parser.add_argument("real", type=Path, metavar="REAL", help="folder of real images or clips")
    parser.add_argument("--metrics", nargs="+", required=True, metavar="NAME", help="docs/evaluation.md lists them")
    parser.add_argument("--require", nargs="+", default=[], metavar="METRIC=LIMIT", help="fail if it is missed")
    for name in ("height", "width"):
        parser.add_argument(f"--{name}", type=int, help="pixels of both sets; as they are if left out")
    parser.add_argument("--num_frames", type=int, help="frames of each clip; as many as there are if left out")
    parser.add_argument("--frame_rate", type=float, help="frames a second of both sets; each frame if left out")
    _add_shared_options(parser)
    return parser


def parse_compare_arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line of `nuwa-hf compare`.

    Args:
        argv (`Sequence[str]`, *optional*): arguments; those of the process if left out.

    Returns:
        `argparse.Namespace`: one attribute for each option; `require` as a `dict`.

    Raises:
        ValueError: If a requirement cannot be read.
    """
    arguments = build_compare_parser().parse_args(argv)
    arguments.require = parse_requirements(arguments.require)
    return arguments


def parse_requirements(texts: Sequence[str]) -> dict[str, float]:
    """Read requirements such as `accuracy=0.9` or `fid=30`.

    Args:
        texts (`Sequence[str]`): each is the name of a metric, an equals sign and the value that is still good enough.

    Returns:
        `dict[str, float]`: limit by metric.

    Raises:
        ValueError: If a requirement cannot be read.
    """
    requirements = {}
    for text in texts:
        name, _, limit = text.partition("=")
        try:
            requirements[name] = float(limit)
        except ValueError as error:
            raise ValueError(
                f"`require` must be a metric and its limit, such as accuracy=0.9 or fid=30, got {text!r}."
            ) from error
    return requirements


def _add_data_options(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--dataset", help="a folder, a file of rows, an id of the Hub, emoji-motion or moving-mnist")
    group.add_argument("--split", help="which split; train of a data set, val of these two if left out")
    group.add_argument("--setting", default="small-128", choices=list(SETTINGS), help="the setting of emoji-motion")
    group.add_argument("--media_column", help="of images or clips; found if left out")
    group.add_argument("--caption_column", help="found if left out")
    group.add_argument("--label_column", help="of classes; a column of class labels or sub-folders if left out")
    group.add_argument("--sketch_column", help="of class maps; none are read if left out")
    for name in ("height", "width", "num_frames"):
        group.add_argument(f"--{name}", type=int, help="at which samples are measured; the checkpoint's if left out")
    group.add_argument("--frame_rate", type=float, help="frames a second; the checkpoint's if left out")


def _add_shared_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("features and reports")
    group.add_argument(
        "--features",
        nargs="+",
        default=[],
        metavar="KIND=PATH",
        help="networks that metrics read with: files, folders, ids of the Hub",
    )
    group.add_argument("--cache_dir", type=Path, help="where features are kept, to be shared between evaluations")
    group.add_argument("--batch_size", type=int, default=16, help="samples at once")
    group.add_argument("--output", type=Path, help="JSON report, written as it grows")
    group.add_argument("--json", action="store_true", help="print that report instead of tables")
    group.add_argument("--markdown", type=Path, help="its tables in Markdown")
    group.add_argument("--device", help="for example cpu or cuda (default: the accelerator if any, else cpu)")
    add_verbose(parser)


def _check(arguments: argparse.Namespace) -> None:
    if (arguments.checkpoint is None) == (arguments.vqgan is None):
        raise ValueError(
            "`checkpoint` must name the pipeline to measure, or `vqgan` a codec alone, got "
            f"checkpoint={arguments.checkpoint!r}, vqgan={arguments.vqgan!r}; give one of the two."
        )
