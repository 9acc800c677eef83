# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The rows of a .jsonl, .json, .csv or .parquet file, and texts in UTF-8."""

import codecs
import csv
import io
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import datasets
import pyarrow
import pyarrow.parquet

from .find_columns import MEDIA_COLUMNS, PATH_COLUMNS
from .media_endings import has_media_ending


ROW_ENDINGS = (".jsonl", ".json", ".csv", ".parquet")
# Marks of other encodings; those of UTF-32 begin with those of UTF-16.
_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_BE)


class MetadataError(ValueError):
    """A file of rows or of a caption that cannot be read; its text is a whole sentence for the user."""


@dataclass(frozen=True)
class MetadataRows:
    """The rows of one file.

    Args:
        path (`Path`): the file.
        rows (`list[dict[str, Any]]`): maps columns to values; a row may lack columns that others have.
        features (`dict[str, Any]`): columns whose feature the file tells: those of a .parquet file.
    """

    path: Path
    rows: list[dict[str, Any]]
    features: dict[str, Any] = field(default_factory=dict)

    @property
    def columns(self) -> list[str]:
        """The names of all columns, in the order in which they first come."""
        return list(dict.fromkeys(name for row in self.rows for name in row))


def is_row_file(path: Path) -> bool:
    """Whether a file's name ends as those of files of rows do, in upper or lower case.

    Args:
        path (`Path`): a file.

    Returns:
        `bool`.
    """
    return path.suffix.lower() in ROW_ENDINGS


def read_rows(path: Path) -> MetadataRows:
    """Read a file of rows.

    A .json or .jsonl file is a list of objects, or has one object in each line. The values of a .csv file are texts.

    Args:
        path (`Path`): the file.

    Returns:
        `MetadataRows`.

    Raises:
        ValueError: If it is not in UTF-8 or damaged; the message names the file and, for texts, the line.
    """
    ending = path.suffix.lower()
    if ending == ".parquet":
        found = _read_parquet(path)
    else:
        text = read_text(path)
        found = MetadataRows(path, _csv_rows(path, text) if ending == ".csv" else _json_rows(path, text))
    return found


