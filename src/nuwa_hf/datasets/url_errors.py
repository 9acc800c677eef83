# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""What goes wrong with a URL, said in one sentence: no package for it, no such place, no network, no permission."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager


# What the packages behind `fsspec` raise beside OSError; only those that are already imported can have raised.
_ERRORS = (
    ("botocore.exceptions", "BotoCoreError"),
    ("google.auth.exceptions", "GoogleAuthError"),
    ("azure.core.exceptions", "AzureError"),
    ("aiohttp", "ClientError"),
)


@contextmanager
def reaching(name: str, url: str) -> Iterator[None]:
    """Names the argument and the URL in what goes wrong in the block.

    Args:
        name (`str`): the argument.
        url (`str`): the URL that the block opens, lists or writes.

    Yields:
        Nothing.

    Raises:
        OSError: If it cannot be reached.
        ValueError: If no installed package opens such URLs.
    """
    try:
        yield
    except (ImportError, ValueError) as error:
        raise ValueError(
            f"`{name}` must be a URL that an installed package opens, got {url!r}: {error}; install the package for "
            "it, such as s3fs for s3:// and gcsfs for gs://."
        ) from error
    except (OSError, *_imported_errors()) as error:
        reason = str(error) or type(error).__name__
        raise OSError(
            f"`{name}` must be a URL that can be reached, got {url!r}: {reason}; check the address, the network and "
            "your credentials."
        ) from error


def _imported_errors() -> Iterator[type[Exception]]:
    for module, name in _ERRORS:
        if module in sys.modules:
            yield getattr(sys.modules[module], name)
