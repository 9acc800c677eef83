# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Edits of one file of a saved folder, as a stranger could make them. Each says what it did."""

import json
import os
import pickle
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file


VALUES = [
    float("nan"),
    float("inf"),
    -1,
    0,
    10**9,
    10**30,
    1.5,
    "x",
    "",
    None,
    [],
    {},
    True,
    [[]],
    "../../../etc/passwd",
]


class Attack:
    """Unpickled, it leaves a trace.

    Args:
        trace (`Path`): a file that is made.
    """

    def __init__(self, trace: Path):
        self.trace = trace

    def __reduce__(self):
        return os.mkdir, (str(self.trace),)


def edit(folder: Path, rng: random.Random, trace: Path) -> str:
    """Edit one file of a folder.

    Args:
        folder (`Path`): whose files may be edited, also those in folders of it.
        rng (`random.Random`): chooses the file and the edit.
        trace (`Path`): what an attack would make.

    Returns:
        `str`: what was done.
    """
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix in EDITS)
    path = rng.choice(files)
    chosen = rng.choice(EDITS[path.suffix])
    said = chosen(path, rng, trace)
    return f"{path.relative_to(folder)}: {chosen.__name__.strip('_')} {said or ''}"[:200]


def _remove(path: Path, *_: Any) -> None:
    path.unlink()


def _cut(path: Path, rng: random.Random, _: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: rng.randrange(len(data))])


def _empty(path: Path, *_: Any) -> None:
    path.write_bytes(b"")


def _bytes(path: Path, rng: random.Random, _: Path) -> None:
    data = bytearray(path.read_bytes())
    for _ in range(5):
        data[rng.randrange(min(len(data), 4000))] = rng.randrange(256)
    path.write_bytes(data)


def _link(path: Path, rng: random.Random, _: Path) -> str:
    path.unlink()
    target = rng.choice(["/etc/passwd", "/dev/null", str(path), "../../../nowhere", "/proc/self"])
    path.symlink_to(target)
    return target


def _value(path: Path, rng: random.Random, _: Path) -> str:
    values = json.loads(path.read_text(encoding="utf-8"))
    name, value = rng.choice(sorted(values)), rng.choice(VALUES)
    path.write_text(json.dumps({**values, name: value}), encoding="utf-8")
    return f"{name} = {value!r}"


def _missing(path: Path, rng: random.Random, _: Path) -> str:
    values = json.loads(path.read_text(encoding="utf-8"))
    name = rng.choice(sorted(values))
    del values[name]
    path.write_text(json.dumps(values), encoding="utf-8")
    return name


def _extra(path: Path, rng: random.Random, _: Path) -> None:
    values = json.loads(path.read_text(encoding="utf-8"))
    extra = {"auto_map": {"AutoModel": "evil.Evil"}, "__class__": "os", "hiden_size": 3, "trust_remote_code": True}
    name = rng.choice(sorted(extra))
    path.write_text(json.dumps({**values, name: extra[name]}), encoding="utf-8")


def _twice(path: Path, *_: Any) -> None:
    values = json.loads(path.read_text(encoding="utf-8"))
    name = sorted(values)[0]
    text = json.dumps(values)
    path.write_text(f'{{"{name}": -1, {text[1:]}', encoding="utf-8")


def _deep(path: Path, *_: Any) -> None:
    path.write_text("[" * 200_000 + "]" * 200_000, encoding="utf-8")


def _list(path: Path, *_: Any) -> None:
    path.write_text("[1, 2, 3]", encoding="utf-8")


def _weights(path: Path, change: Callable[[dict[str, torch.Tensor], str], None], rng: random.Random) -> str:
    weights = load_file(path)
    name = rng.choice(sorted(weights))
    change(weights, name)
    save_file(weights, path, metadata={"format": "pt"})
    return name


def _missing_weight(path: Path, rng: random.Random, _: Path) -> str:
    return _weights(path, lambda weights, name: weights.pop(name), rng)


def _extra_weight(path: Path, rng: random.Random, _: Path) -> str:
    return _weights(path, lambda weights, name: weights.update({f"{name}.more": torch.ones(3)}), rng)


def _shape(path: Path, rng: random.Random, _: Path) -> str:
    return _weights(path, lambda weights, name: weights.update({name: torch.ones(7, 3)}), rng)


