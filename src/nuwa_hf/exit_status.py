# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""How a command runs and ends: its log, its exit status and, where something went wrong, one line on stderr.

`nuwa-hf` and `python -m nuwa_hf...` share it. Nothing slow is imported here.
"""

import argparse
import io
import os
import re
import sys
from collections.abc import Callable, Sequence
from typing import NoReturn

from nuwa_hf.command_logs import command_logs, is_verbose_by_environment


STOPPED = 1
USER_ERROR = 2
GO_ON = 75  # EX_TEMPFAIL of sysexits.h
INTERRUPTED = 130
OUTPUT_CLOSED = 141
VERBOSE = "--verbose"
LONGEST = 2000  # letters of an error


class StoppedEarly(Exception):  # noqa: N818 (it is no error)
    """Work that ended before its end, because it was asked to. The message says how it goes on."""


class CommandParser(argparse.ArgumentParser):
    """A parser that reports an error in one line, without the usage, and takes no shortened option."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs, allow_abbrev=False)

    def error(self, message: str) -> NoReturn:
        """Ends the command.

        Args:
            message (`str`): as argparse words it.
        """
        self.exit(USER_ERROR, f"{self.prog}: error: {_one_line(message)}; see --help.\n")


def add_verbose(parser: argparse.ArgumentParser) -> None:
    """Adds the option `--verbose`, which `exit_status` reads for every command.

    Args:
        parser (`argparse.ArgumentParser`): the command's.
    """
    text = "show the log of all libraries, with times and modules"
    parser.add_argument(VERBOSE, action=_ReadByExitStatus, nargs=0, default=argparse.SUPPRESS, help=text)


def exit_status(command: Callable[[list[str]], int | None], argv: Sequence[str] | None = None) -> int:
    """Runs a command with its log shown, and reports its errors as a user wants to read them.

    Args:
        command (`Callable[[list[str]], int | None]`): the command; it takes its arguments, without `--verbose`, and
            returns its exit status, or None for 0.
        argv (`Sequence[str]`, *optional*): its arguments; by default those of the process.

    Returns:
        `int`: what the command returned; 1 if it stopped because its numbers were no longer finite, 2 for errors that
            the user can fix, 75 if it was asked to stop and the same command goes on, 130 after Ctrl-C. Each of these
            is explained in one line on stderr. What all processes of a run meet together, only the first of them
            explains; 1 too if another process of the run is gone. 141, without a word, if whatever reads stdout has
            closed it, as `head` does.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal that cannot show a name must not end the work
    words, is_verbose = _without_verbose(sys.argv[1:] if argv is None else list(argv))
    try:
        with command_logs(is_verbose or is_verbose_by_environment()):
            status = command(words) or 0
        sys.stdout.flush()
        return status
    except BrokenPipeError as error:
        if not _is_stdout_closed():
            _say(f"error: {_one_line(error)}")
            return USER_ERROR
        return OUTPUT_CLOSED
    except (ValueError, TypeError, OSError, MemoryError, *_out_of_memory()) as error:
        _say(f"error: {_one_line(error)}")
        return USER_ERROR
    except FloatingPointError as error:
        if _is_first_process():
            _say(f"error: {_one_line(error)}")
        return STOPPED
    except StoppedEarly as stop:
        if _is_first_process():
            _say(str(stop))
        return GO_ON
    except KeyboardInterrupt as interruption:
        if _is_first_process():
            _say(f"interrupted; {str(interruption) or 'nothing more was written.'}")
        return INTERRUPTED
    except RuntimeError as error:
        if not _is_loss_of_another_process(error):
            raise
        _say("ended, since another process of this run did; what it said is the reason.")
        return STOPPED


class _ReadByExitStatus(argparse.Action):
    def __call__(self, *_):
        """Leaves nothing among the parsed arguments."""


def _without_verbose(argv: list[str]) -> tuple[list[str], bool]:
    """The arguments without `--verbose`, and whether it was among them; what follows `--` is no option."""
    end = argv.index("--") if "--" in argv else len(argv)
    options = [word for word in argv[:end] if word != VERBOSE]
    return options + argv[end:], len(options) < end


def _is_stdout_closed() -> bool:
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        # Python would fail once more when it ends and flushes.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return True
    return False


def _say(line: str) -> None:
    sys.stderr.write(f"nuwa-hf: {line}\n")


def _one_line(error: BaseException | str) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= LONGEST else f"{text[: LONGEST // 2]} ... {text[-LONGEST // 2 :]}"


def _is_loss_of_another_process(error: RuntimeError) -> bool:
    """Whether gloo or NCCL says that a connection to another process broke, for which neither has an own error."""
    return (
        os.environ.get("WORLD_SIZE", "1") != "1" and re.search("by peer|remote process exited", str(error)) is not None
    )


def _is_first_process() -> bool:
    return os.environ.get("RANK", "0") == "0"  # as torchrun and `accelerate launch` number them


def _out_of_memory() -> tuple[type[Exception], ...]:
    """Torch's out-of-memory error, if torch has been imported."""
    torch = sys.modules.get("torch")
    return () if torch is None else (torch.OutOfMemoryError,)
