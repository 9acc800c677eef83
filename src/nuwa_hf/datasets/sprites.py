# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The sprites of EmojiMotion: the pack, and a sprite rendered at a given size and angle, mirrored or not."""

import math
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw


SPRITE_SIDE = 96
CATEGORIES = (
    "background",
    "animal",
    "bird",
    "sea animal",
    "bug",
    "plant",
    "fruit",
    "food",
    "vehicle",
    "craft",
    "building",
    "ball or toy",
    "sky thing",
    "clothing",
    "tool",
    "instrument",
    "creature",
)
_PACK_FILE = Path(__file__).with_name("emoji_sprites.npz")


@dataclass(frozen=True, eq=False)
class SpritePack:
    """A set of small pictures with their nouns: the actors of every EmojiMotion clip.

    The packaged pack holds 257 pictures of Noto Color Emoji (Google, OFL-1.1); `drawn_shapes` needs no font.

    Args:
        sprites (`np.ndarray` of shape `(n, 96, 96, 4)`, uint8): straight (not premultiplied) RGBA.
        nouns (`list[str]` of `n` different nouns): what a caption calls each sprite, without an article.
        categories (`np.ndarray` of shape `(n,)`, uint8): 1 to 16, an index into `CATEGORIES`.

    Raises:
        ValueError: If the three do not match, a noun is repeated, a category is not 1 to 16 or a sprite is invisible.
    """

    sprites: np.ndarray
    nouns: list[str]
    categories: np.ndarray

    def __post_init__(self):
        n = len(self.nouns)
        if self.sprites.shape != (n, SPRITE_SIDE, SPRITE_SIDE, 4) or self.sprites.dtype != np.uint8:
            raise ValueError(
                f"`sprites` must be uint8 of shape {(n, SPRITE_SIDE, SPRITE_SIDE, 4)} for {n} nouns, got "
                f"{self.sprites.dtype} of shape {self.sprites.shape}; render them as 96x96 RGBA."
            )
        if self.categories.shape != (n,) or not np.isin(self.categories, range(1, len(CATEGORIES))).all():
            raise ValueError(f"`categories` must be {n} numbers from 1 to {len(CATEGORIES) - 1}, one for each noun.")
        if len(set(self.nouns)) != n:
            raise ValueError("`nouns` must differ from one another; rename the sprites that share a noun.")
        invisible = [
            noun for noun, sprite in zip(self.nouns, self.sprites, strict=True) if not (sprite[..., 3] > 127).any()
        ]
        if invisible:
            raise ValueError(f"`sprites` must each have opaque pixels, got none for {invisible}; leave them out.")

    def __len__(self) -> int:
        return len(self.nouns)

    @classmethod
    def load(cls, path: str | Path = _PACK_FILE) -> "SpritePack":
        """Read a pack from an `.npz` file with the arrays `sprites`, `names` and `cats`.

        Args:
            path (`str` or `Path`): the file; defaults to the 257 emoji that come with the package.

        Returns:
            `SpritePack`.

        Raises:
            ValueError: If the file lacks one of the three arrays.
        """
        with np.load(path, allow_pickle=False) as arrays:
            missing = {"sprites", "names", "cats"} - set(arrays.files)
            if missing:
                raise ValueError(
                    f"`path` must hold the arrays sprites, names and cats, but {path} lacks {sorted(missing)}; "
                    "build it with `python -m nuwa_hf.datasets.build_sprite_pack FONT OUTPUT`."
                )
            return cls(arrays["sprites"], [str(name) for name in arrays["names"]], arrays["cats"])

    @classmethod
    def drawn_shapes(cls) -> "SpritePack":
        """Ten drawn shapes of different colours and categories: a pack for tests that needs neither a font nor a file.

        Returns:
            `SpritePack` with the nouns circle, ring, pie, square, triangle, star, diamond, cross, arrow and crescent.
        """
        sprites, nouns, categories = [], [], []
        for noun, (category, draw) in _SHAPES.items():
            picture = Image.new("RGBA", (SPRITE_SIDE, SPRITE_SIDE))
            draw(ImageDraw.Draw(picture))
            sprites.append(np.asarray(picture))
            nouns.append(noun)
            categories.append(CATEGORIES.index(category))
        return cls(np.stack(sprites), nouns, np.array(categories, np.uint8))


