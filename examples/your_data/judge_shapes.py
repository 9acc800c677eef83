# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Count how many clips show what their captions say: the colour, the shape and the direction, read from pixels.

    python examples/your_data/judge_shapes.py --checkpoint runs/shapes/pipeline --output shapes.json
    python examples/your_data/judge_shapes.py --clips clips_val --output real.json

What is strongly coloured is the shape, since all backgrounds are grey. Its colour is the nearest in hue. Its form is
the nearest in how much of the box around it is covered and how much of that lies in the lower half. Its direction is
that of the way from its first middle to its last. Colour and form are right if they are so in most frames. Nothing
here is trained, so no generator can have been trained to please it.
"""

import argparse
import colorsys
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import PIL.Image
import torch
from moving_shapes import COLORS, DIRECTIONS, SHAPES, SIZE, Scene, random_scene, shape_mask
from tqdm import tqdm

from nuwa_hf import DEMO_CHECKPOINT, NuwaTextToVideoPipeline
from nuwa_hf.media import contact_sheet, fit_picture, open_media, write_png


STRONG_COLOR = 0.35  # difference of a pixel's largest and smallest channel, in [0, 1]
LEAST_SHARE = 0.01  # of the picture's pixels, so many are a shape
LEAST_WAY = 0.1  # of the picture's width, from which a shape counts as moved
CLIPS_AT_ONCE = 16
SHOWN = 12


def form_of(mask: np.ndarray) -> tuple[float, float]:
    """What tells forms apart, at any size and also when they are blurred.

    Args:
        mask (`np.ndarray` of shape `(Y, X)`): bool, somewhere True.

    Returns:
        `tuple[float, float]`: the share of the box around it that is covered, and the share of that in the lower half.
    """
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    box = mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return float(box.mean()), float(box[-(len(box) // 2) :].sum() / box.sum())


FORMS = {shape: form_of(np.asarray(shape_mask(shape, (SIZE / 2, SIZE / 2), SIZE / 3)) > 127) for shape in SHAPES}
HUES = {name: colorsys.rgb_to_hsv(*(value / 255 for value in color))[0] for name, color in COLORS.items()}


def read_frame(frame: np.ndarray) -> tuple[str, str, np.ndarray] | None:
    """What one frame shows.

    Args:
        frame (`np.ndarray` of shape `(Y, X, 3)`): values in [0, 1].

    Returns:
        `tuple[str, str, np.ndarray]`: colour, form and middle `(x, y)` in pixels; None if there is no shape.
    """
    strength = np.ptp(frame, axis=-1)
    strongest = np.quantile(strength, 1 - LEAST_SHARE)
    if strongest < STRONG_COLOR:
        return None
    mask = strength > strongest / 2
    hue = colorsys.rgb_to_hsv(*np.median(frame[mask], axis=0))[0]
    color = min(HUES, key=lambda name: min(abs(hue - HUES[name]), 1 - abs(hue - HUES[name])))
    shape = min(FORMS, key=lambda name: np.hypot(*np.subtract(FORMS[name], form_of(mask))))
    return color, shape, np.argwhere(mask).mean(0)[::-1]


def read_clip(video: np.ndarray) -> tuple[str | None, str | None, str | None]:
    """What a clip shows.

    Args:
        video (`np.ndarray` of shape `(T, Y, X, 3)`): values in [0, 1].

    Returns:
        `tuple`: colour, form and direction, each None if there is none.
    """
    frames = [read_frame(frame) for frame in video]
    seen = [frame for frame in frames if frame is not None]
    if 2 * len(seen) <= len(frames):
        return None, None, None
    color, shape = (Counter(frame[part] for frame in seen).most_common(1)[0] for part in (0, 1))
    way = seen[-1][2] - seen[0][2]
    direction = None
    if np.hypot(*way) >= LEAST_WAY * video.shape[2]:
        direction = max(DIRECTIONS, key=lambda name: np.dot(way, DIRECTIONS[name]))
    return *(name if 2 * count > len(frames) else None for name, count in (color, shape)), direction


def judge(videos: Sequence[np.ndarray], scenes: Sequence[Scene]) -> dict[str, float]:
    """The shares of clips with the right colour, shape and direction, and with all three.

    Args:
        videos (`Sequence[np.ndarray]`): clips of shape `(T, Y, X, 3)`, values in [0, 1].
        scenes (`Sequence[Scene]`): what each should show.

    Returns:
        `dict[str, float]`.
    """
    asked = [(scene.color, scene.shape, scene.direction) for scene in scenes]
    right = np.array(
        [
            [a == b for a, b in zip(read_clip(video), want, strict=True)]
            for video, want in zip(videos, asked, strict=True)
        ]
    )
    shares = dict(zip(("color", "shape", "direction"), right.mean(0).tolist(), strict=True))
    return {**shares, "all": float(right.all(1).mean()), "clips": len(videos)}


def make_videos(checkpoint: str, scenes: Sequence[Scene], seed: int) -> Iterator[np.ndarray]:
    """One clip for each scene's caption, each with a seed of its own."""
    pipeline = NuwaTextToVideoPipeline.from_pretrained(DEMO_CHECKPOINT if checkpoint == "embedded" else checkpoint)
    pipeline.set_progress_bar_config(disable=True)
    for first in tqdm(range(0, len(scenes), CLIPS_AT_ONCE), unit="batch"):
        some = [scene.caption for scene in scenes[first : first + CLIPS_AT_ONCE]]
        generators = [torch.Generator().manual_seed(seed + first + place) for place in range(len(some))]
        yield from pipeline(some, generator=generators, output_type="np").frames


