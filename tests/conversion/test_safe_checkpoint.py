# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Real attacks: each of these files does harm, or would, when it is read the usual way."""

import collections
import io
import json
import os
import pickle
import struct
import subprocess
import sys
import types
import zipfile

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from nuwa_hf.conversion.safe_checkpoint import UnsafeCheckpointError, read_checkpoint


STATE = {"a.weight": torch.arange(6.0).reshape(2, 3), "a.bias": torch.tensor([1, 2]), "b": torch.ones(3).half()}


def equal(found, expected=STATE):
    return found.keys() == expected.keys() and all(torch.equal(found[name], expected[name]) for name in expected)


class Call:
    """Unpickled, it calls a function."""

    def __init__(self, function, *arguments):
        self.function, self.arguments = function, arguments

    def __reduce__(self):
        return self.function, self.arguments


class CallInBuild:
    """Unpickled, it calls a function by the state of an object."""

    def __init__(self, command):
        self.command = command

    def __reduce__(self):
        return collections.OrderedDict, (), None, None, iter([("k", Call(os.system, self.command))])


def harmful(folder):
    """A command that leaves a trace, and the trace."""
    trace = folder / "trace"
    return f"touch {trace}", trace


PAYLOADS = {
    "os.system": lambda command: Call(os.system, command),
    "subprocess": lambda command: Call(subprocess.check_call, command.split()),
    "eval": lambda command: Call(eval, f"__import__('os').system({command!r})"),
    "exec": lambda command: Call(exec, f"import os; os.system({command!r})"),
    "in an item of a dict": CallInBuild,
    "getattr": lambda command: Call(getattr, command, "split"),
}


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize("payload", PAYLOADS)
def test_code_in_a_checkpoint_is_refused_and_not_run(payload, legacy, tmp_path):
    command, trace = harmful(tmp_path)
    path = tmp_path / "evil.ckpt"
    content = {"state_dict": STATE, "callbacks": PAYLOADS[payload](command)}
    torch.save(content, path, _use_new_zipfile_serialization=not legacy)
    with pytest.raises(UnsafeCheckpointError, match=r"asks for `[\w.]+`"):
        read_checkpoint(path)
    assert not trace.exists()


@pytest.mark.parametrize("protocol", range(6))
def test_bare_pickle_with_code_is_refused_and_not_run(protocol, tmp_path):
    command, trace = harmful(tmp_path)
    path = tmp_path / "evil.pt"
    path.write_bytes(pickle.dumps(Call(os.system, command), protocol=protocol))
    with pytest.raises(UnsafeCheckpointError):
        read_checkpoint(path)
    assert not trace.exists()


def test_the_attacks_are_real(tmp_path):
    command, trace = harmful(tmp_path)
    path = tmp_path / "evil.ckpt"
    torch.save({"state_dict": STATE, "callbacks": Call(os.system, command)}, path)
    torch.load(path, weights_only=False)
    assert trace.exists()


def save_bytes(**extra):
    buffer = io.BytesIO()
    torch.save({"state_dict": STATE, **extra}, buffer)
    return buffer.getvalue()


