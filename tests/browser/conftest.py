# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""A Space that runs on this machine, and Chromium to open it; skipped without Gradio, Playwright or Chromium."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from local_server import free_port, wait_for


SERVER = Path(__file__).with_name("serve_space.py")
NAMES_OF_CHROMIUM = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="session")
def space_url(hub, tmp_path_factory):
    """The address of the Space, whose program runs in one process for all tests."""
    pytest.importorskip("gradio", reason='the app needs Gradio: pip install "nuwa_hf[app]"')
    work = tmp_path_factory.mktemp("space")
    port = free_port()
    address = {"GRADIO_SERVER_NAME": "127.0.0.1", "GRADIO_SERVER_PORT": str(port)}
    environment = hub.client_environment(work / "home") | address | {"GRADIO_ANALYTICS_ENABLED": "False"}
    log = work / "log.txt"
    with (
        log.open("w", encoding="utf-8") as output,
        subprocess.Popen(
            [sys.executable, str(SERVER), str(work)], env=environment, stdout=output, stderr=subprocess.STDOUT
        ) as server,
    ):
        try:
            wait_for(server, f"http://127.0.0.1:{port}", log)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()


@pytest.fixture(scope="session")
def browser():
    playwright = pytest.importorskip(
        "playwright.sync_api", reason='a browser is driven by Playwright: pip install "nuwa_hf[browser-test]"'
    )
    chromium = next(filter(None, map(shutil.which, NAMES_OF_CHROMIUM)), None)
    if chromium is None:
        pytest.skip("there is no Chromium: apt-get install chromium")
    # A sandbox within a container, or for root, cannot be had; addresses beyond this machine lead nowhere.
    options = ["--no-sandbox", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"]
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=chromium, args=options)
        yield chromium
        chromium.close()
