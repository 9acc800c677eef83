# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Files at URLs: of limited size and time, and from public addresses, whoever wrote the URL.

A URL may stand in a data set or in a request of a stranger, who must not read through it what only this machine sees.
"""

import ipaddress
import os
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from nuwa_hf.media.errors import DownloadError


if TYPE_CHECKING:
    import requests


ALLOW_PRIVATE = "NUWA_HF_ALLOW_PRIVATE_URLS"  # the environment variable that allows addresses of this network
MAX_BYTES = 2**30
MAX_SECONDS = 600.0
SILENT_SECONDS = 60  # without a byte
MAX_REDIRECTS = 5
CHUNK = 2**16
# What `fsspec` opens without connecting to a machine that the URL names: files, archives, and stores of one address.
STORES = frozenset(
    (
        *("file", "local", "memory", "data", "zip", "tar", "libarchive", "simplecache", "filecache", "blockcache"),
        *("hf", "s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "adl", "oss", "oci", "tos"),
    )
)
# What the packages behind `fsspec` raise beside OSError and ValueError: module and class.
STORE_ERRORS = (
    ("botocore.exceptions", "BotoCoreError"),
    ("google.auth.exceptions", "GoogleAuthError"),
    ("gcsfs.retry", "HttpError"),
    ("azure.core.exceptions", "AzureError"),
    ("aiohttp", "ClientError"),
    ("huggingface_hub.errors", "HTTPError"),
    ("zipfile", "BadZipFile"),
    ("tarfile", "TarError"),
)


def download(url: str) -> bytes:
    """The file at a URL.

    Args:
        url (`str`): `http://` or `https://`; or one of a store that `fsspec` opens, such as `s3://`, or a file in an
            archive.

    Returns:
        `bytes`: the file, at most 1 GiB.

    Raises:
        DownloadError: If it is no URL, cannot be reached, takes longer than 10 minutes, is larger, or lies on a
            private address: of the machine itself, of its network, or reserved. `NUWA_HF_ALLOW_PRIVATE_URLS=1`
            allows those, and kinds of URLs that name another machine, such as `ftp://`. Redirects are held to the
            same.
    """
    if url.startswith(("http://", "https://")):
        return _fetch(url)
    if "http://" in url or "https://" in url:
        raise DownloadError("has a web address within another URL; give a web address alone")
    for part in url.split("::"):
        kind = part.partition("://")[0]
        if "/" not in kind and kind not in STORES and os.environ.get(ALLOW_PRIVATE) != "1":
            raise DownloadError(
                f"is of the kind {kind[:40]!r}, which may lead to any machine; give a web address, a file, or a store "
                f"such as s3://, or set {ALLOW_PRIVATE}=1 if that is meant"
            )
    import fsspec

    try:
        with fsspec.open(url, "rb") as file:
            content = file.read(MAX_BYTES + 1)
    except (ImportError, ValueError, OSError, *errors_of_stores()) as error:
        raise DownloadError(f"cannot be opened: {str(error) or type(error).__name__}") from error
    _check_size(len(content))
    return content


def errors_of_stores() -> list[type[Exception]]:
    """What a store that `fsspec` opens can raise beside OSError and ValueError.

    Returns:
        `list[type[Exception]]`: of the packages that have been imported; no other can have raised.
    """
    return [getattr(sys.modules[module], name) for module, name in STORE_ERRORS if module in sys.modules]


def _fetch(url: str) -> bytes:
    import requests  # here, since only a URL needs it
    import urllib3

    ends, content = time.monotonic() + MAX_SECONDS, bytearray()
    too_long = DownloadError(f"takes longer than {MAX_SECONDS:g} seconds; copy it here first")
    sockets: list[socket.socket] = []
    try:
        with (
            _ended_at(ends, sockets),
            _session(sockets) as session,
            session.get(url, timeout=SILENT_SECONDS, stream=True) as response,
        ):
            response.raise_for_status()
            _check_size(_length_in(response))
            for chunk in response.iter_content(CHUNK):
                content += chunk
                _check_size(len(content))
                if time.monotonic() > ends:
                    raise too_long
    except (requests.RequestException, urllib3.exceptions.HTTPError, ValueError) as error:
        if time.monotonic() > ends:
            raise too_long from error
        raise DownloadError(f"cannot be downloaded: {error}") from error
    if time.monotonic() > ends:  # what was cut off then may look like an end
        raise too_long
    return bytes(content)


def _length_in(response: "requests.Response") -> int:
    length = response.headers.get("Content-Length", "0")
    return int(length) if length.isascii() and length.isdigit() else 0


@contextmanager
def _ended_at(ends: float, sockets: list[socket.socket]) -> Iterator[None]:
    """Within the block, connections are cut once the time is over: a server that sends a byte now and then would hold
    them for ever, for each byte counts as an answer.
    """

    def cut() -> None:
        for sock in sockets:
            try:
                socket.socket.shutdown(sock, socket.SHUT_RDWR)  # of TLS too, from another thread
            except OSError:
                continue  # it is over already, or TLS has taken its place

    timer = threading.Timer(max(0.0, ends - time.monotonic()), cut)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _check_size(size: int) -> None:
    if size > MAX_BYTES:
        raise DownloadError(f"is larger than {MAX_BYTES / 2**30:g} GiB; copy it here, and cut or shrink it, first")


def _session(sockets: list[socket.socket]) -> "requests.Session":
    """A session that looks where each connection really went, so that neither names nor redirects can hide it.

    Args:
        sockets (`list[socket.socket]`): gets that of each connection.
    """
    import requests
    from requests.adapters import HTTPAdapter
    from urllib3.connection import HTTPConnection, HTTPSConnection
    from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

    session = requests.Session()
    session.max_redirects = MAX_REDIRECTS
    is_private_allowed = os.environ.get(ALLOW_PRIVATE) == "1"

    def public_only(connection: type[HTTPConnection], pool: type[HTTPConnectionPool]) -> type[HTTPConnectionPool]:
        class PublicConnection(connection):
            def _new_conn(self):  # urllib3 says nothing between connecting and the first byte sent
                sock = super()._new_conn()
                sockets.append(sock)
                address = sock.getpeername()[0]
                if not is_private_allowed and not _is_public(address):
                    sock.close()
                    raise DownloadError(
                        f"lies on a private address, {address}; set {ALLOW_PRIVATE}=1 if that is meant"
                    )
                return sock

            def connect(self):
                super().connect()
                sockets.append(self.sock)

        return type(pool.__name__, (pool,), {"ConnectionCls": PublicConnection})

    class PublicAdapter(HTTPAdapter):
        def init_poolmanager(self, *arguments, **named):
            super().init_poolmanager(*arguments, **named)
            self.poolmanager.pool_classes_by_scheme = {
                "http": public_only(HTTPConnection, HTTPConnectionPool),
                "https": public_only(HTTPSConnection, HTTPSConnectionPool),
            }

    for scheme in ("http://", "https://"):
        session.mount(scheme, PublicAdapter())  # through a proxy, which is the user's own choice, nothing is checked
    return session


def _is_public(address: str) -> bool:
    found = ipaddress.ip_address(address.partition("%")[0])
    mapped = getattr(found, "ipv4_mapped", None)
    return (mapped or found).is_global and not found.is_multicast
