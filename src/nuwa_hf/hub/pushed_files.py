# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""What a push sends of a folder: its files, without the paths of this machine, and the card under the new name."""

import json
import logging
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath

import yaml
from huggingface_hub import RepoCard

from nuwa_hf.standalone.standalone_files import standalone_files
from nuwa_hf.storage.folder_contents import MARKER_FILES, files_in
from nuwa_hf.storage.local_checkpoint import SETTINGS_FILES, read_json
from nuwa_hf.storage.portable_names import EMBEDDED, portable_configuration, portable_name


logger = logging.getLogger(__name__)

CARD = "README.md"
# How a card calls the folder that it lies in. A push puts the repository's id in its place.
THIS_FOLDER = "path/to/this/folder"
# Files of JSON that we or the libraries read.
READ_FILES = frozenset(
    (*SETTINGS_FILES, *MARKER_FILES.values(), "vocab.json", "added_tokens.json", "preprocessor_config.json")
)
# What transformers' Trainer and Accelerate write beside a model to go on from; no `from_pretrained` reads it. In
# `training_args.bin` are paths of the machine and, if one was given, a token; in event files, paths.
TRAINING_FILES = (
    "training_args.bin",
    "trainer_state.json",
    "optimizer*.bin",
    "optimizer.pt",
    "scheduler*.bin",
    "scheduler.pt",
    "scaler.pt",
    "sampler*.bin",
    "dl_state_dict*.bin",
    "custom_checkpoint_*.pkl",
    "rng_state*.pth",
    "random_states_*.pkl",
    "events.out.tfevents.*",
)
# Folders of them: a Trainer's checkpoints, which its own pushes leave out too, and what FSDP and DeepSpeed divide.
TRAINING_FOLDERS = ("checkpoint-[0-9]*", "optimizer_[0-9]*", "pytorch_model_fsdp_[0-9]*", "global_step[0-9]*")


def files_to_push(folder: Path) -> list[str]:
    """The files of a folder that are pushed.

    Args:
        folder (`Path`): a folder.

    Returns:
        `list[str]`: their sorted paths relative to the folder, without hidden files, Python's caches and what a
            training goes on from. A line of the log names what that is.

    Raises:
        ValueError: If one is a link to a file elsewhere, or in a link to such a folder: nobody asked to publish it.
    """
    found = {name: _of_training(name) for name in files_in(folder)}
    if kept := sorted({part for part in found.values() if part is not None}):
        logger.info("Not pushed, for only a training reads it: %s.", ", ".join(kept))
    names, homes = [name for name, part in found.items() if part is None], _homes(folder.resolve())
    for name in names:
        real = (folder / name).resolve()
        if not any(real.is_relative_to(home) for home in homes):
            raise ValueError(
                f"`folder` must hold its own files, got {name!r}, a link to {real}, which the push would publish; "
                "put the file itself there, or delete the link."
            )
    return names


def _of_training(name: str) -> str | None:
    """The file, or the folder that it lies in, if only a training reads it."""
    path = PurePosixPath(name)
    for above in reversed(path.parents):
        if any(fnmatch(above.name, pattern) for pattern in TRAINING_FOLDERS):
            return above.as_posix()
    return name if any(fnmatch(path.name, pattern) for pattern in TRAINING_FILES) else None


def _homes(folder: Path) -> list[Path]:
    """Where files of a folder may lie: in it and, of a snapshot in the Hub's cache, in the blobs beside it."""
    snapshots = [above for above in folder.parents if above.name == "snapshots"]
    return [folder, *(above.with_name("blobs") for above in snapshots)]


def contents_to_push(folder: Path, repo_id: str, license: str | None, standalone: bool) -> dict[str, Path | bytes]:
    """What is pushed of a folder, which itself does not change.

    Args:
        folder (`Path`): where `save_pretrained` wrote.
        repo_id (`str`): the repository.
        license (`str` or None): the licence to write into the card; None keeps what the card says.
        standalone (`bool`): whether the code is pushed too.

    Returns:
        `dict[str, Path | bytes]`: path in the repository to a file, or to its content where that differs.

    Raises:
        ValueError: If a file is a link to one elsewhere, the card's metadata are no YAML, or the code of an adapter is
            asked for.
        OSError: If a configuration, or another file called .json, is no JSON.
    """
    contents: dict[str, Path | bytes] = {name: folder / name for name in files_to_push(folder)}
    for name in [name for name in contents if name.endswith(".json")]:
        _check_json(folder / name)
    if standalone:
        contents |= {name: text.encode() for name, text in standalone_files(folder).items()}
    for name in [name for name in contents if name.endswith(".json")]:
        text = _text(contents[name])
        if (portable := portable_configuration(text)) != text:
            contents[name] = portable.encode()
    text = (folder / CARD).read_text(encoding="utf-8") if CARD in contents else None
    if text is None and license is not None:
        text = f"---\n\n---\n\n# {repo_id.partition('/')[2]}\n"  # with metadata, of which there are none
    if text is not None and (card := _card_to_push(text, repo_id, license)) != text:
        contents[CARD] = card.encode()
    return contents


def _check_json(file: Path) -> None:
    """Says which file is damaged; one that nobody reads may hold a list, say."""
    if file.name in READ_FILES or ".index." in file.name:
        read_json(file)
        return
    try:
        json.loads(file.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise OSError(f"{file} is not valid JSON ({error}); mend it, or move it out of the folder.") from error


def _text(content: Path | bytes) -> str:
    return content.decode() if isinstance(content, bytes) else content.read_text(encoding="utf-8")


def read_card(text: str) -> RepoCard:
    """A card's metadata and text.

    Args:
        text (`str`): the whole card.

    Returns:
        `huggingface_hub.RepoCard`.

    Raises:
        ValueError: If the metadata are no YAML, or not names and values.
    """
    try:
        return RepoCard(text)
    except (yaml.YAMLError, ValueError) as error:
        raise ValueError(
            f"`{CARD}` must begin with metadata in YAML, got some that are not; mend them: {error}"
        ) from error


def _card_to_push(text: str, repo_id: str, license: str | None) -> str:
    text = text.replace(THIS_FOLDER, repo_id)
    if not text.startswith("---") and license is None:
        return text
    card = read_card(text)
    changed = {} if license is None else {"license": license}
    bases = card.data.get("base_model") or []
    bases = [bases] if isinstance(bases, str) else bases
    if local := [base for base in bases if portable_name(base) in (None, EMBEDDED)]:
        changed["base_model"] = [base for base in bases if base not in local] or None
        changed["tags"] = [tag for tag in card.data.get("tags") or [] if not tag.endswith(tuple(local))] or None
    for name, value in changed.items():
        card.data[name] = value
    return str(card) if changed else text
