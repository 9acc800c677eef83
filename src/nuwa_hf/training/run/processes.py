# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The processes of a run: agreeing on what any of them found, and leaving together."""

import functools
import gc
from collections.abc import Callable

from accelerate.state import PartialState
from accelerate.utils import gather_object, get_int_from_env
from torch import distributed

from nuwa_hf.exit_status import RunNotFinite, StoppedEarly


def launched_processes() -> int:
    """The number of processes that a launcher has started, before Accelerate is set up."""
    return get_int_from_env(("WORLD_SIZE", "PMI_SIZE", "OMPI_COMM_WORLD_SIZE", "MV2_COMM_WORLD_SIZE"), 1)


def first_in_any_process(found: str | None) -> str | None:
    """What the first process that found something found. If there are several, each must call this.

    Args:
        found (`str`, *optional*): what this process found, in words.

    Returns:
        `str` or None: the same in every process.
    """
    return next((text for text in gather_object([found]) if text is not None), None)


def leaves_in_order(train: Callable[..., None]) -> Callable[..., None]:
    """Makes a function that trains leave the process group in an order in which no process can hang.

    DDP's reducer holds the process group, whose end waits for gloo's threads, which may wait for Python's global lock.
    If the reducer goes last, it ends the group while it holds that lock, and everything stands still. So first all
    wrapped models go, with the function's own variables; then every process waits for the others; then the group is
    destroyed, without the lock. Numbers of the run that are not finite, and whoever asks it to stop, stop all
    processes at once, and they leave in the same way. An error of one process alone is left to the launcher, which
    ends the others.

    Args:
        train (`Callable[..., None]`): builds all that it trains itself. It does not destroy the group.

    Returns:
        `Callable[..., None]`: the same, for one process or several.
    """

    @functools.wraps(train)
    def train_and_leave(*args, **kwargs) -> None:
        stopped = None
        try:
            train(*args, **kwargs)
        except (RunNotFinite, StoppedEarly) as error:
            stopped = type(error)(str(error))  # without its traceback, which holds the variables
        gc.collect()
        if distributed.is_available() and distributed.is_initialized():
            state = PartialState()
            state.wait_for_everyone()
            state.destroy_process_group()
        if stopped is not None:
            raise stopped

    return train_and_leave
