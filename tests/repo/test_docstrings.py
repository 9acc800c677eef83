# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Every public object says what it is, and what it says agrees with its signature."""

import ast
import re
from pathlib import Path

import pytest


SOURCE = Path(__file__).parents[2] / "src" / "nuwa_hf"
FILES = {str(path.relative_to(SOURCE)): path for path in sorted(SOURCE.rglob("*.py"))}
SECTIONS = "Args|Returns|Raises|Yields|Example|Examples|Attributes"
DEFAULT = re.compile(r"defaults\s+to\s+(?:`([^`]+)`|(\"[^\"]*\")|([-+]?\d[\w.+-]*\w|\d|None|True|False))")
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def public_objects(tree):
    """Pairs of a dotted name and the node of every public class, function and method."""
    todo = [("", node) for node in tree.body]
    while todo:
        prefix, node = todo.pop(0)
        if not isinstance(node, (ast.ClassDef, *FUNCTIONS)) or node.name.startswith("_"):
            continue
        if any(isinstance(d, ast.Attribute) and d.attr == "setter" for d in node.decorator_list):
            continue  # the property says it
        yield prefix + node.name, node
        if isinstance(node, ast.ClassDef):
            todo += [(f"{prefix}{node.name}.", child) for child in node.body]


def argument_entries(docstring):
    """Name and text of every entry of the Args section."""
    lines = iter(docstring.splitlines())
    for line in lines:
        if line.strip() == "Args:":
            break
    entries = []
    for line in lines:
        if re.fullmatch(rf"({SECTIONS}):", line.strip()):
            break
        start = re.match(r" {4}([\w`*, ]+?)(?: \(|:)", line)
        if start and line[4:5] != " ":
            entries.append((start[1].strip("`"), line))
        elif entries:
            entries[-1] = (entries[-1][0], f"{entries[-1][1]} {line.strip()}")
    return entries


def signature(node):
    """Argument to the node of its default (None without one) of a function, of `__init__`, or of a dataclass."""
    if isinstance(node, ast.ClassDef):
        init = next((n for n in node.body if isinstance(n, FUNCTIONS) and n.name == "__init__"), None)
        if init is None:
            fields = [n for n in node.body if isinstance(n, ast.AnnAssign)]
            return {n.target.id: n.value for n in fields}
        node = init
    arguments = node.args
    positional = [*arguments.posonlyargs, *arguments.args]
    defaults = [None] * (len(positional) - len(arguments.defaults)) + arguments.defaults
    found = {a.arg: default for a, default in zip(positional, defaults, strict=True)}
    found |= {a.arg: default for a, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)}
    return found | {a.arg: None for a in (arguments.vararg, arguments.kwarg) if a}


def value_of(text):
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


def is_default(documented, default):
    """Whether a documented default is the signature's; a dataclass field's factory cannot be read off the source."""
    if default is None:
        return False
    text = ast.unparse(default)
    if text.startswith(("field(", "argument(")):
        return True
    return value_of(documented) == value_of(text)


@pytest.mark.parametrize("name", FILES)
def test_every_public_object_has_a_docstring(name):
    tree = ast.parse(FILES[name].read_text(encoding="utf-8"))
    assert [where for where, node in public_objects(tree) if not ast.get_docstring(node)] == []
    assert ast.get_docstring(tree) or name.endswith("__init__.py"), f"{name} must say what it is"


@pytest.mark.parametrize("name", FILES)
def test_documented_arguments_and_defaults_are_those_of_the_signature(name):
    wrong = []
    for where, node in public_objects(ast.parse(FILES[name].read_text(encoding="utf-8"))):
        known = signature(node)
        may_inherit = isinstance(node, ast.ClassDef) and bool(node.bases)
        for entry, text in argument_entries(ast.get_docstring(node) or ""):
            names = [part.strip(" `*") for part in entry.split(",")]
            stated = DEFAULT.search(text)
            for argument in names:
                if argument not in known:
                    wrong += [] if may_inherit else [f"{where}: no argument {argument}"]
                elif stated and not is_default(next(filter(None, stated.groups())), known[argument]):
                    wrong.append(f"{where}: {argument} {stated[0]}")
    assert wrong == []


def test_a_wrong_default_would_be_found():
    docstring = "What.\n\nArgs:\n    a (`int`, defaults to 3): one.\n    b (`str`, defaults to\n        `'x'`): two."
    entries = dict(argument_entries(docstring))
    assert list(entries) == ["a", "b"]
    stated = {name: next(filter(None, DEFAULT.search(text).groups())) for name, text in entries.items()}
    known = signature(ast.parse("def f(a=4, *, b='x'): pass").body[0])
    assert not is_default(stated["a"], known["a"])
    assert is_default(stated["b"], known["b"])
