# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""What `nuwa-hf generate --engine ray` sends to workers, which have a working directory of their own, without Ray."""

import json
import os
import pickle
import sys
from contextlib import chdir
from functools import partial
from types import SimpleNamespace

import PIL.Image
import pytest
from tiny import CAPTIONS, tiny_inputs

from nuwa_hf.bulk.generate_prompts import main
from nuwa_hf.bulk.ray_engine import clips_on_ray


class RayHere:
    """Stands in for Ray, an extra: its actors live in this process, and work in a folder of their own."""

    exceptions = SimpleNamespace(RayTaskError=())

    def __init__(self, folder):
        self.folder, self.given = folder, []

    def is_initialized(self):
        return True

    def cluster_resources(self):
        return {"CPU": 1}

    def put(self, value):
        return pickle.loads(pickle.dumps(value))

    def remote(self, **resources):
        return lambda worker: SimpleNamespace(remote=partial(self.start, worker))

    def start(self, worker, *given):
        self.given.append(given)
        with chdir(self.folder):
            actor = worker(*given)
        return SimpleNamespace(make=SimpleNamespace(remote=partial(partial, actor.make)), end=actor._sampler.close)

    def wait(self, calls, num_returns):
        return calls[:num_returns], calls[num_returns:]

    def get(self, call):
        with chdir(self.folder):
            return call()

    def kill(self, actor):
        actor.end()


def test_names_from_the_working_directory_hold_for_workers_too(checkpoint, tmp_path, monkeypatch):
    inputs, line = tiny_inputs("I2I"), {"task": "I2I", "image": "image.png", "mask": "masks/mask.png"}
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "given" / "masks").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "given")
    os.symlink(checkpoint, "model")
    PIL.Image.fromarray(inputs["image"]).save("image.png")
    PIL.Image.fromarray(inputs["mask"]).save("masks/mask.png")
    lines = [line, {"task": "T2I", "prompt": CAPTIONS[0]}]
    (tmp_path / "given" / "prompts.jsonl").write_text("\n".join(map(json.dumps, lines)))
    monkeypatch.setitem(sys.modules, "ray", RayHere(tmp_path / "elsewhere"))
    for engine in ("local", "ray"):
        words = ["--prompts", "prompts.jsonl", "--checkpoint", "model", "--device", "cpu", "--engine", engine]
        main([*words, "--output_dir", engine])
    names = [path.name for path in (tmp_path / "given" / "local").glob("[!.]*")]
    assert len(names) == 2 + 2
    for name in names:
        files = [tmp_path / "given" / engine / name for engine in ("local", "ray")]
        assert files[0].read_bytes() == files[1].read_bytes()


class SentError(Exception):
    """What was sent to a worker that is not started."""


@pytest.fixture
def sending(tmp_path, monkeypatch):
    """A stand-in for Ray that tells which checkpoint a worker was to load."""

    def refuse(worker, checkpoint, *others):
        raise SentError(checkpoint)

    monkeypatch.chdir(tmp_path)
    ray = RayHere(tmp_path)
    monkeypatch.setattr(ray, "start", refuse)
    monkeypatch.setitem(sys.modules, "ray", ray)
    return ray


def test_each_machine_takes_its_own_embedded_checkpoint(sending, tmp_path):
    (tmp_path / "embedded").mkdir()  # the name means the embedded checkpoint nonetheless
    (tmp_path / "prompts.jsonl").write_text(json.dumps({"task": "T2I", "prompt": CAPTIONS[0]}))
    words = ["--prompts", "prompts.jsonl", "--output_dir", "out", "--device", "cpu", "--engine", "ray"]
    with pytest.raises(SentError, match=r"^embedded$"):
        main(words)


def test_a_repository_is_no_folder(sending):
    with pytest.raises(SentError, match=r"^user/model$"):
        next(clips_on_ray(sending, "user/model", (), [[0]], batch_size=1, on_cpu=True, num_proc=None))
