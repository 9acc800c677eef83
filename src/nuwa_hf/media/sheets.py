# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Many clips as one picture."""

import math
import textwrap
from collections.abc import Sequence

import PIL.Image
import PIL.ImageDraw
from PIL.ImageFont import FreeTypeFont

from nuwa_hf.media.caption_fonts import with_font
from nuwa_hf.media.write_clips import check_clip


CAPTION_LINE = 14  # pixels
MARGIN = 4  # pixels


def contact_sheet(clips: Sequence[Sequence[PIL.Image.Image]], captions: Sequence[str]) -> PIL.Image.Image:
    """One picture of many clips: a row of frames for each, below its caption.

    Letters that no font of this machine has are written as `nuwa_hf.media.caption_fonts` says.

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
    font, captions = with_font(captions)
    texts = [_wrapped(caption, max(widths), font) for caption in captions]
    heights = [
        len(lines) * CAPTION_LINE + height + 2 * MARGIN for lines, (_, height) in zip(texts, sizes, strict=True)
    ]
    of_texts = max(math.ceil(font.getlength(line)) for lines in texts for line in lines) + 2 * MARGIN
    sheet = PIL.Image.new("RGB", (max(*widths, of_texts), sum(heights)), "white")
    draw = PIL.ImageDraw.Draw(sheet)
    top = 0
    for clip, lines, (width, _), height in zip(clips, texts, sizes, heights, strict=True):
        for number, line in enumerate(lines):
            draw.text((MARGIN, top + number * CAPTION_LINE), line, fill="black", font=font)
        for number, frame in enumerate(clip):
            place = (MARGIN + number * (width + MARGIN), top + len(lines) * CAPTION_LINE + MARGIN)
            sheet.paste(frame.convert("RGB"), place)
        top += height
    return sheet


def _wrapped(caption: str, width: int, font: FreeTypeFont) -> list[str]:
    """The lines of a caption; on a narrow sheet they are wider than it, and make it wider."""
    of_sign = max(7.0, font.getlength(caption) / max(1, len(caption)))
    return textwrap.wrap(caption, max(20, int(width / of_sign))) or [""]
