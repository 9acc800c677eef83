# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Reads the two container formats of `torch.save`: the zip archive, and the sequence of pickles before PyTorch 1.6.

Everything is checked against the size of the file before a tensor is created, so a file of n bytes never takes more
than about n bytes of memory.
"""

import io
import mmap
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import torch

from nuwa_hf.conversion.inert_unpickler import StorageDescription, Unpickled, UnsafeCheckpointError, unpickle


ZIP_START = b"PK\x03\x04"
LEGACY_MAGIC_NUMBER = 0x1950A86A20F9469CFC6C
LEGACY_PROTOCOL = 1001
MAX_PICKLE = 64 * 2**20  # bytes; that of a model with a thousand tensors has about 100 kB
_LOCAL_HEADER = 30  # bytes of a zip entry's header before its name
_RECORD = re.compile(
    r"(?P<root>[^/]+)/(?:data\.pkl|version|byteorder|\.format_version|\.storage_alignment|\.data/serialization_id"
    r"|data/(?P<key>\d+))"
)


class Container(NamedTuple):
    """An opened checkpoint.

    Args:
        unpickled (`Unpickled`): its contents.
        offsets (`Mapping[str, int]`): place of every storage in the file, by key.
        is_zip (`bool`): whether it is the zip archive.
    """

    unpickled: Unpickled
    offsets: Mapping[str, int]
    is_zip: bool


def open_container(path: Path) -> Container:
    """Reads a file of `torch.save` without the data of its tensors.

    Args:
        path (`Path`): the file.

    Returns:
        `Container`: descriptions of the tensors, and where their numbers lie.

    Raises:
        UnsafeCheckpointError: If the file is truncated, inflated, nested, not of `torch.save`, or asks for code.
    """
    size = path.stat().st_size
    if size == 0:
        raise UnsafeCheckpointError("The checkpoint is empty.")
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        if mapped[:4] == ZIP_START:
            return _open_zip(file, size)
        return _open_legacy(mapped)


def read_storages(path: Path, container: Container) -> dict[str, torch.Tensor]:
    """The data of all storages, mapped from the file and read on use.

    Args:
        path (`Path`): the file.
        container (`Container`): what `open_container` returned for it.

    Returns:
        `dict[str, torch.Tensor]`: one flat tensor for each key.
    """
    with path.open("rb") as file:
        mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
    storages = {}
    for key, (_, dtype, numel) in container.unpickled.storages.items():
        offset = container.offsets[key]
        if numel == 0:
            storages[key] = torch.empty(0, dtype=dtype)
        elif offset % dtype.itemsize == 0:
            storages[key] = torch.frombuffer(mapped, dtype=dtype, count=numel, offset=offset)
        else:  # old files are not aligned
            copied = bytearray(mapped[offset : offset + numel * dtype.itemsize])
            storages[key] = torch.frombuffer(copied, dtype=dtype)
    return storages


def _open_zip(file, size: int) -> Container:
    try:
        with zipfile.ZipFile(file) as archive:
            entries = archive.infolist()
            if archive.comment or not entries or min(entry.header_offset for entry in entries) != 0:
                raise UnsafeCheckpointError("The checkpoint is an archive with something before, between or behind.")
            root, keys = _check_entries(entries, size)
            by_name = {entry.filename: entry for entry in entries}
            byte_order = by_name.get(f"{root}/byteorder")
            if byte_order is not None and archive.read(byte_order) != b"little":
                raise UnsafeCheckpointError("The checkpoint was written by a big-endian machine, which is not read.")
            unpickled = unpickle(io.BytesIO(archive.read(by_name[f"{root}/data.pkl"])))
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError, OverflowError) as error:
        raise UnsafeCheckpointError(f"The checkpoint is truncated or a broken archive ({error}).") from error
    offsets = {}
    for key, storage in unpickled.storages.items():
        entry = keys.get(key)
        if entry is None or entry.file_size < _num_bytes(storage):
            held = "missing" if entry is None else f"of {entry.file_size} bytes"
            raise UnsafeCheckpointError(
                f"The checkpoint's storage {key} should have {_num_bytes(storage)} bytes but is {held}."
            )
        offsets[key] = _start_of(file, entry, size)
    return Container(unpickled, offsets, is_zip=True)


def _check_entries(entries: list[zipfile.ZipInfo], size: int) -> tuple[str, dict[str, zipfile.ZipInfo]]:
    """Root folder of the archive, and its storages by key."""
    roots, keys, names = set(), {}, set()
    for entry in entries:
        match = _RECORD.fullmatch(entry.filename)
        if match is None:
            raise UnsafeCheckpointError(
                f"The checkpoint's archive holds {entry.filename!r}, which torch.save does not write; a nested "
                "archive or a TorchScript model is not read."
            )
        if entry.compress_type != zipfile.ZIP_STORED or entry.compress_size != entry.file_size:
            raise UnsafeCheckpointError(
                f"The checkpoint's archive holds {entry.filename!r} compressed ({entry.compress_size} to "
                f"{entry.file_size} bytes); torch.save never does, a zip bomb does."
            )
        if entry.filename in names:
            raise UnsafeCheckpointError(f"The checkpoint's archive holds {entry.filename!r} twice.")
        names.add(entry.filename)
        roots.add(match["root"])
        if match["key"] is not None:
            keys[match["key"]] = entry
    if len(roots) != 1 or f"{next(iter(roots))}/data.pkl" not in names:
        raise UnsafeCheckpointError("The checkpoint's archive must hold one folder with a data.pkl.")
    if sum(entry.file_size for entry in entries) > size:
        raise UnsafeCheckpointError(f"The checkpoint's archive claims to hold more than the file's {size} bytes.")
    (root,) = roots
    pickled = next(entry for entry in entries if entry.filename == f"{root}/data.pkl")
    if pickled.file_size > MAX_PICKLE:
        raise UnsafeCheckpointError(
            f"The checkpoint's data.pkl has {pickled.file_size} bytes; names and shapes never take {MAX_PICKLE}."
        )
    return root, keys


def _start_of(file, entry: zipfile.ZipInfo, size: int) -> int:
    """Place of a stored entry's bytes in the file."""
    file.seek(entry.header_offset)
    header = file.read(_LOCAL_HEADER)
    start = (
        entry.header_offset
        + _LOCAL_HEADER
        + int.from_bytes(header[26:28], "little")
        + int.from_bytes(header[28:30], "little")
    )
    if header[:4] != ZIP_START or start + entry.file_size > size:
        raise UnsafeCheckpointError(f"The checkpoint's archive is truncated at {entry.filename!r}.")
    return start


