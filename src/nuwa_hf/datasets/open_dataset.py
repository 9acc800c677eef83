# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Open a data set: a folder or file of rows by ourselves, local or at a URL, all else with `datasets`."""

import logging
import os
from pathlib import Path
from typing import Any

import datasets
import pyarrow

from nuwa_hf.argument_types import check_types

from .file_columns import is_url
from .find_columns import CAPTION_COLUMNS
from .folder_files import FolderFiles
from .folder_splits import parts_of_split, rows_of_split
from .left_out import LeftOut, left_out_summary
from .local_folder import LocalRows, is_metadata, read_folder, read_row_file
from .metadata_rows import ROW_ENDINGS, holds_embedded_media, is_row_file, names_files
from .url_files import UrlFiles


logger = logging.getLogger(__name__)

LOCAL_BUILDER = "nuwa_hf"  # in the info of data sets whose files we read ourselves
_SAVED = ("state.json", "dataset_dict.json")
# Files that only `datasets` reads, if a folder has no clips beside them.
_SHARD_ENDINGS = (".arrow", ".parquet", ".tar", ".gz", ".tgz", ".zip", ".zst")
_STREAM_PARTS = 1024  # of local rows, so that several readers find theirs
_LACKS_CONFIGURATION = "Config name is missing"  # what `datasets` says, and which there are


def open_dataset(
    path: str | Path, *, split: str = "train", streaming: bool = False
) -> datasets.Dataset | datasets.IterableDataset:
    """Open a folder of images or clips, a file of rows, a saved data set, or one on the Hub.

    A folder or files at a URL are read by the same rules. Its images and clips are fetched as they are read.

    Of a local folder and a file of rows that names files, the rows are in memory, each with the whole path of its
    image or clip; what is left out is logged. All else is opened by `datasets`.

    Args:
        path (`str` or `Path`): a folder, a .parquet, .jsonl, .json or .csv file, an id on the Hub, or a URL of a
            folder or of files, in which `*` stands for several.
        split (`str`, defaults to `"train"`): which split; "all", and slices such as "train[:90%]", are some too.
        streaming (`bool`, defaults to `False`): whether rows are read one after another instead of prepared first.

    Returns:
        `datasets.Dataset`, or `datasets.IterableDataset` if it is streamed.

    Raises:
        OSError: If a URL cannot be reached.
        ValueError: If there is no such data set, if it is empty, or if it has no such split.
        TypeError: If an argument has the wrong type.
    """
    return open_with_left_out(path, split=split, streaming=streaming)[0]


def open_with_left_out(
    path: str | Path, *, split: str = "train", streaming: bool = False
) -> tuple[datasets.Dataset | datasets.IterableDataset, list[LeftOut]]:
    """What `open_dataset` and `left_out_files` give, of which the files are read once.

    Args:
        path (`str` or `Path`): as for `open_dataset`.
        split (`str`, defaults to `"train"`): likewise.
        streaming (`bool`, defaults to `False`): likewise.

    Returns:
        `tuple[datasets.Dataset or datasets.IterableDataset, list[LeftOut]]`.

    Raises:
        OSError: As `open_dataset` does.
        ValueError: As `open_dataset` does.
        TypeError: As `open_dataset` does.
    """
    check_types({"path": path, "split": split}, {"path": str | Path, "split": str}, "give a str")
    check_types({"streaming": streaming}, {"streaming": bool}, "give True or False")
    if is_url(str(path)):
        return _open_url(str(path), split, streaming)
    place = Path(os.path.abspath(os.path.expanduser(path)))
    if "*" in str(path) and not place.exists():  # `datasets` would look for it on the Hub
        raise ValueError(
            f"`dataset` must be a folder, a file of rows or an id of the Hub, got the pattern {str(path)!r}, as only "
            f"a URL may be; give the folder that the files lie in, or 'file://{place.as_posix()}'."
        )
    local = _read_local(place)
    if local is not None:
        return _open_rows(local, split, str(place), streaming)
    if _is_saved(place):
        return _open_saved(place, split, streaming), []
    if place.is_file():
        return _load(str(path), "parquet", data_files={"train": str(place)}, split=split, streaming=streaming), []
    return _load(str(path), str(place if place.is_dir() else path), split=split, streaming=streaming), []


def left_out_files(path: str | Path, *, split: str = "train") -> list[LeftOut]:
    """The files of a local data set that are no samples, each with the reason.

    Args:
        path (`str` or `Path`): as for `open_dataset`.
        split (`str`, defaults to `"train"`): which split.

    Returns:
        `list[LeftOut]`: empty for what `datasets` reads.

    Raises:
        OSError: As `open_dataset` does.
        ValueError: As `open_dataset` does.
    """
    if is_url(str(path)):
        files = None if _hub_id(str(path)) else UrlFiles.of(str(path))
        local = None if files is None or files.builder() is not None else files.rows()
    else:
        local = _read_local(Path(os.path.abspath(os.path.expanduser(path))))
    return [] if local is None else _of_split(local, split, str(path))[1]


def _open_url(url: str, split: str, streaming: bool):
    if _hub_id(url):
        return _load(url, _hub_id(url), split=split, streaming=streaming), []
    files = UrlFiles.of(url)
    builder = files.builder()
    if builder is None:
        return _open_rows(files.rows(), split, url, streaming)
    return _load(url, builder, data_files=files.data_files(), split=split, streaming=streaming), []


def _hub_id(url: str) -> str | None:
    """The id of a whole repository on the Hub; None for files in one and for other URLs."""
    found = url.rstrip("/").removeprefix("hf://datasets/")
    return found if found != url.rstrip("/") and found.count("/") == 1 else None


