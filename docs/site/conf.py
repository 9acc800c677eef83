# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Configuration of Sphinx."""

import sys
from pathlib import Path


sys.path.insert(0, str(Path(__file__).parent))

from api_pages import type_variables
from nuwa_hf import __version__


project = "nuwa_hf"
author = "The nuwa_hf authors"
copyright = "2026 The nuwa_hf authors"
version = release = __version__
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.viewcode", "code_links"]

# Markdown: anchors as GitHub makes them.
myst_heading_anchors = 4

# Docstrings: Google sections; what stands in backticks is code.
default_role = "code"
napoleon_numpy_docstring = False
napoleon_use_rtype = False
autodoc_default_options = {"special-members": "__call__"}
autodoc_member_order = "bysource"
autodoc_inherit_docstrings = False
autodoc_mock_imports = ["gradio", "gradio_client", "starlette", "triton"]  # not everybody has them
toc_object_entries_show_parents = "hide"
python_maximum_signature_line_length = 100

# Every name of ours must be found; those of other packages are on their own sites.
nitpicky = True
nitpick_ignore = [("py:class", name) for name in type_variables()]
nitpick_ignore_regex = [("py:.*", r"(?!nuwa_hf\b).*")]

html_theme = "furo"
html_title = f"nuwa_hf {version}"
html_copy_source = False
html_show_sourcelink = False
html_permalinks_icon = "#"