def read_text(path: Path, argument: str = "dataset") -> str:
    """Read a text in UTF-8, with or without a byte order mark.

    Args:
        path (`Path`): the file.
        argument (`str`, defaults to `"dataset"`): the one that names it, for messages.

    Returns:
        `str`.

    Raises:
        ValueError: If it is in another encoding or cannot be read.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise MetadataError(
            f"`{argument}` must have texts that can be read, got {str(path)!r}: {error.strerror}; check its "
            "permissions."
        ) from error
    if data.startswith(_MARKS) or b"\0" in data:
        raise _encoding_error(path, argument, "looks like UTF-16")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        problem = f"has the byte 0x{error.object[error.start]:02x} in line {line}"
        raise _encoding_error(path, argument, problem) from error


def mentions_media(path: Path) -> bool:
    """Whether a file that cannot be read as rows has a word that ends as images and clips do.

    Args:
        path (`Path`): a .jsonl, .json or .csv file, in any encoding; one that cannot be opened may have anything.

    Returns:
        `bool`.
    """
    try:
        text = path.read_bytes().replace(b"\0", b"").decode("latin-1")  # of UTF-16 too, the letters of ASCII are left
    except OSError:
        return True
    return any(has_media_ending(word) for word in re.split(r"[\s,;:|\"'\\[\]{}]+", text))


def holds_embedded_media(path: Path) -> bool:
    """Whether a file is a .parquet file with the bytes of images or clips, which `datasets` reads.

    Args:
        path (`Path`): the file.

    Returns:
        `bool`.

    Raises:
        ValueError: If it is a damaged .parquet file.
    """
    return path.suffix.lower() == ".parquet" and any(_holds_bytes(kind) for kind in _parquet_schema(path).types)


def names_files(path: Path) -> bool:
    """Whether a .parquet file has a column of texts that is called as one of files is, and no bytes.

    Args:
        path (`Path`): the file.

    Returns:
        `bool`.

    Raises:
        ValueError: If it is damaged.
    """
    schema = _parquet_schema(path)
    names = [entry.name for entry in schema if entry.type in (pyarrow.string(), pyarrow.large_string())]
    is_named = any(name in (*MEDIA_COLUMNS, *PATH_COLUMNS) or name.endswith("file_name") for name in names)
    return is_named and not any(_holds_bytes(kind) for kind in schema.types)


def _parquet_schema(path: Path) -> pyarrow.Schema:
    with _parquet_reading(path):
        return pyarrow.parquet.read_schema(path)


def _holds_bytes(kind: pyarrow.DataType) -> bool:
    if pyarrow.types.is_nested(kind):
        return any(_holds_bytes(kind.field(index).type) for index in range(kind.num_fields))
    return pyarrow.types.is_binary(kind) or pyarrow.types.is_large_binary(kind)


def _encoding_error(path: Path, argument: str, problem: str) -> MetadataError:
    return MetadataError(
        f"`{argument}` must have its texts in UTF-8, got {str(path)!r}, which {problem}; save it as UTF-8."
    )


def _read_parquet(path: Path) -> MetadataRows:
    with _parquet_reading(path):
        table = pyarrow.parquet.read_table(path, partitioning=None)
    return MetadataRows(path, table.to_pylist(), dict(datasets.Features.from_arrow_schema(table.schema)))


@contextmanager
def _parquet_reading(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, pyarrow.ArrowException) as error:
        raise MetadataError(
            f"`dataset` must have whole .parquet files, got {str(path)!r}: {error}; make it anew."
        ) from error


def _json_rows(path: Path, text: str) -> list[dict[str, Any]]:
    if text.lstrip().startswith("["):
        rows = _parse(path, text, 1)
    else:
        lines = enumerate(text.split("\n"), 1)  # not splitlines, which cuts at characters that JSON allows in texts
        rows = [_parse(path, line, number) for number, line in lines if line.strip()]
    for number, row in enumerate(rows, 1):
        if not isinstance(row, dict):
            raise MetadataError(
                f"`dataset` must have rows that are JSON objects, got {str(row)[:50]!r} in {str(path)!r}, row "
                f'{number}; write {{"file_name": ..., "text": ...}}.'
            )
    return rows


def _parse(path: Path, text: str, line: int) -> Any:
    try:
        return json.loads(text)
    except (json.JSONDecodeError, RecursionError) as error:
        line += getattr(error, "lineno", 1) - 1
        problem = getattr(error, "msg", "it is nested too deeply")
        raise MetadataError(
            f"`dataset` must have rows of whole JSON, got {str(path)!r}, which is broken in line {line}: {problem}; "
            "write one object in each line, or a list of objects."
        ) from error


def _csv_rows(path: Path, text: str) -> list[dict[str, Any]]:
    reader = csv.reader(io.StringIO(text, newline=""), skipinitialspace=True, strict=True)
    rows, header = [], None
    try:
        for values in reader:
            if not values:
                continue
            if header is None:
                header = [name.strip() for name in values]
                _check_header(path, header)
            elif len(values) != len(header):
                raise MetadataError(
                    f"`dataset` must have CSV rows of as many fields as its header, {len(header)}, got {len(values)} "
                    f"in {str(path)!r}, line {reader.line_num}; put texts with commas in quotation marks."
                )
            else:
                rows.append({name: value or None for name, value in zip(header, values, strict=True)})
    except csv.Error as error:
        raise MetadataError(
            f"`dataset` must have whole CSV rows, got {str(path)!r}, which is broken in line {reader.line_num}: "
            f"{error}; close each quotation mark, and double those inside of texts."
        ) from error
    return rows


def _check_header(path: Path, header: list[str]) -> None:
    repeated = sorted({name for name in header if header.count(name) > 1})
    if repeated:
        raise MetadataError(
            f"`dataset` must have columns of different names, got {repeated} twice in {str(path)!r}; rename "
            "one of each."
        )