def repacked(data, change, compression=zipfile.ZIP_STORED):
    """The archive with its records changed by a function on a list of pairs of name and content."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        records = [(info.filename, archive.read(info)) for info in archive.infolist()]
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, content in change(records):
            archive.writestr(name, content)
    return buffer.getvalue()


def bomb(records):
    return [(name, bytes(2**24) if name.endswith("/data/0") else content) for name, content in records]


def one_more(name, content):
    return lambda records: [*records, (name, content)]


@pytest.mark.parametrize(
    "make",
    [
        lambda good, evil: repacked(good, bomb, zipfile.ZIP_DEFLATED),
        lambda good, evil: repacked(good, one_more("archive/inner.zip", evil)),
        lambda good, evil: repacked(good, one_more("archive/inner/data.pkl", b"\x80\x02N.")),
        lambda good, evil: repacked(good, one_more("other/data.pkl", b"\x80\x02N.")),
        lambda good, evil: repacked(good, one_more("archive/../../escape", b"")),
        lambda good, evil: repacked(good, one_more("archive/code/evil.py", b"")),
        lambda good, evil: good + evil,
        lambda good, evil: evil + good,
        lambda good, evil: pickle.dumps("a pickle first", protocol=2) + good,
        lambda good, evil: pickle.dumps({"state_dict": {}}, protocol=2),
        lambda good, evil: repacked(good, lambda records: records[:-4]),
        lambda good, evil: repacked(good, lambda r: [(n, c[:4] if n.endswith("/data/0") else c) for n, c in r]),
        lambda good, evil: b"",
        lambda good, evil: b"\x00" * 100,
    ],
)
def test_nested_inflated_and_broken_archives_are_refused(make, tmp_path, monkeypatch):
    command, trace = harmful(tmp_path)
    path = tmp_path / "evil.ckpt"
    path.write_bytes(make(save_bytes(), save_bytes(callbacks=Call(os.system, command))))
    with pytest.raises(UnsafeCheckpointError):
        read_checkpoint(path)
    assert not trace.exists()


@pytest.mark.parametrize("legacy", [False, True])
def test_file_truncated_anywhere_is_refused(legacy, tmp_path):
    whole = tmp_path / "whole.ckpt"
    torch.save({"state_dict": STATE}, whole, _use_new_zipfile_serialization=not legacy)
    data = whole.read_bytes()
    path = tmp_path / "part.ckpt"
    for length in [*range(0, len(data) - 1, 37), len(data) - 1]:
        path.write_bytes(data[:length])
        with pytest.raises(UnsafeCheckpointError):
            read_checkpoint(path)


def zip_with_pickle(pickled, storage=bytes(24)):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in (
            ("data.pkl", pickled),
            ("byteorder", b"little"),
            ("data/0", storage),
            ("version", b"3\n"),
        ):
            archive.writestr(f"archive/{name}", content)
    return buffer.getvalue()


def tensor_pickle(numel=6, offset=0, size=(2, 3), stride=(3, 1)):
    """{"w": tensor}, written by hand, in protocol 2."""
    numbers = lambda values: b"(" + b"".join(b"J" + struct.pack("<i", v) for v in values) + b"t"  # noqa: E731
    text = lambda value: b"X" + struct.pack("<I", len(value)) + value  # noqa: E731
    storage = b"(" + text(b"storage") + b"ctorch\nFloatStorage\n" + text(b"0") + text(b"cpu")
    storage += b"\x8a\x08" + struct.pack("<q", numel) + b"tQ"
    arguments = b"(" + storage + b"J" + struct.pack("<i", offset) + numbers(size) + numbers(stride) + b"\x89Nt"
    return b"\x80\x02}" + text(b"w") + b"ctorch._utils\n_rebuild_tensor_v2\n" + arguments + b"Rs."


def test_pickle_written_by_hand_is_read(tmp_path):
    path = tmp_path / "good.pt"
    path.write_bytes(zip_with_pickle(tensor_pickle(), np.arange(6, dtype=np.float32).tobytes()))
    assert equal(read_checkpoint(path), {"w": torch.arange(6.0).reshape(2, 3)})


@pytest.mark.parametrize(
    "wrong",
    [
        {"numel": 2**40},
        {"numel": -1},
        {"size": (2**20, 2**10), "stride": (0, 0)},
        {"size": (2, 4), "stride": (3, 1)},
        {"offset": 1},
        {"offset": -1},
        {"stride": (-3, 1)},
        {"size": (2, 3, 1)},
    ],
)
def test_tensor_beyond_its_numbers_is_refused(wrong, tmp_path):
    path = tmp_path / "evil.pt"
    path.write_bytes(zip_with_pickle(tensor_pickle(**wrong)))
    with pytest.raises(UnsafeCheckpointError):
        read_checkpoint(path)


@pytest.mark.parametrize(
    "pickled",
    [
        b"\x80\x02N" + b"r\xff\xff\xff\x7f" + b".",  # a memo of two thousand million places, which is a bomb in C
        b"\x80\x02cbuiltins\nbytearray\n\x8a\x05\x00\x00\x00\x00\x10\x85R.",  # 64 GiB of zeros by one allowed call
        b"\x80\x02X\xff\xff\xff\x7f" + b"short.",
        b"\x80\x02ccollections\nOrderedDict\n}X\x01\x00\x00\x00aK\x01sb.",  # sets an attribute of a class
        b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\nN}X\x0c\x00\x00\x00__defaults__Nsb\x86b.",
        b"\x80\x02ctorch\nload\nX\x04\x00\x00\x00file\x85R.",  # an inner file
        b"\x80\x02(ios\nsystem\n.",
        b"\x80\x05\x96" + struct.pack("<Q", 2**50) + b".",
    ],
)
def test_bombs_and_back_doors_in_pickles_are_refused(pickled, tmp_path):
    path = tmp_path / "evil.pt"
    path.write_bytes(zip_with_pickle(pickled))
    with pytest.raises(ValueError, match=str(path)):
        read_checkpoint(path)


def foreign_package(monkeypatch):
    """A pytorch_lightning that notes when anything of it is used."""
    used = []
    package, callbacks = types.ModuleType("pytorch_lightning"), types.ModuleType("pytorch_lightning.callbacks")

    class ModelCheckpoint:
        def __init__(self):
            self.best = 1.0

        def __setstate__(self, state):
            used.append(state)

    class AttributeDict(dict):
        pass

    for kind in (ModelCheckpoint, AttributeDict):
        kind.__module__, kind.__qualname__ = callbacks.__name__, kind.__name__
        setattr(callbacks, kind.__name__, kind)
    monkeypatch.setitem(sys.modules, package.__name__, package)
    monkeypatch.setitem(sys.modules, callbacks.__name__, callbacks)
    return callbacks, used


@pytest.mark.parametrize("legacy", [False, True])
def test_objects_of_lightning_are_read_over_without_lightning(legacy, tmp_path, monkeypatch):
    path = tmp_path / "last.ckpt"
    with monkeypatch.context() as installed:
        callbacks, used = foreign_package(installed)
        settings = callbacks.AttributeDict(learning_rate=1e-4)
        settings.name = "attribute"
        content = {
            "state_dict": collections.OrderedDict(STATE),
            "callbacks": {callbacks.ModelCheckpoint: {"best_model_score": torch.tensor(1.0)}},
            "objects": [callbacks.ModelCheckpoint(), settings, np.float64(0.5), np.zeros(2), torch.device("cpu")],
        }
        torch.save(content, path, _use_new_zipfile_serialization=not legacy)
        assert equal(read_checkpoint(path))
        assert used == []
    assert equal(read_checkpoint(path))
    with pytest.raises(pickle.UnpicklingError):
        torch.load(path, weights_only=True)


def test_views_and_transposed_tensors_keep_their_values(tmp_path, monkeypatch):
    numbers = torch.arange(24.0)
    state = {"view": numbers[4:10].reshape(2, 3), "transposed": numbers.reshape(4, 6).t(), "empty": torch.zeros(0, 3)}
    state["parameter"] = torch.nn.Parameter(torch.ones(2))
    path = tmp_path / "last.ckpt"
    torch.save(state, path)
    assert equal(read_checkpoint(path), state)
    with monkeypatch.context() as installed:
        callbacks, _ = foreign_package(installed)
        torch.save({"state_dict": state, "callback": callbacks.ModelCheckpoint()}, path)
    assert equal(read_checkpoint(path), state)


@pytest.mark.parametrize("wrap", [lambda s: s, lambda s: {"state_dict": s}, lambda s: {"model": s, "step": 1}])
@pytest.mark.parametrize("legacy", [False, True])
def test_plain_checkpoints_are_read(wrap, legacy, tmp_path):
    torch.save(wrap(STATE), tmp_path / "a.pt", _use_new_zipfile_serialization=not legacy)
    assert equal(read_checkpoint(tmp_path / "a.pt"))


def test_nested_state_dicts_are_flattened(tmp_path):
    torch.save(
        {"model": {"a": {"weight": STATE["a.weight"], "bias": STATE["a.bias"]}, "b": STATE["b"]}}, tmp_path / "a.pt"
    )
    assert equal(read_checkpoint(tmp_path / "a.pt"))


@pytest.mark.parametrize("content", [[1, 2], {"step": 3}, {"state_dict": {"a": 3}}, {1: torch.ones(1)}])
def test_what_is_no_state_dict_is_an_error(content, tmp_path):
    torch.save(content, tmp_path / "a.pt")
    with pytest.raises(ValueError, match=r"a\.pt"):
        read_checkpoint(tmp_path / "a.pt")


def test_safetensors_goes_before_a_pickle_in_a_folder(tmp_path):
    torch.save({"b": torch.zeros(1)}, tmp_path / "model.bin")
    save_file(STATE, tmp_path / "model.safetensors")
    assert equal(read_checkpoint(tmp_path))


@pytest.mark.parametrize(("save", "ending"), [(save_file, "safetensors"), (torch.save, "bin")])
def test_shards_are_read_as_one(save, ending, tmp_path):
    weight_map = {name: f"model-{part}.{ending}" for part, name in enumerate(STATE)}
    for name, file in weight_map.items():
        save({name: STATE[name]}, tmp_path / file)
    index = tmp_path / f"model.{ending}.index.json"
    index.write_text(json.dumps({"weight_map": weight_map}), encoding="utf-8")
    assert equal(read_checkpoint(tmp_path))
    weight_map["b"] = f"../elsewhere.{ending}"
    for broken in (json.dumps({"weight_map": weight_map}), "{}", '{"weight_map": '):
        index.write_text(broken, encoding="utf-8")
        with pytest.raises(OSError, match=rf"model\.{ending}\.index\.json"):
            read_checkpoint(tmp_path)


@pytest.mark.parametrize("others", [("model.fp16",), ("model.fp16-00001-of-00002", "model.fp16-00002-of-00002")])
def test_variants_of_weights_are_read_over(others, tmp_path):
    """As loading does it; the scripts that take a folder could not be told which file is meant."""
    save_file(STATE, tmp_path / "model.safetensors")
    for name in others:
        save_file({"b": torch.zeros(1)}, tmp_path / f"{name}.safetensors")
    assert equal(read_checkpoint(tmp_path))
    save_file(STATE, tmp_path / "other.safetensors")
    with pytest.raises(ValueError, match=r"other\.safetensors"):
        read_checkpoint(tmp_path)


def test_truncated_safetensors_is_refused(tmp_path):
    save_file(STATE, tmp_path / "a.safetensors")
    data = (tmp_path / "a.safetensors").read_bytes()
    (tmp_path / "a.safetensors").write_bytes(data[:-3])
    with pytest.raises(UnsafeCheckpointError):
        read_checkpoint(tmp_path / "a.safetensors")


def test_folder_with_two_checkpoints_and_missing_paths_are_errors(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_checkpoint(tmp_path / "missing.ckpt")
    with pytest.raises(ValueError, match="safetensors"):
        read_checkpoint(tmp_path)
    for name in "ab":
        torch.save(STATE, tmp_path / f"{name}.ckpt")
    with pytest.raises(ValueError, match=r"a\.ckpt"):
        read_checkpoint(tmp_path)
