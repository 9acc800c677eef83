# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
import importlib
import inspect
import logging
import subprocess
import sys
from importlib.util import find_spec

import pytest

from nuwa_hf.imports.after_import import AfterImport, Rule


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Writes modules of this test alone."""
    monkeypatch.syspath_prepend(tmp_path)
    names = []

    def write(name, text=""):
        (tmp_path / f"{name}.py").write_text(text, encoding="utf-8")
        importlib.invalidate_caches()
        names.append(name)

    yield write
    for name in names:
        sys.modules.pop(name, None)


@pytest.fixture
def wait():
    """Installs rules, and removes them in the end."""
    finders = []

    def wait(*rules):
        finders.append(AfterImport(rules))
        finders[-1].install()
        return finders[-1]

    yield wait
    for finder in finders:
        sys.meta_path.remove(finder)


def test_action_runs_when_the_module_is_complete(write, wait):
    write("probe_a", "value = 1\n")
    seen = []
    wait(Rule(lambda module: seen.append(module.value), ("probe_a",)))
    assert seen == []
    importlib.import_module("probe_a")
    importlib.import_module("probe_a")
    assert seen == [1]
    importlib.reload(sys.modules["probe_a"])
    assert seen == [1, 1]


def test_action_runs_at_once_if_the_module_is_there(write, wait):
    write("probe_a")
    importlib.import_module("probe_a")
    seen = []
    finder = wait(Rule(lambda _: seen.append("a"), ("probe_a",)))
    assert seen == ["a"]
    finder.install()
    assert sys.meta_path.count(finder) == 1


def test_module_keeps_its_own_loader(write, wait):
    write("probe_a", "value = 1\n")
    write("probe_b", "value = 1\n")
    wait(Rule(lambda _: None, ("probe_a",)))
    assert find_spec("probe_a").loader.get_source("probe_a") == "value = 1\n"
    assert "probe_a" not in sys.modules
    module, other = importlib.import_module("probe_a"), importlib.import_module("probe_b")
    assert type(module.__loader__) is type(module.__spec__.loader) is type(other.__loader__)
    assert inspect.getsource(module) == "value = 1\n"
    assert find_spec("probe_nothing") is None


def test_modules_that_nobody_waits_for_are_left_to_the_other_finders(wait):
    assert wait(Rule(lambda _: None, ("probe_a",))).find_spec("json") is None


def test_a_broken_action_breaks_no_import_and_says_why_and_is_tried_again(write, wait, caplog):
    write("probe_a", "value = 1\n")
    seen = []

    def action(module):
        seen.append("a")
        if len(seen) == 1:
            raise RuntimeError("the table is gone")

    wait(Rule(action, ("probe_a",)))
    with caplog.at_level(logging.WARNING):
        assert importlib.import_module("probe_a").value == 1
    assert "RuntimeError: the table is gone" in caplog.text
    importlib.reload(sys.modules["probe_a"])
    assert seen == ["a", "a"]


def test_error_of_a_module_is_its_own_and_no_action_runs(write, wait):
    write("probe_a", "1 / 0\n")
    seen = []
    wait(Rule(lambda _: seen.append("a"), ("probe_a",)))
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            importlib.import_module("probe_a")
    assert seen == []


def test_action_runs_when_the_last_of_its_modules_is_complete(write, wait):
    write("probe_a", "import probe_b\nvalue = 1\n")
    write("probe_b", "value = 2\n")
    seen = []
    wait(Rule(lambda *modules: seen.append([one.value for one in modules]), ("probe_a", "probe_b")))
    importlib.import_module("probe_b")
    assert seen == []
    importlib.import_module("probe_a")
    assert seen == [[1, 2]]


# Modules that import each other as transformers and ours do, imported by threads in any order, many times. Each thread
# must find what the actions have written when its import returns.
MANY_THREADS = """
import importlib, random, sys, threading
from nuwa_hf.imports.after_import import AfterImport, Rule
names = ["probe_table", "probe_base", "probe_ours"]
finder = AfterImport([
    Rule(lambda table: table.entries.setdefault("ours", "placeholder"), ("probe_table",)),
    Rule(lambda table, ours: table.entries.update(ours=ours.Ours), ("probe_table", "probe_ours")),
])
finder.install()
wrong = []

def find(order, barrier):
    barrier.wait()
    for name in order:
        module = importlib.import_module(name)
        entries = sys.modules["probe_table"].entries
        if entries.get("ours") != (module.Ours if name == "probe_ours" else entries.get("ours", "nothing")):
            wrong.append((order, name, dict(entries)))

for round in range(60):
    for name in names:
        sys.modules.pop(name, None)
    barrier = threading.Barrier(6)
    orders = [random.Random(10 * round + place).sample(names, 3) for place in range(6)]
    threads = [threading.Thread(target=find, args=(order, barrier)) for order in orders]
    [one.start() for one in threads]
    [one.join(20) for one in threads]
    wrong += [one for one in threads if one.is_alive()]
print(wrong)
"""


def test_threads_that_import_at_once_all_find_the_action_done(write):
    wait = "import time; time.sleep(0.001)\n"
    write("probe_table", f"{wait}entries = {{}}\n{wait}")
    write("probe_base", f"import probe_table\n{wait}class Base: pass\n")
    write("probe_ours", f"{wait}from probe_base import Base\n{wait}class Ours(Base): pass\n")
    code = f"import sys; sys.path[:0] = {sys.path!r}; sys.setswitchinterval(1e-5)\n{MANY_THREADS}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.stdout.strip(), done.stderr) == ("[]", "")
