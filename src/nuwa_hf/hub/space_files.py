# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The files of a Space that shows a checkpoint in the app: its card, what pip installs, and the program."""

from importlib.metadata import version

from huggingface_hub import SpaceCardData

from nuwa_hf.hub.pushed_files import CARD
from nuwa_hf.storage.find_checkpoint import EMBEDDED


APP_FILE = "app.py"
REQUIREMENTS = "requirements.txt"
SDK = "gradio"
SDK_VERSION = "6.31.0"  # the Gradio that the app is tested with
PYTHON_VERSION = "3.12"  # the Hub's own default is older than any that nuwa_hf runs on

CARD_TEXT = """---
{metadata}
---

# {title}

The eight tasks of [NUWA](https://arxiv.org/abs/2111.12417) in the browser, on {model}: images and videos from a text
or a sketch, images completed, videos continued, both changed by a text.

Written by `nuwa-hf push-space`. The same app on your own machine:

```bash
pip install "nuwa_hf[app]"
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
        package_url (`str`, *optional*): what pip installs nuwa_hf from; by default the package index, this version.

    Returns:
        `dict[str, bytes]`: path in the repository to content.
    """
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
    card = CARD_TEXT.format(metadata=metadata.to_yaml(), title=title, model=model, command=command)
    where = f"=={version('nuwa_hf')}" if package_url is None else f" @ {package_url}"
    app = APP.format(checkpoint="" if is_embedded else f'"{checkpoint}"')
    texts = {CARD: card, REQUIREMENTS: f"nuwa_hf[app]{where}\n", APP_FILE: app}
    return {name: text.encode() for name, text in texts.items()}
