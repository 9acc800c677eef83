# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Draw a folder of captioned clips of moving shapes, which look nothing like what the embedded checkpoint has seen.

    python examples/your_data/moving_shapes.py --output clips --num_clips 200

It takes the place of a folder of your own: MP4 files of 128 x 128 pixels, 12 frames a second, 1.5 seconds long, and a
`metadata.jsonl` with a caption for each. A clip shows one shape in one colour, which moves in one direction over a
plain, striped, checked or shaded grey background.
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import PIL.Image
import PIL.ImageDraw
from tqdm import tqdm

from nuwa_hf.media import write_mp4


SIZE = 128  # pixels, rows and columns
FRAME_RATE = 12
NUM_FRAMES = 18
SMOOTHING = 4  # a shape is drawn this many times larger and scaled down

COLORS = {
    "red": (225, 35, 40),
    "green": (40, 175, 60),
    "blue": (35, 75, 225),
    "yellow": (240, 215, 30),
    "purple": (165, 45, 205),
    "orange": (250, 130, 20),
}
SHAPES = ("circle", "square", "triangle", "cross")
DIRECTIONS = {"to the right": (1, 0), "to the left": (-1, 0), "upwards": (0, -1), "downwards": (0, 1)}
BACKGROUNDS = ("plain", "striped", "checked", "shaded")


@dataclass(frozen=True)
class Scene:
    """What a clip shows.

    Args:
        color (`str`): a key of `COLORS`.
        shape (`str`): one of `SHAPES`.
        direction (`str`): a key of `DIRECTIONS`.
        background (`str`): one of `BACKGROUNDS`.
    """

    color: str
    shape: str
    direction: str
    background: str

    @property
    def caption(self) -> str:
        """The clip's caption."""
        article = "an" if self.color[0] in "aeiou" else "a"
        return f"{article} {self.color} {self.shape} moves {self.direction} over a {self.background} background"


def random_scene(random: np.random.Generator) -> Scene:
    """A scene; all are equally likely."""
    choices = (list(COLORS), SHAPES, list(DIRECTIONS), BACKGROUNDS)
    return Scene(*(some[random.integers(len(some))] for some in choices))


def draw_background(kind: str, random: np.random.Generator) -> PIL.Image.Image:
    """A background of two greys.

    Args:
        kind (`str`): one of `BACKGROUNDS`.
        random (`np.random.Generator`): chooses the greys and the widths.

    Returns:
        `PIL.Image.Image`: of mode "RGB" and `SIZE` rows and columns.
    """
    light = int(random.integers(80, 230))
    greys = light, light - int(random.integers(20, 50))
    rows, columns = np.mgrid[:SIZE, :SIZE]
    width = int(random.integers(8, 25))
    patterns = {
        "plain": np.zeros((SIZE, SIZE)),
        "striped": (columns // width) % 2,
        "checked": (columns // width + rows // width) % 2,
        "shaded": rows / (SIZE - 1),
    }
    values = greys[0] + (greys[1] - greys[0]) * patterns[kind]
    return PIL.Image.fromarray(np.repeat(values.round().astype(np.uint8)[..., None], 3, axis=2))


def shape_mask(shape: str, center: tuple[float, float], radius: float) -> PIL.Image.Image:
    """Where a shape lies, with smooth edges.

    Args:
        shape (`str`): one of `SHAPES`.
        center (`tuple[float, float]`): its middle, x and y in pixels.
        radius (`float`): half its width, in pixels.

    Returns:
        `PIL.Image.Image`: of mode "L", 255 inside the shape.
    """
    mask = PIL.Image.new("L", (SIZE * SMOOTHING, SIZE * SMOOTHING))
    draw = PIL.ImageDraw.Draw(mask)
    (x, y), r = (place * SMOOTHING for place in center), radius * SMOOTHING
    if shape == "circle":
        draw.ellipse((x - r, y - r, x + r, y + r), fill=255)
    elif shape == "square":
        draw.rectangle((x - r, y - r, x + r, y + r), fill=255)
    elif shape == "triangle":
        draw.polygon([(x, y - r), (x + r, y + r), (x - r, y + r)], fill=255)
    else:
        draw.rectangle((x - r, y - r / 3, x + r, y + r / 3), fill=255)
        draw.rectangle((x - r / 3, y - r, x + r / 3, y + r), fill=255)
    return mask.resize((SIZE, SIZE), PIL.Image.Resampling.BOX)


def draw_clip(scene: Scene, random: np.random.Generator) -> list[PIL.Image.Image]:
    """The frames of a clip.

    Args:
        scene (`Scene`): what it shows.
        random (`np.random.Generator`): chooses size, path and greys.

    Returns:
        `list[PIL.Image.Image]`: `NUM_FRAMES` frames.
    """
    background = draw_background(scene.background, random)
    radius = float(random.uniform(15, 24))
    way = float(random.uniform(56, SIZE - 2 * radius - 4))  # pixels from the first frame to the last
    across = float(random.uniform(radius + 2, SIZE - radius - 2))
    start = float(random.uniform(radius + 2, SIZE - radius - 2 - way))
    frames = []
    for done in np.linspace(0, 1, NUM_FRAMES):
        along = start + way * done
        dx, dy = DIRECTIONS[scene.direction]
        along = along if dx + dy > 0 else SIZE - along
        center = (along, across) if dx else (across, along)
        frame = background.copy()
        frame.paste(COLORS[scene.color], mask=shape_mask(scene.shape, center, radius))
        frames.append(frame)
    return frames


def write_folder(folder: Path, num_clips: int, seed: int) -> None:
    """Write the clips and their captions.

    Args:
        folder (`Path`): a new folder.
        num_clips (`int`): how many.
        seed (`int`): seed of the clips.

    Raises:
        FileExistsError: If the folder exists already.
    """
    folder.mkdir(parents=True)
    random = np.random.default_rng(seed)
    lines = []
    for index in tqdm(range(num_clips), unit="clip"):
        scene = random_scene(random)
        name = f"clip{index:05d}.mp4"
        write_mp4(draw_clip(scene, random), folder / name, fps=FRAME_RATE)
        lines.append(json.dumps({"file_name": name, "text": scene.caption}))
    (folder / "metadata.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")


def main(argv: Sequence[str] | None = None) -> None:
    """Write a folder.

    Args:
        argv (`Sequence[str]`, *optional*): the arguments; by default those of the process.
    """
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="the new folder")
    parser.add_argument("--num_clips", type=int, default=200, help="how many clips (default: 200)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the clips (default: 0)")
    arguments = parser.parse_args(argv)
    write_folder(arguments.output, arguments.num_clips, arguments.seed)


if __name__ == "__main__":
    main()
