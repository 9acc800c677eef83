# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The files of a Space that shows a checkpoint in the app: its card, what pip installs, and the program."""

import json
import re
from importlib.metadata import distribution, version

from huggingface_hub import SpaceCardData

from nuwa_hf.hub.pushed_files import CARD
from nuwa_hf.storage.find_checkpoint import EMBEDDED


APP_FILE = "app.py"
REQUIREMENTS = "requirements.txt"
SDK = "gradio"
SDK_VERSION = "6.31.0"  # the Gradio that the app is tested with
PACKAGE_URL = re.compile(r"(git\+)?https://[^\s#;]+")
PYTHON_VERSION = "3.12"  # the Hub's own default is older than any that nuwa_hf runs on

CARD_TEXT = """---
{metadata}
---

# {title}

The eight tasks of [NUWA](https://arxiv.org/abs/2111.12417) in the browser, on {model}: images and videos from a text
or a sketch, images completed, videos continued, both changed by a text.

Written by `nuwa-hf push-space`. The same app on your own machine:

```bash
pip install "{package}"
{command}
```
"""
APP = '''"""The app of nuwa_hf on one checkpoint."""

from nuwa_hf.app import build_app


demo = build_app({checkpoint})

if __name__ == "__main__":
    demo.launch()
'''


def space_contents(
    repo_id: str, *, checkpoint: str, license: str | None = None, package_url: str | None = None
) -> dict[str, bytes]:
    """What a Space holds.

    Args:
        repo_id (`str`): the Space, `user/demo`.
        checkpoint (`str`): the id of a pipeline's repository on the Hub, or `"embedded"`.
        license (`str`, *optional*): the Hub's short name of the licence, for the card; by default the card says none.
        package_url (`str`, *optional*): what pip installs nuwa_hf from; by default what it did here.

    Returns:
        `dict[str, bytes]`: path in the repository to content.

    Raises:
        ValueError: If nuwa_hf was installed from a folder, which a Space does not see, and no URL is given.
    """
    package_url = installed_from() if package_url is None else package_url
    title = repo_id.partition("/")[2]
    is_embedded = checkpoint == EMBEDDED
    metadata = SpaceCardData(
        title=title,
        emoji="🎞️",
        sdk=SDK,
        sdk_version=SDK_VERSION,
        python_version=PYTHON_VERSION,
        app_file=APP_FILE,
        license=license,
        models=None if is_embedded else [checkpoint],
    )
    model = "the checkpoint inside nuwa_hf" if is_embedded else f"[{checkpoint}](https://huggingface.co/{checkpoint})"
    command = "nuwa-hf app" if is_embedded else f"nuwa-hf app --checkpoint {checkpoint}"
    package = "nuwa_hf[app]" if package_url is None else f"nuwa_hf[app] @ {package_url}"
    card = CARD_TEXT.format(metadata=metadata.to_yaml(), title=title, model=model, package=package, command=command)
    requirement = f"{package}=={version('nuwa_hf')}" if package_url is None else package
    app = APP.format(checkpoint="" if is_embedded else f'"{checkpoint}"')
    texts = {CARD: card, REQUIREMENTS: f"{requirement}\n", APP_FILE: app}
    return {name: text.encode() for name, text in texts.items()}


def installed_from() -> str | None:
    """What pip installed nuwa_hf from, as a URL that it can be installed from again.

    Returns:
        `str`: None for the package index.

    Raises:
        ValueError: If it was a folder or a file of this machine.
    """
    record = distribution("nuwa_hf").read_text("direct_url.json")  # there is none of what comes from an index
    if record is None:
        return None
    source = json.loads(record)
    url = source["url"]
    if "vcs_info" in source:
        url = f"{source['vcs_info']['vcs']}+{url}@{source['vcs_info']['commit_id']}"
    if "subdirectory" in source or not PACKAGE_URL.fullmatch(url):
        raise ValueError(
            f"`package_url` must be given, since nuwa_hf was installed from {url}, which a Space does not see, got "
            "none; name a repository or a wheel, such as git+https://github.com/user/nuwa_hf@main."
        )
    return url
