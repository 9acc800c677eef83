# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
import pickle
import sys

import pytest

from nuwa_hf.imports.lazy_classes import LazyClass, LazyClassList


@pytest.fixture
def probe(tmp_path, monkeypatch):
    """The name of a module with a class `Probe`."""
    text = "class Probe:\n    size = 1\n    def __init__(self, value=0):\n        self.value = value\n"
    (tmp_path / "probe_of_lazy_classes.py").write_text(text, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    yield "probe_of_lazy_classes"
    sys.modules.pop("probe_of_lazy_classes", None)


def test_class_is_imported_when_more_than_its_name_is_needed(probe):
    lazy = LazyClass(probe, "Probe")
    assert (lazy.__name__, lazy.__module__) == ("Probe", probe)
    assert pickle.loads(pickle.dumps(lazy)).__name__ == "Probe"
    assert probe not in sys.modules
    assert lazy.size == 1
    assert probe in sys.modules


def test_class_makes_instances_and_knows_them(probe):
    lazy = LazyClass(probe, "Probe")
    instance = lazy(value=3)
    assert instance.value == 3
    assert isinstance(instance, lazy)
    assert issubclass(type(instance), lazy)
    assert not isinstance(3, lazy)


def test_list_holds_the_one_class(probe):
    models = LazyClassList(probe, "Probe")
    assert len(models) == 1
    assert probe not in sys.modules
    assert list(models) == [models[0]] == list(pickle.loads(pickle.dumps(models)))
    assert models[0].__name__ == "Probe"


@pytest.mark.parametrize("kind", [LazyClass, LazyClassList])
def test_a_module_or_class_that_is_missing_is_an_import_error(probe, kind):
    for module, name in (("probe_of_nothing", "Probe"), (probe, "Nothing")):
        lazy = kind(module, name)
        with pytest.raises(ImportError, match=module):
            _ = lazy[0] if kind is LazyClassList else lazy.size
