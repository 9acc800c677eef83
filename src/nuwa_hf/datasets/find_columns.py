# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The columns of a data set that hold images or clips, captions and sketches."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Literal

import datasets


CAPTION_COLUMNS = ("text", "caption", "txt", "prompt")
MEDIA_COLUMNS = ("video", "image", "media", "clip")
PATH_COLUMNS = ("path", "file", "filename", "filepath", "file_path", "video_path", "image_path", "clip_path")
SUB_FOLDER_COLUMN = "sub_folder"
SKETCH_COLUMN = "sketch"
CaptionSource = Literal["auto", "folder", "none"]


@dataclass(frozen=True)
class Columns:
    """The names of the columns that are read.

    Args:
        media (`str`): images or clips.
        caption (`str`, *optional*): texts or classes; None if captions are not read.
        sketch (`str`, *optional*): class maps.
        class_names (`tuple[str, ...]`, *optional*): where captions are classes, the name of each.
    """

    media: str
    caption: str | None
    sketch: str | None = None
    class_names: tuple[str, ...] | None = None

    def caption_of(self, row: dict[str, Any]) -> str | None:
        """The caption of a row.

        Args:
            row (`dict[str, Any]`): the row.

        Returns:
            `str`: its text, or the name of its class with spaces for underscores; None if it has none or captions are
            not read.

        Raises:
            ValueError: If it has a list of them.
        """
        value = None if self.caption is None else row.get(self.caption)
        if isinstance(value, list):  # of a column whose feature is not known
            raise _has_lists(self.caption)
        if self.class_names is not None:
            is_class = isinstance(value, int) and 0 <= value < len(self.class_names)
            value = self.class_names[value].replace("_", " ") if is_class else None
        return value if isinstance(value, str) and value.strip() else None


def holds_texts(feature: Any) -> bool:
    """Whether a column holds texts, such as captions or paths, and no bytes or numbers.

    Args:
        feature: its feature, or None if that is not known.

    Returns:
        `bool`.
    """
    return isinstance(feature, datasets.Value) and feature.dtype in ("string", "large_string")


def find_columns(
    features: dict[str, Any],
    *,
    media: str | None = None,
    caption: str | None = None,
    sketch: str | None = None,
    caption_source: CaptionSource = "auto",
) -> Columns:
    """The columns to read: those that are named, or else those that their features and names suggest.

    Args:
        features (`dict[str, Any]`): maps the name of each column to its feature, or to None if that is not known.
        media (`str`, *optional*): column of images or clips; by default found as in `find_media_column`.
        caption (`str`, *optional*): column of captions, texts or a `ClassLabel`; by default the one called text,
            caption, txt or prompt.
        sketch (`str`, *optional*): column of class maps; by default none are read.
        caption_source (`str`, defaults to `"auto"`): where captions come from. "auto": the column; "folder": the name
            of the clip's sub-folder is its class and its caption; "none": there are none.

    Returns:
        `Columns`.

    Raises:
        ValueError: If a column is missing, or if there are several candidates for it.
    """
    names, is_named = list(features), caption is not None
    if caption_source not in ("auto", "folder", "none"):
        raise ValueError(
            f"`caption_source` must be 'auto', 'folder' or 'none', got {caption_source!r}; choose one of these."
        )
    for argument, name in (("media_column", media), ("caption_column", caption), ("sketch_column", sketch)):
        _check_there(argument, name, names)
    if caption is not None and caption_source != "auto":
        raise ValueError(
            f"`caption_source` must be 'auto' where a `caption_column` is named, got {caption_source!r} with "
            f"{caption!r}; leave one of them out."
        )
    if caption_source == "folder":
        if SUB_FOLDER_COLUMN not in features:
            raise ValueError(
                "`caption_source` must be 'auto' or 'none' where no clips lie in sub-folders, got 'folder'; put the "
                "clips of each class into a local sub-folder of its own."
            )
        caption = SUB_FOLDER_COLUMN
    elif caption_source == "auto" and caption is None:
        found = _usable_captions(features) or [name for name in CAPTION_COLUMNS if name in features]
        remedy = (
            "name it, write each caption into a .txt file beside its clip, or set `caption_source` to 'folder' (sub-"
            "folders are classes) or 'none' (no captions)"
        )
        caption = _only(found, "caption_column", "captions", names, remedy)
    class_names = None if caption is None else _class_names(caption, features, is_named)
    media = find_media_column(features, media, (caption, sketch))
    return Columns(media, caption, sketch, class_names)


