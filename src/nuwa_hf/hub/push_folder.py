# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Push a folder to a repository on the Hub, in one commit."""

import os
import re
from collections.abc import Collection
from pathlib import Path

from huggingface_hub import HfApi

from nuwa_hf.hub.one_commit import push_in_one_commit
from nuwa_hf.hub.pushed_files import contents_to_push
from nuwa_hf.hub.repository_ids import check_license, check_repo_id
from nuwa_hf.storage.folder_contents import checkpoint_kind


WEIGHTS = re.compile(r"(?P<name>[^.]+?)(\.(?P<variant>[^.]+?))?(-\d{5}-of-\d{5})?\.safetensors")
WEIGHTS_INDEX = re.compile(r"(?P<name>[^.]+)\.safetensors\.index(\.(?P<variant>[^.]+))?\.json")


def push_folder(
    folder: str | os.PathLike,
    repo_id: str,
    *,
    private: bool | None = None,
    revision: str | None = None,
    commit_message: str | None = None,
    token: str | None = None,
    license: str | None = None,
) -> str:
    """Push a folder to a repository, which is created if needed.

    Everything is checked before the repository is created. Configurations and the card are pushed without the paths of
    this machine: a checkpoint that they name keeps its name if that is an id on the Hub or `"embedded"`. In the card,
    `path/to/this/folder` becomes the repository's id.

    All files go into one commit, so a failed push changes nothing. (`huggingface_hub.upload_folder` may split a folder
    into several commits.) Files that exist only in the repository are kept, except weights that this push replaces by
    different shards. Hidden files are not pushed.

    Args:
        folder (`str` or `os.PathLike`): where `save_pretrained` wrote a pipeline, a model, a tokenizer or an adapter.
        repo_id (`str`): the repository, `user/model`.
        private (`bool`, *optional*): whether a new repository is private; by default as set in the account.
        revision (`str`, *optional*): the branch, created from `main` if needed; by default `main`.
        commit_message (`str`, *optional*): by default says what the folder holds.
        token (`str`, *optional*): by default that of the login, or HF_TOKEN.
        license (`str`, *optional*): the Hub's short name of the licence, for the card; by default what the card says.

    Returns:
        `str`: the commit's URL.

    Raises:
        ValueError: If the folder holds nothing to load, the id or the licence has another form, the repository is
            public and `private` was asked for, or the model card's metadata are not valid.
        OSError: If the checkpoint in the folder is incomplete or, as `PushError`, if the push fails.
    """
    folder = Path(folder)
    kind = checkpoint_kind(folder)
    check_repo_id(repo_id)
    check_license(license)
    contents = contents_to_push(folder, repo_id, license)
    return push_in_one_commit(
        contents,
        repo_id,
        api=HfApi(token=token),
        private=private,
        revision=revision,
        commit_message=commit_message or f"Upload {kind}",
        replaced=lambda present: replaced_weights(contents, present),
    )


def replaced_weights(pushed: Collection[str], present: Collection[str]) -> list[str]:
    """Weights in a repository that a push replaces by files with other names.

    The same weights must not exist both as one file and as shards: loading prefers the single file, which may be the
        old one. Other variants, such as fp16, are kept.

    Args:
        pushed (`Collection[str]`): the files that are pushed.
        present (`Collection[str]`): the files that are in the repository.

    Returns:
        `list[str]`: those of `present` that are to be deleted, sorted.
    """
    new = {_weights_of(name) for name in pushed} - {None}
    return sorted(name for name in present if name not in pushed and _weights_of(name) in new)


def _weights_of(path: str) -> tuple[str, str, str | None] | None:
    """Folder, name and variant of the weights that a file belongs to, or None."""
    folder, _, name = path.rpartition("/")
    match = WEIGHTS.fullmatch(name) or WEIGHTS_INDEX.fullmatch(name)
    return (folder, match["name"], match["variant"]) if match else None
