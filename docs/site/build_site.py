# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Builds the documentation site into `build/site/html`, offline: `make docs`."""

import sys
from pathlib import Path

from sphinx.cmd.build import main as sphinx_build

from api_pages import api_pages
from command_pages import command_pages
from markdown_pages import ROOT, Pages, navigation, place_in_site


SITE = ROOT / "build" / "site"


def main() -> int:
    """Write the sources, build, and check the result.

    Returns:
        `int`: the exit status; not 0 if there was a warning or a link leads nowhere.
    """
    write_sources(SITE / "source")
    here = Path(__file__).parent
    return sphinx_build(["-c", str(here), "-W", "--keep-going", "-q", "-b", "html", str(SITE / "source"), str(SITE / "html")])


def write_sources(folder: Path) -> None:
    """Write all sources of the site; what is no source any more is deleted.

    Args:
        folder (`Path`): the folder of the site's sources.
    """
    pages = Pages(folder)
    pages.write_all(_navigation())
    for name, text in {**api_pages(), **command_pages()}.items():
        pages.write(name, text)
    for path in folder.rglob("*"):
        if path.is_file() and path not in pages.written:
            path.unlink()


def _navigation() -> str:
    groups = {
        heading: [f"{title} <{place_in_site(path).removesuffix('.md')}>" for title, path in links]
        for heading, links in navigation().items()
    }
    groups["Reference"] = ["Commands <commands/index>", "Python <reference/index>", *groups.pop("Reference", [])]
    return "".join(
        "\n```{toctree}\n:hidden:\n:caption: " + heading + "\n\n" + "\n".join(links) + "\n```\n"
        for heading, links in groups.items()
    )


if __name__ == "__main__":
    sys.exit(main())
