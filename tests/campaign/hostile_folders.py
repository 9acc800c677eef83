# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Saved folders that a stranger edited: every loader refuses in one clear error, or loads, and runs no code."""

import json
import os
import random
import shutil
import signal
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from tiny import MAX_TEXT_LENGTH, VISUAL_GRID, tiny_pipeline

import nuwa_hf
from campaign.attempts import Attempts


TIME_LIMIT = 60  # seconds
LONGEST = 3000  # letters of a message
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
CLEAR = (ValueError, TypeError, OSError)


class Attack:
    """Unpickled, it leaves a trace.

    Args:
        trace (`Path`): a file that is made.
    """

    def __init__(self, trace: Path):
        self.trace = trace

    def __reduce__(self):
        return os.mkdir, (str(self.trace),)


class HostileFolders:
    """The attack.

    Args:
        work (`Path`): a folder for everything.
    """

    def __init__(self, work: Path):
        self.work = work
        self.whole = work / "whole"
        if not self.whole.exists():
            pipeline = tiny_pipeline("T2V")
            pipeline.save_pretrained(work / "making")
            processor = nuwa_hf.NuwaProcessor(
                *(pipeline.tokenizer, pipeline.vqgan, pipeline.sketch_vqgan),
                **{"visual_grid": VISUAL_GRID, "frame_rate": 4.0, "max_text_length": MAX_TEXT_LENGTH},
            )
            processor.save_pretrained(work / "making" / "processor")
            (work / "making").rename(self.whole)
        self.loaders: dict[str, tuple[str, Callable[[Path], Any]]] = {
            "configuration": ("transformer", nuwa_hf.NuwaConfig.from_pretrained),
            "transformer": ("transformer", nuwa_hf.NuwaForConditionalGeneration.from_pretrained),
            "codec": ("vqgan", nuwa_hf.NuwaVQGAN.from_pretrained),
            "tokenizer": ("tokenizer", nuwa_hf.NuwaTokenizer.from_pretrained),
            "pipeline": (".", nuwa_hf.NuwaTextToVideoPipeline.from_pretrained),
            "processor": ("processor", nuwa_hf.NuwaProcessor.from_pretrained),
        }

    def attempt(self, loader: str, seed: int) -> dict[str, Any]:
        """Edit a copy, and load it.

        Args:
            loader (`str`): what loads it.
            seed (`int`): of the edit.

        Returns:
            `dict[str, Any]`: the verdict, the edit, what was said.
        """
        rng = random.Random(f"{loader} {seed}")
        copy, trace = self.work / "edited", self.work / "trace"
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(self.whole, copy)
        part, load = self.loaders[loader]
        row = {"edit": self._edit(copy / part, rng, trace)}
        signal.signal(signal.SIGALRM, _too_long)
        signal.alarm(TIME_LIMIT)
        try:
            load(copy / part)
        except CLEAR as error:
            text = str(error)
            row["error"] = f"{type(error).__name__}: {text}"[:600]
            found = ["a message without end"] * (len(text) > LONGEST)
        except BaseException as error:
            row["error"] = traceback.format_exc()[-600:]
            found = [f"another error: {type(error).__name__}"]
        else:
            found = []
            row["error"] = "loaded"
        finally:
            signal.alarm(0)
        if trace.exists():
            trace.rmdir()
            found.append("code was run")
        return {"verdict": ", ".join(found) or "held", **row}

    def _edit(self, folder: Path, rng: random.Random, trace: Path) -> str:
        files = sorted(
            path for path in folder.rglob("*") if path.is_file() and path.suffix in (".json", ".safetensors")
        )
        path = rng.choice(files)
        edits = [_remove, _cut, _empty, _bytes, _link]
        edits += [_value] * 8 + [_missing, _extra, _twice, _deep, _list] if path.suffix == ".json" else _OF_WEIGHTS
        edit = rng.choice(edits)
        said = edit(path, rng, trace)
        return f"{path.relative_to(folder)}: {edit.__name__.strip('_')} {said or ''}"[:200]


def _too_long(*_: Any) -> None:
    raise TimeoutError(f"more than {TIME_LIMIT} seconds") from None


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


_OF_WEIGHTS = [_missing_weight, _extra_weight, _shape, _type, _nothing, _pickle, _index]


def run(work: Path, attempts: Attempts, count: int, seed: int) -> None:
    """Edit `count` folders and load them.

    Args:
        work (`Path`): a folder.
        attempts (`Attempts`): where they are written down.
        count (`int`): edits, dealt to the loaders in turn.
        seed (`int`): of the first.
    """
    folders = HostileFolders(work)
    names = list(folders.loaders)
    cases = [{"loader": names[number % len(names)], "seed": seed + number // len(names)} for number in range(count)]
    attempts.make(cases, folders.attempt, "folders")
