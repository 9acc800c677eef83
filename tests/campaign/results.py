# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""What of a job's folder counts as a result: by its name the digest of all that it holds.

A result that must be whole, such as a pipeline or a checkpoint, is one item: half of it has another digest.
"""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

from local_hub import LocalHub

from nuwa_hf.training.run.run_checkpoints import complete_checkpoints


Results = dict[str, str]


def digest(data: bytes) -> str:
    """A short digest."""
    return hashlib.sha256(data).hexdigest()[:16]


def files(folder: Path, pattern: str) -> Results:
    """The files of a folder that have a name of that form, each for itself; those that begin with a dot are none."""
    return {
        str(path.relative_to(folder)): digest(path.read_bytes())
        for path in sorted(folder.glob(pattern))
        if path.is_file() and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    }


def whole(folder: Path) -> str:
    """The digest of all files of a folder together."""
    held = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    return of_all(held)


def of_all(held: dict[str, bytes]) -> str:
    """The digest of files together, by their names."""
    return digest(json.dumps({name: digest(held[name]) for name in sorted(held)}).encode())


def of_training(folder: Path) -> Results:
    """Checkpoints, the finished model, and the sheets of samples."""
    finished = [folder / name for name in ("pipeline", "vqgan") if (folder / name).is_dir()]
    return {one.name: whole(one) for one in (*complete_checkpoints(folder), *finished)} | files(folder, "samples/*")


def of_conversion(folder: Path) -> Results:
    """The converted codec."""
    return {"vqgan": whole(folder / "vqgan")} if (folder / "vqgan").is_dir() else {}


def of_evaluation(folder: Path) -> Results:
    """The samples that are there, and the scores, once they are complete, without the seconds that they took."""
    found = files(folder, "samples/**/*")
    path = folder / "scores.json"
    if not path.exists():
        return found
    report = _read(path)
    if report is None:
        return found | {"scores": digest(path.read_bytes())}  # no report is half written
    text = json.dumps(_without_seconds(report), sort_keys=True)
    return found | {"scores": digest(text.encode())} if report.get("complete", True) else found


def of_images(folder: Path) -> Results:
    """Images, what they were made with, and the file that makes the folder a data set."""
    return files(folder, "*")


def of_tokens(folder: Path) -> Results:
    """Token files, and what is said about all of them once they are there."""
    found = files(folder, "*")
    report = _read(folder / "token_files.json") if "token_files.json" in found else None
    if report is not None and report.get("num_shards", 0) is None:  # begun, which no training takes
        del found["token_files.json"]
    return found


def of_repository(hub: LocalHub) -> Callable[[Path], Results]:
    """What the newest commit of the repository that is called like the output folder holds."""

    def results(folder: Path) -> Results:
        repository = hub.repositories.get(f"tester/{folder.name}")
        commit = None if repository is None else repository.commit("main")
        held = {} if commit is None else {name: data for name, (data, _) in commit.files.items()}
        held.pop(".gitattributes", None)  # which the Hub itself writes into a new repository
        return {"commit": of_all(held)} if held else {}

    return results


def _read(path: Path) -> dict | None:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _without_seconds(value: object) -> object:
    if isinstance(value, dict):
        return {name: _without_seconds(one) for name, one in value.items() if "seconds" not in name}
    return [_without_seconds(one) for one in value] if isinstance(value, list) else value
