# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Somebody who has the app open in a browser, and what they do with mouse and keyboard."""

from dataclasses import dataclass
from urllib.parse import unquote, urlsplit


SECONDS = 1000  # in Playwright's unit
PATIENCE = 120 * SECONDS


@dataclass(frozen=True)
class Result:
    """What the page shows of a request.

    files: name to bytes, of results and of what was given; command, program: what makes the results again.
    """

    files: dict[str, bytes]
    command: str
    program: str


class Visitor:
    """Has a page of their own, with cookies of its own."""

    def __init__(self, browser, url):
        self.context = browser.new_context(viewport={"width": 1400, "height": 1000})
        self.page = self.context.new_page()
        self.page.set_default_timeout(PATIENCE)
        self.page.goto(url, wait_until="domcontentloaded")
        self.page.wait_for_selector("#text-to-image-run")
        self.task = "text-to-image"

    def leave(self):
        self.context.close()

    def element(self, part, inner=""):
        return self.page.locator(f"#{self.task}-{part} {inner}".strip())

    def open(self, task):
        self.task = task
        self.page.click(f"#{task}-tab-button")
        self.element("run").wait_for()

    def write(self, field, text):
        self.element(field, ":is(textarea, input)").first.fill(str(text))

    def upload(self, field, *paths):
        self.element(field, "input[type=file]").first.set_input_files(paths)

    def choose_color(self, field, number):
        """Takes the brush in the colour of the class with that number."""
        self.element(field, "button[aria-label=Brush]").click()
        self.element(field, "button[aria-label=Color]").click()
        self.element(field, "button.color").nth(number).click()
        canvas = self.element(field, "canvas").first
        canvas.click(
            position={"x": 5, "y": canvas.bounding_box()["height"] - 5}
        )  # closes the palette, beside the picture
        self.element(field, "button.color").first.wait_for(state="detached")

    def paint(self, field, *points):
        """Draws a line with the mouse through points of the canvas, each (x, y) from 0 to 1."""
        brush = self.element(field, "button[aria-label=Brush]")
        if "highlight" not in brush.get_attribute("class"):
            brush.click()
        canvas = self.element(field, "canvas").first
        canvas.scroll_into_view_if_needed()
        box = canvas.bounding_box()
        side = min(box["width"], box["height"])
        left, top = (box[place] + (box[size] - side) / 2 for place, size in (("x", "width"), ("y", "height")))
        places = [(left + side * x, top + side * y) for x, y in points]
        self.page.mouse.move(*places[0])
        self.page.mouse.down()
        for place in places[1:]:
            self.page.mouse.move(*place, steps=8)
        self.page.mouse.up()

    def paint_over(self, field, *points):
        """The same, on a picture that was uploaded, as soon as it is there."""
        self.element(field, ".empty").wait_for(state="detached")
        self.paint(field, *points)

    def press(self, button="run"):
        self.element(button).click()

    def watch_pictures(self, part):
        """From now on, notes the addresses of all pictures that a part shows."""
        self.page.evaluate(
            """id => {
                const part = document.getElementById(id), seen = window.seen = new Set();
                const look = () => part.querySelectorAll("img").forEach(image => seen.add(image.src));
                new MutationObserver(look).observe(part, {subtree: true, childList: true, attributes: true});
            }""",
            f"{self.task}-{part}",
        )

    def pictures(self):
        """The addresses that `watch_pictures` has noted."""
        return self.page.evaluate("[...window.seen]")

    def error_at(self, field):
        return self.element(field, ".validation-error:not(input, textarea)").first.inner_text()

    def result(self):
        """Waits for what the page shows at the end."""
        self.element("command", ".cm-line").filter(has_text="nuwa-hf").wait_for()
        files = {}
        for link in self.element("files", "a[href]").all():
            url = link.get_attribute("href")
            files[unquote(urlsplit(url).path.rpartition("/")[2])] = self.page.request.get(url).body()
        return Result(files, self.code("command"), self.code("python"))

    def code(self, part):
        return "\n".join(self.element(part, ".cm-line").all_text_contents())
