# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""What goes wrong with a URL, said in one sentence: no package for it, no such place, no network, no permission."""

from collections.abc import Iterator
from contextlib import contextmanager

from nuwa_hf.media.downloads import errors_of_stores


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
    except (OSError, *errors_of_stores()) as error:
        reason = str(error) or type(error).__name__
        raise OSError(
            f"`{name}` must be a URL that can be reached, got {url!r}: {reason}; check the address, the network and "
            "your credentials."
        ) from error
