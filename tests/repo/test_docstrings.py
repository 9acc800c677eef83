# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Every public object says what it is, and what it says agrees with its signature."""

import ast
import inspect
import re
from functools import cache
from importlib import import_module
from operator import attrgetter
from pathlib import Path

import pytest

import nuwa_hf
from nuwa_hf.argument_docs import share_arguments
from nuwa_hf.tasks import TASKS


SOURCE = Path(__file__).parents[2] / "src" / "nuwa_hf"
FILES = {str(path.relative_to(SOURCE)): path for path in sorted(SOURCE.rglob("*.py"))}
SECTIONS = "Args|Returns|Raises|Yields|Example|Examples|Attributes"
DEFAULT = re.compile(r"defaults\s+to\s+(?:`([^`]+)`|(\"[^\"]*\")|([-+]?\d[\w.+-]*\w|\d|None|True|False))")
# Files with arguments that `share_arguments` describes.
COMPLETED = [name for name, path in FILES.items() if re.search(r"@(for_task|share_arguments)\(", path.read_text())]
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


@cache
def tree_of(name):
    return ast.parse(FILES[name].read_text(encoding="utf-8"))


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


def finished_docstrings(name, tree):
    """Docstrings of the public objects of a file, as `help` shows them where a decorator completes them."""
    for where, node in public_objects(tree):
        docstring = ast.get_docstring(node)
        if name in COMPLETED:
            docstring = inspect.getdoc(attrgetter(where)(import_module(f"nuwa_hf.{name[:-3].replace('/', '.')}")))
        yield where, node, inspect.cleandoc(docstring or "")


def argument_entries(docstring):
    """Name and text of every entry of the Args section."""
    lines = iter(docstring.splitlines())
    for line in lines:
        if line.strip() == "Args:":
            indent = len(line) - 5  # diffusers fills examples in with an indentation of their own
            break
    entries = []
    for line in lines:
        if re.fullmatch(rf"({SECTIONS}):", line.strip()):
            break
        line = line[indent:]
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
    tree = tree_of(name)
    assert [where for where, node in public_objects(tree) if not ast.get_docstring(node)] == []
    assert ast.get_docstring(tree) or name.endswith("__init__.py"), f"{name} must say what it is"


@pytest.mark.parametrize("name", FILES)
def test_documented_arguments_and_defaults_are_those_of_the_signature(name):
    wrong = []
    for where, node, docstring in finished_docstrings(name, tree_of(name)):
        known = signature(node)
        may_inherit = isinstance(node, ast.ClassDef) and bool(node.bases)
        for entry, text in argument_entries(docstring):
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


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.abbreviation)
def test_help_of_a_pipeline_describes_every_argument_in_order(task):
    pipeline = getattr(nuwa_hf, task.pipeline)
    for documented in (pipeline, pipeline.__call__, *([pipeline.stream] if hasattr(pipeline, "stream") else [])):
        parameters = {n: p for n, p in inspect.signature(documented).parameters.items() if n != "self"}
        entries = dict(argument_entries(inspect.getdoc(documented)))
        assert list(entries) == list(parameters)
        for name, entry in entries.items():
            default = parameters[name].default
            assert re.match(rf"    {name} \(`.+?\): \S", entry), entry
            assert ("*optional*" in entry.split("):")[0]) == (default is not inspect.Parameter.empty)
            stated = DEFAULT.search(entry)
            if default is not inspect.Parameter.empty and default is not None:
                assert value_of(next(filter(None, stated.groups()))) == default
        assert "$" not in documented.__doc__


def test_shared_descriptions_stand_where_the_signature_has_the_argument():
    @share_arguments(
        """
        one (`int`): the first $thing.
        three (`int`, *optional*, defaults to 3): of two
            lines.
    """,
        thing="number",
    )
    def function(one, two, three=3):
        """Add.

        Args:
            two (`int`): its own.

        Returns:
            `int`: the sum.
        """

    expected = """
    one (`int`): the first number.
    two (`int`): its own.
    three (`int`, *optional*, defaults to 3): of two lines.
"""
    assert inspect.getdoc(function) == f"Add.\n\nArgs:{expected}\nReturns:\n    `int`: the sum."


@pytest.mark.parametrize(
    ("docstring", "message"),
    [
        ("Add.", "must have an `Args:` section"),
        ("Add.\n\nArgs:\n    three: what is not there.\n", "describes `three`, which is no argument"),
        ("Add.\n\nArgs:\n", "must describe `two`"),
    ],
)
def test_argument_without_description_and_description_without_argument_are_refused(docstring, message):
    def function(one, two):
        pass

    function.__doc__ = docstring
    with pytest.raises(ValueError, match=message):
        share_arguments("one (`int`): the first.")(function)