def _type(path: Path, rng: random.Random, _: Path) -> str:
    def change(weights: dict[str, torch.Tensor], name: str) -> None:
        weights[name] = torch.zeros(weights[name].shape, dtype=rng.choice([torch.int64, torch.bool, torch.uint8]))

    return _weights(path, change, rng)


def _nothing(path: Path, *_: Any) -> None:
    save_file({}, path, metadata={"format": "pt"})


def _pickle(path: Path, rng: random.Random, trace: Path) -> str:
    path.unlink()
    name = "pytorch_model.bin" if path.stem == "model" else "diffusion_pytorch_model.bin"
    torch.save({"weight": Attack(trace)}, path.with_name(name))
    return name


def _index(path: Path, rng: random.Random, _: Path) -> str:
    names = list(load_file(path))
    outside = rng.choice(
        ["../../outside.safetensors", "/etc/passwd", str(path.parent.parent / "x.safetensors"), 7, None]
    )
    kept = path.with_name("kept.safetensors")
    path.rename(kept)
    text = json.dumps(
        {"metadata": {"total_size": 1}, "weight_map": {**dict.fromkeys(names, kept.name), names[0]: outside}}
    )
    path.with_name(f"{path.name}.index.json").write_text(text, encoding="utf-8")
    return str(outside)


def _of_states(path: Path, change: Callable[[Any], Any]) -> None:
    torch.save(change(torch.load(path, weights_only=False)), path)


def _attack(path: Path, rng: random.Random, trace: Path) -> str:
    how = rng.choice(["alone", "inside", "bare"])
    if how == "bare":
        path.write_bytes(pickle.dumps(Attack(trace)))
    else:
        _of_states(path, lambda states: {**states, "more": Attack(trace)} if how == "inside" else Attack(trace))
    return how


def _other_state(path: Path, rng: random.Random, _: Path) -> str:
    """Another value at a random place within."""
    value = rng.choice([*VALUES, torch.ones(3), torch.full((2, 2), torch.nan), 1e400, (1,), {"step": 1}])
    place = []

    def change(states: Any) -> Any:
        if isinstance(states, dict | list | tuple) and states and (not place or rng.random() < 0.7):
            keys = list(states) if isinstance(states, dict) else range(len(states))
            place.append(key := rng.choice(keys))
            pairs = states.items() if isinstance(states, dict) else enumerate(states)
            changed = {name: change(one) if name == key else one for name, one in pairs}
            return changed if isinstance(states, dict) else type(states)(changed.values())
        return value

    _of_states(path, change)
    return f"{place} = {value!r}"


def _no_state(path: Path, rng: random.Random, _: Path) -> str:
    found = []

    def change(states: dict) -> dict:
        found.append(rng.choice(list(states)))
        return {name: value for name, value in states.items() if name != found[0]}

    _of_states(path, change)
    return str(found)


def _metadata(path: Path, rng: random.Random, _: Path) -> str:
    """Another value in what a file of weights or tokens says about itself."""
    with safe_open(path, "pt") as file:
        metadata = file.metadata() or {}
    info = json.loads(metadata.get("info", "{}")) or {"bounds": {}}
    name, value = rng.choice(sorted(info)), rng.choice(VALUES)
    if isinstance(info[name], dict) and info[name] and rng.random() < 0.6:
        inner = rng.choice(sorted(info[name]))
        info[name][inner] = value
    else:
        info[name] = value
    said = rng.choice(["[", "7", "[]", '"x"']) if rng.random() < 0.2 else json.dumps(info)
    save_file(load_file(path), path, metadata={**metadata, "info": said})
    return f"{name} {said}"


_OF_JSON = [_value] * 8 + [_missing, _extra, _twice, _deep, _list]
_OF_ANY = [_remove, _cut, _empty, _bytes, _link]
_OF_WEIGHTS = [_missing_weight, _extra_weight, _shape, _type, _nothing, _pickle, _index, _metadata]
_OF_STATES = [_attack] * 5 + [_other_state] * 10 + [_no_state] * 2
EDITS = {
    ".json": _OF_ANY + _OF_JSON,
    ".safetensors": _OF_ANY + _OF_WEIGHTS,
    **dict.fromkeys((".bin", ".pt", ".pkl"), _OF_ANY + _OF_STATES),
}
