# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""`save_pretrained` that has the whole model before it changes anything of what there was before."""

import inspect
import os
import tempfile
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import torch

from nuwa_hf.storage.offloaded_weights import check_is_not_on_disk
from nuwa_hf.storage.replaced_weights import WEIGHTS, replaced_weights
from nuwa_hf.storage.whole_folders import is_aside, writing_aside


def saves_whole(save: Callable[..., Any]) -> Callable[..., Any]:
    """Makes a `save_pretrained` fill a folder aside and move its files into place when all of them are there.

    A save that fails leaves what there was. Into a folder that is there the files move one by one, for it may be where
    others work or write; a process that is killed in these moments leaves some of either.

    What is to be pushed is saved first, so that a push that fails costs nothing but the push.

    A model whose weights are offloaded to disk by groups is refused: its parameters hold no numbers.

    Other files that a folder holds stay. Weights of the same kind and variant that an earlier save left go: diffusers
    and transformers would read an old single file rather than new shards. Where several processes save one model
    together, each writes in place.

    Args:
        save (`Callable`): a method that takes the folder first.

    Returns:
        `Callable`: a method with the same arguments.
    """
    signature = inspect.signature(save)

    @wraps(save)
    def save_pretrained(self: Any, save_directory: str | os.PathLike, *arguments: Any, **named: Any) -> Any:
        given = signature.bind(self, save_directory, *arguments, **named)
        if isinstance(self, torch.nn.Module) and given.arguments.get("state_dict") is None:
            check_is_not_on_disk(type(self).__name__, self)
        final = Path(save_directory)
        is_alone = given.arguments.get("is_main_process", True) and not _several_processes()
        if is_aside() or final.is_file() or not is_alone:
            return save(self, save_directory, *arguments, **named)
        if given.arguments.get("push_to_hub"):
            given.arguments["push_to_hub"] = False
            save_pretrained(*given.args, **given.kwargs)
        name = Path(os.path.abspath(final)).name  # of "." and ".." too
        with tempfile.TemporaryDirectory(prefix=f".{name[:60]}.", dir=_nearest(final)) as aside:
            made = Path(aside) / name  # by its own name, from which that of a repository is taken
            with writing_aside(final):
                result = save(self, str(made), *arguments, **named)
            if made.exists():
                _move_into(made, final)
        if isinstance(result, tuple | list):  # of a tokenizer or a processor, the files that it wrote
            return type(result)(str(final / Path(path).relative_to(made)) for path in result)
        return result

    return save_pretrained


def _several_processes() -> bool:
    return (
        torch.distributed.is_available()
        and torch.distributed.is_initialized()
        and (torch.distributed.get_world_size() > 1)
    )


def _nearest(final: Path) -> Path:
    """`final` itself, which may lie on a disk of its own, or else the nearest folder above it that is there."""
    path = final.absolute()
    return next(folder for folder in (path, *path.parents) if folder.is_dir())


def _move_into(made: Path, final: Path) -> None:
    final.parent.mkdir(parents=True, exist_ok=True)
    if not final.exists():
        made.rename(final)
        return
    new = [path for path in made.rglob("*") if path.is_file()]
    try:
        # Weights first: where these cannot be replaced, nothing has changed.
        for path in sorted(new, key=lambda path: WEIGHTS.fullmatch(path.name) is None):
            target = final / path.relative_to(made)
            target.parent.mkdir(parents=True, exist_ok=True)
            path.replace(target)
        names = [path.relative_to(made).as_posix() for path in new]
        beside = {(final / name).parent for name in names}
        files = [path for folder in beside for path in folder.iterdir() if path.is_file()]
        for name in replaced_weights(names, [path.relative_to(final).as_posix() for path in files]):
            (final / name).unlink()
    except PermissionError as error:
        raise PermissionError(
            f"`save_directory` must have files that may be replaced, but {error.filename2 or error.filename} may not "
            f"({error.strerror}): Windows keeps the weights that a loaded model reads from; save into another folder."
        ) from error
