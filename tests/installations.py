# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""What pip writes where it installs the package: enough to tell from where."""

import json
from pathlib import Path
from typing import Any

from nuwa_hf import __version__


def add_installation(folder: Path, direct_url: dict[str, Any] | None = None) -> None:
    """Says in a folder, which may then stand first in `sys.path`, where nuwa_hf was installed from.

    Args:
        folder (`Path`): made if needed.
        direct_url (`dict`, *optional*): as in PEP 610; there is none of what came from a package index.
    """
    metadata = folder / f"nuwa_hf-{__version__}.dist-info"
    metadata.mkdir(parents=True)
    text = f"Metadata-Version: 2.1\nName: nuwa_hf\nVersion: {__version__}\n"
    (metadata / "METADATA").write_text(text, encoding="utf-8")
    if direct_url is not None:
        (metadata / "direct_url.json").write_text(json.dumps(direct_url), encoding="utf-8")
