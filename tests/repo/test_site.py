# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""What the documentation site is made of, before Sphinx builds it: pages, reference, commands, links."""

import inspect
import sys
from importlib import import_module
from pathlib import Path

import pytest
from test_docstrings import FILES, public_objects

import nuwa_hf


ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "docs" / "site"))
api_pages, command_pages, docstrings, link_check, markdown_pages = (
    import_module(name) for name in ("api_pages", "command_pages", "docstrings", "link_check", "markdown_pages")
)


def test_the_readme_leads_to_every_page_and_notebook_once():
    linked = [path for links in markdown_pages.navigation().values() for _, path in links]
    assert sorted(linked) == sorted({*markdown_pages.pages(), *markdown_pages.notebooks()} - {"README.md"})


def test_every_public_name_class_and_function_is_in_the_reference():
    pages = api_pages.api_pages()
    assert {f"reference/{name}.rst" for name in nuwa_hf.__all__} <= set(pages)
    described = {line.split(":: ")[1] for page in pages.values() for line in page.splitlines() if ".. auto" in line}
    names = api_pages.reference()
    for module, tree in api_pages.modules().items():
        for where, _ in public_objects(tree):
            home = f"{module}.{where}"
            assert home in names
            assert where.count(".") or names[home] in described
    assert len(api_pages.modules()) >= len([name for name in FILES if not name.endswith("__main__.py")])


def test_docstrings_become_what_sphinx_reads():
    """Sections that diffusers' example had moved to the right were shown as one block of code."""
    docstring = """Draw, see docs/tasks.md.

        y = x_1 * z
        and on

    With [`Grid`].

        Args:
            x (`int`): one.

    Examples:
        ```py
        >>> draw()
        ```

        Returns:
            `int`: two."""
    lines = docstrings.as_restructured_text(inspect.cleandoc(docstring).splitlines())
    assert (
        "\n".join(lines)
        == """Draw, see :doc:`docs/tasks.md </tasks>`.

::

    y = x_1 * z
    and on

With `Grid`.

Args:
    x (`int`): one.

Examples:
    .. code-block:: python

        >>> draw()


Returns:
    `int`: two."""
    )


def test_every_command_has_a_page_with_each_of_its_options():
    pages = command_pages.command_pages()
    assert {f"commands/{command}.rst" for command in command_pages.summaries()} | {"commands/index.rst"} == set(pages)
    for command, parser in command_pages.parsers().items():
        for flag in {*parser._option_string_actions} - {"-h", "--help"}:
            assert flag in pages[f"commands/{command}.rst"]


def test_links_of_pages_and_notebooks_lead_to_sources_of_the_site(tmp_path):
    pages = markdown_pages.Pages(tmp_path)
    pages.write_all("")
    assert {path.name for path in pages.written} >= {"index.md", "tasks.md", "tour.md"}
    for page in tmp_path.rglob("*.md"):
        if "files" in page.relative_to(tmp_path).parts[:-1] and page.name != "index.md":
            continue  # shows a file of the repository as it is
        for target in markdown_pages.LINK.findall(page.read_text(encoding="utf-8")):
            if "://" not in target and not target.startswith("#"):
                assert (page.parent / target.partition("#")[0]).is_file(), f"{page.name} links to {target}"


def test_a_link_to_nothing_is_refused_and_code_is_left_alone(tmp_path):
    pages = markdown_pages.Pages(tmp_path)
    with pytest.raises(ValueError, match=r"a link of docs/data.md must lead to a file .* got 'nowhere.md'"):
        pages.with_links_of_the_site("docs/data.md", "[x](nowhere.md)")
    code = "```python\nx[0](nowhere)\n```"
    text = pages.with_links_of_the_site(
        "docs/data.md", f"[r](../README.md#training) [s](../src/nuwa_hf/grid.py)\n{code}"
    )
    assert text == f"[r](index.md#training) [s](files/src/nuwa_hf/grid.py.md)\n{code}"


def test_broken_links_and_what_is_loaded_from_elsewhere_are_found(tmp_path):
    (tmp_path / "a.html").write_text(
        '<h1 id="top">A</h1><a href="#top"></a><a href="b.html#there"></a><a href="https://example.org/x"></a>'
    )
    (tmp_path / "b.html").write_text(
        '<p id="there"></p><a href="a.html#gone"></a><a href="c.html"></a><a href="htp://x"></a>'
        '<script src="https://cdn.example.org/x.js"></script>'
    )
    assert link_check.broken_links(tmp_path) == [
        "b.html links to a.html#gone, which has no such anchor",
        "b.html links to c.html, which is not there",
        "b.html has the malformed address htp://x",
        "b.html loads https://cdn.example.org/x.js from elsewhere",
    ]
