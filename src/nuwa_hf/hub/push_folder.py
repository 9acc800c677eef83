# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Push a folder to a repository on the Hub, in one commit."""

import os
from pathlib import Path

from huggingface_hub import HfApi

from nuwa_hf.hub.one_commit import push_in_one_commit
from nuwa_hf.hub.pushed_files import contents_to_push
from nuwa_hf.hub.repository_ids import check_license, check_repo_id
from nuwa_hf.storage.folder_contents import checkpoint_kind
from nuwa_hf.storage.replaced_weights import replaced_weights


def push_folder(
    folder: str | os.PathLike,
    repo_id: str,
    *,
    private: bool | None = None,
    revision: str | None = None,
    commit_message: str | None = None,
    token: str | None = None,
    license: str | None = None,
    standalone: bool = False,
) -> str:
    """Push a folder to a repository, which is created if needed.

    Everything is checked before the repository is created. Configurations and the card are pushed without the paths of
    this machine: a checkpoint that they name keeps its name if that is an id on the Hub or `"embedded"`. In the card,
    `path/to/this/folder` becomes the repository's id.

    All files go into one commit, so a failed push changes nothing. (`huggingface_hub.upload_folder` may split a folder
    into several commits.) Files that exist only in the repository are kept, except weights that this push replaces by
    different shards. Hidden files are not pushed, nor what only a training reads, such as `training_args.bin` of
    transformers' `Trainer` and its folders `checkpoint-N`; a line of the log names them.

    Args:
        folder (`str` or `os.PathLike`): where `save_pretrained` wrote a pipeline, a model, a tokenizer or an adapter.
        repo_id (`str`): the repository, `user/model`.
        private (`bool`, *optional*): whether a new repository is private; by default as set in the account.
        revision (`str`, *optional*): the branch, created from `main` if needed; by default `main`.
        commit_message (`str`, *optional*): by default says what the folder holds.
        token (`str`, *optional*): by default that of the login, or HF_TOKEN.
        license (`str`, *optional*): the Hub's short name of the licence, for the card; by default what the card says.
        standalone (`bool`, *optional*, defaults to `False`): push the code too, so that `trust_remote_code=True` loads
            the repository where nuwa_hf is not installed. The folder does not change.

    Returns:
        `str`: the commit's URL.

    Raises:
        ValueError: If the folder holds nothing to load, a link to a file elsewhere, or an adapter that is to be
            standalone, the id or the licence has another form, the repository is public and `private` was asked for,
            or the card's metadata are not valid.
        OSError: If the checkpoint in the folder is incomplete or, as `PushError`, if the push fails.
    """
    folder = Path(folder)
    kind = checkpoint_kind(folder)
    check_repo_id(repo_id)
    check_license(license)
    contents = contents_to_push(folder, repo_id, license, standalone)
    return push_in_one_commit(
        contents,
        repo_id,
        api=HfApi(token=token),
        private=private,
        revision=revision,
        commit_message=commit_message or f"Upload {kind}",
        replaced=lambda present: replaced_weights(contents, present),
    )
