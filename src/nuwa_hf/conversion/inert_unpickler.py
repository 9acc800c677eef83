# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Unpickling that never imports, calls or changes anything: every name in the pickle becomes an object of this file.

A pickle is a program. Here each name it asks for must be on one of two lists: names used by tensors, which become
descriptions of tensors, and names that training frameworks leave in checkpoints, which become stand-ins that ignore
everything done to them. Any other name is an error.
"""

import math
import pickle
import struct
from typing import NamedTuple

import torch


class UnsafeCheckpointError(ValueError):
    """A checkpoint that asks for code, or that violates its format: truncated, nested or inflated."""


class StorageDescription(NamedTuple):
    """Where the data of a tensor is stored.

    Args:
        key (`str`): the storage's name in the file.
        dtype (`torch.dtype`): type of the numbers.
        numel (`int`): their number.
    """

    key: str
    dtype: torch.dtype
    numel: int


class TensorDescription(NamedTuple):
    """A tensor without its data.

    Args:
        storage (`StorageDescription`): where the numbers lie.
        offset (`int`): place of the first one in the storage.
        size (`tuple[int, ...]`): the shape.
        stride (`tuple[int, ...]`): the strides.
    """

    storage: StorageDescription
    offset: int
    size: tuple[int, ...]
    stride: tuple[int, ...]


class PlainDict(dict):
    """In place of `OrderedDict`: a dict to which no attributes can be added."""

    __slots__ = ()

    def __setstate__(self, state: object) -> None:
        """Ignores `_metadata` of a state dict."""


class StandIn:
    """Replaces a foreign class or function, and the result of calling it."""

    __slots__ = ()

    def __new__(cls, *arguments: object, **options: object) -> "StandIn":
        """Ignores the arguments."""
        return object.__new__(cls)

    def __setstate__(self, state: object) -> None:
        """Ignores the state."""

    def __setitem__(self, key: object, value: object) -> None:
        """Ignores the item."""

    def append(self, item: object) -> None:
        """Ignores the item."""

    def extend(self, items: object) -> None:
        """Ignores the items."""

    def add(self, item: object) -> None:
        """Ignores the item."""


class _RebuildTensor:
    """In place of `torch._utils._rebuild_tensor_v2`."""

    __slots__ = ()

    def __new__(cls, storage, offset, size, stride, *_) -> TensorDescription:
        size, stride = tuple(size), tuple(stride)
        numbers = (offset, *size, *stride)
        if (
            not isinstance(storage, StorageDescription)
            or any(type(number) is not int or number < 0 for number in numbers)
            or len(size) != len(stride)
        ):
            raise UnsafeCheckpointError("The checkpoint holds a tensor whose description is malformed.")
        last = offset + sum((extent - 1) * step for extent, step in zip(size, stride, strict=True))
        # The first comparison refuses strides of 0, which would let a few bytes represent a tensor of any size.
        if math.prod(size) > storage.numel or (math.prod(size) and last >= storage.numel):
            raise UnsafeCheckpointError(
                f"The checkpoint holds a tensor of shape {size} that does not fit into its {storage.numel} numbers."
            )
        return TensorDescription(storage, offset, size, stride)


class _RebuildParameter:
    """In place of `torch._utils._rebuild_parameter`."""

    __slots__ = ()

    def __new__(cls, data, *_) -> TensorDescription:
        return data


class _Size:
    """In place of `torch.Size`."""

    __slots__ = ()

    def __new__(cls, size=()) -> tuple:
        return tuple(size)


class _StorageType:
    """In place of a storage class; an instance stands for the class."""

    __slots__ = ("dtype",)

    def __init__(self, dtype: torch.dtype):
        self.dtype = dtype

    def __setstate__(self, state: object) -> None:
        raise UnsafeCheckpointError("The checkpoint changes a storage class.")


STORAGE_TYPES = {
    "DoubleStorage": torch.float64,
    "FloatStorage": torch.float32,
    "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16,
    "LongStorage": torch.int64,
    "IntStorage": torch.int32,
    "ShortStorage": torch.int16,
    "CharStorage": torch.int8,
    "ByteStorage": torch.uint8,
    "BoolStorage": torch.bool,
}
# What a state dict needs. Files with no other names are then read by `torch.load(weights_only=True)`.
TENSOR_NAMES = {
    "collections.OrderedDict": PlainDict,
    "torch._utils._rebuild_tensor_v2": _RebuildTensor,
    "torch._utils._rebuild_parameter": _RebuildParameter,
    "torch.Size": _Size,
    **{f"torch.{name}": _StorageType(dtype) for name, dtype in STORAGE_TYPES.items()},
}
# What training frameworks store beside the weights: callbacks, settings, scores. Skipped, never imported.
FOREIGN_PACKAGES = (
    "pytorch_lightning",
    "lightning",
    "lightning_fabric",
    "lightning_utilities",
    "torchmetrics",
    "omegaconf",
    "taming",
    "ldm",
    "nuwa_pytorch",
)
FOREIGN_NAMES = {
    "_codecs.encode",  # bytes, in a pickle of protocol 2
    "argparse.Namespace",
    "collections.Counter",
    "collections.defaultdict",
    "datetime.datetime",
    "datetime.timedelta",
    "numpy.core.multiarray._reconstruct",
    "numpy._core.multiarray._reconstruct",
    "numpy.core.multiarray.scalar",
    "numpy._core.multiarray.scalar",
    "numpy.dtype",
    "numpy.ndarray",
    "pathlib.PosixPath",
    "pathlib.WindowsPath",
    "torch.device",
    "typing.Any",
    *(f"{module}.{name}" for module in ("builtins", "__builtin__") for name in ("dict", "list", "set", "int")),
}
# The operations of protocol 2, which torch.save writes, and names on the stack, with which protocol 4 does the same.
OPERATIONS = """
    PROTO FRAME STOP MARK POP POP_MARK NONE NEWTRUE NEWFALSE BININT BININT1 BININT2 LONG1 BINFLOAT BINUNICODE
    SHORT_BINUNICODE SHORT_BINBYTES SHORT_BINSTRING EMPTY_TUPLE TUPLE TUPLE1 TUPLE2 TUPLE3 EMPTY_LIST APPEND APPENDS
    EMPTY_DICT SETITEM SETITEMS EMPTY_SET ADDITEMS BINGET LONG_BINGET BINPUT LONG_BINPUT MEMOIZE GLOBAL STACK_GLOBAL
    REDUCE NEWOBJ BUILD BINPERSID