def _open_rows(local: LocalRows, split: str, place: str, streaming: bool):
    rows, left_out = _of_split(local, split, place)
    if left_out:
        logger.warning("Left out of %s (%d): %s.", place, len(left_out), left_out_summary(left_out))
    _log_captions(rows)
    found = _as_dataset(rows, local, place)
    return _as_stream(found) if streaming else found, left_out


def _load(place: str, *arguments: Any, **others: Any):
    """`datasets.load_dataset`, whose errors name what was to be opened."""
    try:
        return datasets.load_dataset(*arguments, **others)
    except (datasets.exceptions.DatasetsError, OSError, ValueError) as error:
        if _LACKS_CONFIGURATION in str(error):
            raise ValueError(
                f"`dataset` must have one configuration or a default one, got {place!r}, which has several; open the "
                f"folder that the files of one lie in, such as 'hf://datasets/USER/NAME/FOLDER': {error}"
            ) from error
        if isinstance(error.__cause__, ImportError):
            raise ValueError(
                f"`dataset` must hold what installed packages prepare, got {place!r}: {error.__cause__} Or stream it, "
                "where the command can: then files that are not read stay as they are."
            ) from error
        raise ValueError(
            f"`dataset` must be a folder with images or clips, a file of rows, or an id of the Hub, got {place!r}, "
            f"which cannot be opened: {error}"
        ) from error


def _open_saved(folder: Path, split: str, streaming: bool):
    saved = datasets.load_from_disk(str(folder))
    if isinstance(saved, datasets.DatasetDict):
        parts, split = dict(saved), "+".join(saved) if split == "all" else split
    else:
        parts = dict.fromkeys(("train", str(saved.split or "train"), "all"), saved)
    names = list(dict.fromkeys((*parts, "all")))
    chosen = parts_of_split({name: len(part) for name, part in parts.items()}, split, str(folder), names)
    found = datasets.concatenate_datasets(
        [parts[name] if len(rows) == len(parts[name]) else parts[name].select(rows) for name, rows in chosen]
    )
    return found.to_iterable_dataset(num_shards=min(len(found), _STREAM_PARTS)) if streaming else found


def _is_saved(place: Path) -> bool:
    return any((place / name).is_file() for name in _SAVED)


def _read_local(place: Path) -> LocalRows | None:
    """The rows of what we read ourselves; None of what `datasets` reads."""
    if place.is_file():
        return _read_file(place)
    if not place.is_dir() or _is_saved(place):
        return None
    files = FolderFiles.of(place)
    files.check_one_kind(str(place))
    if not files.media and any(holds_embedded_media(path) for path in files.rows):
        return None
    local = read_folder(files)
    if local.rows:
        return local
    if any(path.suffix.lower() in _SHARD_ENDINGS for path in files):
        return None
    what, remedy = "an empty folder", "put some into it"
    if local.left_out:
        what = f"which has none ({left_out_summary(local.left_out)})"
        remedy = "paths in a file of rows count from the folder that it lies in"
    raise ValueError(f"`dataset` must hold at least one image or clip, got {str(place)!r}, {what}; {remedy}.")


def _read_file(path: Path) -> LocalRows | None:
    if not is_row_file(path):
        raise ValueError(
            f"`dataset` must be a folder, an id of the Hub or a file that ends in {', '.join(ROW_ENDINGS)}, got "
            f"{str(path)!r}; give the folder that it lies in."
        )
    if path.suffix.lower() == ".parquet" and not names_files(path):
        return None
    local = read_folder(FolderFiles.of(path.parent)) if is_metadata(path) else read_row_file(path)
    if not local.rows:
        raise ValueError(
            f"`dataset` must name at least one image or clip that exists, got {str(path)!r}, of whose rows none does: "
            f"{left_out_summary(local.left_out)}; paths count from the folder that it lies in."
        )
    return local


def _of_split(local: LocalRows, split: str, place: str) -> tuple[list[dict[str, Any]], list[LeftOut]]:
    """The rows of a split, and all files that are left out, those of other splits too."""
    chosen = rows_of_split(local.splits, split, place)
    kept = {local.splits[number] for number in chosen}
    others = [
        LeftOut(file, f"belongs to the split {name!r}")
        for file, name in zip(local.files, local.splits, strict=True)
        if name not in kept
    ]
    return [local.rows[number] for number in chosen], local.left_out + others


def _as_dataset(rows: list[dict[str, Any]], local: LocalRows, place: str) -> datasets.Dataset:
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    for name, values in columns.items():
        try:
            pyarrow.array(values)
        except (pyarrow.ArrowException, TypeError, OverflowError) as error:
            raise ValueError(
                f"`dataset` must have columns of one kind of values, got {name!r} in {place!r}: {error}; make "
                "them all texts, or all numbers."
            ) from error
    info = datasets.DatasetInfo(builder_name=LOCAL_BUILDER, dataset_name=local.folder)
    found = datasets.Dataset.from_dict(columns, info=info)
    for name, feature in local.features.items():
        found = found.cast_column(name, feature)
    return found


def _as_stream(found: datasets.Dataset) -> datasets.IterableDataset:
    stream = found.to_iterable_dataset(num_shards=min(len(found), _STREAM_PARTS))
    stream.info.builder_name, stream.info.dataset_name = found.info.builder_name, found.info.dataset_name
    return stream


def _log_captions(rows: list[dict[str, Any]]) -> None:
    for name in CAPTION_COLUMNS:
        missing = sum(row[name] is None for row in rows) if name in rows[0] else 0
        if 0 < missing < len(rows):
            logger.info("%d of %d rows have no caption in the column %r.", missing, len(rows), name)
