# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Builds the documentation site into `build/site/html`, offline: `make docs`."""

import shutil
import sys
from pathlib import Path

from sphinx.cmd.build import main as sphinx_build
from sphinx.util.inventory import InventoryFile

from api_pages import api_pages, reference
from command_pages import command_pages, parsers
from link_check import broken_links
from markdown_pages import ROOT, Pages, navigation, place_in_site


SITE = ROOT / "build" / "site"


def main() -> int:
    """Write the sources, build, and check the result.

    Returns:
        `int`: the exit status; not 0 if there was a warning or a link leads nowhere.
    """
    source, html = SITE / "source", SITE / "html"
    write_sources(source)
    shutil.rmtree(html, ignore_errors=True)  # what has been read is kept in `read`, what has been written is not
    options = ["-c", str(Path(__file__).parent), "-d", str(SITE / "read"), "--fail-on-warning", "--keep-going", "-q"]
    if status := sphinx_build([*options, "-b", "html", str(source), str(html)]):
        return status
    faults = [*broken_links(html), *missing_entries(html / "objects.inv")]
    sys.stderr.writelines(f"{fault}\n" for fault in faults)
    return 1 if faults else 0


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


def missing_entries(inventory: Path) -> list[str]:
    """The public classes, functions, methods and options that the built site does not describe.

    Args:
        inventory (`Path`): the site's `objects.inv`.

    Returns:
        `list[str]`: a sentence for each of them.
    """
    described = InventoryFile.loads(inventory.read_bytes(), uri="").data
    names = {name for kind, entries in described.items() if kind.startswith("py:") for name in entries}
    options = described["std:cmdoption"]
    wanted = {
        f"nuwa-hf-{command}.{flag}"
        for command, parser in parsers().items()
        for flag in {*parser._option_string_actions} - {"-h", "--help"}
    }
    return [f"{name} is not in the reference" for name in sorted({*reference().values()} - names)] + [
        f"{option} is not in the reference" for option in sorted(wanted - {*options})
    ]


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
