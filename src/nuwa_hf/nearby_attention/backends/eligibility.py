# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""What happens if a backend cannot run: it is skipped silently, or the user who named it is told why."""


def cannot_run(backend: str, reason: str, remedy: str, raise_error: bool) -> bool:
    """Report that a backend cannot run, by returning False or by raising an error.

    Args:
        backend (`str`): the backend's name.
        reason (`str`): the rule and the value that breaks it.
        remedy (`str`): what to do instead.
        raise_error (`bool`): whether to raise an error instead of returning False.

    Returns:
        `bool`: always False.

    Raises:
        ValueError: If `raise_error`.
    """
    if raise_error:
        raise ValueError(f"`backend={backend!r}` cannot run here: {reason}; {remedy}.")
    return False