@dataclass(frozen=True)
class RenderedSprite:
    """A sprite ready to be drawn over a frame, cropped to its visible rectangle of `h` by `w` pixels.

    Args:
        top (`int`): row of the rectangle's corner, counted from the corner of the sprite's unrotated square.
        left (`int`): column of the same corner; negative if a rotated corner sticks out of the square.
        color (`np.ndarray` of shape `(h, w, 3)`, float32): 0 to 255, premultiplied by `alpha`.
        alpha (`np.ndarray` of shape `(h, w, 1)`, float32): 0 to 1.
        mask (`np.ndarray` of shape `(h, w)`, bool): where `alpha` is above one half.
    """

    top: int
    left: int
    color: np.ndarray
    alpha: np.ndarray
    mask: np.ndarray


@lru_cache(maxsize=8192)
def render_sprite(pack: SpritePack, index: int, side: int, angle: int, flipped: bool) -> RenderedSprite:
    """Render one sprite of a pack. The results are cached: do not write into them.

    Args:
        pack (`SpritePack`): the pack.
        index (`int`): which sprite.
        side (`int`): side of its unrotated square, in pixels.
        angle (`int`): degrees that it is turned clockwise about the middle of its square.
        flipped (`bool`): whether it is mirrored left to right before it is turned.

    Returns:
        `RenderedSprite`.
    """
    picture = Image.fromarray(pack.sprites[index])
    if flipped:
        picture = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    margin = 0
    if angle % 360:
        # A turned square is up to sqrt(2) as wide. Turned at double size, then reduced: edges stay smooth.
        margin = math.ceil(0.21 * side)
        canvas = Image.new("RGBA", (2 * (side + 2 * margin),) * 2)
        canvas.paste(picture.resize((2 * side, 2 * side), Image.Resampling.BILINEAR), (2 * margin, 2 * margin))
        picture = canvas.rotate(-angle, resample=Image.Resampling.BILINEAR).reduce(2)
    else:
        picture = picture.resize((side, side), Image.Resampling.LANCZOS, reducing_gap=2.0)
    left, top, right, bottom = picture.getchannel("A").getbbox()
    pixels = np.asarray(picture, dtype=np.float32)[top:bottom, left:right]
    alpha = pixels[..., 3:] / 255
    return RenderedSprite(top - margin, left - margin, pixels[..., :3] * alpha, alpha, alpha[..., 0] > 0.5)


def _star(points: int, inner: float) -> list[tuple[float, float]]:
    corners = []
    for k in range(2 * points):
        radius = 46 if k % 2 == 0 else 46 * inner
        corners.append((48 + radius * math.sin(math.pi * k / points), 48 - radius * math.cos(math.pi * k / points)))
    return corners


def _draw_circle(canvas: ImageDraw.ImageDraw):
    canvas.ellipse((2, 2, 93, 93), fill=(230, 40, 40))
    canvas.rectangle((44, 6, 52, 46), fill=(255, 255, 255))


def _draw_ring(canvas: ImageDraw.ImageDraw):
    canvas.ellipse((2, 2, 93, 93), fill=(250, 140, 20))
    canvas.ellipse((30, 30, 65, 65), fill=(0, 0, 0, 0))


def _draw_crescent(canvas: ImageDraw.ImageDraw):
    canvas.ellipse((2, 2, 93, 93), fill=(120, 220, 240))
    canvas.ellipse((34, 2, 125, 93), fill=(0, 0, 0, 0))


_SHAPES = {
    "circle": ("ball or toy", _draw_circle),
    "ring": ("fruit", _draw_ring),
    "pie": ("fruit", lambda canvas: canvas.pieslice((2, 2, 93, 93), 30, 330, fill=(250, 220, 40))),
    "square": ("building", lambda canvas: canvas.rectangle((6, 6, 89, 89), fill=(40, 70, 220))),
    "triangle": ("plant", lambda canvas: canvas.polygon([(48, 4), (92, 90), (4, 90)], fill=(30, 170, 60))),
    "star": ("sky thing", lambda canvas: canvas.polygon(_star(5, 0.4), fill=(250, 250, 160))),
    "diamond": ("tool", lambda canvas: canvas.polygon([(48, 2), (84, 48), (48, 94), (12, 48)], fill=(200, 60, 200))),
    "cross": ("creature", lambda canvas: canvas.polygon(_star(4, 0.25), fill=(240, 240, 240))),
    "arrow": (
        "vehicle",
        lambda canvas: canvas.polygon(
            [(4, 48), (44, 10), (44, 40), (92, 40), (92, 56), (44, 56), (44, 86)], fill=(20, 20, 30)
        ),
    ),
    "crescent": ("sea animal", _draw_crescent),
}
