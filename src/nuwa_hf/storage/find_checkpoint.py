# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Finds a checkpoint by name: a folder, a repository on the Hub, or the embedded checkpoint."""

from pathlib import Path

from huggingface_hub import hf_hub_download, snapshot_download
from huggingface_hub.errors import EntryNotFoundError

from nuwa_hf.storage.local_checkpoint import EMPTY, INDEX_FILE, check_checkpoint_folder, is_local_path, read_json


EMBEDDED = "embedded"
EMBEDDED_FOLDER = Path(__file__).parents[1] / "checkpoints" / "emoji-motion"
CODECS = ("vqgan", "tokenizer")  # what every pipeline has beside its transformer


def find_checkpoint(name: str) -> str:
    """What `from_pretrained` needs to load a checkpoint.

    Args:
        name (`str`): a folder, a Hub id, or `"embedded"`.

    Returns:
        `str`: a folder or a Hub id.
    """
    return str(EMBEDDED_FOLDER) if name == EMBEDDED else name


def find_codecs(checkpoint: str | None, **named: str | None) -> dict[str, str | None]:
    """The folders of codecs and tokenizer: each as it is named, the others those of a checkpoint.

    Args:
        checkpoint (`str`, *optional*): as for `find_checkpoint`. The codecs of a repository are downloaded.
        named (`str`, *optional*): `vqgan`, `tokenizer` and `sketch_vqgan`, as for `find_part`; None where it is not.

    Returns:
        `dict[str, str | None]`: `vqgan`, `tokenizer` and `sketch_vqgan`; None if there is no codec of sketches.

    Raises:
        OSError: If one is missing.
    """
    found = {"sketch_vqgan": None} if checkpoint is None else _codecs_of(checkpoint)
    return {**found, **{part: find_part(name, part) for part, name in named.items() if name is not None}}


def _codecs_of(checkpoint: str) -> dict[str, str | None]:
    found = find_checkpoint(checkpoint)
    if not is_local_path(found):
        wanted = [INDEX_FILE, *(f"{part}/*" for part in (*CODECS, "sketch_vqgan"))]
        found = snapshot_download(found, allow_patterns=wanted)
    folder = Path(found)
    check_checkpoint_folder(folder, CODECS, optional=["sketch_vqgan"])
    return {part: str(folder / part) if _has(folder, part) else None for part in (*CODECS, "sketch_vqgan")}


def _has(pipeline: Path, part: str) -> bool:
    """Whether a pipeline's index names a part; a folder of that name may be what an earlier one left."""
    return read_json(pipeline / INDEX_FILE).get(part, EMPTY) != EMPTY


def is_pipeline(name: str) -> bool:
    """Whether a folder or `"embedded"` is a whole pipeline.

    Args:
        name (`str`): as for `find_checkpoint`; a Hub id is not looked up.

    Returns:
        `bool`.
    """
    return (Path(find_checkpoint(name)) / INDEX_FILE).is_file()


def find_part(name: str, part: str) -> str:
    """What `from_pretrained` needs to load one component, which has its own place or is part of a pipeline.

    Args:
        name (`str`): a component or a pipeline: a folder, a Hub id, or `"embedded"`.
        part (`str`): which component of a pipeline: `vqgan`, `sketch_vqgan`, `tokenizer` or `transformer`.

    Returns:
        `str`: the component's folder, or its Hub id.

    Raises:
        OSError: If there is no such folder, or the pipeline has no such part.
    """
    found = find_checkpoint(name)
    if is_local_path(found):
        folder = Path(found)
        if not folder.is_dir():
            raise OSError(f"No {part}: {name!r} is no folder; give one that a {part} or a pipeline was saved to.")
        if not is_pipeline(found):
            return found
    else:
        try:
            hf_hub_download(found, INDEX_FILE)
        except EntryNotFoundError:
            return found
        folder = Path(snapshot_download(found, allow_patterns=[INDEX_FILE, f"{part}/*"]))
    if not _has(folder, part):
        raise OSError(f"No {part}: {name!r} is a pipeline without it; name one that has it.")
    check_checkpoint_folder(folder, [part])
    return str(folder / part)
