# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""How a command runs and ends: its log, its exit status and, where something went wrong, one line on stderr.

`nuwa-hf` and `python -m nuwa_hf...` share it. Nothing slow is imported here.
"""

import argparse
import atexit
import os
import re
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from nuwa_hf.argument_help import complete_help
from nuwa_hf.argument_hints import OTHER_NAMES, as_spelt, what_instead
from nuwa_hf.command_logs import command_logs, is_first_process, is_verbose_by_environment
from nuwa_hf.output_streams import drop_unwritten, prepare_streams


STOPPED = 1
USER_ERROR = 2
GO_ON = 75  # EX_TEMPFAIL of sysexits.h
INTERRUPTED = 130
OUTPUT_CLOSED = 141
VERBOSE = "--verbose"
OTHER_TORCHVISION = (
    "torchvision is of another build than torch, so what looks for it cannot be imported; install both from the"
    " same package index, or uninstall torchvision, which only metrics of the extra `eval` need."
)
LONGEST = 2000  # letters of an error
OPTION = re.compile(r"-[a-zA-Z]|--[a-zA-Z][\w-]*")


class StoppedEarly(Exception):  # noqa: N818 (it is no error)
    """Work that ended before its end, because it was asked to. The message says how it goes on."""


class RunNotFinite(FloatingPointError):  # noqa: N818 (says what happened)
    """Numbers of a run that are not finite. All its processes raise it at the same step, and the first reports it."""


class CommandParser(argparse.ArgumentParser):
    """A parser that reports an error in one line, without the usage, and takes no shortened option.

    An option may be written with hyphens or with underscores. Of one that the command has not, the error says what to
    write instead.
    """

    def __init__(self, **kwargs):
        super().__init__(**kwargs, allow_abbrev=False)
        self._words: list[str] = []

    def format_help(self) -> str:
        """The help, with the defaults of options."""
        complete_help(self)
        return super().format_help()

    def parse_known_args(self, args: Sequence[str] | None = None, namespace: Any = None) -> tuple[Any, list[str]]:
        """Reads the command line.

        Args:
            args (`Sequence[str]`, *optional*): arguments; by default those of the process.
            namespace (`argparse.Namespace`, *optional*): what gets the values.

        Returns:
            `tuple[argparse.Namespace, list[str]]`: the values, and the words that are not known.
        """
        words = list(sys.argv[1:] if args is None else args)
        end = words.index("--") if "--" in words else len(words)
        self._words = [as_spelt(word, self._option_string_actions) for word in words[:end]]
        return super().parse_known_args(self._words + words[end:], namespace)

    def error(self, message: str) -> NoReturn:
        """Ends the command.

        Args:
            message (`str`): as argparse words it.
        """
        said = f"{_one_line(message)}; see --help"
        options = [word.partition("=")[0] for word in self._words]
        unknown = next((option for option in options if self._lacks(option)), None)
        if unknown is not None and self._subparsers is None:  # else the words are those of its commands
            said = f"Unknown argument {_one_line(repr(unknown))}; {self._instead(unknown)}"
        self.exit(USER_ERROR, f"{self.prog}: error: {said}.\n")

    def _lacks(self, option: str) -> bool:
        return OPTION.fullmatch(option) is not None and option not in self._option_string_actions

    def _instead(self, option: str) -> str:
        name = option.lstrip("-").replace("-", "_")
        given = {action.dest: action.metavar or action.dest for action in self._actions if not action.option_strings}
        if given.keys() & {name, *OTHER_NAMES.get(name, ())}:
            return f"what is given comes without an option, {self.prog} {' '.join(given.values())}"
        return what_instead(name, [own.lstrip("-").replace("-", "_") for own in self._option_string_actions])


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
            closed it, as `head` does. Where the arguments are those of the process, Ctrl-C during its last moments is
            answered by no traceback of Python's: it waits, and once more ends what hangs.
    """
    is_whole_process = argv is None
    if is_whole_process:
        # At once, so that it comes after the hooks of what the command imports, which may wait for threads.
        atexit.register(_replace_ctrl_c, signal.SIG_IGN)
    try:
        return _status_of(command, sys.argv[1:] if argv is None else list(argv), is_whole_process)
    finally:
        if is_whole_process:
            _replace_ctrl_c(_wait_for_the_end)


