# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Make a notebook of a script whose cells begin with `# %%`, or with `# %% [markdown]` for text.

    python examples/notebooks/from_script.py examples/plain_pytorch_loop.py
    python examples/notebooks/from_script.py examples/transformers_trainer.py

The script's docstring is the first cell. Change the script, never the notebook.
"""

import argparse
import ast
import json
from collections.abc import Sequence
from pathlib import Path


FOLDER = Path(__file__).parent
GO_TO_ROOT = """import os
from pathlib import Path


if Path.cwd().name == "notebooks":
    os.chdir("../..")  # the root of the repository"""
# For a script that reads its command line, which in a notebook is Jupyter's.
COMMAND_LINE = """

sys.argv[1:] = ["--output_dir", "outputs/{name}"]  # the command line; add what you like"""


def cells_of(script: str, name: str) -> list[tuple[str, str]]:
    """The cells of a script.

    Args:
        script (`str`): its source.
        name (`str`): its file's name without the ending.

    Returns:
        `list[tuple[str, str]]`: `"markdown"` or `"code"`, and the text.
    """
    title, _, text = ast.get_docstring(ast.parse(script)).partition("\n")
    begin = GO_TO_ROOT
    if "\ndef main(argv" in script:
        begin = begin.replace("import os\n", "import os\nimport sys\n") + COMMAND_LINE.format(name=name)
    cells = [("markdown", f"# {title.rstrip('.')}\n{text}"), ("code", begin)]
    for part in script.split("\n# %%")[1:]:
        kind, _, source = part.partition("\n")
        if kind.strip() == "[markdown]":
            cells.append(("markdown", "\n".join(line.removeprefix("#").strip() for line in source.splitlines())))
        else:
            cells.append(("code", source))
    return [(kind, source.strip()) for kind, source in cells]


def notebook_of(script: str, name: str) -> dict:
    """A notebook of a script, without outputs.

    Args:
        script (`str`): its source.
        name (`str`): its file's name without the ending.

    Returns:
        `dict`: as it stands in the file, in version 4.5 of the format.
    """
    cells = []
    for number, (kind, source) in enumerate(cells_of(script, name)):
        cell = {"cell_type": kind, "id": f"cell-{number:02d}", "metadata": {}, "source": source.splitlines(True)}
        cells.append(cell if kind == "markdown" else {**cell, "execution_count": None, "outputs": []})
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    metadata = {"kernelspec": kernel, "language_info": {"name": "python"}}
    return {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}


def main(argv: Sequence[str] | None = None) -> None:
    """Write the notebook beside this script."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("script", type=Path)
    script = parser.parse_args(argv).script
    notebook = notebook_of(script.read_text(encoding="utf-8"), script.stem)
    path = FOLDER / f"{script.stem}.ipynb"
    path.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