def usable_caption_source(features: dict[str, Any]) -> CaptionSource:
    """Where a data set has captions, for who only looks at it and does not ask.

    Args:
        features (`dict[str, Any]`): as for `find_columns`.

    Returns:
        `str`: "auto" if a column is called so and may hold captions, or holds lists of them, which `find_columns`
            refuses; else "folder" if its clips lie in sub-folders, else "none".
    """
    if _usable_captions(features):
        return "auto"
    return "folder" if SUB_FOLDER_COLUMN in features else "none"


def find_media_column(features: dict[str, Any], media: str | None = None, others: Collection[str | None] = ()) -> str:
    """The column of images or clips.

    Args:
        features (`dict[str, Any]`): maps the name of each column to its feature, or to None if that is not known.
        media (`str`, *optional*): its name, if it is known; by default the only one with the feature `Image` or
            `Video`, or else the only one of `MEDIA_COLUMNS`, or else of `PATH_COLUMNS`.
        others (`Collection[str | None]`, *optional*): columns that hold something else.

    Returns:
        `str`.

    Raises:
        ValueError: If there is no such column, or if there are several.
    """
    _check_there("media_column", media, list(features))
    if media is not None:
        return media
    # A column called sketch holds sketches even if none are read.
    rest = {name: feature for name, feature in features.items() if name not in (*others, SKETCH_COLUMN)}
    found = [name for name, feature in rest.items() if isinstance(feature, datasets.Image | datasets.Video)]
    for names in (MEDIA_COLUMNS, PATH_COLUMNS):
        found = found or [name for name in names if name in rest]
    return _only(found, "media_column", "images or clips", list(features), "name it")


def _check_there(argument: str, name: str | None, names: list[str]) -> None:
    if name is not None and name not in names:
        raise ValueError(f"`{argument}` must be one of the columns {names}, got {name!r}; choose one of these.")


def _usable_captions(features: dict[str, Any]) -> list[str]:
    """The columns that are called as captions are and may hold some, or else those with lists of texts."""
    found = [name for name in CAPTION_COLUMNS if name in features]
    usable = [name for name in found if _may_hold_captions(features[name])]
    return usable or [name for name in found if _holds_lists(features[name])]


def _may_hold_captions(feature: Any) -> bool:
    return feature is None or holds_texts(feature) or isinstance(feature, datasets.ClassLabel)


def _holds_lists(feature: Any) -> bool:
    return isinstance(feature, datasets.List | datasets.LargeList) and holds_texts(feature.feature)


def _has_lists(caption: str) -> ValueError:
    return ValueError(
        f"`caption_column` must hold one caption in each row, got {caption!r} with lists; give each caption a row of "
        "its own, or name another column."
    )


def _class_names(caption: str, features: dict[str, Any], is_named: bool) -> tuple[str, ...] | None:
    feature = features[caption]
    kind = getattr(feature, "dtype", type(feature).__name__)
    if kind == "null":
        remedy = "leave it out" if is_named else "set `caption_source` to 'none'"
        raise ValueError(
            f"`caption_column` must hold captions, got {caption!r}, which is empty in every row; name another "
            f"column, or {remedy}."
        )
    if _holds_lists(feature):
        raise _has_lists(caption)
    if not _may_hold_captions(feature):
        raise ValueError(
            f"`caption_column` must hold texts or a ClassLabel, got {caption!r} of {kind}; choose one of "
            f"{list(features)}."
        )
    return tuple(feature.names) if isinstance(feature, datasets.ClassLabel) else None


def _only(found: list[str], argument: str, what: str, names: list[str], remedy: str) -> str:
    if len(found) != 1:
        problem = f"none of {names} is known to hold them" if not found else f"{found} could both be it"
        remedy = remedy if not found else "name it"
        raise ValueError(f"`{argument}` must name the column of {what}, since {problem}; {remedy}.")
    return found[0]