def _open_legacy(mapped: mmap.mmap) -> Container:
    magic_number, protocol = unpickle(mapped).value, None
    if magic_number == LEGACY_MAGIC_NUMBER:
        protocol = unpickle(mapped).value
    if protocol != LEGACY_PROTOCOL:
        raise UnsafeCheckpointError("The file is neither a .safetensors file nor one that torch.save wrote.")
    system = unpickle(mapped).value
    if not isinstance(system, dict) or system.get("little_endian") is not True:
        raise UnsafeCheckpointError("The checkpoint was written by a big-endian machine, which is not read.")
    start = mapped.tell()
    unpickled = unpickle(mapped)
    if mapped.tell() - start > MAX_PICKLE:
        raise UnsafeCheckpointError(f"The checkpoint's pickle has more than {MAX_PICKLE} bytes.")
    keys = unpickle(mapped).value
    known = unpickled.storages
    if not isinstance(keys, list) or sorted(map(str, keys)) != sorted(known):
        raise UnsafeCheckpointError("The checkpoint's list of storages is not that of its tensors.")
    offsets, place = {}, mapped.tell()
    for key in map(str, keys):
        numel = int.from_bytes(mapped[place : place + 8], "little")
        offsets[key] = place + 8
        place += 8 + _num_bytes(known[key])
        if numel != known[key].numel or place > len(mapped):
            raise UnsafeCheckpointError(f"The checkpoint is truncated or broken at its storage {key}.")
    return Container(unpickled, offsets, is_zip=False)


def _num_bytes(storage: StorageDescription) -> int:
    return storage.numel * storage.dtype.itemsize
