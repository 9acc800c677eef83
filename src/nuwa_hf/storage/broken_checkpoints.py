# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""What a damaged or edited checkpoint makes libraries raise, as one OSError that names it."""

import os
import pickle
import re
from collections.abc import Iterator
from contextlib import contextmanager

from huggingface_hub.errors import HTTPError

from nuwa_hf.storage.hub_errors import is_hub_fault, is_not_in_the_cache, not_loaded


LONGEST = 500  # letters of what a library said
# Of libraries that read values as they stand in a file: an unknown key, no list, another shape, nesting without end.
RAISED = (AttributeError, IndexError, KeyError, RecursionError, pickle.UnpicklingError)
# What transformers and torch say in a RuntimeError if shapes differ, a file is no file of weights, or no machine could
# hold the sizes of a configuration.
OF_WEIGHTS = re.compile(
    "mismatch|state_dict|PytorchStreamReader|invalid load key|weights_only|can't allocate memory", re.IGNORECASE
)


class BrokenWeightsError(OSError, RuntimeError):
    """Weights that are not those of the model: transformers and torch raise a `RuntimeError` here."""


@contextmanager
def naming_what_is_broken(name_or_path: str | os.PathLike) -> Iterator[None]:
    """Within the block, what a checkpoint that cannot be read makes libraries raise becomes one OSError.

    Args:
        name_or_path (`str` or `os.PathLike`): the folder, or the id of a repository on the Hub.

    Yields:
        Nothing.

    Raises:
        OSError: With the checkpoint, and what the library said; or why a request to the Hub failed, of which libraries
            say that there is no such file.
    """
    try:
        yield
    except RAISED as error:
        raise _broken(name_or_path, error) from error
    except (HTTPError, OSError) as error:
        if not (is_hub_fault(error) or is_not_in_the_cache(error)):
            raise
        raise not_loaded(os.fspath(name_or_path), error) from error
    except RuntimeError as error:
        if not OF_WEIGHTS.search(str(error)):  # but of the device, say
            raise
        raise _broken(name_or_path, error) from error
    except Exception as error:
        if type(error) is not Exception:  # which is all that the package tokenizers raises
            raise
        raise _broken(name_or_path, error) from error


def _broken(name_or_path: str | os.PathLike, error: Exception) -> OSError:
    said = " ".join(str(error).split())[:LONGEST]
    kind = type(error).__name__
    cls = BrokenWeightsError if isinstance(error, RuntimeError) else OSError
    return cls(
        f"Broken checkpoint: {os.fspath(name_or_path)} cannot be read ({kind}: {said}); get it again, give another, "
        "or correct the other arguments of the call."
    )
