# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Make a folder of captioned clips with a motion new to the embedded checkpoint: up and to the right at the same time.

    python examples/fine_tuning/make_clips.py --output clips --num_clips 768

It takes the place of a folder of your own. Two clips in three show the new motion. The others show the motions that
the checkpoint knows, so that they are not forgotten.
"""

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import PIL.Image
from tqdm import tqdm

from nuwa_hf import EmojiMotion
from nuwa_hf.datasets.emoji_motion import FRAME_RATE
from nuwa_hf.datasets.settings import SETTINGS


NEW_MOTION = "up_right"
KNOWN_MOTIONS = SETTINGS["small-128"].motions
NEW_OF_EVERY = (2, 3)  # clips of the new motion


def draw_samples(split: str, seed: int, motions: Sequence[str]) -> Iterator[dict]:
    """Samples of EmojiMotion as for the embedded checkpoint, but with these motions and with one object each."""
    setting = replace(SETTINGS["small-128"], motions=tuple(motions), two_objects=0.0)
    dataset = EmojiMotion(setting=setting, split=split, seed=seed)
    return (dataset[index] for index in range(len(dataset)))


def write_folder(folder: Path, split: str, num_clips: int, seed: int) -> None:
    """Write the clips as animated PNGs, which lose nothing, and their captions as metadata.jsonl.

    Args:
        folder (`Path`): a new folder.
        split (`str`): `"train"` or `"val"`: the same pairs of object and motion in other clips.
        num_clips (`int`): how many.
        seed (`int`): seed of the clips.

    Raises:
        FileExistsError: If the folder exists already.
    """
    folder.mkdir(parents=True)
    new, known = draw_samples(split, seed, [NEW_MOTION]), draw_samples(split, seed, KNOWN_MOTIONS)
    lines = []
    for index in tqdm(range(num_clips), unit="clip"):
        sample = next(new if index % NEW_OF_EVERY[1] < NEW_OF_EVERY[0] else known)
        first, *others = (PIL.Image.fromarray(frame) for frame in sample["video"])
        name = f"clip{index:05d}.png"
        first.save(folder / name, save_all=True, append_images=others, duration=1000 / FRAME_RATE)
        lines.append(json.dumps({"file_name": name, "text": sample["caption"]}))
    (folder / "metadata.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")


def main(argv: Sequence[str] | None = None) -> None:
    """Write a folder.

    Args:
        argv (`Sequence[str]`, *optional*): the arguments; by default those of the process.
    """
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="the new folder")
    parser.add_argument("--num_clips", type=int, default=768, help="how many clips (default: 768)")
    parser.add_argument("--split", choices=("train", "val"), default="train", help="val: clips that are not in train")
    parser.add_argument("--seed", type=int, default=0, help="seed of the clips (default: 0)")
    arguments = parser.parse_args(argv)
    write_folder(arguments.output, arguments.split, arguments.num_clips, arguments.seed)


if __name__ == "__main__":
    main()
