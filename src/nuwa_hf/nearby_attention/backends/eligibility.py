# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""One answer for two uses: a backend is passed over in silence, or the user who named it is told why."""


def cannot_run(backend: str, reason: str, remedy: str, raise_error: bool) -> bool:
    """Say that a backend cannot run: False, or an error.

    Args:
        backend (`str`): the backend's name.
        reason (`str`): the rule and the value that breaks it.
        remedy (`str`): what to do instead.
        raise_error (`bool`): whether to raise rather than to return.

    Returns:
        `bool`: always False.

    Raises:
        ValueError: If `raise_error`.
    """
    if raise_error:
        raise ValueError(f"`backend={backend!r}` cannot run here: {reason}; {remedy}.")
    return False
