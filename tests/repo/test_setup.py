# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""What `setup.py` says: the README for a package index, and the lowest versions, which are those tested."""

import re
import runpy
from pathlib import Path

import pytest
import setuptools
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name


ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")


@pytest.fixture
def metadata(monkeypatch):
    """What `setup.py` says with a repository's address, or without."""

    def read(repository):
        monkeypatch.setenv("NUWA_HF_REPOSITORY", repository)
        seen = {}
        monkeypatch.setattr(setuptools, "setup", lambda **arguments: seen.update(arguments))
        runpy.run_path(str(ROOT / "setup.py"))
        return seen

    return read


def test_every_link_leads_to_the_repository_whose_address_is_given(metadata):
    seen = metadata("https://example.org/us/nuwa_hf/")
    page, home = seen["long_description"], "https://example.org/us/nuwa_hf"
    targets = LINK.findall(page)
    assert len(targets) == len(LINK.findall(README))
    assert all(target.startswith("https://") for target in targets)
    for kind, target in re.findall(rf"{re.escape(home)}/(blob|raw)/main/([^)\s#]+)", page):
        assert (ROOT / target).is_file()
        assert (kind == "raw") == (Path(target).suffix in {".gif", ".png"})
    assert seen["project_urls"] == {"Source": home}


def test_without_an_address_no_link_is_dead_and_no_text_is_lost(metadata):
    seen = metadata("")
    page = seen["long_description"]
    assert all(target.startswith("https://") for target in LINK.findall(page))
    assert "https://arxiv.org/abs/2111.12417" in page
    assert "docs/streaming.md" in page
    assert "![" not in page
    assert seen["project_urls"] == {}


def test_lowest_versions_are_those_that_the_tests_run_with(metadata):
    seen = metadata("")
    lines = (ROOT / "constraints-min.txt").read_text(encoding="utf-8").splitlines()
    pinned = [Requirement(line) for line in lines if not line.startswith("#")]
    pinned = {canonicalize_name(one.name): one.specifier for one in pinned}
    for text in [*seen["install_requires"], *seen["extras_require"]["test"]]:
        requirement = Requirement(text)
        (bound,) = requirement.specifier
        assert bound.operator == ">=", text
        assert pinned[canonicalize_name(requirement.name)].contains(bound.version), text
