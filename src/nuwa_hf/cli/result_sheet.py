# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The contact sheet of a run: the inputs, and below them all results.

Letters: T frames, Y, X pixel rows, columns.
"""

from collections.abc import Sequence
from typing import Any

import PIL.Image
import PIL.ImageOps
import torch
from diffusers.image_processor import VaeImageProcessor

from nuwa_hf.command_logs import silenced
from nuwa_hf.media import contact_sheet, enlarge
from nuwa_hf.pipelines import NuwaPipelineBase
from nuwa_hf.pipelines.clip_sampling import ClipSampler
from nuwa_hf.pipelines.image_input import prepare_images
from nuwa_hf.pipelines.mask_input import prepare_masks
from nuwa_hf.pipelines.video_input import group_clips, prepare_videos, take_file


IMAGES_IN_A_ROW = 4
TO_BE_FILLED = 0.5  # grey


def result_sheet(
    clips: Sequence[Sequence[PIL.Image.Image]],
    seeds: Sequence[int],
    title: str,
    pipeline: NuwaPipelineBase,
    given: dict[str, Any],
    scale: int,
) -> PIL.Image.Image:
    """Draw the inputs and results of a run as one picture.

    Args:
        clips (`Sequence[Sequence[PIL.Image.Image]]`): the results; an image is a clip of one frame.
        seeds (`Sequence[int]`): the seed of each.
        title (`str`): what they show.
        pipeline (`NuwaPipelineBase`): what made them.
        given (`dict[str, Any]`): what it was called with.
        scale (`int`): the factor by which everything is enlarged.

    Returns:
        `PIL.Image.Image`: the sheet: a row for each video, or for four images.
    """
    rows = [("given", row) for row in given_pictures(pipeline, given)]
    step = IMAGES_IN_A_ROW if len(clips[0]) == 1 else 1
    for first in range(0, len(clips), step):
        row_seeds = seeds[first : first + step]
        said = f"seed {row_seeds[0]}" if len(row_seeds) == 1 else f"seeds {row_seeds[0]} to {row_seeds[-1]}"
        rows.append((f"{title}  ({said})", [frame for clip in clips[first : first + step] for frame in clip]))
    return contact_sheet([enlarge(row, scale) for _, row in rows], [caption for caption, _ in rows])


def given_pictures(pipeline: NuwaPipelineBase, given: dict[str, Any]) -> list[list[PIL.Image.Image]]:
    """The files that a pipeline was called with, as rows of pictures, as the model sees them.

    A sketch of mode "P" is shown in the colours of its palette, one of mode "L" in greys from black to white; what is
    to be filled is shown in grey.

    Args:
        pipeline (`NuwaPipelineBase`): the pipeline.
        given (`dict[str, Any]`): what it was called with.

    Returns:
        `list[list[PIL.Image.Image]]`: the rows, each picture of the model's size; none if there were no files.
    """
    height, width = pipeline.image_size
    if "sketch" in given:
        return [
            [_colored(map_).resize((width, height), PIL.Image.Resampling.NEAREST) for map_ in _maps(pipeline, given)]
        ]
    if not given.keys() & {"image", "video"}:
        return []
    with silenced("nuwa_hf.pipelines"):  # it has read the same files and warned already
        if "image" in given:
            images = prepare_images(given["image"], height=height, width=width)
            pixels_TCYX, sizes, num_frames, sampler = images.pixels, images.sizes, None, None
        else:
            sampler = _sampler(pipeline, given)
            videos = prepare_videos(given["video"], height=height, width=width, sampler=sampler)
            pixels_TCYX, sizes, num_frames = videos.pixels[0], videos.sizes, videos.pixels.shape[1]
        rows = [_pictures(pixels_TCYX)]
        if given.get("mask") is not None:
            size = {"height": height, "width": width}
            masks = prepare_masks(given["mask"], sizes=sizes, **size, num_frames=num_frames, sampler=sampler)
            rows.append(_pictures(pixels_TCYX.masked_fill(masks.reshape(-1, 1, height, width), TO_BE_FILLED)))
    return rows if num_frames is not None else [[picture for row in rows for picture in row]]


def _sampler(pipeline: NuwaPipelineBase, given: dict[str, Any]) -> ClipSampler:
    """Takes the frames that the pipeline took."""
    num_frames = given.get("num_frames") or pipeline.max_frames
    rates = pipeline.frame_rate, given.get("frame_rate")
    if "prompt" in given:
        return ClipSampler.first_frames(*rates, num_frames)
    return ClipSampler.last_frames(*rates, num_frames, pipeline.max_frames)


def _maps(pipeline: NuwaPipelineBase, given: dict[str, Any]) -> list[PIL.Image.Image]:
    """The class maps of a clip or of a single sketch."""
    sketch = given["sketch"]
    sampler = ClipSampler(pipeline.frame_rate, given.get("frame_rate"))
    if not isinstance(sketch, list):
        return take_file(sketch, _same, sampler, "sketch")[0]
    (maps,) = group_clips([take_file(path, _same, sampler, "sketch") for path in sketch[0]], "sketch", sampler)
    return maps


def _same(picture: PIL.Image.Image) -> PIL.Image.Image:
    return picture


def _colored(class_map: PIL.Image.Image) -> PIL.Image.Image:
    return (PIL.ImageOps.autocontrast(class_map) if class_map.mode == "L" else class_map).convert("RGB")


def _pictures(pixels_TCYX: torch.Tensor) -> list[PIL.Image.Image]:
    return VaeImageProcessor.numpy_to_pil(pixels_TCYX.permute(0, 2, 3, 1).numpy())
