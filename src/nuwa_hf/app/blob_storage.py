# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The paintings that have arrived from the page, kept until newer ones take their place, and how large they may be."""

import io
import math
from threading import Lock
from typing import Any

import gradio as gr
import PIL.Image
from gradio.components.base import server
from gradio.components.image_editor import AcceptBlobs, EditorData, EditorDataBlobs
from starlette.exceptions import HTTPException


MAX_PAINTINGS = 64
MAX_BYTES = 2**26  # of all paintings of an editor
MAX_LAYERS = 8  # of a painting; the page makes one
MAX_PIXELS = 2**26  # of all pictures of a painting, which are opened together


class BlobStorage(dict):
    """Paintings by their ids, for `gr.ImageEditor.blob_storage`; only the newest stay.

    Gradio takes a painting out of its own as soon as it is read, so the check of a form would lose it for the request
    that follows; and one that is never read it keeps for ever.
    """

    def __setitem__(self, key: str, painting: EditorDataBlobs) -> None:
        super().pop(key, None)
        if _size(key, painting) > MAX_BYTES:
            raise HTTPException(413, f"A painting must have at most {MAX_BYTES} bytes.")
        super().__setitem__(key, painting)
        while len(self) > MAX_PAINTINGS or sum(_size(*one) for one in self.items()) > MAX_BYTES:
            del self[next(iter(self))]

    def pop(self, key: str, default: Any = None) -> Any:
        """A painting, which stays.

        Args:
            key (`str`): its id.
            default (*optional*): what to return if there is none.

        Returns:
            The painting.
        """
        return self.get(key, default)


def bound_paintings(editor: gr.ImageEditor) -> None:
    """Bound what an editor holds and opens: its page sends little, but a program may send anything.

    It is no subclass, since Gradio writes a file beside the module of each class of components.

    Args:
        editor (`gr.ImageEditor`): the editor.
    """
    editor.blob_storage = BlobStorage()
    accept, preprocess, lock = editor.accept_blobs, editor.preprocess, Lock()

    @server
    def accept_blobs(data: AcceptBlobs) -> None:
        # Gradio makes as many layers as the number says.
        if data.data["type"] == "layer" and data.data["index"] not in map(str, range(MAX_LAYERS)):
            raise HTTPException(400, f"`index` must be a layer from 0 to {MAX_LAYERS - 1}, got another.")
        with lock:  # the parts of a painting come together, and Gradio would forget some
            accept(data)

    def preprocess_painting(payload: EditorData | None) -> Any:
        painting = payload if payload is None or payload.id is None else editor.blob_storage.get(payload.id)
        if painting is not None:
            _check(painting)
        return preprocess(payload)

    editor.accept_blobs, editor.preprocess = accept_blobs, preprocess_painting


def _size(key: str, painting: EditorDataBlobs) -> int:
    parts = (painting.background, *painting.layers, painting.composite)
    return len(key) + sum(len(part) for part in parts if part is not None)


def _check(painting: "EditorData | EditorDataBlobs") -> None:
    """Require few layers and pixels, by the headers of the files."""
    if len(painting.layers) > MAX_LAYERS:
        raise gr.Error(f"A painting has at most {MAX_LAYERS} layers here.", print_exception=False)
    num_pixels = 0
    for part in (painting.background, *painting.layers, painting.composite):
        if part is not None:
            with PIL.Image.open(io.BytesIO(part) if isinstance(part, bytes) else part.path) as picture:
                num_pixels += math.prod(picture.size)
    if num_pixels > MAX_PIXELS:
        raise gr.Error(f"A painting has at most {MAX_PIXELS} pixels here.", print_exception=False)
