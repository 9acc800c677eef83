# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""What a command shows of the log: lines of ours and errors of other libraries, or everything.

Nothing slow is imported here.
"""

import logging
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

from nuwa_hf.imports.after_import import AfterImport, Rule


PACKAGE = "nuwa_hf"
VERBOSE = "NUWA_HF_VERBOSE"  # environment variable of worker processes and of launchers such as `accelerate launch`
# Libraries whose loggers have handlers of their own, and the variable from which each takes its level when imported.
LIBRARIES = {
    "transformers": "TRANSFORMERS_VERBOSITY",
    "diffusers": "DIFFUSERS_VERBOSITY",
    "datasets": "DATASETS_VERBOSITY",
    "huggingface_hub": "HF_HUB_VERBOSITY",
}
BARS = ("transformers.utils.logging", "diffusers.utils.logging")  # modules with the bars of weights that are loaded
# Of torch's C++ part, and of Python's `warnings` in worker processes.
QUIET_ENVIRONMENT = {"TORCH_CPP_LOG_LEVEL": "ERROR", "PYTHONWARNINGS": "ignore"}

# Modules that say the same in each of several processes: of the data and the start that all have.
SAME_IN_ALL = (
    f"{PACKAGE}.datasets.open_dataset",
    f"{PACKAGE}.evaluation.samples.real_samples",
    f"{PACKAGE}.evaluation.samples.sample_folder",
    f"{PACKAGE}.pipelines.learnt",
    f"{PACKAGE}.training.nuwa.build_transformer",
    f"{PACKAGE}.training.nuwa.preset_defaults",
)


@contextmanager
def command_logs(is_verbose: bool) -> Iterator[None]:
    """Show the log of a command on stderr, above the progress bars, as long as the block runs.

    By default these are our lines from `INFO` on, and errors of other libraries; their notes, warnings and bars of
    loaded weights are for whoever programs with them. A level that the user has set in one of their environment
    variables, or by `python -W`, stays. Worker processes do the same by `start_worker_logs`. Of several processes that
    a launcher has started, the first alone shows what all of them say.

    Args:
        is_verbose (`bool`): whether everything from `INFO` on is shown, with the time and the module.
    """
    root, ours = logging.getLogger(), logging.getLogger(PACKAGE)
    levels = {logger: logger.level for logger in (root, ours, *map(logging.getLogger, LIBRARIES))}
    before = {name: os.environ.get(name) for name in (VERBOSE, *LIBRARIES.values(), *QUIET_ENVIRONMENT)}
    handler = _handler(is_verbose)
    root.addHandler(handler)
    (root if is_verbose else ours).setLevel(logging.INFO)
    if is_verbose:
        os.environ[VERBOSE] = "1"
    watch = AfterImport([Rule(_without_bars, (name,)) for name in BARS])
    with warnings.catch_warnings():
        _quieten_libraries(is_verbose, watch)
        try:
            yield
        finally:
            root.removeHandler(handler)
            _show_bars_again(watch)
            for logger, level in levels.items():
                logger.setLevel(level)
            for name, value in before.items():
                os.environ.pop(name, None) if value is None else os.environ.update({name: value})


def is_verbose_by_environment() -> bool:
    """Whether the environment asks for everything."""
    return os.environ.get(VERBOSE, "0") not in ("", "0")


def is_first_process() -> bool:
    """Whether this process is the first of those that a launcher has started, or alone."""
    return os.environ.get("RANK", "0") == "0"  # as torchrun and `accelerate launch` number them


def start_worker_logs() -> None:
    """Show the log of a worker process from now on: our warnings, or with `--verbose` everything."""
    is_verbose = is_verbose_by_environment()
    handler = _handler(is_verbose)
    handler.setLevel(logging.INFO if is_verbose else logging.WARNING)
    logging.getLogger().addHandler(handler)
    _quieten_libraries(is_verbose, AfterImport([Rule(_without_bars, (name,)) for name in BARS]))


@contextmanager
def silenced(name: str) -> Iterator[None]:
    """Hides the warnings of a part of ours, where the user is told of the same things in another way.

    Args:
        name (`str`): of its logger.
    """
    logger = logging.getLogger(name)
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


def _handler(is_verbose: bool) -> logging.Handler:
    handler = logging.StreamHandler(_AboveBars())
    if is_verbose:
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    else:
        handler.setFormatter(_ShortLines("%(asctime)s %(message)s", "%H:%M:%S"))
        handler.addFilter(_is_ours_or_an_error)
        if not is_first_process():
            handler.addFilter(lambda record: record.name not in SAME_IN_ALL)
    return handler


def _quieten_libraries(is_verbose: bool, watch: AfterImport) -> None:
    if is_verbose:
        return
    watch.install()
    for library, variable in LIBRARIES.items():
        if variable not in os.environ:
            os.environ[variable] = "error"
            if library in sys.modules:  # too late for the variable
                logging.getLogger(library).setLevel(logging.ERROR)
    for name, value in QUIET_ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    if not sys.warnoptions:
        warnings.simplefilter("ignore")


def _without_bars(logging_of_library: ModuleType) -> None:
    logging_of_library.disable_progress_bar()
    hub = sys.modules.get("huggingface_hub.utils")
    if hub is not None:
        hub.enable_progress_bars()  # transformers hides those of downloads, too, which take long


def _show_bars_again(watch: AfterImport) -> None:
    if watch in sys.meta_path:
        sys.meta_path.remove(watch)
        for name in sys.modules.keys() & BARS:
            sys.modules[name].enable_progress_bar()


def _is_ours_or_an_error(record: logging.LogRecord) -> bool:
    return record.name.partition(".")[0] in (PACKAGE, "__main__") or record.levelno >= logging.ERROR


class _ShortLines(logging.Formatter):
    """A time and a message; what is more than a note has its level before it."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 (the name of the base class)
        line = super().formatMessage(record)
        if record.levelno < logging.WARNING:
            return line
        time, _, message = line.partition(" ")
        return f"{time} {record.levelname.lower()}: {message}"


class _AboveBars:
    """Stderr, where text appears above the progress bars, which stay whole."""

    def write(self, text: str) -> None:
        bars = sys.modules.get("tqdm")  # without it there are none
        if bars is None:
            sys.stderr.write(text)
        else:
            bars.tqdm.write(text, file=sys.stderr, end="")

    def flush(self) -> None:
        sys.stderr.flush()
