# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The wheel and the sdist install with the checkpoint, and draw in a folder that is not the checkout."""

import os
import shutil
import subprocess
import sys
from importlib.metadata import PathDistribution
from pathlib import Path

import pytest
from fresh_environments import environment_without_the_package


pytestmark = pytest.mark.fresh
ROOT = Path(__file__).parents[2]
HOME = {"NUWA_HF_REPOSITORY": "https://example.org/us/nuwa_hf"}


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A folder with both, built from a copy of the checkout that has nothing of earlier builds."""
    pytest.importorskip("build")
    folder = tmp_path_factory.mktemp("built")
    left_out = shutil.ignore_patterns("__pycache__", "*.egg-info", ".*", "runs", "tests", "build", "dist")
    shutil.copytree(ROOT, folder / "checkout", ignore=left_out)
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", folder / "dist", folder / "checkout"]
    run(command, cwd=folder, env={**os.environ, **HOME})
    return folder / "dist"


def run(command, **options):
    done = subprocess.run(command, capture_output=True, text=True, check=False, **options)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-3000:]


@pytest.mark.parametrize("kind", ["*.whl", "*.tar.gz"])
def test_readmes_first_command_runs_where_only_the_package_is(kind, built, tmp_path):
    (package,) = built.glob(kind)
    python = environment_without_the_package(tmp_path / "environment")
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | HOME
    options = ["--no-deps", "--no-index", "--no-build-isolation", "--disable-pip-version-check"]
    run([sys.executable, "-m", "pip", "--python", python, "install", *options, package], env=environment, cwd=tmp_path)
    (installed,) = tmp_path.glob("environment/lib/python*/site-packages/nuwa_hf-*.dist-info")
    page = PathDistribution(installed).read_text("METADATA")
    assert f"({HOME['NUWA_HF_REPOSITORY']}/blob/main/docs/tasks.md)" in page

    folder = tmp_path / "elsewhere"
    folder.mkdir()
    environment["HF_HUB_OFFLINE"] = "1"
    command = [python.with_name("nuwa-hf"), "text-to-video", "a red apple rolls to the left on the grass"]
    run(command, env=environment, cwd=folder)
    assert sorted(path.suffix for path in folder.iterdir()) == [".gif", ".mp4"]
    program = "import nuwa_hf, sys; assert nuwa_hf.__file__.startswith(sys.argv[1])"
    run([python, "-c", program, tmp_path / "environment"], env=environment, cwd=folder)
