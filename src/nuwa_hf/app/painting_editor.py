# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""An editor of paintings whose content can be read twice: by the check of a form, then by its request."""

from typing import Any

import gradio as gr
from gradio.components.image_editor import EditorData


MAX_PAINTINGS = 64  # that are held at a time, the newest


class PaintingEditor(gr.ImageEditor):
    """`gr.ImageEditor` whose pictures stay for a while after they were read.

    Gradio's own forgets what was painted once it has been read, so a check before the request would lose it; and what
    is never read it keeps for ever.
    """

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
        kept = None if payload is None else self.blob_storage.get(payload.id)
        value = super().preprocess(payload)
        if kept is not None:
            self.blob_storage[payload.id] = kept
        for oldest in list(self.blob_storage)[:-MAX_PAINTINGS]:
            self.blob_storage.pop(oldest, None)
        return value
