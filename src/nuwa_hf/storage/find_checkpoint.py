# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Finds a checkpoint by name: a folder, a repository on the Hub, or the embedded checkpoint."""

import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from huggingface_hub import hf_hub_download, resolve_revision, snapshot_download, try_to_load_from_cache
from huggingface_hub.errors import (
    HFValidationError,
    HTTPError,
    IncompleteSnapshotError,
    RemoteEntryNotFoundError,
    RevisionResolutionError,
)

from nuwa_hf.storage.hub_errors import (
    EMBEDDED,
    NOT_IN_THE_CACHE,
    OFFLINE,
    hub_reason,
    is_hub_fault,
    naming_hub_faults,
    not_loaded,
)
from nuwa_hf.storage.local_checkpoint import EMPTY, INDEX_FILE, check_checkpoint_folder, is_local_path, read_json


logger = logging.getLogger(__name__)

EMBEDDED_FOLDER = Path(__file__).parents[1] / "checkpoints" / "emoji-motion"
HUB_ARGUMENTS = ("cache_dir", "local_files_only", "token")
CODECS = ("vqgan", "tokenizer")  # what every pipeline has beside its transformer


def find_checkpoint(name: str) -> str:
    """What `from_pretrained` needs to load a checkpoint.

    Args:
        name (`str`): a folder, a Hub id, or `"embedded"`.

    Returns:
        `str`: a folder or a Hub id.
    """
    return str(EMBEDDED_FOLDER) if name == EMBEDDED else name


def download_files(repo_id: str, patterns: Sequence[str]) -> Path:
    """Files of a repository on the Hub; where the Hub cannot be asked, those of them that are in the cache.

    Args:
        repo_id (`str`): the repository.
        patterns (`Sequence[str]`): which files, such as `"vqgan/*"`.

    Returns:
        `Path`: the folder that they lie in.

    Raises:
        OSError: If there is no such repository, or the Hub cannot be asked and nothing is in the cache.
        ValueError: If `repo_id` can be no id.
    """
    with naming_hub_faults(repo_id):
        try:
            return Path(snapshot_download(repo_id, allow_patterns=list(patterns)))
        except IncompleteSnapshotError as error:  # what lacks need not be missed: a card, weights of a variant
            logger.warning("Of %s only what is in the cache is there: %s.", repo_id, hub_reason(error) or error)
            return Path(error.snapshot_path)


def with_settings(name_or_path: str | os.PathLike, files: Sequence[str], given: Mapping[str, Any]) -> dict[str, Any]:
    """Downloads files of settings, such as those of sampling and of a tokenizer. Where the Hub fails, transformers
    does without them and says nothing.

    Args:
        name_or_path (`str` or `os.PathLike`): what `from_pretrained` was given; nothing is done for a folder.
        files (`Sequence[str]`): their names; they need not be there.
        given (`Mapping[str, Any]`): the arguments of `from_pretrained`.

    Returns:
        `dict[str, Any]`: the arguments, with the commit that the files are of, so that all others are too.

    Raises:
        OSError: If there is no such repository, or the Hub does not say whether a file is there and the cache does not
            know it.
    """
    if is_local_path(name_or_path):
        return dict(given)
    hub = {name: given[name] for name in HUB_ARGUMENTS if given.get(name) is not None}
    with suppress(HTTPError, OSError, ValueError, RevisionResolutionError):  # the first file says why
        given = {**given, "revision": resolve_revision(name_or_path, revision=given.get("revision"), **hub)}
    for file in files:
        settings_file(name_or_path, file, given)
    return dict(given)


def settings_file(repo_id: str, file: str, given: Mapping[str, Any], *, dry_run: bool = False) -> Path | None:
    """A small file of a repository that need not be there.

    Args:
        repo_id (`str`): the repository.
        file (`str`): its name.
        given (`Mapping[str, Any]`): arguments of `from_pretrained`.
        dry_run (`bool`, defaults to `False`): whether to ask for it alone, without a download.

    Returns:
        `Path`: None if it is not there, or if that is not known offline, or if it was only asked for.

    Raises:
        OSError: If there is no such repository, or the Hub does not say whether the file is there and the cache does
            not know it.
    """
    hub = {name: given[name] for name in HUB_ARGUMENTS if given.get(name) is not None}
    path, revision = "/".join(filter(None, (given.get("subfolder"), file))), given.get("revision")
    commit = getattr(revision, "resolved", revision)
    try:
        known = try_to_load_from_cache(repo_id, path, cache_dir=hub.get("cache_dir"), revision=commit)
        if known is None or given.get("force_download"):
            known = hf_hub_download(repo_id, path, revision=revision, dry_run=dry_run, **hub)
    except RemoteEntryNotFoundError:
        return None
    except (HTTPError, OSError) as error:
        if hub_reason(error) in (None, OFFLINE, NOT_IN_THE_CACHE):
            return None
        raise not_loaded(repo_id, error) from error
    except HFValidationError:  # of what is no id; the library says so
        return None
    return Path(known) if isinstance(known, str) else None  # or a mark that it is not there