def _status_of(command: Callable[[list[str]], int | None], argv: list[str], is_whole_process: bool) -> int:
    prepare_streams()
    words, is_verbose = _without_verbose(argv)
    try:
        with command_logs(is_verbose or is_verbose_by_environment()):
            status = _with_interruptions(command, words) or 0
        sys.stdout.flush()
        return status
    except BrokenPipeError as error:
        closed = [stream for stream in (sys.stdout, sys.stderr) if drop_unwritten(stream)]
        if sys.stdout in closed:
            return OUTPUT_CLOSED
        _say(f"error: {_one_line(error)}")
        return USER_ERROR
    except (ValueError, TypeError, OSError, MemoryError, *_out_of_memory()) as error:
        _say(f"error: {_one_line(error)}")
        drop_unwritten(sys.stdout)
        return USER_ERROR
    except FloatingPointError as error:
        if is_first_process() or not isinstance(error, RunNotFinite):
            _say(f"error: {_one_line(error)}")
        return STOPPED
    except StoppedEarly as stop:
        if is_first_process():
            _say(str(stop))
        return GO_ON
    except KeyboardInterrupt as interruption:
        if is_whole_process:
            _replace_ctrl_c(_wait_for_the_end)
        if is_first_process():
            _say(f"interrupted; {str(interruption) or 'nothing more was written.'}")
        return INTERRUPTED
    except (RuntimeError, ImportError) as error:
        if _is_of_torchvision(error):
            _say(f"error: {OTHER_TORCHVISION}")
            return USER_ERROR
        if not _is_loss_of_another_process(error):
            raise
        _say("ended, since another process of this run did; what it said is the reason.")
        return STOPPED


def _with_interruptions(command: Callable[[list[str]], int | None], words: list[str]) -> int | None:
    """Runs a command. Of Ctrl-C while a library is imported, its C++ makes an `ImportError`."""
    try:
        return command(words)
    except SystemExit:  # of argparse, after a help
        sys.stdout.flush()
        raise
    except Exception as error:
        cause = error.__cause__
        while cause is not None and not isinstance(cause, KeyboardInterrupt):
            cause = cause.__cause__
        if cause is None:
            raise
        raise KeyboardInterrupt from error


def _replace_ctrl_c(handler: Any) -> None:
    """Has `handler` answer Ctrl-C, if Python's own or one of these does so."""
    is_ours = signal.getsignal(signal.SIGINT) in (signal.default_int_handler, _wait_for_the_end, _end_at_once)
    if is_ours and threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, handler)


def _wait_for_the_end(*_: Any) -> None:
    _replace_ctrl_c(_end_at_once)  # for a thread that goes on with a long upload, say


def _end_at_once(*_: Any) -> None:
    os._exit(INTERRUPTED)


class _ReadByExitStatus(argparse.Action):
    def __call__(self, *_):
        """Leaves nothing among the parsed arguments."""


def _without_verbose(argv: list[str]) -> tuple[list[str], bool]:
    """The arguments without `--verbose`, and whether it was among them; what follows `--` is no option."""
    end = argv.index("--") if "--" in argv else len(argv)
    options = [word for word in argv[:end] if word != VERBOSE]
    return options + argv[end:], len(options) < end


def _say(line: str) -> None:
    sys.stderr.write(f"nuwa-hf: {line}\n")


def _one_line(error: BaseException | str) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= LONGEST else f"{text[: LONGEST // 2]} ... {text[-LONGEST // 2 :]}"


def _is_of_torchvision(error: BaseException | None) -> bool:
    """Whether torchvision's operators are missing, which transformers, diffusers and torch-fidelity all import."""
    while error is not None:
        if "operator torchvision::" in str(error):
            return True
        error = error.__cause__ or error.__context__
    return False


def _is_loss_of_another_process(error: Exception) -> bool:
    """Whether gloo or NCCL says that a connection to another process broke, for which neither has an own error."""
    return (
        os.environ.get("WORLD_SIZE", "1") != "1" and re.search("by peer|remote process exited", str(error)) is not None
    )


def _out_of_memory() -> tuple[type[Exception], ...]:
    """Torch's out-of-memory error, if torch has been imported."""
    torch = sys.modules.get("torch")
    return () if torch is None else (torch.OutOfMemoryError,)
