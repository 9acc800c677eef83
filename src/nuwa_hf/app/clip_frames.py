# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The frames of an upload that a mask can be painted on."""

from collections.abc import Sequence

import PIL.Image
from diffusers.image_processor import VaeImageProcessor

from nuwa_hf.media import enlarge
from nuwa_hf.pipelines import NuwaPipelineBase
from nuwa_hf.pipelines.clip_sampling import ClipSampler
from nuwa_hf.pipelines.image_input import prepare_images
from nuwa_hf.pipelines.video_input import prepare_videos


def frames_to_paint_on(
    uploads: str | Sequence[str] | None, pipeline: NuwaPipelineBase, side: int
) -> list[PIL.Image.Image]:
    """The frames of a picture or a clip as the model sees them, enlarged.

    Args:
        uploads (`str` or `Sequence[str]`, *optional*): where the server has put a file, or a file for each frame.
        pipeline (`NuwaPipelineBase`): of the task.
        side (`int`): pixels of the longer side at least.

    Returns:
        `list[PIL.Image.Image]`: the frames; none without an upload.

    Raises:
        ValueError: If a file cannot be read.
    """
    if not uploads:
        return []
    height, width = pipeline.image_size
    if isinstance(uploads, str):
        pixels_TCYX = prepare_images(uploads, height=height, width=width).pixels
    else:
        sampler = ClipSampler.first_frames(pipeline.frame_rate, None, pipeline.max_frames)
        clip = uploads[0] if len(uploads) == 1 else [list(uploads)]
        pixels_TCYX = prepare_videos(clip, height=height, width=width, sampler=sampler, name="video").pixels[0]
    factor = -(-side // max(height, width))
    return enlarge(VaeImageProcessor.numpy_to_pil(pixels_TCYX.permute(0, 2, 3, 1).numpy()), factor)
