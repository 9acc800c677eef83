# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""A middleware that guards Gradio's addresses: no URL is fetched and no recording edited for a visitor, no upload is
larger than the limit.
"""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from gradio.route_utils import API_PREFIX
from gradio_client import utils as client_utils
from python_multipart.multipart import parse_options_header
from starlette.datastructures import Headers
from starlette.formparsers import MultiPartException
from starlette.requests import ClientDisconnect
from starlette.responses import PlainTextResponse


Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class GuardMiddleware:
    """An ASGI middleware that refuses what Gradio would do for a visitor, and this app must not.

    Gradio fetches what follows `file=` and `proxy=` in an address if it is a URL, bounds only files that come by its
    address for uploads, and runs FFmpeg for as long as it takes on what comes by its address for recordings.

    Args:
        app (`Callable`): what answers everything else.
        max_bytes (`int`): of the body of a request.
        max_upload_bytes (`int`): of one that uploads files; Gradio bounds each of these.
    """

    def __init__(self, app: Callable[..., Awaitable[None]], max_bytes: int, max_upload_bytes: int):
        self.app, self.max_bytes, self.max_upload_bytes = app, max_bytes, max_upload_bytes

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer a request.

        Args:
            scope (`MutableMapping`): what is asked.
            receive (`Callable`): gives the body.
            send (`Callable`): takes the answer.
        """
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        path = scope["path"]
        if "proxy=" in path or client_utils.is_http_url_like(path.partition("file=")[2]):
            await PlainTextResponse("This app opens no URLs.", status_code=403)(scope, receive, send)
            return
        if path.endswith(f"{API_PREFIX}/process_recording"):
            await PlainTextResponse("This app edits no recordings.", status_code=403)(scope, receive, send)
            return
        max_bytes = self.max_upload_bytes if path.endswith(f"{API_PREFIX}/upload") else self.max_bytes
        headers = Headers(scope=scope)
        length = headers.get("content-length", "0")
        kind, options = parse_options_header(headers.get("content-type"))
        boundary = options.get(b"boundary") if kind.startswith(b"multipart/form-data") else None
        body = BoundedBody(receive, max_bytes, boundary)
        if length.isdecimal() and int(length) <= max_bytes:
            try:
                await self.app(scope, body.receive, send)
                return
            except ClientDisconnect:
                if not body.is_cut:  # whoever asked has gone
                    return
        answer = f"This app takes at most {max_bytes // 2**20} megabytes at a time."
        await PlainTextResponse(answer, status_code=413)(scope, receive, send)


class BoundedBody:
    """The body of a request as far as a limit; for whoever says no length, or a wrong one, it ends there.

    Gradio writes the files of a form as they come. It deletes them if the form has a fault, but not if it breaks off:
    so here that is a fault.

    Args:
        receive (`Callable`): gives the whole body.
        max_bytes (`int`): the limit.
        boundary (`bytes`, *optional*): what stands between the parts of a form; None if the body is none.
    """

    def __init__(self, receive: Receive, max_bytes: int, boundary: bytes | None = None):
        self._receive, self._max_bytes, self._left = receive, max_bytes, max_bytes
        self._end = None if boundary is None else b"\r\n--" + boundary + b"--"
        self._last, self._is_over = b"", False

    @property
    def is_cut(self) -> bool:
        """Whether the body went on beyond the limit."""
        return self._left < 0

    async def receive(self) -> Message:
        """The next part.

        Returns:
            `MutableMapping`: as ASGI has it; that the visitor has gone, once the limit is passed.

        Raises:
            MultiPartException: If the body is a form that passes the limit, or ends before its last part does.
        """
        message = await self._receive()
        self._left -= len(message.get("body", b""))
        if self._end is not None and not self._is_over:
            self._check_form(message)
        return {"type": "http.disconnect"} if self.is_cut else message

    def _check_form(self, message: Message) -> None:
        self._is_over = self.is_cut or not message.get("more_body", False)
        if self.is_cut:  # in the words that Gradio answers with status 413
            raise MultiPartException(f"File size exceeded maximum allowed size of {self._max_bytes} bytes.")
        self._last = (self._last + message.get("body", b""))[-len(self._end) - len(b"\r\n") :]
        is_whole = message["type"] == "http.request" and self._last.removesuffix(b"\r\n").endswith(self._end)
        if self._is_over and not is_whole:
            raise MultiPartException("The form ends before its last part does.")