"""
_MALFORMED = (
    pickle.UnpicklingError,
    struct.error,
    EOFError,
    ArithmeticError,
    AttributeError,
    LookupError,
    TypeError,
    ValueError,
    MemoryError,
)


# The Python class: the C class allocates as many memo entries as a pickle claims to have.
class _Unpickler(pickle._Unpickler):
    dispatch = {  # noqa: RUF012 - the name and kind that the base class reads
        code: pickle._Unpickler.dispatch[code] for code in (getattr(pickle, name)[0] for name in OPERATIONS.split())
    }

    def __init__(self, file):
        super().__init__(file, encoding="bytes")
        self.foreign: set[str] = set()
        self.storages: dict[str, StorageDescription] = {}

    def find_class(self, module: str, name: str) -> object:
        full_name = f"{module}.{name}"
        if full_name in TENSOR_NAMES:
            return TENSOR_NAMES[full_name]
        if full_name in FOREIGN_NAMES or (module.split(".")[0] in FOREIGN_PACKAGES and "." not in name):
            self.foreign.add(full_name)
            return StandIn
        raise UnsafeCheckpointError(
            f"The checkpoint asks for `{full_name}`, which no weights need: it may run code, so nothing of it was "
            "loaded. If you trust its author, ask for a .safetensors file."
        )

    def persistent_load(self, pid: object) -> StorageDescription:
        if not (isinstance(pid, tuple) and len(pid) in (5, 6) and _text(pid[0]) == "storage"):
            raise UnsafeCheckpointError("The checkpoint holds a reference that is no storage.")
        _, kind, key, _, numel, *view = pid
        if not isinstance(kind, _StorageType) or type(numel) is not int or numel < 0 or view not in ([], [None]):
            raise UnsafeCheckpointError("The checkpoint holds a storage whose description is malformed.")
        storage = StorageDescription(_text(key), kind.dtype, numel)
        if self.storages.setdefault(storage.key, storage) != storage:
            raise UnsafeCheckpointError(f"The checkpoint describes its storage {storage.key} in two ways.")
        return storage


class Unpickled(NamedTuple):
    """The contents of a pickle.

    Args:
        value (`object`): builtins, `TensorDescription` and `StandIn`.
        foreign (`frozenset[str]`): the names that became stand-ins.
        storages (`dict[str, StorageDescription]`): all storages, by key.
    """

    value: object
    foreign: frozenset[str]
    storages: dict[str, StorageDescription]


def unpickle(file) -> Unpickled:
    """Reads one pickle to its end, without running what it asks for.

    Args:
        file: a binary file with `read` and `readline`, such as `mmap.mmap`; what follows the pickle stays unread.

    Returns:
        `Unpickled`: the value, foreign names and storages.

    Raises:
        UnsafeCheckpointError: If the pickle asks for anything that is not on the lists, or is malformed.
    """
    unpickler = _Unpickler(file)
    try:
        value = unpickler.load()
    except UnsafeCheckpointError:
        raise
    except _MALFORMED as error:
        raise UnsafeCheckpointError(
            f"The checkpoint is truncated or no checkpoint of PyTorch ({type(error).__name__}: {error})."
        ) from error
    return Unpickled(value, frozenset(unpickler.foreign), unpickler.storages)


def _text(value: object) -> str:
    if isinstance(value, bytes):
        return value.decode("utf-8")
    if not isinstance(value, str):
        raise UnsafeCheckpointError(f"The checkpoint has a {type(value).__name__} where a name must be.")
    return value
