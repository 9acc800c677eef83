# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Numbers, grids, machines and rows in the words of docs/benchmarks.md."""

from collections.abc import Sequence
from typing import Any


MIB = 2**20


def table(header: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """A table in Markdown."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(str(cell) for cell in line)} |" for line in lines)


def machine(description: dict[str, Any]) -> str:
    """A sentence on what `describe_machine` gave."""
    return f"Machine: {which_machine(description)}; load before the run {description['load']:.1f}."


def which_machine(description: dict[str, Any]) -> str:
    """What `describe_machine` gave, without the load: numbers are comparable where these words are the same."""
    device = description.get("device", "cpu")
    return (
        f"{device + '; ' if device != 'cpu' else ''}{description['cpu']}; cores: {description['cores']}, "
        f"threads: {description['threads']}; {description['memory_bytes'] / 2**30:.0f} GiB memory, "
        f"{description['system']}, Python {description['python']}, torch {description['torch']}"
    )


def grid(extents: Sequence[int]) -> str:
    """`T x H x W`."""
    return " x ".join(str(extent) for extent in extents)


def seconds(value: float) -> str:
    """A time in milliseconds, seconds or minutes."""
    if value >= 600:
        return f"{value / 60:.0f} min"
    return f"{1000 * value:.0f} ms" if value < 1 else f"{value:.1f} s" if value >= 10 else f"{value:.2f} s"


def memory(value: float) -> str:
    """Bytes in MiB."""
    return f"{value / MIB:,.0f} MiB"
