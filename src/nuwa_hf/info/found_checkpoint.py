# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""A checkpoint by its name, with everything but its weights on this machine."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from huggingface_hub import get_cached_repo_tree
from huggingface_hub.errors import CachedRepoTreeNotFoundError

from nuwa_hf.storage.find_checkpoint import EMBEDDED, download_files, find_checkpoint
from nuwa_hf.storage.folder_contents import MARKER_FILES, Kind, checkpoint_kind, files_in
from nuwa_hf.storage.hub_errors import hub_reason
from nuwa_hf.storage.local_checkpoint import INDEX_FILE, is_local_path, read_json


# An adapter's weights are small, and alone say how many there are.
WITHOUT_WEIGHTS = ("*.json", "*.md", "*.txt", "adapter_model.safetensors")
WEIGHTS = (".safetensors", ".bin")
PARTS = {"transformer", "vqgan", "tokenizer"}  # that each of our pipelines has


@dataclass(frozen=True)
class FoundCheckpoint:
    """Where a checkpoint is.

    Args:
        name (`str`): as the user named it.
        where (`str`): `"embedded"`, `"folder"` or `"hub"`.
        folder (`Path`): its files on this machine; of one on the Hub all but its weights.
        kind (`str`): what `checkpoint_kind` calls it.
        sizes (`dict[str, int]`): path in it to bytes; none where it is not known.
    """

    name: str
    where: Literal["embedded", "folder", "hub"]
    folder: Path
    kind: Kind
    sizes: dict[str, int]

    def weight_bytes(self, part: str = "") -> int | None:
        """The bytes of the weights of a part, or of the whole checkpoint.

        Args:
            part (`str`, defaults to `""`): a folder in it.

        Returns:
            `int`, or None where they are not known.
        """
        start = f"{part}/" if part else ""
        found = [size for path, size in self.sizes.items() if path.startswith(start) and path.endswith(WEIGHTS)]
        return sum(found) if found else None


def find(name: str) -> FoundCheckpoint:
    """Find a checkpoint; one on the Hub is downloaded without its weights.

    Args:
        name (`str`): a folder, a Hub id, or `"embedded"`.

    Returns:
        `FoundCheckpoint`.

    Raises:
        ValueError: If a folder holds no checkpoint.
        OSError: If it is incomplete, or the Hub has none of this name or cannot be reached.
    """
    found = find_checkpoint(name)
    if is_local_path(found):
        folder = Path(found).expanduser()
        _refuse_folder_of_a_run(folder)
        _refuse_another_pipeline(folder, name)
        kind = checkpoint_kind(folder)
        sizes = {name: (folder / name).stat().st_size for name in files_in(folder)}
        return FoundCheckpoint(name, "embedded" if name == EMBEDDED else "folder", folder, kind, sizes)
    try:
        patterns = [*WITHOUT_WEIGHTS, *(f"**/{pattern}" for pattern in WITHOUT_WEIGHTS)]
        folder = download_files(found, patterns)
    except (OSError, ValueError) as error:
        raise OSError(
            f"No checkpoint: {name!r} is no folder here, and nothing on the Hub: {hub_reason(error) or error}"
        ) from error
    kind = next((kind for kind, marker in MARKER_FILES.items() if (folder / marker).is_file()), None)
    if kind is None:
        raise ValueError(f"`checkpoint` must hold a checkpoint, got {name!r} on the Hub, which has none of its files.")
    _refuse_another_pipeline(folder, name)
    return FoundCheckpoint(name, "hub", folder, kind, _sizes_on_hub(found))


def _refuse_folder_of_a_run(folder: Path) -> None:
    markers = {"pipeline": INDEX_FILE, "vqgan": MARKER_FILES["model"]}
    for part, marker in markers.items():
        if (folder / part / marker).is_file() and not any((folder / name).is_file() for name in MARKER_FILES.values()):
            raise ValueError(
                f"`checkpoint` must be what a run made, got the folder of the run, {str(folder)!r}; give "
                f"{str(folder / part)!r}."
            )


def _refuse_another_pipeline(folder: Path, name: str) -> None:
    """Its files have other names, so that it would be called incomplete."""
    if not (folder / INDEX_FILE).is_file():
        return
    index = read_json(folder / INDEX_FILE)
    parts = sorted(part for part, value in index.items() if isinstance(value, list) and not part.startswith("_"))
    if not PARTS.issubset(parts):
        raise ValueError(
            f"`checkpoint` must be a pipeline of nuwa_hf, with {', '.join(sorted(PARTS))}, got {name!r}, a "
            f"{index.get('_class_name')} with {', '.join(parts) or 'no parts'}; give another, or one of its parts."
        )


def _sizes_on_hub(repo_id: str) -> dict[str, int]:
    """Of all files, as the Hub listed them when some were downloaded."""
    try:
        return {file.path: file.size for file in get_cached_repo_tree(repo_id)}
    except CachedRepoTreeNotFoundError:
        return {}
