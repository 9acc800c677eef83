# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""What strangers name checkpoints is text on the page, wherever it stands; so is what visitors are told."""

import shutil

import pytest


pytest.importorskip("gradio", reason='the app needs Gradio: pip install "nuwa_hf[app]"')
pytestmark = pytest.mark.browser

HARM = "document.title='harm'"
NAME = f"<script>{HARM}<|script><img src=x onerror={HARM}>[link](javascript:{HARM})![p](x)<b>b<|b> $$x^2$$ https:||a.b"
NAME = NAME.replace("|", "\N{FRACTION SLASH}")  # as near as a folder's name can come
TAGS = 'img[src="x"], b, a[href*="javascript"], .katex, #harm'


@pytest.fixture(scope="module")
def address(checkpoint, tmp_path_factory):
    from nuwa_hf.app import build_app

    folder = tmp_path_factory.mktemp("named") / NAME
    shutil.copytree(checkpoint, folder)
    page = build_app(folder, compare=folder, device="cpu")
    yield page.launch(prevent_thread_lock=True, quiet=True)[1]
    page.close()


def test_names_and_messages_with_html_and_markdown_are_shown_as_text(address, browser):
    context = browser.new_context()
    page = context.new_page()
    page.set_default_timeout(60_000)
    page.goto(address, wait_until="domcontentloaded")
    page.wait_for_selector("#text-to-image-run")
    title = page.title()
    assert NAME in page.locator("#checkpoints").inner_text()
    assert NAME in page.locator("#text-to-image-other-result").inner_text()  # its label
    page.locator("#text-to-image-prompt textarea").fill("a bird")
    page.locator("#text-to-image-seed :is(textarea, input)").first.fill('<b id="harm">1</b>')
    page.click("#text-to-image-run")
    page.locator(".validation-error:not(input, textarea)").first.wait_for()
    assert "<b id=" in page.locator(".validation-error:not(input, textarea)").first.inner_text()
    assert page.locator(TAGS).count() == 0
    assert page.title() == title
    context.close()
