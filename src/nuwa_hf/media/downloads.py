# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Files at URLs: of limited size and time, and from public addresses, whoever wrote the URL.

A URL may stand in a data set or in a request of a stranger, who must not read through it what only this machine sees.
"""

import ipaddress
import os
import time
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


def download(url: str) -> bytes:
    """The file at a URL.

    Args:
        url (`str`): `http://` or `https://`; or any that `fsspec` opens, such as a file in an archive.

    Returns:
        `bytes`: the file, at most 1 GiB.

    Raises:
        DownloadError: If it cannot be reached, takes longer than 10 minutes, is larger, or lies on a private address:
            of the machine itself, of its network, or reserved. `NUWA_HF_ALLOW_PRIVATE_URLS=1` allows those. Redirects
            are held to the same.
    """
    if url.startswith(("http://", "https://")):
        return _fetch(url)
    if "http://" in url or "https://" in url:
        raise DownloadError("has a web address within another URL; give a web address alone")
    import fsspec

    try:
        with fsspec.open(url, "rb") as file:
            content = file.read(MAX_BYTES + 1)
    except (ImportError, ValueError) as error:  # of an unknown kind
        raise DownloadError(f"cannot be opened: {error}") from error
    _check_size(len(content))
    return content


def _fetch(url: str) -> bytes:
    import requests  # here, since only a URL needs it

    ends, content = time.monotonic() + MAX_SECONDS, bytearray()
    try:
        with _session() as session, session.get(url, timeout=SILENT_SECONDS, stream=True) as response:
            response.raise_for_status()
            _check_size(int(response.headers.get("Content-Length", 0)))
            for chunk in response.iter_content(CHUNK):
                content += chunk
                _check_size(len(content))
                if time.monotonic() > ends:
                    raise DownloadError(f"takes longer than {MAX_SECONDS:g} seconds; copy it here first")
    except requests.RequestException as error:
        raise DownloadError(f"cannot be downloaded: {error}") from error
    return bytes(content)


def _check_size(size: int) -> None:
    if size > MAX_BYTES:
        raise DownloadError(f"is larger than {MAX_BYTES / 2**30:g} GiB; copy it here, and cut or shrink it, first")


def _session() -> "requests.Session":
    """A session that looks where each connection really went, so that neither names nor redirects can hide it."""
    import requests
    from requests.adapters import HTTPAdapter
    from urllib3.connection import HTTPConnection, HTTPSConnection
    from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

    session = requests.Session()
    session.max_redirects = MAX_REDIRECTS
    if os.environ.get(ALLOW_PRIVATE) == "1":
        return session

    def public_only(connection: type[HTTPConnection], pool: type[HTTPConnectionPool]) -> type[HTTPConnectionPool]:
        class PublicConnection(connection):
            def _new_conn(self):  # urllib3 says nothing between connecting and the first byte sent
                sock = super()._new_conn()
                address = sock.getpeername()[0]
                if not _is_public(address):
                    sock.close()
                    raise DownloadError(
                        f"lies on a private address, {address}; set {ALLOW_PRIVATE}=1 if that is meant"
                    )
                return sock

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
