# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""What the user gives for a repository: its id, its licence."""

import re

from nuwa_hf.storage.portable_names import is_repo_id


LICENSE = re.compile(r"[a-z0-9][a-z0-9.+-]*")


def check_repo_id(repo_id: str) -> None:
    """Check the id of a repository.

    Args:
        repo_id (`str`): what the user gave.

    Raises:
        ValueError: If it is not of the form `user/name`.
    """
    if not is_repo_id(repo_id):
        raise ValueError(
            f"`repo_id` must be USER/NAME, of letters, digits, `-`, `_` and `.`, got {repo_id!r}; put your name on "
            "the Hub before the slash."
        )


def check_license(name: str | None) -> None:
    """Check the form of a licence's name.

    Args:
        name (`str` or None): what the user gave.

    Raises:
        ValueError: If it cannot be one of the Hub's short names.
    """
    if name is not None and not LICENSE.fullmatch(name):
        raise ValueError(
            f"`license` must be a short name of the Hub, such as apache-2.0, mit or other, got {name!r}; "
            "https://hf.co/docs/hub/repositories-licenses lists them."
        )
