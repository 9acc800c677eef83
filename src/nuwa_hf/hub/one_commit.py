# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Files pushed to a repository on the Hub, in one commit."""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi
from huggingface_hub.errors import HTTPError

from nuwa_hf.hub.pushed_files import CARD, read_card
from nuwa_hf.hub.space_files import SDK
from nuwa_hf.storage.hub_errors import hub_reason


logger = logging.getLogger(__name__)


class PushError(OSError):
    """A push that failed. What the repository held before is unchanged and still loads."""


def push_in_one_commit(
    contents: Mapping[str, Path | bytes],
    repo_id: str,
    *,
    api: HfApi,
    repo_type: Literal["model", "space"] = "model",
    private: bool | None,
    revision: str | None,
    commit_message: str,
    replaced: Callable[[Sequence[str]], Sequence[str]] = lambda present: (),
) -> str:
    """Push files to a repository, which is created if needed.

    The Hub checks the card before the repository is created.

    Args:
        contents (`Mapping[str, Path | bytes]`): path in the repository to a file, or to its content.
        repo_id (`str`): the repository, `user/model`.
        api (`huggingface_hub.HfApi`): whose token is used.
        repo_type (`str`, defaults to `"model"`): `"model"`, or `"space"` for a Space that runs Gradio.
        private (`bool` or None): whether a new repository is private; None for what the account says.
        revision (`str` or None): the branch, created from `main` if needed; None for `main`.
        commit_message (`str`): the commit's message.
        replaced (`Callable[[Sequence[str]], Sequence[str]]`, *optional*): tells the files to delete from those that
            are there; by default none.

    Returns:
        `str`: the commit's URL.

    Raises:
        ValueError: If the card's metadata are not valid, or the repository is public and `private` was asked for.
        PushError: If a request fails.
    """
    with plain_words(repo_id):
        if CARD in contents:
            _check_card(contents[CARD], repo_type)
        sdk = SDK if repo_type == "space" else None
        api.create_repo(repo_id, repo_type=repo_type, space_sdk=sdk, private=private, exist_ok=True)
        if revision is not None and not revision.startswith("refs/"):
            api.create_branch(repo_id, repo_type=repo_type, branch=revision, exist_ok=True)
        there = api.repo_info(repo_id, repo_type=repo_type, revision=revision)
        if private and not there.private:
            raise ValueError(
                f"`private` was asked for, but the repository {repo_id} is there already and public; push to another "
                "one, or make it private in its settings first."
            )
        gone = replaced([file.rfilename for file in there.siblings])
        logger.info("Pushing %d files to %s", len(contents), repo_id)
        commit = api.create_commit(
            repo_id,
            repo_type=repo_type,
            operations=[
                *(CommitOperationDelete(path_in_repo=name, is_folder=False) for name in gone),
                *(CommitOperationAdd(path_in_repo=name, path_or_fileobj=what) for name, what in contents.items()),
            ],
            commit_message=commit_message,
            revision=revision,
            parent_commit=there.sha,  # the files to delete were chosen from this commit
        )
    logger.info("Pushed: %s", commit.commit_url)
    return commit.commit_url


@contextmanager
def plain_words(repo_id: str, asked_for: str = "") -> Iterator[None]:
    """Turns errors of requests into a `PushError` that says what happened and what to do.

    Args:
        repo_id (`str`): the repository that is pushed to.
        asked_for (`str`, defaults to `""`): what the requests are about, if it is not that repository.

    Raises:
        PushError: If a request fails.
    """
    try:
        yield
    except (HTTPError, ConnectionError, TimeoutError, RuntimeError) as error:
        # The upload of a large file wraps its error in a RuntimeError; the other protocol raises one.
        reason = hub_reason(error) or f"the upload failed ({error})"
        raise PushError(
            f"Nothing was pushed to {repo_id}: {asked_for}{reason}. What it held before is unchanged."
        ) from error


def _check_card(card: Path | bytes, repo_type: str) -> None:
    """Has the Hub look at a card's metadata, before anything is made there."""
    text = card.decode() if isinstance(card, bytes) else card.read_text(encoding="utf-8")
    try:
        read_card(text).validate(repo_type)
    except ValueError as error:
        raise ValueError(f"`{CARD}` must have metadata that the Hub takes; mend them: {str(error).strip()}") from error
