# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The page of the app, with what Gradio leaves open for visitors closed: URLs are never opened."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.utils import get_upload_folder
from gradio_client import utils as client_utils
from starlette.applications import Starlette
from starlette.middleware import Middleware

from nuwa_hf.app.guard_middleware import GuardMiddleware
from nuwa_hf.app.task_tab import TaskTab
from nuwa_hf.app.upload_folder import KEPT_SECONDS, UploadFolder


Lifespan = Callable[[Starlette], AbstractAsyncContextManager[Any]]
KEPT_VISITS = 128  # whose forms Gradio remembers, at about 0.7 MB each; the one that was quiet longest is forgotten
FORM_BYTES = 2**16  # of what surrounds an upload
# The semibold letters that Gradio brings are not all there.
CSS = "#title h1, button.lg, .validation-error { font-family: system-ui, sans-serif; }"


class ServedBlocks(gr.Blocks):
    """`gr.Blocks` that opens no URL for a visitor, and is served with the limits of the app.

    Its `tabs` are what happens in each tab, by the name of the task; its `uploads` the folder of all that visitors
    send and get.

    Args:
        max_upload (`int`): megabytes that a file may have.
        max_files (`int`): files of that size that may be uploaded at once.
        on_close (`Callable`): called when the app is closed.
        settings: those of `gr.Blocks`.
    """

    def __init__(self, *, max_upload: int, max_files: int, on_close: Callable[[], None], **settings: Any):
        super().__init__(**settings)
        self.max_upload, self.max_files, self._on_close = max_upload, max_files, on_close
        self.tabs: dict[str, TaskTab] = {}
        self.uploads = UploadFolder(Path(get_upload_folder()))

    async def preprocess_data(self, block_fn, inputs: list[Any], state, explicit_call: bool = False):
        """What arrived from the page, as the functions take it.

        Args:
            block_fn: the function that is called.
            inputs (`list`): what arrived for each component.
            state: of the visit.
            explicit_call (`bool`, *optional*, defaults to `False`): whether our own program calls.

        Raises:
            gr.Error: If a URL stands where an uploaded file should.
        """
        client_utils.traverse(inputs, _refuse_url, client_utils.is_file_obj_with_meta)
        return await super().preprocess_data(block_fn, inputs, state, explicit_call)

    def launch(self, **settings: Any):
        """Serve the page, with the limits of the app.

        Args:
            settings: those of `gr.Blocks.launch`.

        Returns:
            What `gr.Blocks.launch` returns.
        """
        for block in self.blocks.values():
            block.GRADIO_CACHE = str(self.uploads.path)
        app_kwargs = dict(settings.pop("app_kwargs", None) or {})
        app_kwargs["lifespan"] = self._lifespan(app_kwargs.get("lifespan"))
        bounds = [self.max_upload * count * 2**20 + FORM_BYTES for count in (1, self.max_files)]
        app_kwargs["middleware"] = [
            *app_kwargs.get("middleware", ()),
            Middleware(GuardMiddleware, max_bytes=bounds[0], max_upload_bytes=bounds[1]),
        ]
        ours = {
            "state_session_capacity": KEPT_VISITS,
            "max_file_size": f"{self.max_upload}mb",
            "css": CSS,
            "footer_links": ["api"],
            "ssr_mode": False,
            "mcp_server": False,
            "enable_monitoring": False,
            "run_history": False,  # stored in buckets of the Hub, it may use the token of this machine
            "pwa": False,
        }
        return super().launch(**ours | settings, app_kwargs=app_kwargs)

    def close(self, *arguments: Any, **settings: Any) -> None:
        """Stop serving, give the memory of the models back, and delete what visitors sent and got.

        Args:
            arguments: those of `gr.Blocks.close`.
            settings: likewise.
        """
        super().close(*arguments, **settings)
        self._on_close()
        self.uploads.delete()

    def _lifespan(self, theirs: Lifespan | None) -> Lifespan:
        """What runs as long as the app is served, around what a user runs."""

        @asynccontextmanager
        async def lifespan(app: Starlette) -> AsyncIterator[Any]:
            app.uploaded_file_dir = str(self.uploads.path)
            sweeping = asyncio.create_task(self._keep_swept())
            try:
                async with nullcontext() if theirs is None else theirs(app) as state:
                    yield state
            finally:
                sweeping.cancel()

        return lifespan

    async def _keep_swept(self) -> None:
        while True:
            await asyncio.sleep(KEPT_SECONDS)
            await asyncio.to_thread(self._sweep)

    def _sweep(self) -> None:
        self.uploads.sweep()
        for paths in self.temp_file_sets:  # what Gradio remembers
            paths.difference_update([path for path in tuple(paths) if not os.path.exists(path)])


def _refuse_url(file: dict[str, Any]) -> dict[str, Any]:
    if client_utils.is_http_url_like(file.get("path") or ""):
        raise gr.Error("URLs are not opened here; upload the file itself.")
    return file
