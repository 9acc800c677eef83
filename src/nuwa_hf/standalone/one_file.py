# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""nuwa_hf as one file of Python that anyone can read, for a checkpoint to bring along."""

import ast
from functools import lru_cache
from importlib.util import find_spec

import nuwa_hf.standalone.copied_package
from nuwa_hf.standalone.needed_modules import ROOT, needed_modules


QUOTES = "'" * 3  # no source may have them, this one included
HEAD = """# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
{quotes}{root} {version}, the part of it that draws, in one file.

diffusers and transformers run this file for `trust_remote_code=True`. Where {root} is installed, that is used, and
nothing below but a few lines is run. Else the modules below are imported as {root}. Each stands here as it is in the
package, behind a `|` in each line.
{quotes}

# What they need; `pip install` names what is missing.
{requirements}

"""
MODULE = """
SOURCES[{name!r}] = r{quotes}
{lines}{quotes}
"""
TAIL = """
provide(
    {{name: "\\n".join(line[1:] for line in text.split("\\n")[1:]) for name, text in SOURCES.items()}},
    packages=frozenset({packages!r}),
    origin=__file__,
)


def __getattr__(name):
    if name.startswith("__"):
        raise AttributeError(name)
    return getattr(import_module({root!r}), name)
"""


@lru_cache(maxsize=1)
def one_file() -> str:
    """The file's text. It depends on the package's sources alone.

    Returns:
        `str`: Python.

    Raises:
        ValueError: If a source has three single quotes in a row, which end a text of Python.
    """
    needed = needed_modules()
    modules = []
    for name, source in needed.sources.items():
        if QUOTES in source:
            raise ValueError(f"{name} must have no three single quotes in a row, to be copied; use double ones.")
        lines = "\n".join(f"|{line}" for line in source.split("\n"))
        modules.append(MODULE.format(name=name, quotes=QUOTES, lines=lines))
    return "".join(
        [
            HEAD.format(
                quotes=QUOTES,
                root=ROOT,
                version=_version(needed.sources[ROOT]),
                requirements="\n".join(f"import {name}" for name in needed.requirements),
            ),
            _code_of_the_loader(),
            "\n\nSOURCES = {}\n",
            *modules,
            TAIL.format(root=ROOT, packages=needed.packages),
        ]
    )


def _version(source: str) -> str:
    for node in ast.parse(source).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__version__":
            return ast.literal_eval(node.value)
    raise ValueError(f"{ROOT} must say its `__version__`.")


def _code_of_the_loader() -> str:
    """The source of `copied_package` behind its docstring."""
    name = nuwa_hf.standalone.copied_package.__name__
    source = find_spec(name).loader.get_source(name)
    docstring = ast.parse(source).body[0]
    return "from importlib import import_module\n" + "\n".join(source.split("\n")[docstring.end_lineno + 1 :]).rstrip()
