# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Make the pictures of docs/gallery.md: the examples, with their own inputs and texts, for the seeds 0 to 3.

Run it as `python docs/images/make_gallery.py`.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import torch

import nuwa_hf
from nuwa_hf import DEMO_CHECKPOINT, TASKS, NuwaTextToImagePipeline
from nuwa_hf.datasets.emoji_motion import FRAME_RATE
from nuwa_hf.media import contact_sheet, enlarge, write_gif


sys.path.insert(0, str(Path(__file__).parents[2] / "examples"))

import candidates
import image_completion
import image_manipulation
import long_video
import sketch_to_image
import sketch_to_video
import text_to_image
import text_to_video
import video_manipulation
import video_prediction


NUM_SEEDS = 4
NUM_CANDIDATES = 8
SCALE = 1
GREY = (128, 128, 128)

Clip = list[PIL.Image.Image]


class Gallery:
    """The eight pipelines of one checkpoint, and the folder that pictures go to.

    Args:
        checkpoint (`str` or `Path`): the checkpoint.
        folder (`Path`): the folder, which exists.
    """

    def __init__(self, checkpoint: str | Path, folder: Path):
        loaded = NuwaTextToImagePipeline.from_pretrained(checkpoint)
        self.pipelines = {t.abbreviation: getattr(nuwa_hf, t.pipeline).from_pipe(loaded) for t in TASKS}
        self.folder = folder

    def draw(self, task: str, **arguments: Any) -> list[Clip]:
        """One clip for each seed, each the one that the seed gives alone.

        Args:
            task (`str`): the task's abbreviation.
            arguments: those of its pipeline, for one output.

        Returns:
            `list[list[PIL.Image.Image]]`: the clips, of one frame for images.
        """
        pipeline = self.pipelines[task]
        pipeline.set_progress_bar_config(desc=f"{task} {arguments.get('prompt') or ''}", leave=False)
        seeds = [torch.Generator().manual_seed(seed) for seed in range(NUM_SEEDS)]
        if task.endswith("I"):
            images = pipeline(**arguments, num_images_per_prompt=NUM_SEEDS, generator=seeds).images
            return [[image] for image in images]
        return pipeline(**arguments, num_videos_per_prompt=NUM_SEEDS, generator=seeds).frames

    def write(self, name: str, rows: Sequence[tuple[str, Sequence[Clip]]]) -> None:
        """Write rows of clips as one animation, or as one picture if no clip has more than a frame.

        Args:
            name (`str`): the file's name without its ending.
            rows (`Sequence[tuple[str, Sequence[list[PIL.Image.Image]]]]`): for each row its caption and its clips; one
                of a single frame stands still.
        """
        num_frames = max(len(clip) for _, clips in rows for clip in clips)
        captions = [caption for caption, _ in rows]
        frames = [
            contact_sheet(
                [enlarge([clip[min(t, len(clip) - 1)] for clip in clips], SCALE) for _, clips in rows], captions
            )
            for t in range(num_frames)
        ]
        if num_frames > 1:
            write_gif(frames, self.folder / f"{name}.gif", fps=FRAME_RATE)
        else:
            frames[0].save(self.folder / f"{name}.png", optimize=True)


def load_clip(path: Path) -> Clip:
    """The frames of a picture that may be animated.

    Args:
        path (`Path`): the file.

    Returns:
        `list[PIL.Image.Image]`: the frames, as RGB.
    """
    with PIL.Image.open(path) as picture:
        frames = []
        for place in range(getattr(picture, "n_frames", 1)):
            picture.seek(place)
            frames.append(picture.convert("RGB"))
    return frames


def with_hole(image: PIL.Image.Image, mask: PIL.Image.Image) -> PIL.Image.Image:
    """An image as the model sees it: grey where the mask is white.

    Args:
        image (`PIL.Image.Image`): the image.
        mask (`PIL.Image.Image`): of the same size.

    Returns:
        `PIL.Image.Image`: a new image.
    """
    is_hole = np.array(mask.convert("L")) >= 128
    return PIL.Image.fromarray(np.where(is_hole[..., None], np.uint8(GREY), np.array(image)))


