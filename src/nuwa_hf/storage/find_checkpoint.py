# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Finds a checkpoint by name: a folder, a repository on the Hub, or the embedded checkpoint."""

from importlib.resources import files
from pathlib import Path

from huggingface_hub import snapshot_download

from nuwa_hf.storage.local_checkpoint import check_checkpoint_folder, is_local_path


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
