# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The checkpoints in the folder of a run."""

import re
from pathlib import Path


CHECKPOINT_NAME = re.compile(r"checkpoint-(\d{6,})")


def complete_checkpoints(output_dir: Path) -> list[Path]:
    """The complete checkpoints of a run, the oldest first."""
    found = [path for path in Path(output_dir).glob("checkpoint-*") if CHECKPOINT_NAME.fullmatch(path.name)]
    return sorted(found, key=lambda path: int(path.name.split("-")[1]))


def newest_checkpoint(output_dir: Path) -> Path | None:
    """The complete checkpoint with the most steps, or None."""
    return next(reversed(complete_checkpoints(output_dir)), None)
