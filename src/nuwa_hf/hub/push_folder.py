# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Push a folder to a repository on the Hub, in one commit."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi
from huggingface_hub.errors import HTTPError

from nuwa_hf.hub.errors import hub_reason
from nuwa_hf.hub.pushed_files import CARD, contents_to_push, read_card
from nuwa_hf.hub.repository_ids import check_license, check_repo_id
from nuwa_hf.storage.folder_contents import checkpoint_kind
from nuwa_hf.storage.replaced_weights import replaced_weights


logger = logging.getLogger(__name__)


class PushError(OSError):
    """A push that failed. What the repository held before is unchanged and still loads."""


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
    api = HfApi(token=token)
    with _plain_words(repo_id):
        if CARD in contents:
            _check_card(contents[CARD], folder)
        api.create_repo(repo_id, private=private, exist_ok=True)
        if revision is not None and not revision.startswith("refs/"):
            api.create_branch(repo_id, branch=revision, exist_ok=True)
        there = api.model_info(repo_id, revision=revision)
        if private and not there.private:
            raise ValueError(
                f"`private` was asked for, but the repository {repo_id} is there already and public; push to another "
                "one, or make it private in its settings first."
            )
        gone = replaced_weights(contents, [file.rfilename for file in there.siblings])
        logger.info("Pushing %d files to %s", len(contents), repo_id)
        commit = api.create_commit(
            repo_id,
            operations=[
                *(CommitOperationDelete(path_in_repo=name, is_folder=False) for name in gone),
                *(CommitOperationAdd(path_in_repo=name, path_or_fileobj=what) for name, what in contents.items()),
            ],
            commit_message=commit_message or f"Upload {kind}",
            revision=revision,
            parent_commit=there.sha,  # the files to delete were chosen from this commit
        )
    logger.info("Pushed: %s", commit.commit_url)
    return commit.commit_url


def _check_card(card: Path | bytes, folder: Path) -> None:
    """Has the Hub look at a card's metadata, before anything is made there."""
    text = card.decode() if isinstance(card, bytes) else card.read_text(encoding="utf-8")
    try:
        read_card(text).validate("model")
    except ValueError as error:
        raise ValueError(
            f"`{folder / CARD}` must have metadata that the Hub takes; mend them: {str(error).strip()}"
        ) from error


@contextmanager
def _plain_words(repo_id: str) -> Iterator[None]:
    """Turns errors of requests into a `PushError` that says what happened and what to do."""
    try:
        yield
    except (HTTPError, ConnectionError, TimeoutError, RuntimeError) as error:
        # The upload of a large file wraps its error in a RuntimeError; the other protocol raises one.
        reason = hub_reason(error) or f"the upload failed ({error})"
        raise PushError(f"Nothing was pushed to {repo_id}: {reason}. What it held before is unchanged.") from error
