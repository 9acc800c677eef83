# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""All that a GPU is needed for, in one command that goes on where it was cut off.

    python benchmarks/gpu.py --output results
    python benchmarks/gpu.py --output results --device cpu --size toy      # a dry run

First the tests that need a GPU, then rates of the device, sampling of images and videos, training steps by backend of
attention, and the codec. Each result is written to `gpu.json` as it comes. The command ends within `--minutes`; with
status 75 if there is more to do: then call it again.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path


if not __package__:  # started as a file, which finds its own folder first
    sys.path[0] = str(Path(__file__).parents[1])

from benchmarks.card.card_cases import SIZES, Card
from benchmarks.card.gpu_tests import units_of_tests
from benchmarks.card.measured_units import Unit, run_units
from benchmarks.measuring.devices import DEVICES, describe
from nuwa_hf.nearby_attention import NEARBY_ATTENTION_BACKENDS


PARTS = ("tests", "rates", "sampling", "training", "codec")
SLOW_BACKENDS = ("reference",)  # not made to be trained with
SECONDS = 25.0  # of a unit, with the making of its model


def units_of(part: str, card: Card) -> list[Unit]:
    """The units of one part.

    Args:
        part (`str`): one of `PARTS`.
        card (`Card`): the device and its model.

    Returns:
        `list[Unit]`: in order.
    """
    size = card.size
    if part == "tests":
        return units_of_tests()
    if part == "rates":
        return [Unit("rates", SECONDS, lambda left: card.rates())]
    if part == "sampling":
        cases = [(o, b, g) for b in size.batch_sizes for o in ("image", "video") for g in (False, True)]
        return [
            Unit(
                f"sampling {output} {batch_size}{' guided' if is_guided else ''}",
                SECONDS,
                lambda left, case=(output, batch_size, is_guided): card.sample(*case),
            )
            for output, batch_size, is_guided in cases
        ]
    if part == "training":
        backends = [backend for backend in NEARBY_ATTENTION_BACKENDS if backend not in SLOW_BACKENDS]
        return [Unit(f"training {name}", SECONDS, lambda left, name=name: card.train(name)) for name in backends]
    return [
        Unit(f"codec {direction} {batch_size}", SECONDS, lambda left, case=(direction, batch_size): card.code(*case))
        for direction in ("encode", "decode")
        for batch_size in size.batch_sizes
    ]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tests, measure, and write `gpu.json`.

    Args:
        argv (`Sequence[str]`, *optional*): the arguments; by default those of the process.

    Returns:
        `int`: 0, or 75 if there is more to do.

    Raises:
        ValueError: If torch does not see the device, or the folder holds results of another one.
    """
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="folder of gpu.json")
    parser.add_argument("--device", choices=DEVICES, default="cuda", help="cuda (default) or cpu")
    parser.add_argument("--size", choices=SIZES, default="nuwa-336", help="of the models (default: nuwa-336)")
    parser.add_argument("--parts", nargs="+", choices=PARTS, help="default: all, on a CPU all but the tests")
    parser.add_argument("--minutes", type=float, default=8.5, help="after which nothing starts (default: 8.5)")
    arguments = parser.parse_args(argv)
    machine = describe(arguments.device)
    machine.pop("load")  # another at every call
    card = Card(SIZES[arguments.size], arguments.device)
    parts = arguments.parts or (PARTS if arguments.device == "cuda" else PARTS[1:])
    arguments.output.mkdir(parents=True, exist_ok=True)
    units = []
    for part in parts:
        units += units_of(part, card)
    header = {"machine": machine, "size": arguments.size}
    remaining = run_units(units, arguments.output / "gpu.json", header, 60 * arguments.minutes)
    print(f"to be done: {', '.join(remaining) or 'nothing'}")
    return os.EX_TEMPFAIL if remaining else 0


if __name__ == "__main__":
    sys.exit(main())
