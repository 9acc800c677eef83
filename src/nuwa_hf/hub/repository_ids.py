# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The ids of repositories on the Hub."""

import re


REPO_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*", flags=re.ASCII)


def is_repo_id(text: str) -> bool:
    """Whether a text has the form of a repository's id, `user/model`.

    Args:
        text (`str`): any text.

    Returns:
        `bool`.
    """
    return bool(REPO_ID.fullmatch(text)) and ".." not in text and "--" not in text


def check_repo_id(repo_id: str) -> None:
    """Check the id of a repository.

    Args:
        repo_id (`str`): what the user gave.

    Raises:
        ValueError: If it is not of the form `user/model`.
    """
    if not is_repo_id(repo_id):
        raise ValueError(
            f"`repo_id` must be USER/MODEL, of letters, digits, `-`, `_` and `.`, got {repo_id!r}; put your name on "
            "the Hub before the slash."
        )
