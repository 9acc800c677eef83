# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The file that comes with a checkpoint is the package's own source and nothing else, and can be imported from."""

import ast
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from transformers.dynamic_module_utils import get_imports, get_relative_imports

import nuwa_hf
from nuwa_hf.standalone.copied_package import CopiedPackage, provide
from nuwa_hf.standalone.needed_modules import needed_modules
from nuwa_hf.standalone.one_file import one_file


PACKAGE = Path(nuwa_hf.__file__).parent
TINY = {"tiny_copy": "from tiny_copy.part import value\n", "tiny_copy.part": "value = 7\n\n\ndef fail():\n    1 / 0\n"}


@pytest.fixture
def written(tmp_path):
    path = tmp_path / "code.py"
    path.write_text(one_file(), encoding="utf-8")
    return path


@pytest.fixture
def tiny_copy(monkeypatch):
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    provide(TINY, frozenset(["tiny_copy"]), "code.py")
    yield sys.meta_path[0]
    for name in TINY:
        sys.modules.pop(name, None)


def texts_in(file):
    """The modules in the file, read as a reader would: behind the `|` of each line."""
    for node in ast.parse(file).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Subscript):
            lines = node.value.value.split("\n")[1:]
            assert all(line.startswith("|") for line in lines)
            yield node.targets[0].slice.value, "\n".join(line[1:] for line in lines)


def test_each_module_in_the_file_is_the_packages_own_to_the_letter():
    found = dict(texts_in(one_file()))
    assert set(found) == set(needed_modules().sources)
    for name, text in found.items():
        path = PACKAGE.joinpath(*name.split(".")[1:])
        source = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
        assert text == source.read_text(encoding="utf-8"), name


def test_file_holds_what_is_public_but_the_data_sets_and_nothing_that_trains():
    names = set(needed_modules().sources)
    homes = {getattr(nuwa_hf, name).__module__ for name in nuwa_hf.__all__ if name[0].isupper() and name[1].islower()}
    assert {home for home in homes if home.startswith("nuwa_hf.")} - names == {"nuwa_hf.datasets.emoji_motion"}
    rooms = {name.split(".")[1] for name in names if "." in name}
    assert not rooms & {"training", "evaluation", "datasets", "cli", "bulk", "conversion"}


def test_libraries_see_what_must_be_installed_and_look_for_no_further_files(written):
    assert get_relative_imports(written) == []
    needed = set(get_imports(written)) - sys.stdlib_module_names
    assert needed == set(needed_modules().requirements)
    assert {"torch", "diffusers", "transformers", "einops", "av"} <= needed
    assert not needed & {"nuwa_hf", "peft", "triton", "pillow_heif"}


def test_installed_package_is_used_rather_than_the_copy(written):
    before = list(sys.meta_path)
    names = {"__name__": "code", "__file__": str(written)}
    exec(compile(one_file(), str(written), "exec"), names)
    assert names["__getattr__"]("NuwaConfig") is nuwa_hf.NuwaConfig
    assert sys.meta_path == before


def test_copy_is_imported_and_tracebacks_show_its_lines(tiny_copy):
    from tiny_copy import part, value

    assert value == 7
    with pytest.raises(ZeroDivisionError) as raised:
        part.fail()
    assert "1 / 0" in str(raised.traceback[-1].statement)
    assert "code.py" in find_spec("tiny_copy.part").origin


def test_module_that_was_left_out_says_where_it_is(tiny_copy):
    with pytest.raises(ModuleNotFoundError, match="`pip install tiny_copy` has all of it"):
        find_spec("tiny_copy.other")


def test_second_copy_is_not_mixed_with_the_first_and_a_difference_is_said(tiny_copy, caplog):
    provide(TINY, frozenset(["tiny_copy"]), "same.py")
    assert caplog.text == ""
    provide({**TINY, "tiny_copy.part": "value = 8\n"}, frozenset(["tiny_copy"]), "other.py")
    assert "code.py" in caplog.text
    assert "other.py" in caplog.text
    assert [type(finder) for finder in sys.meta_path].count(CopiedPackage) == 1
