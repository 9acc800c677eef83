# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""A font for the captions of a picture. Pillow's own has English letters only."""

from collections.abc import Iterator, Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from unicodedata import combining, normalize

from PIL.ImageFont import FreeTypeFont, load_default, truetype


SIZE = 10  # pixels, the smallest that can be read
# Of Linux, macOS and Windows; Pillow looks for them where the system has its fonts.
SYSTEM_FONTS = (
    *("DejaVuSans.ttf", "NotoSans-Regular.ttf", "NotoSansCJK-Regular.ttc", "Arial Unicode.ttf", "PingFang.ttc"),
    *("arial.ttf", "msyh.ttc", "msgothic.ttc", "malgun.ttf"),
)
NO_SIGN = "\uffff"  # never a sign of any script


def with_font(texts: Sequence[str], size: int) -> tuple[FreeTypeFont, list[str]]:
    r"""Choose a font that has all signs of some texts: Pillow's own, else one of the machine.

    Args:
        texts (`Sequence[str]`): the texts.
        size (`int`): of the letters, in pixels.

    Returns:
        `tuple[FreeTypeFont, list[str]]`: the font, and the texts. Of a letter that no font here has, its accents are
            left out; what is no English letter then is its code, such as `\u732b`.
    """
    signs = {sign for text in texts for sign in text if not sign.isspace()}
    chosen, missing = None, signs
    for font in _fonts(size):
        lacking = {sign for sign in signs if _lacks(font, sign)}
        if chosen is None or len(lacking) < len(missing):
            chosen, missing = font, lacking
        if not missing:
            break
    plain = str.maketrans({sign: _in_ascii(sign) for sign in missing})
    return chosen, [text.translate(plain) for text in texts]


def _in_ascii(sign: str) -> str:
    letters = "".join(part for part in normalize("NFKD", sign) if not combining(part))
    return letters if letters.isascii() else sign.encode("ascii", "backslashreplace").decode()


def _fonts(size: int) -> Iterator[FreeTypeFont]:
    yield load_default(size)
    matplotlib = find_spec("matplotlib")  # which brings a font; it need not be imported
    folders = [] if matplotlib is None else [Path(matplotlib.origin).parent / "mpl-data" / "fonts" / "ttf"]
    for name in (*SYSTEM_FONTS, *(str(folder / "DejaVuSans.ttf") for folder in folders)):
        font = _open(name, size)
        if font is not None:
            yield font


@cache
def _open(name: str, size: int) -> FreeTypeFont | None:
    try:
        return truetype(name, size)
    except OSError:  # it is not here
        return None


def _lacks(font: FreeTypeFont, sign: str) -> bool:
    """Whether a sign is drawn as the box that stands for all that are missing."""
    drawn, box = font.getmask(sign), font.getmask(NO_SIGN)
    return drawn.size == box.size and bytes(drawn) == bytes(box)
