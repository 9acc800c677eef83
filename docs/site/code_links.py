# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""What docstrings and pages write in backticks, linked to the reference."""

import re

from docutils import nodes
from sphinx.addnodes import desc, desc_signature, pending_xref
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform

from api_pages import modules, reference
from docstrings import as_restructured_text


LINK_BACK = re.compile(r'(?P<start><a class="viewcode-back" href="[^"#]*#)(?P<name>[^"]*)(?P<end>">.*?</a>)')


def names_to_link() -> dict[str, str]:
    """What a page may write, to the name that the reference has: whole dotted names, and names of classes of which
    there is one.
    """
    links, classes = {module: module for module in modules() if module != "nuwa_hf"}, {}
    for home, name in reference().items():
        links[home] = links[name] = name
        class_name, method = re.fullmatch(r"[a-z_.0-9]+(?:\.([A-Z]\w*))?(?:\.(\w+))?", home).groups()
        if class_name:
            short = f"{class_name}.{method}" if method else class_name
            classes.setdefault(short, []).append(name)
        elif name.count(".") == 1:  # a public function
            classes.setdefault(name.removeprefix("nuwa_hf."), []).append(name)
    return links | {short: names[0] for short, names in classes.items() if len(names) == 1}


class LinkCode(SphinxTransform):
    """Turns code that is a name of the reference into a link to it."""

    default_priority = 600

    def apply(self, **kwargs) -> None:
        """Do so in the whole document."""
        links = self.app.nuwa_names
        for code in list(self.document.findall(nodes.literal)):
            target = links.get(code.astext().removesuffix("()"))
            inside = (nodes.reference, nodes.title, pending_xref, desc_signature)
            if target is None or any(isinstance(above, inside) for above in _ancestors(code)):
                continue
            link = pending_xref("", refdomain="py", reftype="obj", reftarget=target, refwarn=True)
            link["refdoc"], link["refexplicit"] = self.env.docname, True
            code.replace_self(link)
            link += code


class ShortContents(SphinxTransform):
    """Leaves the thousands of methods in rooms and options of commands out of the pages' tables of contents, which
    the navigation of every page goes through. A page of a public name lists its methods.
    """

    default_priority = 600

    def apply(self, **kwargs) -> None:
        """Do so in the whole document."""
        if self.env.docname.startswith(("reference/rooms/", "commands/")):
            for described in self.document.findall(desc):
                described["no-contents-entry"] = True


def leave_out_foreign_modules(app: Sphinx) -> list:
    """Leave modules whose source is not at hand out of the list of sources (`sphinx.ext.viewcode`).

    Args:
        app (`Sphinx`): before the pages with the sources are written.

    Returns:
        `list`: no further pages.
    """
    sources = getattr(app.env, "_viewcode_modules", {})
    for module in [module for module, source in sources.items() if not source]:
        del sources[module]
    return []


def mend_links_back(app: Sphinx, page: str, template: str, context: dict, document: nodes.document | None) -> None:
    """Let the links of a page with a source lead back to where the reference has each name. Viewcode takes all names
    of a module to be in one place, but some are public and have pages of their own.

    Args:
        app (`Sphinx`): while pages are written.
        page (`str`): the page's name.
        template (`str`): of the page.
        context (`dict`): what the template is filled with.
        document (`docutils.nodes.document`, *optional*): None for such a page.
    """
    if not page.startswith("_modules/"):
        return
    described = app.env.get_domain("py").objects
    module = page.removeprefix("_modules/").replace("/", ".")

    def mended(link: re.Match) -> str:
        name = link["name"].removeprefix(f"{module}.").removeprefix("nuwa_hf.")
        places = (one for one in (f"{module}.{name}", f"nuwa_hf.{name}") if one in described)
        found = next((one for one in places if not described[one].aliased), None)
        return "" if found is None else f"{link['start']}{found}{link['end']}"

    context["body"] = LINK_BACK.sub(mended, context.get("body", ""))


def _ancestors(node: nodes.Node):
    while node.parent is not None:
        node = node.parent
        yield node


def setup(app: Sphinx) -> dict:
    """Sphinx's entry point."""
    app.nuwa_names = names_to_link()
    app.add_transform(LinkCode)
    app.add_transform(ShortContents)
    app.connect("html-collect-pages", leave_out_foreign_modules, priority=400)  # before viewcode
    app.connect("html-page-context", mend_links_back)

    def process(app, what, name, obj, options, lines):
        # Of a property, napoleon takes what precedes a colon in the first line for a type. Ours are sentences, so the
        # first line is an empty comment.
        lines[:] = [*(["..", ""] if what == "property" else []), *as_restructured_text(lines)]

    app.connect("autodoc-process-docstring", process, priority=100)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
