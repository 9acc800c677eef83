# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""An editor of paintings whose content can be read twice: by the check of a form, then by its request."""

from typing import Any

import gradio as gr
from gradio.components.image_editor import AcceptBlobs, EditorData

MAX_PAINTINGS = 64  # that are held between their arrival and their request

from gradio.events import Dependency

class PaintingEditor(gr.ImageEditor):
    """`gr.ImageEditor` whose pictures are of mode "RGBA", and stay for a while after they were read.

    Gradio's own forgets what was painted once it has been read, so a check before the request would lose it.

    Args:
        settings: those of `gr.ImageEditor`.
    """

    def __init__(self, *arguments: Any, **settings: Any):
        super().__init__(*arguments, **settings | {"type": "pil", "image_mode": "RGBA"})

    def get_block_name(self) -> str:
        """The component that the page shows: Gradio's own editor."""
        return "imageeditor"

    def preprocess(self, payload: EditorData | None) -> dict[str, Any] | None:
        """The pictures of the editor.

        Args:
            payload (`EditorData`, *optional*): what the page sent.

        Returns:
            `dict`: "background", "layers" and "composite"; None if there is nothing.
        """
        kept = self.blob_storage.get(payload.id) if payload is not None else None
        value = super().preprocess(payload)
        if kept is not None:
            self.blob_storage[payload.id] = kept
        return value
    from typing import Callable, Literal, Sequence, Any, TYPE_CHECKING
    from gradio.blocks import Block

    if TYPE_CHECKING:
        from gradio.components import Timer
        from gradio.components.base import Component
