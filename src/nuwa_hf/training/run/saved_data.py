# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""What a checkpoint learnt from, and its comparison with what the run that resumes it would learn from."""

import json
from collections.abc import Mapping
from pathlib import Path

from nuwa_hf.argument_types import shown
from nuwa_hf.modeling.codec.digest import is_same_codec
from nuwa_hf.storage.local_checkpoint import read_json
from nuwa_hf.training.run.saved_arguments import OtherRunError


DATA_FILE = "data.json"
START_CODEC = "digest of the codec to start from"  # equal up to rounding, which other machines do in another way

RunData = Mapping[str, str | int | None]


def write_data(folder: Path, data: RunData) -> None:
    """Writes `data.json` into a checkpoint.

    Args:
        folder (`Path`): the checkpoint.
        data (`Mapping[str, str | int | None]`): what the run learns from: what tells it from other data, by a name
            without paths.
    """
    (folder / DATA_FILE).write_text(json.dumps(dict(data), indent=2, sort_keys=True) + "\n", encoding="utf-8")


def check_same_data(folder: Path, data: RunData) -> None:
    """Raises an error if a checkpoint learnt from other data.

    What only one of them says, or says as None, is not compared.

    Args:
        folder (`Path`): the checkpoint; one from before data was kept is accepted.
        data (`Mapping[str, str | int | None]`): of the run that resumes it, as for `write_data`.

    Raises:
        OtherRunError: If they differ; the message names all that does.
    """
    path = folder / DATA_FILE
    saved = read_json(path) if path.exists() else {}
    differing = [
        f"{name} (was {shown(saved[name])}, is {shown(value)})"
        for name, value in data.items()
        if value is not None and saved.get(name) is not None and not _is_same(name, saved[name], value)
    ]
    if differing:
        raise OtherRunError(
            f"`output_dir` must be of a run on the same data, but {folder} learnt from other data: "
            f"{', '.join(differing)}; choose another folder for a new run. Where the data is the same and was only "
            f"copied anew, write null for what differs in {path}."
        )


def _is_same(name: str, saved: object, now: str | int) -> bool:
    return saved == now or (name == START_CODEC and isinstance(saved, str) and is_same_codec(saved, now))
