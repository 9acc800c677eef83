# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""A middleware that guards Gradio's addresses: no URL is fetched for a visitor, no upload is larger than the limit."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from gradio_client import utils as client_utils
from starlette.requests import ClientDisconnect
from starlette.responses import PlainTextResponse


Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class GuardMiddleware:
    """An ASGI middleware that refuses what Gradio would do for a visitor, and this app must not.

    Gradio fetches what follows `file=` and `proxy=` in an address if it is a URL, and bounds only files that come by
    its address for uploads.

    Args:
        app (`Callable`): what answers everything else.
        max_bytes (`int`): of the body of a request.
    """

    def __init__(self, app: Callable[..., Awaitable[None]], max_bytes: int):
        self.app, self.max_bytes = app, max_bytes

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
        length = dict(scope["headers"]).get(b"content-length", b"0")
        body = BoundedBody(receive, self.max_bytes)
        if length.isdigit() and int(length) <= self.max_bytes:
            try:
                await self.app(scope, body.receive, send)
                return
            except ClientDisconnect:
                if not body.is_cut:  # whoever asked has gone
                    return
        answer = f"This app takes at most {self.max_bytes // 2**20} megabytes at a time."
        await PlainTextResponse(answer, status_code=413)(scope, receive, send)


class BoundedBody:
    """The body of a request as far as a limit; for whoever says no length, or a wrong one, it ends there.

    Args:
        receive (`Callable`): gives the whole body.
        max_bytes (`int`): the limit.
    """

    def __init__(self, receive: Receive, max_bytes: int):
        self._receive, self._left = receive, max_bytes

    @property
    def is_cut(self) -> bool:
        """Whether the body went on beyond the limit."""
        return self._left < 0

    async def receive(self) -> Message:
        """The next part.

        Returns:
            `MutableMapping`: as ASGI has it; that the visitor has gone, once the limit is passed.
        """
        message = await self._receive()
        self._left -= len(message.get("body", b""))
        return {"type": "http.disconnect"} if self.is_cut else message