def write_text_tasks(gallery: Gallery) -> None:
    """Pictures and clips for a text, candidates, and a long clip.

    Args:
        gallery (`Gallery`): the pipelines.
    """
    prompt = text_to_image.PROMPT
    gallery.write("text_to_image", [(prompt, gallery.draw("T2I", prompt=prompt))])
    prompt = text_to_video.PROMPT
    gallery.write("text_to_video", [(prompt, gallery.draw("T2V", prompt=prompt))])
    prompt, num_frames = long_video.PROMPT, long_video.NUM_FRAMES
    drawn = gallery.draw("T2V", prompt=prompt, num_frames=num_frames)
    gallery.write("long_video", [(f"{prompt}, {num_frames} frames", drawn)])
    prompt = candidates.PROMPT
    rows = [
        (f"{prompt}: the best of {count}", gallery.draw("T2V", prompt=prompt, num_candidates=count))
        for count in (1, NUM_CANDIDATES)
    ]
    gallery.write("candidates", rows)


def write_sketch_tasks(gallery: Gallery) -> None:
    """Pictures and clips for sketches, without and with a text.

    Args:
        gallery (`Gallery`): the pipelines.
    """
    for name, task, sketch, told in (
        ("sketch_to_image", "S2I", sketch_to_image.SKETCH, sketch_to_image.PROMPT),
        ("sketch_to_video", "S2V", sketch_to_video.SKETCHES, sketch_to_video.PROMPT),
    ):
        shown = [load_clip(path)[0] for path in (sketch if isinstance(sketch, list) else [sketch])]
        rows = [
            (prompt or "no text", [shown, *gallery.draw(task, sketch=sketch, prompt=prompt)])
            for prompt in (None, told)
        ]
        gallery.write(name, rows)


def write_known_part_tasks(gallery: Gallery) -> None:
    """Completion in both ways, prediction, and both manipulations.

    Args:
        gallery (`Gallery`): the pipelines.
    """
    (image,) = load_clip(image_completion.IMAGE)
    rows = []
    for mask_path in (image_completion.MASK, image_manipulation.MASK):
        hole = with_hole(image, load_clip(mask_path)[0])
        for way, condition_on_known in (("every place sees all that is kept", True), ("the paper's way", False)):
            drawn = gallery.draw("I2I", image=image, mask=mask_path, condition_on_known=condition_on_known)
            rows.append((f"condition_on_known={condition_on_known}: {way}", [[image], [hole], *drawn]))
    gallery.write("image_completion", rows)

    prompt = image_manipulation.PROMPT
    drawn = gallery.draw("TI2I", prompt=prompt, image=image, mask=image_manipulation.MASK)
    gallery.write("image_manipulation", [(prompt, [[image], [hole], *drawn])])

    given = load_clip(video_prediction.FIRST_FRAME)
    gallery.write("video_prediction", [("the first frame is given", [given, *gallery.draw("V2V", video=given[0])])])

    prompt, clip = video_manipulation.PROMPT, load_clip(video_manipulation.CLIP)
    gallery.write("video_manipulation", [(prompt, [clip, *gallery.draw("TV2V", prompt=prompt, video=clip)])])


def main(argv: Sequence[str] | None = None) -> None:
    """Write every picture of the gallery."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--checkpoint", default=DEMO_CHECKPOINT, help="a folder, or a repository's id on the Hub")
    parser.add_argument("--output_dir", type=Path, default=Path(__file__).parent / "gallery")
    args = parser.parse_args(argv)
    args.output_dir.mkdir(parents=True, exist_ok=True)
    gallery = Gallery(args.checkpoint, args.output_dir)
    write_text_tasks(gallery)
    write_sketch_tasks(gallery)
    write_known_part_tasks(gallery)


if __name__ == "__main__":
    main()
