# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The repository's Markdown as pages of the site: the README is the first page, and links between files become links
between pages. A file or folder of the repository that a page links to becomes a page that shows it.
"""

import json
import posixpath
import re
import shutil
from pathlib import Path, PurePosixPath


ROOT = Path(__file__).parents[2]
LINK = re.compile(r"(?<=\]\()([^)\s]+)(?=\))")
PICTURES = {".png", ".gif", ".jpg", ".jpeg", ".webp", ".svg", ".mp4"}
LANGUAGES = {".py": "python", ".yaml": "yaml", ".sh": "bash", ".md": "markdown", ".json": "json"}
TEXTS = {*LANGUAGES, ".txt", ".jsonl", ".ipynb"}
NOTEBOOKS = "examples/notebooks"


def pages() -> list[str]:
    """Paths below the repository's root of the Markdown files that are pages of the site."""
    found = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]
    return [path.relative_to(ROOT).as_posix() for path in found]


def notebooks() -> list[str]:
    """Paths below the repository's root of the notebooks that are pages of the site."""
    return [path.relative_to(ROOT).as_posix() for path in sorted((ROOT / NOTEBOOKS).glob("*.ipynb"))]


def navigation() -> dict[str, list[tuple[str, str]]]:
    """The README's section "Documentation": for each heading in it, the links as titles and paths below the root."""
    section = (ROOT / "README.md").read_text(encoding="utf-8").split("\n## Documentation\n")[1].split("\n## ")[0]
    groups = {}
    for group in section.split("\n### ")[1:]:
        heading, _, text = group.partition("\n")
        groups[heading] = re.findall(r"^- \[([^\]]+)\]\(([^)\s]+)\)", text, flags=re.MULTILINE)
    return groups


def place_in_site(path: str) -> str:
    """Where a file of the repository stands among the sources of the site.

    Args:
        path (`str`): a path of a file or folder below the repository's root.

    Returns:
        `str`: a path below the folder of the site's sources; that of a page ends in `.md`.
    """
    if path == "README.md":
        return "index.md"
    if path in pages() or PurePosixPath(path).suffix in PICTURES:
        return path.removeprefix("docs/")
    if path in notebooks():
        return f"notebooks/{PurePosixPath(path).stem}.md"
    if (ROOT / path).is_dir():
        return f"files/{path}/index.md"
    return f"files/{path}.md"


class Pages:
    """Writes pages and whatever they link to.

    Args:
        folder (`Path`): the folder of the site's sources.

    Attributes:
        written (`set[Path]`): the files that have been written.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        self.written: set[Path] = set()
        self._linked: list[str] = []
        self._shown: set[str] = set()

    def write(self, name: str, text: str) -> None:
        """Write a source of the site, unless it is there already: what is unchanged is not built again.

        Args:
            name (`str`): its path below the folder of the sources.
            text (`str`): its content.
        """
        path = self.folder / name
        self.written.add(path)
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")

    def write_all(self, after_readme: str) -> None:
        """Write every page, every notebook, and the files that they link to.

        Args:
            after_readme (`str`): what is added to the first page: the site's navigation.

        Raises:
            ValueError: If a link leads nowhere.
        """
        for page in pages():
            text = self.with_links_of_the_site(page, (ROOT / page).read_text(encoding="utf-8"))
            self.write(place_in_site(page), text + (after_readme if page == "README.md" else ""))
        for notebook in notebooks():
            text = notebook_as_markdown(json.loads((ROOT / notebook).read_text(encoding="utf-8")))
            self.write(place_in_site(notebook), self.with_links_of_the_site(notebook, text))
        while self._linked:
            self._show(self._linked.pop())

    def with_links_of_the_site(self, page: str, text: str) -> str:
        """A page's text, in which links to files of the repository lead to pages of the site.

        Args:
            page (`str`): the page's path below the repository's root.
            text (`str`): its Markdown.

        Returns:
            `str`: the Markdown, with as many lines.

        Raises:
            ValueError: If a link leads nowhere.
        """
        here = posixpath.dirname(place_in_site(page)) or "."
        parts = re.split(r"(^ *```.*?^ *```$)", text, flags=re.MULTILINE | re.DOTALL)
        for number in range(0, len(parts), 2):  # between blocks of code
            parts[number] = LINK.sub(lambda match: self._link(page, here, match[1]), parts[number])
        return "".join(parts)

    def _link(self, page: str, here: str, target: str) -> str:
        path, hash_sign, anchor = target.partition("#")
        if "://" in target or not path:
            return target
        file = ((ROOT / page).parent / path).resolve()
        if not file.exists() or not file.is_relative_to(ROOT):
            raise ValueError(f"a link of {page} must lead to a file of the repository, got {target!r}; mend the link.")
        named = file.relative_to(ROOT).as_posix()
        self._linked.append(named)
        return posixpath.relpath(place_in_site(named), here) + hash_sign + anchor

    def _show(self, path: str) -> None:
        """Make a page of a file or folder that is none yet; a picture is copied."""
        if path in pages() or path in notebooks() or path in self._shown:
            return
        self._shown.add(path)
        file = ROOT / path
        if file.suffix in PICTURES:
            copy = self.folder / place_in_site(path)
            self.written.add(copy)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(file, copy)
        elif file.is_dir():
            files = [f"- [{inner}]({inner})" for inner in _files_below(file)]
            text = self.with_links_of_the_site(f"{path}/README", "\n".join(files))
            self.write(place_in_site(path), f"---\norphan: true\n---\n\n# {path}\n\n{text}\n")
        else:
            code = file.read_text(encoding="utf-8").rstrip("\n")
            language = LANGUAGES.get(file.suffix, "text")
            self.write(place_in_site(path), f"---\norphan: true\n---\n\n# {path}\n\n~~~~{language}\n{code}\n~~~~\n")


def notebook_as_markdown(notebook: dict) -> str:
    """A notebook's cells as one Markdown text; outputs are left out.

    Args:
        notebook (`dict`): the notebook, as its file holds it.

    Returns:
        `str`: the text.
    """
    cells = []
    for cell in notebook["cells"]:
        text = "".join(cell["source"])
        if cell["cell_type"] == "code":
            magic, _, commands = text.partition("\n")
            text = f"```bash\n{commands}\n```" if magic == "%%bash" else f"```python\n{text}\n```"
        cells.append(text)
    return "\n\n".join(cells) + "\n"


def _files_below(folder: Path) -> list[str]:
    found = [path.relative_to(folder) for path in sorted(folder.rglob("*")) if path.is_file()]
    return [path.as_posix() for path in found if path.suffix in TEXTS | PICTURES]
