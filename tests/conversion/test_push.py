# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""A converted VQ-GAN goes to the Hub, one on this machine, and loads from there; a push that is refused leaves it."""

import subprocess
import sys

import pytest
import torch
from local_hub import STRANGER_TOKEN, LocalHub
from safetensors.torch import load_file
from source_models import SCRIPTS
from tiny import tiny_vqgan

from nuwa_hf import NuwaVQGAN


# Converts there and back with a push of the second, loads that, then pushes as a user who may not.
CLIENT = f"""
import os, sys
sys.path.insert(0, {str(SCRIPTS)!r})
from convert_diffusers_vqmodel import SCRIPT, run_conversion
from nuwa_hf import NuwaVQGAN
assert run_conversion(SCRIPT, ["vqgan", "vqmodel"]) == 0
assert run_conversion(SCRIPT, ["vqmodel", "back", "--push_to_hub", "tester/converted"]) == 0
NuwaVQGAN.from_pretrained("tester/converted").save_pretrained("loaded")
os.environ["HF_TOKEN"] = {STRANGER_TOKEN!r}
assert run_conversion(SCRIPT, ["vqmodel", "refused", "--push_to_hub", "tester/converted"]) == 1
"""


pytestmark = pytest.mark.slow  # the push itself is tested with tests/hub


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pushed")
    tiny_vqgan().save_pretrained(folder / "vqgan")
    with LocalHub() as hub:
        environment = hub.client_environment(folder / "home")
        command = [sys.executable, "-c", CLIENT]
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    (folder / "log").write_text(done.stderr, encoding="utf-8")
    return folder


def test_what_is_loaded_from_the_hub_is_what_was_converted(folder):
    expected = tiny_vqgan().state_dict()
    for name in ("back", "loaded"):
        found = NuwaVQGAN.from_pretrained(folder / name).state_dict()
        assert found.keys() == expected.keys()
        assert all(torch.equal(found[key], weight) for key, weight in expected.items())


def test_a_push_that_is_refused_says_so_and_leaves_what_was_converted(folder):
    last = (folder / "log").read_text(encoding="utf-8").splitlines()[-1]
    assert last.startswith("error: ")
    assert "tester/converted" in last
    (weights,) = (folder / "refused").glob("*.safetensors")
    assert load_file(weights).keys() == tiny_vqgan().state_dict().keys()
