# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Checks the built pages: every link within the site leads to a file and to an anchor in it, every other one is a
well-formed address, and nothing that a page needs is loaded from elsewhere.
"""

from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit


LOADED = {"img": "src", "script": "src", "source": "src", "video": "src", "iframe": "src", "link": "href"}
SCHEMES = {"http", "https", "mailto"}


class Page(HTMLParser):
    """The links of a page, what it loads, and the anchors that it has.

    Args:
        path (`Path`): the HTML file.

    Attributes:
        links (`list[str]`): targets of its links.
        loaded (`list[str]`): addresses of pictures, scripts and styles.
        anchors (`set[str]`): what can stand behind a `#`.
    """

    def __init__(self, path: Path):
        super().__init__()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.anchors: set[str] = {""}
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what the tag names."""
        values = dict(attrs)
        self.anchors |= {values[name] for name in ("id", "name") if values.get(name)}
        if tag == "a" and values.get("href") is not None:
            self.links.append(values["href"])
        if tag in LOADED and values.get(LOADED[tag]) and values.get("rel") not in ("canonical", "next", "prev"):
            self.loaded.append(values[LOADED[tag]])


def broken_links(site: Path) -> list[str]:
    """What is wrong with the links of a built site.

    Args:
        site (`Path`): the folder of its HTML files.

    Returns:
        `list[str]`: a sentence for each fault.
    """
    pages = {path.resolve(): Page(path) for path in sorted(site.rglob("*.html"))}
    faults = []
    for path, page in pages.items():
        name = path.relative_to(site.resolve()).as_posix()
        for target in dict.fromkeys([*page.links, *page.loaded]):
            parts = urlsplit(target)
            if parts.scheme or parts.netloc:
                is_address = (
                    parts.scheme in SCHEMES and (parts.netloc or parts.scheme == "mailto") and " " not in target
                )
                if target in page.loaded:
                    faults.append(f"{name} loads {target} from elsewhere")
                elif not is_address:
                    faults.append(f"{name} has the malformed address {target}")
                continue
            file = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if not file.is_file():
                faults.append(f"{name} links to {target}, which is not there")
            elif file in pages and unquote(parts.fragment) not in pages[file].anchors:
                faults.append(f"{name} links to {target}, which has no such anchor")
    return faults
