# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
import importlib
import inspect
import sys
from importlib.util import find_spec
from threading import Thread

import pytest

from nuwa_hf.after_import import AfterImport, Rule


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
    wait(Rule(lambda: seen.append(sys.modules["probe_a"].value), "probe_a"))
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
    finder = wait(Rule(lambda: seen.append("a"), "probe_a"))
    assert seen == ["a"]
    finder.install()
    assert sys.meta_path.count(finder) == 1


def test_module_keeps_its_own_loader(write, wait):
    write("probe_a", "value = 1\n")
    write("probe_b", "value = 1\n")
    wait(Rule(lambda: None, "probe_a"))
    assert find_spec("probe_a").loader.get_source("probe_a") == "value = 1\n"
    assert "probe_a" not in sys.modules
    module, other = importlib.import_module("probe_a"), importlib.import_module("probe_b")
    assert type(module.__loader__) is type(module.__spec__.loader) is type(other.__loader__)
    assert inspect.getsource(module) == "value = 1\n"
    assert find_spec("probe_nothing") is None


def test_modules_that_nobody_waits_for_are_left_to_the_other_finders(wait):
    assert wait(Rule(lambda: None, "probe_a")).find_spec("json") is None


def test_error_of_an_action_reaches_who_imports_and_the_next_import_tries_again(write, wait):
    write("probe_a")
    seen = []

    def action():
        seen.append("a")
        if len(seen) == 1:
            raise RuntimeError("the table is gone")

    wait(Rule(action, "probe_a"))
    with pytest.raises(RuntimeError, match="the table is gone"):
        importlib.import_module("probe_a")
    assert "probe_a" not in sys.modules
    importlib.import_module("probe_a")
    assert seen == ["a", "a"]


def test_error_of_a_module_is_its_own_and_no_action_runs(write, wait):
    write("probe_a", "1 / 0\n")
    seen = []
    wait(Rule(lambda: seen.append("a"), "probe_a"))
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            importlib.import_module("probe_a")
    assert seen == []


@pytest.mark.parametrize("first", ["probe_table", "probe_base", "probe_ours"])
def test_action_waits_while_what_it_imports_is_half_imported(write, wait, first):
    """It once did not: with CLIP's configuration imported first, ours could not be imported from the action."""
    write("probe_table")
    write("probe_base", "import probe_table\nclass Base: pass\n")
    write("probe_ours", "from probe_base import Base\nclass Ours(Base): pass\n")
    seen = []

    def action():
        seen.append(importlib.import_module("probe_ours").Ours.__name__)

    wait(Rule(action, "probe_table", ("probe_base", "probe_ours")))
    importlib.import_module(first)
    assert set(seen) == {"Ours"}


def test_threads_that_import_at_once_all_find_the_action_done(write, wait):
    write("probe_a", "import time\ntime.sleep(0.05)\ntable = []\n")
    wait(Rule(lambda: sys.modules["probe_a"].table.append("ours"), "probe_a"))
    seen = []
    threads = [Thread(target=lambda: seen.append(list(importlib.import_module("probe_a").table))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [["ours"]] * 8
