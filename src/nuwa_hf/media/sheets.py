# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Many clips as one picture."""

import math
import textwrap
from collections.abc import Sequence

import PIL.Image
import PIL.ImageDraw
from PIL.ImageFont import FreeTypeFont

from nuwa_hf.media.caption_fonts import SIZE, with_font
from nuwa_hf.media.write_clips import check_clip


CAPTION_LINE = 14  # pixels, as many times as frames have `FRAME_ROWS`
FRAME_ROWS = 128
MARGIN = 4  # pixels


def contact_sheet(clips: Sequence[Sequence[PIL.Image.Image]], captions: Sequence[str]) -> PIL.Image.Image:
    """One picture of many clips: a row of frames for each, below its caption.

    Captions grow with the frames, so that they can be read where the whole sheet is looked at. Letters that no font of
    this machine has are written as `nuwa_hf.media.caption_fonts` says.

    Args:
        clips (`Sequence[Sequence[PIL.Image.Image]]`): the clips.
        captions (`Sequence[str]`): a caption for each.

    Returns:
        `PIL.Image.Image`: the sheet.

    Raises:
        ValueError: If there are no clips, or not as many captions.
    """
    if not clips or len(clips) != len(captions):
        raise ValueError(f"`captions` must be one for each clip, got {len(clips)} clips and {len(captions)} captions.")
    sizes = [check_clip(clip) for clip in clips]
    widths = [len(clip) * (width + MARGIN) + MARGIN for clip, (width, _) in zip(clips, sizes, strict=True)]
    factor = max(1, min(height for _, height in sizes) // FRAME_ROWS)
    line_height = factor * CAPTION_LINE
    font, captions = with_font(captions, factor * SIZE)
    texts = [_wrapped(caption, max(widths), font) for caption in captions]
    heights = [len(lines) * line_height + height + 2 * MARGIN for lines, (_, height) in zip(texts, sizes, strict=True)]
    of_texts = max(math.ceil(font.getlength(line)) for lines in texts for line in lines) + 2 * MARGIN
    sheet = PIL.Image.new("RGB", (max(*widths, of_texts), sum(heights)), "white")
    draw = PIL.ImageDraw.Draw(sheet)
    top = 0
    for clip, lines, (width, _), height in zip(clips, texts, sizes, heights, strict=True):
        for number, line in enumerate(lines):
            draw.text((MARGIN, top + number * line_height), line, fill="black", font=font)
        for number, frame in enumerate(clip):
            place = (MARGIN + number * (width + MARGIN), top + len(lines) * line_height + MARGIN)
            sheet.paste(frame.convert("RGB"), place)
        top += height
    return sheet


def _wrapped(caption: str, width: int, font: FreeTypeFont) -> list[str]:
    """The lines of a caption; on a narrow sheet they are wider than it, and make it wider."""
    of_sign = max(0.7 * font.size, font.getlength(caption) / max(1, len(caption)))
    return textwrap.wrap(caption, max(20, int(width / of_sign))) or [""]
