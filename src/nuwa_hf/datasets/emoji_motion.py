# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""EmojiMotion: captioned clips of moving emoji with sketches, generated on the fly, each with its exact truth."""

import math
import zlib
from dataclasses import dataclass

import numpy as np

from nuwa_hf.argument_types import check_types

from .captions import Deed, clip_caption, image_caption, place_phrases
from .drawn_clips import DrawnClips
from .motions import GROUNDED, UPRIGHT, Room, Track, draw_rolls, is_mirrored, plan_track
from .scenes import GROUND_SCENES, PLAIN_COLORS, paint_scene
from .settings import SETTINGS, EmojiMotionSetting, check_names
from .sprites import SpritePack, render_sprite


FRAME_RATE = 4  # frames a second at which the clips are shown
_VISIBLE = 0.3  # opacity from which an object counts as visible, in masks, sketches and captions


def is_held_out(noun: str, motion: str) -> bool:
    """Whether a pair of an object and a motion is reserved for the split "zeroshot": about one in ten, by a hash."""
    return zlib.crc32(f"{noun}|{motion}".encode()) % 10 == 0


@dataclass(frozen=True)
class Actor:
    """One sprite of a clip: which it is, what it does, and where it is in each frame."""

    sprite: int
    deed: Deed
    mirrored: bool
    track: Track


