# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Explains failed requests to the Hub."""

from collections.abc import Iterator
from contextlib import contextmanager

# `HTTPError` is the base class of all errors of the HTTP library that huggingface_hub uses, whichever it is.
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    HTTPError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
)


EMBEDDED = "embedded"  # the embedded checkpoint, in commands
# What a status code of the Hub means, and what to do.
REASONS = {
    401: "the Hub does not know you, or has no such repository; check the name, then log in with `hf auth login` or "
    "set HF_TOKEN",
    403: "your token may not do that; use one that may, or a repository of your own",
    404: "the Hub has no such repository or revision, or does not show it to your token; check the name and the token",
    409: "somebody else changed the repository meanwhile; look at what is there now, then push again",
    412: "somebody else changed the repository meanwhile; look at what is there now, then push again",
    429: "the Hub has had too many requests from you; try again later",
}
GATED = "the repository is gated; ask for access on its page, then log in with `hf auth login` or set HF_TOKEN"
NOT_THERE = 404
SERVER_FAULT = "the Hub has a fault; try again later"
REFUSED = "the Hub refused it"
CONNECTION_LOST = "the connection to the Hub was lost; try again"
OFFLINE = "HF_HUB_OFFLINE forbids every request; unset it"
NOT_IN_THE_CACHE = "it is not in the cache, and HF_HUB_OFFLINE or `local_files_only` forbids every request; unset it"
IN_COMMANDS = "the embedded checkpoint is called so in commands alone; in Python give nuwa_hf.DEMO_CHECKPOINT"


@contextmanager
def naming_hub_faults(name: str) -> Iterator[None]:
    """Within the block, a request to the Hub that fails becomes an OSError, which says why and what to do.

    Args:
        name (`str`): what is loaded from the Hub.

    Yields:
        Nothing.

    Raises:
        OSError: If a request fails; the HTTP library's own errors are none.
    """
    try:
        yield
    except (HTTPError, OSError) as error:
        if hub_reason(error) is None:
            raise
        raise not_loaded(name, error) from error


def not_loaded(name: str, error: BaseException) -> OSError:
    """The error to raise where something could not be loaded from the Hub.

    Args:
        name (`str`): what should have been loaded.
        error (`BaseException`): what was raised.

    Returns:
        `OSError`: with the reason and what to do, or what `error` says if no request failed.
    """
    reason = IN_COMMANDS if name == EMBEDDED else hub_reason(error) or error
    return OSError(f"Cannot load {name!r} from the Hub: {reason}.")


def hub_reason(error: BaseException) -> str | None:
    """Why a push or a download failed, if the reason is a request to the Hub.

    Args:
        error (`BaseException`): what was raised; what it came from is examined too.

    Returns:
        `str` or None: the reason and what to do, or None if no request failed.
    """
    cause = _failed_request(error)
    if cause is None:
        return NOT_IN_THE_CACHE if is_not_in_the_cache(error) else None
    if isinstance(cause, OfflineModeIsEnabled):
        return OFFLINE
    if isinstance(cause, HfHubHTTPError):
        status = cause.response.status_code
        reason = REASONS.get(status, SERVER_FAULT if status >= 500 else REFUSED)
        answer = f": {cause.server_message}" if cause.server_message else ""
        return f"{GATED if isinstance(cause, GatedRepoError) else reason} ({status}{answer})"
    return f"{CONNECTION_LOST} ({type(cause).__name__}: {cause})"


def is_hub_fault(error: BaseException) -> bool:
    """Whether a request to the Hub failed otherwise than by the answer that something is not there. Libraries look for
    files that need not be there, and say themselves what is missing.

    Args:
        error (`BaseException`): what was raised; what it came from is examined too.

    Returns:
        `bool`.
    """
    cause = _failed_request(error)
    return cause is not None and _status(cause) != NOT_THERE


def is_not_in_the_cache(error: BaseException) -> bool:
    """Whether a file was looked for in the cache alone, and is not there.

    Args:
        error (`BaseException`): what was raised, or came from that.

    Returns:
        `bool`.
    """
    return any(isinstance(one, LocalEntryNotFoundError) for one in (error, error.__cause__))


def _failed_request(error: BaseException | None) -> BaseException | None:
    while error is not None:
        if isinstance(error, HTTPError | ConnectionError | TimeoutError):
            return error
        came_from = error.__cause__
        if came_from is None and not error.__suppress_context__ and _status(error.__context__) != NOT_THERE:
            came_from = error.__context__  # transformers says of a lost connection that there is no such file
        error = came_from
    return None


def _status(error: BaseException | None) -> int | None:
    return error.response.status_code if isinstance(error, HfHubHTTPError) else None
