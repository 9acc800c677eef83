# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""What Windows lacks of Python's library is asked for before it is used: training and saving ended in errors there."""

import ast
from pathlib import Path

import pytest


ROOT = Path(__file__).parents[2]
FOLDERS = ("src", "conversion_scripts", "examples")
# Names that every system has, by Python's documentation, where another one is looked up before it is added here.
EVERYWHERE = {
    "mmap": {"ACCESS_COPY", "ACCESS_READ", "mmap"},
    "os": {
        *("O_RDONLY", "O_RDWR", "O_WRONLY", "PathLike", "SEEK_CUR", "SEEK_END", "_exit", "close", "cpu_count"),
        *("devnull", "dup2", "environ", "fsencode", "fspath", "fstat", "fsync", "getcwd", "getpid", "listdir"),
        *("name", "open", "path", "scandir", "sep", "stat", "utime", "walk"),
    },
    "select": set(),
    # What `pthread_sigmask` takes is where it is.
    "signal": {
        *("SIGINT", "SIG_BLOCK", "SIG_DFL", "SIG_IGN", "SIG_SETMASK", "Signals", "default_int_handler", "getsignal"),
        "signal",
    },
    "socket": {"SHUT_RDWR", "create_connection", "gethostname", "socket"},
    "time": {"monotonic", "perf_counter", "sleep", "time"},
}
UNIX_MODULES = {"fcntl", "grp", "posix", "pty", "pwd", "readline", "resource", "syslog", "termios", "tty"}


def unguarded(node, asked_for=frozenset()):
    """Names that a system may lack and that no `if hasattr(...)` or `except ImportError` around them asks for."""
    yield from used_by(node) - asked_for
    inside = asked_for | asked_by(node)
    for field, value in ast.iter_fields(node):
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST):
                yield from unguarded(child, inside if field == "body" else asked_for)


def used_by(node):
    if isinstance(node, ast.Import):
        return {alias.name for alias in node.names} & UNIX_MODULES
    if isinstance(node, ast.ImportFrom) and node.module in UNIX_MODULES:
        return {node.module}
    if isinstance(node, ast.ImportFrom):
        module, names = node.module, {alias.name for alias in node.names}
    elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        module, names = node.value.id, {node.attr}
    else:
        return set()
    return {f"{module}.{name}" for name in names - EVERYWHERE.get(module, names)}


def asked_by(node):
    """The names that are there in the body of a node."""
    if isinstance(node, ast.Try):
        caught = {ast.unparse(handler.type) for handler in node.handlers if handler.type is not None}
        return UNIX_MODULES if "ImportError" in caught else set()
    if not isinstance(node, ast.If | ast.IfExp):
        return set()
    all_of = isinstance(node.test, ast.BoolOp) and isinstance(node.test.op, ast.And)
    calls = [one for one in (node.test.values if all_of else [node.test]) if isinstance(one, ast.Call)]
    asked = [call.args for call in calls if ast.unparse(call.func) == "hasattr"]
    return {f"{ast.unparse(module)}.{name.value}" for module, name in asked if isinstance(name, ast.Constant)}


def test_no_name_that_a_system_may_lack_is_used_unasked():
    found = {
        path.relative_to(ROOT).as_posix(): names
        for folder in FOLDERS
        for path in sorted((ROOT / folder).rglob("*.py"))
        if (names := sorted(unguarded(ast.parse(path.read_text(encoding="utf-8")))))
    }
    assert found == {}, "ask with `if hasattr(...)`, or add a name that every system has to `EVERYWHERE`"


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("os.fork()", ["os.fork"]),
        ("if hasattr(os, 'fork'):\n    os.fork()\nelse:\n    os.getpid()", []),
        ("if ready and hasattr(os, 'fork'):\n    os.fork()", []),
        ("if hasattr(os, 'fork'):\n    pass\nelse:\n    os.fork()", ["os.fork"]),
        ("if not hasattr(os, 'fork'):\n    os.fork()", ["os.fork"]),
        ("if ready or hasattr(os, 'fork'):\n    os.fork()", ["os.fork"]),
        ("number = signal.alarm(1) if hasattr(signal, 'alarm') else os.wait()", ["os.wait"]),
        ("from os import fork, path", ["os.fork"]),
        ("import fcntl", ["fcntl"]),
        ("from pwd import getpwuid", ["pwd"]),
        ("try:\n    import fcntl\nexcept ImportError:\n    fcntl = None", []),
        ("try:\n    import fcntl\nexcept OSError:\n    import pwd", ["fcntl", "pwd"]),
    ],
)
def test_a_name_is_asked_for_by_what_stands_around_it(code, found):
    assert list(unguarded(ast.parse(code))) == found