@contextmanager
def naming_refused_weights(name_or_path: str | os.PathLike, file: str, given: Mapping[str, Any]) -> Iterator[None]:
    """Within the block, an error becomes the Hub's reason not to give the weights, if it has one. Libraries say that
    there is no such file.

    Args:
        name_or_path (`str` or `os.PathLike`): what `from_pretrained` was given; nothing is done for a folder.
        file (`str`): what the weights are called without a variant.
        given (`Mapping[str, Any]`): the arguments of `from_pretrained`.

    Yields:
        Nothing.

    Raises:
        OSError: As the block does, or with the Hub's reason.
    """
    try:
        yield
    except OSError as error:
        if not is_local_path(name_or_path) and not is_hub_fault(error):
            variant = given.get("variant")
            name = file if variant is None else file.replace(".", f".{variant}.", 1)
            settings_file(name_or_path, name, given, dry_run=True)
        raise


def find_codecs(checkpoint: str | None, **named: str | None) -> dict[str, str | None]:
    """The folders of codecs and tokenizer: each as it is named, the others those of a checkpoint.

    Args:
        checkpoint (`str`, *optional*): as for `find_checkpoint`. The codecs of a repository are downloaded.
        named (`str`, *optional*): `vqgan`, `tokenizer` and `sketch_vqgan`, as for `find_part`; None where it is not.

    Returns:
        `dict[str, str | None]`: `vqgan`, `tokenizer` and `sketch_vqgan`; None if there is no codec of sketches.

    Raises:
        OSError: If one is missing, or the Hub has no such repository or cannot be reached.
    """
    found = {"sketch_vqgan": None} if checkpoint is None else _codecs_of(checkpoint)
    return {**found, **{part: find_part(name, part) for part, name in named.items() if name is not None}}


def _codecs_of(checkpoint: str) -> dict[str, str | None]:
    found = find_checkpoint(checkpoint)
    wanted = [INDEX_FILE, *(f"{part}/*" for part in (*CODECS, "sketch_vqgan"))]
    folder = Path(found) if is_local_path(found) else download_files(found, wanted)
    check_checkpoint_folder(folder, CODECS, optional=["sketch_vqgan"])
    return {part: str(folder / part) if _has(folder, part) else None for part in (*CODECS, "sketch_vqgan")}


def _has(pipeline: Path, part: str) -> bool:
    """Whether a pipeline's index names a part; a folder of that name may be what an earlier one left."""
    return read_json(pipeline / INDEX_FILE).get(part, EMPTY) != EMPTY


def is_pipeline(name: str) -> bool:
    """Whether a folder or `"embedded"` is a whole pipeline.

    Args:
        name (`str`): as for `find_checkpoint`; a Hub id is not looked up.

    Returns:
        `bool`.
    """
    return (Path(find_checkpoint(name)) / INDEX_FILE).is_file()


def find_part(name: str, part: str) -> str:
    """What `from_pretrained` needs to load one component, which has its own place or is part of a pipeline.

    Args:
        name (`str`): a component or a pipeline: a folder, a Hub id, or `"embedded"`.
        part (`str`): which component of a pipeline: `vqgan`, `sketch_vqgan`, `tokenizer` or `transformer`.

    Returns:
        `str`: the component's folder, or its Hub id.

    Raises:
        OSError: If there is no such folder, the pipeline has no such part, or the Hub has no such repository or cannot
            be reached.
    """
    found = find_checkpoint(name)
    if is_local_path(found):
        folder = Path(found)
        if not folder.is_dir():
            raise OSError(f"No {part}: {name!r} is no folder; give one that a {part} or a pipeline was saved to.")
        if not is_pipeline(found):
            return found
    else:
        if settings_file(found, INDEX_FILE, with_settings(found, (), {})) is None:
            return found
        folder = download_files(found, [INDEX_FILE, f"{part}/*"])
    if not _has(folder, part):
        raise OSError(f"No {part}: {name!r} is a pipeline without it; name one that has it.")
    check_checkpoint_folder(folder, [part])
    return str(folder / part)
