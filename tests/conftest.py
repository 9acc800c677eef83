# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""What holds for every test: no network, fixed seeds, one thread."""

import gc
import ipaddress
import os
import random
import socket


# Read when huggingface_hub is imported, so set before.
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"

import numpy as np
import pytest
import torch
from seeding import seed_torch


torch.set_num_threads(1)
gc.disable()  # until everything is imported and collected, of which nothing is garbage
_connect = socket.socket.connect


def pytest_collection_finish():
    gc.freeze()
    gc.enable()


def _connect_to_this_machine_only(self: socket.socket, address):
    if self.family != socket.AF_UNIX and not _is_loopback(address[0]):
        raise RuntimeError(f"tests must not use the network, but one connects to {address}")
    return _connect(self, address)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    monkeypatch.setattr(socket.socket, "connect", _connect_to_this_machine_only)


def _seed():
    random.seed(0)
    np.random.seed(0)
    seed_torch(0)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup():
    _seed()  # for fixtures of modules and of the session, which are made before `seeds`


@pytest.fixture(autouse=True)
def seeds():
    _seed()


@pytest.fixture(scope="session")
def hub():
    """A Hub on this machine."""
    from local_hub import LocalHub

    with LocalHub() as local_hub:
        yield local_hub


@pytest.fixture(scope="session")
def processes(hub, tmp_path_factory):
    """Starts processes that have imported everything; their Hub is `hub`."""
    from warm_processes import WarmProcesses

    folder = tmp_path_factory.mktemp("processes")
    return WarmProcesses(folder, hub.client_environment(folder / "home"))


@pytest.fixture(scope="session", autouse=True)
def imports_beside_the_first_tests(request):
    """What `processes` imports takes seconds, which another core spends while tests run that need none of it."""
    if any("processes" in item.fixturenames for item in request.session.items):
        request.getfixturevalue("processes")


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory):
    """A tiny checkpoint of all four components, saved by the text-to-video pipeline; read only."""
    from tiny import tiny_pipeline

    folder = tmp_path_factory.mktemp("checkpoint")
    tiny_pipeline("T2V").save_pretrained(folder)
    return folder
