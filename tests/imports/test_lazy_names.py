# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
import importlib
import sys

import pytest


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package of two lazy names, a lazy submodule, and one whose module is broken."""
    folder = tmp_path / "lazy_probe"
    folder.mkdir()
    homes = {"one": "lazy_probe.numbers", "broken": "lazy_probe.broken_module", "numbers": "lazy_probe.numbers"}
    text = f"from nuwa_hf.imports.lazy_names import lazy_names\n__getattr__, __dir__ = lazy_names(__name__, {homes})\n"
    (folder / "__init__.py").write_text(text, encoding="utf-8")
    (folder / "numbers.py").write_text("one = 1\n", encoding="utf-8")
    (folder / "broken_module.py").write_text("import sys\nsys.nothing\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    yield importlib.import_module("lazy_probe")
    for name in [name for name in sys.modules if name.partition(".")[0] == "lazy_probe"]:
        del sys.modules[name]


def test_name_is_imported_when_asked_for_and_kept(package):
    assert "lazy_probe.numbers" not in sys.modules
    assert {"one", "numbers", "broken"} <= set(dir(package))
    assert "lazy_probe.numbers" not in sys.modules
    assert package.one == 1
    assert vars(package)["one"] == 1


def test_submodule_is_imported_when_asked_for(package):
    assert package.numbers.one == 1


def test_name_that_is_not_there_is_an_attribute_error(package):
    assert not hasattr(package, "two")
    with pytest.raises(ImportError, match="two"):
        exec("from lazy_probe import two")


def test_error_inside_a_module_is_not_taken_for_a_missing_name(package):
    with pytest.raises(ImportError, match=r"lazy_probe\.broken cannot be imported: .*nothing") as error:
        hasattr(package, "broken")
    assert isinstance(error.value.__cause__, AttributeError)
