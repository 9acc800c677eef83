# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Make the README's picture: four clips of the embedded checkpoint, the prompt number k with the seed k.

Run it as `python docs/images/make_text_to_video_gif.py`.
"""

import textwrap
from pathlib import Path

import torch
from PIL import Image, ImageDraw, ImageFont

from nuwa_hf import DEMO_CHECKPOINT, NuwaTextToVideoPipeline
from nuwa_hf.media import enlarge, write_gif


PROMPTS = (
    "a red apple rolls to the left on the grass",
    "a whale swims to the right over the sea",
    "a rocket flies upwards at sunset",
    "a cat jumps up and down in the snow",
)
SCALE, MARGIN, CAPTION_HEIGHT, CHARACTERS = 2, 8, 40, 38


def side_by_side(clips: list[list[Image.Image]], captions: list[str]) -> list[Image.Image]:
    """Frames that show all clips in a row, each above its caption.

    Args:
        clips (`list[list[PIL.Image.Image]]`): clips of one size and length.
        captions (`list[str]`): one for each clip.

    Returns:
        `list[PIL.Image.Image]`: as many frames as a clip has.
    """
    width, height = clips[0][0].size
    size = (len(clips) * (width + MARGIN) + MARGIN, height + 2 * MARGIN + CAPTION_HEIGHT)
    font, frames = ImageFont.load_default(12), []
    for pictures in zip(*clips, strict=True):
        frame = Image.new("RGB", size, "white")
        draw = ImageDraw.Draw(frame)
        for place, (picture, caption) in enumerate(zip(pictures, captions, strict=True)):
            left = MARGIN + place * (width + MARGIN)
            frame.paste(picture, (left, MARGIN))
            draw.text((left, height + 2 * MARGIN), textwrap.fill(caption, CHARACTERS), fill="black", font=font)
        frames.append(frame)
    return frames


def main() -> None:
    """Sample the four clips and write the GIF beside this file."""
    pipeline = NuwaTextToVideoPipeline.from_pretrained(DEMO_CHECKPOINT)
    generators = [torch.Generator().manual_seed(seed) for seed in range(len(PROMPTS))]
    clips = [enlarge(clip, SCALE) for clip in pipeline(list(PROMPTS), generator=generators).frames]
    write_gif(
        side_by_side(clips, list(PROMPTS)), Path(__file__).with_name("text_to_video.gif"), fps=pipeline.frame_rate
    )


if __name__ == "__main__":
    main()
