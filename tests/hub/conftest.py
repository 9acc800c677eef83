# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""A process that pushes to a Hub on this machine, and another that loads from it."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
from warm_processes import run_script


HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def pushed(processes, tmp_path_factory):
    """What the process that pushes saw; `work` is its folder."""
    pytest.importorskip("peft", reason="an adapter is pushed too")
    work = tmp_path_factory.mktemp("clients")
    done = processes.run(run_script, HERE / "push_client.py", str(work))
    assert done.returncode == 0, done.stderr[-5000:]
    return SimpleNamespace(work=work, **json.loads((work / "pushed.json").read_text(encoding="utf-8")))


@pytest.fixture(scope="session")
def loaded(processes, pushed):
    """What the process that loads saw."""
    done = processes.run(run_script, HERE / "load_client.py", str(pushed.work))
    assert done.returncode == 0, done.stderr[-5000:]
    return SimpleNamespace(**json.loads((pushed.work / "loaded.json").read_text(encoding="utf-8")))
