# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Finds a checkpoint by name: a folder, a repository on the Hub, or the embedded checkpoint."""

from importlib.resources import files
from pathlib import Path

from huggingface_hub import hf_hub_download, snapshot_download
from huggingface_hub.errors import EntryNotFoundError

from nuwa_hf.storage.local_checkpoint import INDEX_FILE, check_checkpoint_folder, is_local_path


EMBEDDED = "embedded"
CODECS = ("vqgan", "tokenizer")


def find_checkpoint(name: str) -> str:
    """What `from_pretrained` needs to load a checkpoint.

    Args:
        name (`str`): a folder, a Hub id, or `"embedded"`.

    Returns:
        `str`: a folder or a Hub id.
    """
    return str(files("nuwa_hf") / "checkpoints" / "emoji-motion") if name == EMBEDDED else name


def find_codecs(name: str) -> dict[str, str | None]:
    """The folders of a checkpoint's codecs and tokenizer. Those of a repository are downloaded.

    Args:
        name (`str`): as for `find_checkpoint`.

    Returns:
        `dict[str, str | None]`: `vqgan`, `tokenizer` and `sketch_vqgan`; None if there is no codec of sketches.

    Raises:
        OSError: If one of the first two is missing.
    """
    found = find_checkpoint(name)
    if not is_local_path(found):
        wanted = ["model_index.json", *(f"{part}/*" for part in (*CODECS, "sketch_vqgan"))]
        found = snapshot_download(found, allow_patterns=wanted)
    folder = Path(found)
    check_checkpoint_folder(folder, CODECS, optional=["sketch_vqgan"])
    sketches = folder / "sketch_vqgan"
    return {
        **{part: str(folder / part) for part in CODECS},
        "sketch_vqgan": str(sketches) if sketches.is_dir() else None,
    }


def find_codec(name: str, part: str = "vqgan") -> str:
    """What `load_codec` needs to load one codec, which has its own place or is part of a pipeline.

    Args:
        name (`str`): a codec or a pipeline: a folder, a Hub id, or `"embedded"`.
        part (`str`, defaults to `"vqgan"`): which codec of a pipeline: `vqgan`, or `sketch_vqgan` for sketches.

    Returns:
        `str`: the codec's folder, or its Hub id.

    Raises:
        OSError: If there is no such folder, or the pipeline has no such part.
    """
    found = find_checkpoint(name)
    if is_local_path(found):
        folder = Path(found)
        if not folder.is_dir():
            raise OSError(f"No codec: {name!r} is no folder; give one that a codec or a pipeline was saved to.")
        if not (folder / INDEX_FILE).is_file():
            return found
    else:
        try:
            hf_hub_download(found, INDEX_FILE)
        except EntryNotFoundError:
            return found
        folder = Path(snapshot_download(found, allow_patterns=[INDEX_FILE, f"{part}/*"]))
    if not (folder / part).is_dir():
        raise OSError(f"No codec: {name!r} is a pipeline without the part `{part}`; name one that has it.")
    check_checkpoint_folder(folder, [part])
    return str(folder / part)
