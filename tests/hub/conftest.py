# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""A Hub on this machine, one process that pushes to it and another that loads from it."""

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from local_hub import LocalHub


HERE = Path(__file__).parent


def run_client(script, hub, work):
    """Runs a script of this folder as a user of the Hub; huggingface_hub reads the environment at import."""
    paths = os.pathsep.join([str(HERE), str(HERE.parent), *sys.path])
    environment = hub.client_environment(work / script / "home") | {"PYTHONPATH": paths}
    done = subprocess.run([sys.executable, HERE / script, work], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-5000:]


@pytest.fixture(scope="session")
def hub():
    with LocalHub() as local_hub:
        yield local_hub


@pytest.fixture(scope="session")
def pushed(hub, tmp_path_factory):
    """What the process that pushes saw; `work` is its folder."""
    pytest.importorskip("peft", reason="an adapter is pushed too")
    work = tmp_path_factory.mktemp("clients")
    run_client("push_client.py", hub, work)
    return SimpleNamespace(work=work, **json.loads((work / "pushed.json").read_text(encoding="utf-8")))


@pytest.fixture(scope="session")
def loaded(hub, pushed):
    """What the process that loads saw."""
    run_client("load_client.py", hub, pushed.work)
    return SimpleNamespace(**json.loads((pushed.work / "loaded.json").read_text(encoding="utf-8")))
