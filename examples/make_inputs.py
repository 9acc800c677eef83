# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Make the inputs of the examples from clips of EmojiMotion that were never used in training.

    python examples/make_inputs.py

Writes into examples/inputs. The clips are chosen by rules that look only at the truth of the data:

- image.png, the masks and sketch.png: the first clip of the split "val" with one object that lies completely inside
  the middle half of the still frame, so that mask_centre.png covers it;
- first_frame.png, clip.gif, clip.mp4, sketch_0.png to sketch_5.png: the first clip of "val" with one object that moves
  to the left or right over a landscape.
"""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import PIL.Image

from nuwa_hf import EmojiMotion, color_class_map
from nuwa_hf.datasets.class_map import palette
from nuwa_hf.datasets.emoji_motion import FRAME_RATE
from nuwa_hf.media import write_gif, write_mp4


INPUTS = Path(__file__).parent / "inputs"
LANDSCAPES = ("grass", "sea", "desert", "snow")


def has_one_thing_in_the_middle(sample: dict) -> bool:
    """Whether a sample of EmojiMotion has one object, completely inside the middle half of its still frame.

    Args:
        sample (`dict`): the sample.

    Returns:
        `bool`: whether it has.
    """
    x, y, side = sample["track"][0, sample["image_index"]]
    # All three are fractions of the frame's side; the middle half extends by a quarter to each side of 0.5.
    return len(sample["objects"]) == 1 and max(abs(x - 0.5), abs(y - 0.5)) + side / 2 <= 0.25


def has_one_thing_crossing_a_landscape(sample: dict) -> bool:
    """Whether a sample of EmojiMotion has one object that moves to the left or right over a landscape.

    Args:
        sample (`dict`): the sample.

    Returns:
        `bool`: whether it has.
    """
    return (
        len(sample["objects"]) == 1
        and sample["motions"][0] in ("left", "right")
        and sample["background"] in LANDSCAPES
    )


def first_sample(rule: Callable[[dict], bool]) -> dict:
    """The first sample of the split "val" that satisfies a rule.

    Args:
        rule (`Callable`): takes a sample of EmojiMotion and says whether to use it.

    Returns:
        `dict`: the sample.
    """
    dataset = EmojiMotion(split="val")
    return next(sample for sample in map(dataset.__getitem__, range(len(dataset))) if rule(sample))


def main(argv: Sequence[str] | None = None) -> None:
    """Write the inputs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output_dir", type=Path, default=INPUTS)
    folder = parser.parse_args(argv).output_dir
    folder.mkdir(parents=True, exist_ok=True)

    still = first_sample(has_one_thing_in_the_middle)
    PIL.Image.fromarray(still["image"]).save(folder / "image.png")
    color_class_map(still["image_sketch"], palette).save(folder / "sketch.png")
    height, width = still["image_sketch"].shape
    upper_half, centre = np.zeros((2, height, width), np.uint8)
    upper_half[: height // 2] = 255
    centre[height // 4 : -height // 4, width // 4 : -width // 4] = 255
    PIL.Image.fromarray(upper_half).save(folder / "mask_upper_half.png")
    PIL.Image.fromarray(centre).save(folder / "mask_centre.png")

    moving = first_sample(has_one_thing_crossing_a_landscape)
    frames = [PIL.Image.fromarray(frame) for frame in moving["video"]]
    frames[0].save(folder / "first_frame.png")
    write_gif(frames, folder / "clip.gif", fps=FRAME_RATE)
    write_mp4(frames, folder / "clip.mp4", fps=FRAME_RATE)
    for number, class_map in enumerate(moving["sketch"]):
        color_class_map(class_map, palette).save(folder / f"sketch_{number}.png")


if __name__ == "__main__":
    main()
