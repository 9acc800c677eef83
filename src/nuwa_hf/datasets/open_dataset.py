# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Open a data set with `datasets`, from a local folder, a file or the Hub, and find its columns."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import datasets


FILE_BUILDERS = {".parquet": "parquet", ".jsonl": "json", ".json": "json", ".csv": "csv"}
CAPTION_COLUMNS = ("text", "caption")
MEDIA_COLUMNS = ("video", "image", "media", "clip")


@dataclass(frozen=True)
class Columns:
    """The names of the columns that are read.

    Args:
        media (`str`): images or clips.
        caption (`str`): texts.
        sketch (`str`, *optional*): class maps.
    """

    media: str
    caption: str
    sketch: str | None = None


def open_dataset(
    path: str | Path, *, split: str = "train", streaming: bool = False
) -> datasets.Dataset | datasets.IterableDataset:
    """Open a folder of images or clips with a `metadata.jsonl`, a file of rows, a saved data set, or one on the Hub.

    Args:
        path (`str` or `Path`): a folder, a .parquet, .jsonl, .json or .csv file, or an id on the Hub.
        split (`str`, defaults to `"train"`): which split.
        streaming (`bool`, defaults to `False`): whether rows are read one after another instead of prepared first.

    Returns:
        `datasets.Dataset`, or `datasets.IterableDataset` if it is streamed.

    Raises:
        ValueError: If there is no such data set, if it is empty, or if it has no such split.
    """
    place = Path(path)
    if place.is_dir() and not any(one.is_file() for one in place.rglob("*")):
        raise ValueError(
            f"`dataset` must hold at least one captioned image or clip, got the empty folder {str(path)!r}."
        )
    if (place / "state.json").is_file() or (place / "dataset_dict.json").is_file():
        return _open_saved(place, split, streaming)
    try:
        if place.is_file():
            if place.suffix not in FILE_BUILDERS:
                raise ValueError(
                    f"`dataset` must be a folder, an id of the Hub or a file that ends in {', '.join(FILE_BUILDERS)}, "
                    f"got {str(path)!r}; give the folder that it lies in."
                )
            files = {split: str(place)}
            return datasets.load_dataset(
                FILE_BUILDERS[place.suffix], data_files=files, split=split, streaming=streaming
            )
        return datasets.load_dataset(str(path), split=split, streaming=streaming)
    except (datasets.exceptions.DatasetsError, OSError) as error:
        raise ValueError(
            f"`dataset` must be a folder with images or clips and a metadata.jsonl, a file of rows, or an id of the "
            f"Hub, got {str(path)!r}, which cannot be opened: {error}"
        ) from error


def _open_saved(folder: Path, split: str, streaming: bool):
    saved = datasets.load_from_disk(str(folder))
    if isinstance(saved, datasets.DatasetDict):
        if split not in saved:
            raise ValueError(f"`dataset_split` must be one of {list(saved)}, got {split!r}; choose one of these.")
        saved = saved[split]
    return saved.to_iterable_dataset() if streaming else saved


def find_columns(
    features: dict[str, Any], *, media: str | None = None, caption: str | None = None, sketch: str | None = None
) -> Columns:
    """The columns to read: those that are named, or else those that their features and names suggest.

    Args:
        features (`dict[str, Any]`): maps the name of each column to its feature, or to None if that is not known.
        media (`str`, *optional*): column of images or clips; by default the only one with the feature `Image` or
            `Video`, or else the one called video, image, media or clip.
        caption (`str`, *optional*): column of captions; by default the one called text or caption.
        sketch (`str`, *optional*): column of class maps; by default none are read.

    Returns:
        `Columns`.

    Raises:
        ValueError: If a column is missing, or if there are several candidates for it.
    """
    names = list(features)
    for argument, name in (("media_column", media), ("caption_column", caption), ("sketch_column", sketch)):
        if name is not None and name not in features:
            raise ValueError(f"`{argument}` must be one of the columns {names}, got {name!r}; choose one of these.")
    if caption is None:
        caption = _only([name for name in CAPTION_COLUMNS if name in features], "caption_column", "captions", names)
    kind = getattr(features[caption], "dtype", "string")
    if kind not in ("string", "large_string"):
        raise ValueError(f"`caption_column` must hold texts, got {caption!r} of {kind}; choose one of {names}.")
    if media is None:
        # A column called sketch holds sketches even if none are read.
        others = {name: feature for name, feature in features.items() if name not in (caption, sketch, "sketch")}
        found = [name for name, feature in others.items() if isinstance(feature, datasets.Image | datasets.Video)]
        found = found or [name for name in MEDIA_COLUMNS if name in others]
        media = _only(found, "media_column", "images or clips", names)
    return Columns(media, caption, sketch)


def _only(found: list[str], argument: str, what: str, names: list[str]) -> str:
    if len(found) != 1:
        problem = f"none of {names} is known to hold them" if not found else f"{found} could both be it"
        raise ValueError(f"`{argument}` must name the column of {what}, since {problem}; give it.")
    return found[0]


def without_decoding(dataset):
    """The same data set, with its images and clips given as `{"bytes": ..., "path": ...}`.

    Args:
        dataset (`datasets.Dataset` or `datasets.IterableDataset`): the data set.

    Returns:
        The same kind of data set.
    """
    for name, feature in (dataset.features or {}).items():
        inner = feature.feature if isinstance(feature, datasets.List) else feature
        if isinstance(inner, datasets.Image | datasets.Video):
            stored = type(inner)(decode=False)
            dataset = dataset.cast_column(name, datasets.List(stored) if inner is not feature else stored)
    return dataset
