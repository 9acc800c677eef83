# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""What happens if a backend cannot run: it is skipped silently, or the user who named it is told why.

Legend: N queries, M keys.
"""

from ..neighborhood import NearbyPattern


MAX_MASK_ENTRIES = 2**28  # of all queries against all keys


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


def dense_mask_fits(backend: str, pattern: NearbyPattern, raise_error: bool) -> bool:
    """Whether a backend may make a mask of all queries against all keys.

    Args:
        backend (`str`): the backend's name.
        pattern (`NearbyPattern`): which keys each query sees; its mask has N M entries.
        raise_error (`bool`): whether to raise an error instead of returning False.

    Returns:
        `bool`: whether it has at most `MAX_MASK_ENTRIES`.

    Raises:
        ValueError: If it has more and `raise_error`.
    """
    entries = pattern.query_grid.numel * pattern.key_grid.numel
    if entries <= MAX_MASK_ENTRIES:
        return True
    reason = f"its mask may have at most {MAX_MASK_ENTRIES} entries, these grids need {entries}"
    return cannot_run(backend, reason, "use 'blockwise'", raise_error)
