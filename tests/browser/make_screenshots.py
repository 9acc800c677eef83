# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Writes docs/images/app_*.png, a picture of each tab after its task: python tests/browser/make_screenshots.py."""

import io
import shutil
import sys
from pathlib import Path

import PIL.Image
from playwright.sync_api import sync_playwright
from test_app_in_browser import FORMS
from visitor import Visitor

from nuwa_hf.app import build_app


FOLDER = Path(__file__).parents[2] / "docs" / "images"
COLORS = 256  # of the palette, which keeps a picture below 100 KB


def screenshot(visitor, task):
    visitor.open(task)
    FORMS[task](visitor)
    visitor.write("seed", 7)
    visitor.press()
    visitor.result()
    visitor.element("result", "img").first.wait_for()
    visitor.page.mouse.move(0, 0)
    visitor.page.evaluate("scrollTo(0, 0)")
    visitor.page.wait_for_timeout(1000)  # until the bars of progress are gone
    return visitor.page.screenshot(full_page=True)


def main(tasks):
    app = build_app()
    _, url, _ = app.launch(prevent_thread_lock=True, quiet=True)
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for task in tasks or FORMS:
            visitor = Visitor(browser, url)
            picture = PIL.Image.open(io.BytesIO(screenshot(visitor, task))).convert("RGB")
            visitor.leave()
            path = FOLDER / f"app_{task.replace('-', '_')}.png"
            picture.quantize(COLORS, PIL.Image.Quantize.MAXCOVERAGE).save(path, optimize=True)
            print(path, path.stat().st_size)
        browser.close()
    app.close()


if __name__ == "__main__":
    main(sys.argv[1:])
