# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The common interface of the conversion scripts: `convert_x.py INPUT OUTPUT_DIR [options]`."""

import argparse
import logging
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from nuwa_hf.hub.push_folder import push_folder
from nuwa_hf.hub.repository_ids import check_repo_id
from nuwa_hf.storage.whole_folders import flush, move_into_place, writing_aside


logger = logging.getLogger(__name__)

DTYPES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}
FAILED, INTERRUPTED = 1, 130


@dataclass(frozen=True)
class ConversionScript:
    """What differs between the scripts.

    Args:
        description (`str`): what the script does.
        example (`str`): a command line that works.
        convert (`Callable[[argparse.Namespace, Path], None]`): takes the arguments and a folder to fill. The
            arguments have `input` (a `Path`), `dtype` (a `torch.dtype` or None) and what `add_arguments` adds.
        verify (`Callable[[argparse.Namespace, Path], str]`, *optional*): runs the source's own code and the result on
            the same input; takes the filled folder and returns a description of what is equal, or raises a ValueError.
        check (`Callable[[argparse.Namespace], None]`, *optional*): raises a ValueError for bad arguments, before any
            work.
        add_arguments (`Callable[[argparse.ArgumentParser], None]`, *optional*): adds the script's own options.
        can_push (`bool`, defaults to `True`): whether the result can be loaded from the Hub.
    """

    description: str
    example: str
    convert: Callable[[argparse.Namespace, Path], None]
    verify: Callable[[argparse.Namespace, Path], str] | None = None
    check: Callable[[argparse.Namespace], None] | None = None
    add_arguments: Callable[[argparse.ArgumentParser], None] | None = None
    can_push: bool = True


def build_parser(script: ConversionScript) -> argparse.ArgumentParser:
    """The command line of a script.

    Args:
        script (`ConversionScript`): the script.

    Returns:
        `argparse.ArgumentParser`.
    """
    parser = argparse.ArgumentParser(
        description=script.description,
        epilog=f"example:\n  {script.example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("input", type=Path, metavar="INPUT", help="the checkpoint, a file or a folder; only read")
    parser.add_argument("output_dir", type=Path, metavar="OUTPUT_DIR", help="folder to write; must not be there yet")
    parser.add_argument("--dtype", choices=DTYPES, help="type of the weights written; by default that of the source")
    if script.verify is not None:
        parser.add_argument("--verify", action="store_true", help="run source and result side by side, and compare")
    if script.can_push:
        parser.add_argument("--push_to_hub", metavar="USER/MODEL", help="push the result to this repository too")
    if script.add_arguments is not None:
        script.add_arguments(parser)
    return parser


def run_conversion(script: ConversionScript, argv: Sequence[str] | None = None) -> int:
    """Parse, convert into a temporary folder, verify, move into place, push.

    A run that fails writes one line to stderr and leaves nothing behind. Only if the push fails, after everything
    else, is the converted folder kept, so that the push can be repeated.

    Args:
        script (`ConversionScript`): what to do.
        argv (`Sequence[str]`, *optional*): the command line without the program's name; the process's own when None.

    Returns:
        `int`: the exit status: 0, 1 if it failed, 130 if it was interrupted. Usage errors exit with 2.
    """
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    arguments = build_parser(script).parse_args(argv)
    arguments.dtype = DTYPES.get(arguments.dtype)
    final = Path(arguments.output_dir).absolute()
    aside = final.with_name(f".{final.name}.incomplete")
    made: list[Path] = []
    try:
        repo_id = getattr(arguments, "push_to_hub", None)
        _check_paths(arguments.input, final)
        if repo_id is not None:
            check_repo_id(repo_id)
        if script.check is not None:
            script.check(arguments)
        made = _make_parents(final)
        shutil.rmtree(aside, ignore_errors=True)
        aside.mkdir()
        with writing_aside(final):
            script.convert(arguments, aside)
        if getattr(arguments, "verify", False):
            logger.info("Verified: %s", script.verify(arguments, aside))
        flush(aside)
        if final.exists():
            final.rmdir()
        move_into_place(aside, final)
        made.clear()
        logger.info("Written: %s", arguments.output_dir)
        if repo_id is not None:
            push_folder(final, repo_id)
    except (ValueError, TypeError, OSError, ImportError, RuntimeError, MemoryError) as error:
        logger.error("error: %s", " ".join(str(error).split()) or type(error).__name__)
        return FAILED
    except KeyboardInterrupt:
        logger.error("error: interrupted")
        return INTERRUPTED
    finally:
        shutil.rmtree(aside, ignore_errors=True)
        for folder in made:
            folder.rmdir()
    return 0


def _check_paths(source: Path, final: Path) -> None:
    if not source.exists():
        raise ValueError(f"`INPUT` must be a checkpoint, but there is no {source}.")
    if final.exists() and not (final.is_dir() and not any(final.iterdir())):
        raise ValueError(f"`OUTPUT_DIR` must not be there yet, or be empty, got {final}; remove it or name another.")


def _make_parents(final: Path) -> list[Path]:
    """Creates the parent folders and returns the new ones, innermost first."""
    missing = [folder for folder in final.parents if not folder.exists()]
    final.parent.mkdir(parents=True, exist_ok=True)
    return missing
