# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The notebooks run from their first cell to the last, as Jupyter runs them; the Hub is one on this machine."""

import json
import os
import shlex
import sys
from pathlib import Path

import pytest

from nuwa_hf import cli


FOLDER = Path(__file__).parents[2] / "examples" / "notebooks"
NOTEBOOKS = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(FOLDER.glob("*.ipynb"))}


def code_of(notebook):
    return ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code"]


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_notebook_is_kept_without_outputs(name):
    cells = [cell for cell in NOTEBOOKS[name]["cells"] if cell["cell_type"] == "code"]
    assert [cell["outputs"] for cell in cells] == [[]] * len(cells)
    assert {cell["execution_count"] for cell in cells} == {None}


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_code_of_a_notebook_compiles_and_its_commands_exist(name):
    for code in code_of(NOTEBOOKS[name]):
        first, _, rest = code.partition("\n")
        if not first.startswith("%%bash"):
            compile(code, name, "exec")
            continue
        for line in rest.replace("\\\n", " ").splitlines():
            program, command, *_ = shlex.split(line)
            assert (program, command in cli.DELEGATED) == ("nuwa-hf", True)


@pytest.mark.notebook
def test_the_tour_generates_fine_tunes_evaluates_and_pushes(tmp_path, hub):
    nbformat = pytest.importorskip("nbformat")
    client = pytest.importorskip("nbclient").NotebookClient
    notebook = nbformat.read(FOLDER / "tour.ipynb", as_version=4)
    toy = {
        "NUM_CLIPS = 24": "NUM_CLIPS = 10",
        "--max_train_steps 20": "--max_train_steps 2",
        "REPOSITORY = None": 'REPOSITORY = "tester/nuwa-up-right"',
    }
    for old, new in toy.items():
        (cell,) = [cell for cell in notebook.cells if old in cell.source]
        cell.source = cell.source.replace(old, new)
    programs = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**hub.client_environment(tmp_path / "home"), "PATH": programs}
    client(notebook, timeout=900, resources={"metadata": {"path": str(tmp_path)}}).execute(env=environment)

    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert (
        sum("image/png" in output.get("data", {}) or "image/gif" in output.get("data", {}) for output in outputs) == 4
    )
    assert json.loads((tmp_path / "scores.json").read_text(encoding="utf-8"))
    assert (tmp_path / "lora" / "adapter" / "adapter_config.json").is_file()
    pushed = hub.repositories["tester/nuwa-up-right"].commit("main").files
    assert {"model_index.json", "README.md"} <= set(pushed)
    assert any("True" in str(output.get("data", {}).get("text/plain")) for output in outputs), (
        "loaded, it draws the same"
    )