def read_videos(folder: Path, num_clips: int) -> tuple[list[np.ndarray], list[Scene]]:
    """The first clips of a folder that `moving_shapes.py` wrote, at the size and rate of the embedded checkpoint."""
    lines = (folder / "metadata.jsonl").read_text(encoding="utf-8").splitlines()[:num_clips]
    videos, scenes = [], []
    for row in map(json.loads, lines):
        with open_media(folder / row["file_name"]) as media:
            frames = media.window(frame_rate=4, num_frames=6)
            videos.append(np.stack([fit_picture(frame.picture(), SIZE, SIZE) for frame in frames]) / 255)
        words = row["text"].split()
        scenes.append(Scene(words[1], words[2], " ".join(words[4:-4]), words[-2]))
    return videos, scenes


def main(argv: Sequence[str] | None = None) -> None:
    """Judge, then write the shares as JSON and the first clips as a picture next to it.

    Args:
        argv (`Sequence[str]`, *optional*): the arguments; by default those of the process.
    """
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--checkpoint", help="a folder, a Hub id or 'embedded', which draws the clips")
    source.add_argument(
        "--clips", type=Path, metavar="DIR", help="a folder of real clips, to see how good the judge is"
    )
    parser.add_argument("--output", type=Path, required=True, metavar="FILE", help="the JSON file")
    parser.add_argument("--num_clips", type=int, default=96, help="how many clips (default: 96)")
    parser.add_argument(
        "--seed", type=int, default=1_000, help="seed of the captions and of the clips (default: 1000)"
    )
    arguments = parser.parse_args(argv)
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    if arguments.clips is not None:
        videos, scenes = read_videos(arguments.clips, arguments.num_clips)
    else:
        random = np.random.default_rng(arguments.seed)
        scenes = [random_scene(random) for _ in range(arguments.num_clips)]
        videos = list(make_videos(arguments.checkpoint, scenes, arguments.seed))
    result = judge(videos, scenes)
    print(json.dumps(result, indent=2))
    arguments.output.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    clips = [
        [PIL.Image.fromarray((frame * 255).round().astype(np.uint8)) for frame in video] for video in videos[:SHOWN]
    ]
    names = [scene.caption for scene in scenes[:SHOWN]]
    write_png(contact_sheet(clips, names), arguments.output.with_suffix(".png"))


if __name__ == "__main__":
    main()
