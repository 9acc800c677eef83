# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Whoever wrote a URL, what only this machine sees cannot be read through it, and no answer is without end."""

import http.server
import sys
import threading
from types import SimpleNamespace

import fsspec
import pytest
from clip_folders import pictures

from nuwa_hf.datasets.media_endings import is_media_file
from nuwa_hf.media import downloads, videos
from nuwa_hf.media.downloads import ALLOW_PRIVATE, download
from nuwa_hf.media.errors import BrokenMediaError, DownloadError
from nuwa_hf.media.sources import open_media
from nuwa_hf.media.write_clips import write_mp4


class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *args):
        pass

    def drip(self):
        """Sends a byte now and then, until nobody listens."""
        try:
            while not self.server.is_over.wait(0.01):
                self.wfile.write(b"x")
        except OSError:
            return

    def do_GET(self):
        self.server.seen.append(self.path)
        if self.path in ("/slow-head", "/slow-body"):
            if self.path == "/slow-body":
                self.send_response(200)
                self.send_header("Content-Length", "1000")
                self.end_headers()
            self.drip()
            return
        if self.path == "/elsewhere":
            self.send_response(302)
            self.send_header("Location", f"http://localhost:{self.server.server_port}/secret")
            self.end_headers()
            return
        self.send_response(200)
        self.end_headers()  # no length: only the end of the connection ends it
        for _ in range(4):
            self.wfile.write(b"secret" * 100)


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.delenv(ALLOW_PRIVATE, raising=False)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        running.seen, running.is_over = [], threading.Event()
        thread = threading.Thread(target=running.serve_forever, args=(0.02,))
        thread.start()
        yield running
        running.is_over.set()
        running.shutdown()
        thread.join()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "2130706433", "127.1", "0x7f.1"])
def test_nothing_is_asked_of_this_machine_by_whatever_name(server, host):
    with pytest.raises(DownloadError, match=r"private address|cannot be downloaded"):
        download(f"http://{host}:{server.server_port}/secret")
    assert server.seen == []


def test_redirect_is_looked_at_again(server, monkeypatch):
    public = downloads._is_public
    monkeypatch.setattr(downloads, "_is_public", lambda address: not server.seen or public(address))
    with pytest.raises(DownloadError, match=r"lies on a private address, .*NUWA_HF_ALLOW_PRIVATE_URLS=1"):
        download(f"http://127.0.0.1:{server.server_port}/elsewhere")
    assert server.seen == ["/elsewhere"]


def test_size_and_time_are_limited_though_the_server_names_no_length(server, monkeypatch):
    monkeypatch.setenv(ALLOW_PRIVATE, "1")
    url = f"http://127.0.0.1:{server.server_port}/secret"
    assert download(url) == b"secret" * 400
    monkeypatch.setattr(downloads, "MAX_BYTES", 100)
    with pytest.raises(DownloadError, match="is larger than"):
        download(url)
    monkeypatch.setattr(downloads, "MAX_SECONDS", -1.0)
    monkeypatch.setattr(downloads, "MAX_BYTES", 10_000)
    with pytest.raises(DownloadError, match="takes longer than"):
        download(url)


@pytest.mark.parametrize("path", ["/slow-head", "/slow-body"])
def test_a_server_that_sends_a_byte_now_and_then_does_not_hold_us(server, monkeypatch, path):
    monkeypatch.setenv(ALLOW_PRIVATE, "1")
    monkeypatch.setattr(downloads, "MAX_SECONDS", 0.1)
    with pytest.raises(DownloadError, match="takes longer than"):
        download(f"http://127.0.0.1:{server.server_port}{path}")


@pytest.mark.parametrize(
    "url", ["ftp://127.0.0.1/a.png", "webhdfs://10.0.0.1:1/a", "zip://a.png::sftp://x/a.zip", "HTTP://127.0.0.1/"]
)
def test_urls_that_name_another_machine_are_opened_on_request_only(url):
    with pytest.raises(DownloadError, match=r"may lead to any machine; .*NUWA_HF_ALLOW_PRIVATE_URLS=1"):
        download(url)


def test_web_address_within_another_url_is_refused():
    with pytest.raises(DownloadError, match="within another URL"):
        download("simplecache::http://127.0.0.1/secret")


@pytest.mark.parametrize(
    ("address", "is_public"),
    [
        ("8.8.8.8", True),
        ("2606:4700::1111", True),
        ("10.0.0.1", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("224.0.0.1", False),
        ("::1", False),
        ("fe80::1%eth0", False),
        ("::ffff:127.0.0.1", False),
        ("::ffff:8.8.8.8", True),
    ],
)
def test_private_addresses_are_known(address, is_public):
    assert downloads._is_public(address) == is_public


@pytest.mark.parametrize("host", ["example..com", "a" * 64 + ".com", "[::1", "example.com:port"])
def test_address_that_is_none_is_a_download_error(monkeypatch, host):
    monkeypatch.setenv("NO_PROXY", "*")
    with pytest.raises(DownloadError, match="cannot be downloaded: "):
        download(f"http://{host}/a.png")


@pytest.mark.parametrize(
    "url", ["file://{folder}/none.png", "zip://a.png::file://{folder}/x", "tar://a.png::{folder}/x"]
)
def test_what_is_not_there_or_no_archive_is_a_download_error(tmp_path, url):
    (tmp_path / "x").write_bytes(b"no archive")
    with pytest.raises(DownloadError, match=r"cannot be opened: ."):
        download(url.format(folder=tmp_path))


def test_store_without_credentials_is_a_download_error(monkeypatch):
    class NoCredentialsError(Exception):
        """As botocore's: no OSError, and without a word."""

    class Store(fsspec.AbstractFileSystem):
        def _open(self, *arguments, **named):
            raise NoCredentialsError

    monkeypatch.setitem(sys.modules, "botocore.exceptions", SimpleNamespace(BotoCoreError=NoCredentialsError))
    fsspec.register_implementation("tos", Store, clobber=True)
    with pytest.raises(DownloadError, match="cannot be opened: NoCredentialsError"):
        download("tos://bucket/a.png")


@pytest.mark.parametrize("wall", sorted(videos.READ_OPTIONS))
def test_a_file_leads_ffmpeg_to_no_other_file_and_no_address(server, tmp_path, monkeypatch, wall):
    """FFmpeg asked for the segments of a list itself, and opened the files that a text or a pattern names."""
    monkeypatch.setattr(videos, "READ_OPTIONS", {wall: videos.READ_OPTIONS[wall]})  # each is enough
    monkeypatch.chdir(tmp_path)
    write_mp4(pictures(3, 0, (32, 48)), tmp_path / "clip.mp4", fps=4)
    pictures(1, 0)[0].save(tmp_path / "frame0.png")
    segment = f"http://127.0.0.1:{server.server_port}/secret.ts"
    segments, files = tmp_path / "list.m3u8", tmp_path / "list.mp4"
    segments.write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{segment}\n#EXT-X-ENDLIST\n")
    files.write_text("ffconcat version 1.0\nfile clip.mp4\n")
    (tmp_path / "frame%d.png").write_text("a pattern")
    for source in (segments, files, files.read_bytes(), tmp_path / "frame%d.png"):
        refused = pytest.raises(BrokenMediaError, match=r"cannot be decoded|has no video stream")
        with refused, open_media(source) as media:
            list(media.frames())
        assert server.seen == []
    assert not is_media_file(segments)
    assert server.seen == []
    with open_media(tmp_path / "clip.mp4") as media:
        assert len(list(media.frames())) == 3
