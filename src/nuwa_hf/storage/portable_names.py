# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Names of checkpoints that mean the same on every machine, for files that others will read."""

import json
import os
import re
from pathlib import Path
from typing import Any

from nuwa_hf.storage.find_checkpoint import EMBEDDED, find_checkpoint
from nuwa_hf.storage.local_checkpoint import is_local_path


REPO_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*", flags=re.ASCII)
# A folder in the cache of huggingface_hub: of user/model, models--user--model/snapshots/COMMIT.
CACHED = re.compile(r"[/\\]models--(?P<user>[^/\\]+?)--(?P<model>[^/\\]+)[/\\]snapshots[/\\]")
# Where diffusers, transformers and PEFT write what something was loaded from. A missing one of PEFT's must be null.
ORIGINS = ("_name_or_path", "name_or_path")
PEFT_ORIGIN = "base_model_name_or_path"


def is_repo_id(text: str) -> bool:
    """Whether a text has the form of a repository's id, `user/model`.

    Args:
        text (`str`): any text.

    Returns:
        `bool`.
    """
    return bool(REPO_ID.fullmatch(text)) and ".." not in text and "--" not in text


def portable_name(name: str | os.PathLike) -> str | None:
    """A checkpoint's name that means the same on every machine.

    Args:
        name (`str` or `os.PathLike`): a folder, the id of a repository on the Hub, or `"embedded"`.

    Returns:
        `str` or None: an id on the Hub, also for a folder of its cache; `"embedded"`; or None for any other folder.
    """
    text = os.fspath(name)
    if text == EMBEDDED or Path(text).resolve().is_relative_to(Path(find_checkpoint(EMBEDDED)).resolve()):
        return EMBEDDED
    if cached := CACHED.search(text):
        return f"{cached['user']}/{cached['model']}"
    return text if is_repo_id(text) and not is_local_path(text) else None


def portable_configuration(text: str) -> str:
    """A configuration without the folders of this machine that its parts were loaded from.

    Args:
        text (`str`): JSON that `save_pretrained` wrote.

    Returns:
        `str`: the same with portable names, and without the names that have no portable form; `text` itself if
        nothing had to change.
    """
    before = json.loads(text)
    after = _with_portable_names(before)
    return text if after == before else json.dumps(after, indent=2, ensure_ascii=False) + "\n"


def make_portable(folder: Path) -> None:
    """Makes the names in all configurations of a folder portable.

    Args:
        folder (`Path`): where `save_pretrained` wrote.
    """
    for path in folder.rglob("*.json"):
        text = path.read_text(encoding="utf-8")
        if (portable := portable_configuration(text)) != text:
            path.write_text(portable, encoding="utf-8")


def _with_portable_names(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    made = {}
    for key, part in value.items():
        is_origin = key in (*ORIGINS, PEFT_ORIGIN) and isinstance(part, str) and part
        kept = portable_name(part) if is_origin else _with_portable_names(part)
        if kept is not None or key not in ORIGINS:
            made[key] = kept
    return made