class EmojiMotion(DrawnClips):
    """Clips of one or two emoji that move over a background, as a pure function of (setting, split, seed, index).

    The splits "train" and "val" draw from the same (object, motion) pairs but never from the same random stream;
    "zeroshot" draws only pairs that the other two never show.

    A sample `dataset[i]` is a dict, with T frames of Y by X pixels:

    - `caption` (`str`): a caption of the clip, `image_caption` (`str`): one of the frame `image_index` (`int`);
    - `video` (`(T, Y, X, 3)`, uint8), `sketch` (`(T, Y, X)`, uint8): classes that index `sketch_class_names`;
    - `image` (`(Y, X, 3)`, uint8), `image_sketch` (`(Y, X)`, uint8): frame `image_index` of both;
    - `object_mask` (`(T, Y, X)`, uint8): 1 at the pixels of a sprite;
    - `objects` (`tuple[str]`), `object_ids` (`tuple[int]`, in `object_names`), `categories` (`tuple[int]`, their
      classes in sketches), `motions` (`tuple[str]`), `background` (`str`): the truth; if there are two objects, the
      second is drawn over the first;
    - `track` (`(objects, T, 3)`, float32): x and y of the centre of each sprite's square and its side, all divided
      by the side of the frame.

    Args:
        pack (`SpritePack`, *optional*): the sprites; None loads the 257 emoji of the package.
        setting (`str` or `EmojiMotionSetting`): "large", "small", "small-128" (the clips of "small", drawn at 128
            pixels) or a setting of your own, defaults to "small-128", as the embedded checkpoint has it.
        split (`str`): "train", "val" or "zeroshot", defaults to "train".
        seed (`int`): a different seed gives a different data set of the same kind, defaults to 0.
        length (`int`, *optional*): number of samples; None means 1,000,000 for "train" and 10,000 for the others.

    Attributes:
        setting (`EmojiMotionSetting`): the setting.
        object_names (`list[str]`): the nouns in use.
        motion_names (`list[str]`): the motions in use.
        background_names (`list[str]`): the backgrounds in use.
        pairs (`list[tuple[str, str]]`): the (noun, motion) pairs of this split.

    Raises:
        ValueError: If a name, the seed or the length is not valid, or the split has no pair to draw.
        TypeError: If an argument has the wrong type.

    Example:
        ```python
        >>> sample = EmojiMotion(split="train")[0]
        >>> sample["video"].shape
        (6, 128, 128, 3)
        ```
    """

    def __init__(
        self,
        pack: SpritePack | None = None,
        *,
        setting: str | EmojiMotionSetting = "small-128",
        split: str = "train",
        seed: int = 0,
        length: int | None = None,
    ):
        hints = {"pack": SpritePack | None, "setting": str | EmojiMotionSetting}
        check_types({"pack": pack, "setting": setting}, hints, "leave it out for the default")
        super().__init__(split, seed, length)
        if isinstance(setting, str):
            if setting not in SETTINGS:
                raise ValueError(
                    f"`setting` must be {' or '.join(map(repr, SETTINGS))} or an EmojiMotionSetting, got {setting!r}; "
                    "choose one."
                )
            setting = SETTINGS[setting]
        self.pack = SpritePack.load() if pack is None else pack
        if setting.objects is not None:
            check_names("objects", setting.objects, tuple(self.pack.nouns))
        self.setting = setting
        self.object_names = list(self.pack.nouns if setting.objects is None else setting.objects)
        self.motion_names = list(setting.motions)
        self.background_names = list(setting.backgrounds)
        self.pairs = [
            (noun, motion)
            for noun in self.object_names
            for motion in self.motion_names
            if is_held_out(noun, motion) == (split == "zeroshot")
        ]
        if not self.pairs:
            raise ValueError(f"`split` {split!r} has no pair of a thing and a motion; use more objects or motions.")
        if setting.two_objects > 0 and len({noun for noun, _ in self.pairs}) < 2:
            raise ValueError(f"`two_objects` must be 0, since the split {split!r} has only one thing; set it to 0.")
        self._sprite_of = {noun: self.pack.nouns.index(noun) for noun in self.object_names}
        self._object_id = {noun: k for k, noun in enumerate(self.object_names)}
        self._clashes = self._find_clashes()

    def __getitem__(self, index: int) -> dict:
        setting, rng = self.setting, self._random_of(index)
        pairs = self._draw_pairs(rng)
        background = self._draw_background(rng, [noun for noun, _ in pairs])
        actors = self._draw_actors(rng, pairs, background)
        calm_step = setting.position_step if setting.calm_scenes else None
        scene, stuff = paint_scene(background, rng, size=setting.size, calm_step=calm_step)
        video = np.repeat(scene[None], setting.num_frames, axis=0)
        sketch = np.repeat((stuff if setting.stuff else np.zeros_like(stuff))[None], setting.num_frames, axis=0)
        object_mask = np.zeros_like(sketch)
        for actor in actors:
            for frame in range(setting.num_frames):
                self._lay(actor, frame, video[frame], sketch[frame], object_mask[frame])

        place = place_phrases(background)
        place = place[rng.integers(len(place))]
        caption = clip_caption([actor.deed for actor in actors], place, rng)
        image_index = int(rng.integers(setting.num_frames))
        seen = [actor.deed.noun for actor in actors if actor.track.opacity[image_index] >= _VISIBLE]
        tracks = [np.stack([a.track.x, a.track.y, a.track.side], axis=1) for a in actors]
        return {
            "caption": caption,
            "image_caption": image_caption(seen, place, rng),
            "video": video,
            "sketch": sketch,
            "image": video[image_index].copy(),
            "image_sketch": sketch[image_index].copy(),
            "image_index": image_index,
            "object_mask": object_mask,
            "objects": tuple(noun for noun, _ in pairs),
            "object_ids": tuple(self._object_id[noun] for noun, _ in pairs),
            "categories": tuple(actor.deed.category for actor in actors),
            "motions": tuple(motion for _, motion in pairs),
            "background": background,
            "track": (np.stack(tracks) / setting.size).astype(np.float32),
        }

    def _find_clashes(self) -> set[tuple[str, str]]:
        """Pairs of an object and a plain wall of almost the same colour, in front of which it would be invisible."""
        clashes = set()
        for noun, sprite in self._sprite_of.items():
            pixels = self.pack.sprites[sprite].reshape(-1, 4).astype(np.int32)
            pixels = pixels[pixels[:, 3] > 200, :3]
            for wall, color in PLAIN_COLORS.items():
                if (np.abs(pixels - np.array(color)).sum(axis=1) < 130).mean() > 0.45:
                    clashes.add((noun, wall))
        return clashes

    def _draw_pairs(self, rng) -> list[tuple[str, str]]:
        num_objects = 2 if rng.random() < self.setting.two_objects else 1
        pairs = [self.pairs[rng.integers(len(self.pairs))]]
        while len(pairs) < num_objects:
            pair = self.pairs[rng.integers(len(self.pairs))]
            if pair[0] != pairs[0][0]:
                pairs.append(pair)
        return pairs

    def _draw_background(self, rng, nouns) -> str:
        clear = [b for b in self.background_names if not any((noun, b) in self._clashes for noun in nouns)]
        # If the object is invisible in front of every background, it still needs one.
        clear = clear or self.background_names
        return clear[rng.integers(len(clear))]

    def _draw_actors(self, rng, pairs, background) -> list[Actor]:
        setting = self.setting
        lanes = [None] if len(pairs) == 1 else list(rng.permutation(2))
        # Two objects stay in two lanes. Upright motions get columns, because a row leaves them no room to move.
        columns = sum(motion in UPRIGHT for _, motion in pairs) > len(pairs) / 2
        actors = []
        for (noun, motion), lane in zip(pairs, lanes, strict=True):
            sprite = self._sprite_of[noun]
            category = int(self.pack.categories[sprite])
            share = rng.uniform(0.34, 0.46) if lane is None else rng.uniform(0.3, 0.36)
            side = setting.sprite_size or 2 * round(share * setting.size / 2)
            grounded = lane is None and background in GROUND_SCENES and motion in GROUNDED
            rolls = draw_rolls(noun, category, motion, rng)
            track = plan_track(
                motion,
                rng,
                room=_room(setting.size, side, setting.position_step, lane, columns, grounded),
                side=side,
                num_frames=setting.num_frames,
                step=setting.position_step,
                rolls=rolls,
                roll_step=setting.roll_step,
            )
            deed = Deed(noun, category, motion, rolls)
            actors.append(Actor(sprite, deed, is_mirrored(noun, category, motion), track))
        return actors

    def _lay(self, actor, frame, picture_YXC, sketch_YX, mask_YX):
        """Draw one sprite over one frame, in place."""
        track, size = actor.track, self.setting.size
        opacity = float(track.opacity[frame])
        if opacity <= 0:
            return
        side = int(track.side[frame])
        sprite = render_sprite(self.pack, actor.sprite, side, int(track.angle[frame]), actor.mirrored)
        top = int(track.y[frame] - side / 2) + sprite.top
        left = int(track.x[frame] - side / 2) + sprite.left
        height, width = sprite.mask.shape
        rows = slice(max(0, top), min(size, top + height))
        columns = slice(max(0, left), min(size, left + width))
        part = (slice(rows.start - top, rows.stop - top), slice(columns.start - left, columns.stop - left))
        under = picture_YXC[rows, columns]
        under[:] = np.rint(under * (1 - opacity * sprite.alpha[part]) + opacity * sprite.color[part])
        if opacity >= _VISIBLE:
            shape = sprite.mask[part]
            sketch_YX[rows, columns][shape] = actor.deed.category
            mask_YX[rows, columns][shape] = 1


def _room(size, side, step, lane, columns, grounded) -> Room:
    """Where the centre of a sprite may be: in the frame, in one of two lanes, or on the ground of the frame."""
    first, last = side / 2, size - side / 2
    left, right, top, bottom = first, last, first, last
    if lane is not None:
        # Lanes overlap a little to leave room for movement; each ends on the grid of the steps.
        reach = math.floor((size / 2 - 0.8 * side) / step) * step
        low, high = (first, first + reach) if lane == 0 else (last - reach, last)
        if columns:
            left, right = low, high
        else:
            top, bottom = low, high
    if grounded:
        top = min(last, math.ceil((0.55 * size - first) / step) * step + first)
    return Room(left, right, top, bottom)
