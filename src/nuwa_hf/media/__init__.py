# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Images and clips, read and written: all that pipelines, data sets, training and the command line know of files."""

from typing import TYPE_CHECKING

from nuwa_hf.imports.lazy_names import lazy_names


if TYPE_CHECKING:
    from nuwa_hf.media.errors import BrokenMediaError, naming
    from nuwa_hf.media.frame_sampling import TimedFrame, check_frame_rate, evenly_timed, sample_frames, sample_window
    from nuwa_hf.media.limits import MAX_CLIP_FRAMES
    from nuwa_hf.media.media import Media
    from nuwa_hf.media.resizing import enlarge, fit_picture
    from nuwa_hf.media.sheets import contact_sheet
    from nuwa_hf.media.sources import open_media
    from nuwa_hf.media.whole_files import written_aside
    from nuwa_hf.media.write_clips import write_apng, write_gif, write_mp4
    from nuwa_hf.media.write_images import IMAGE_SUFFIXES, write_image, write_png


_HOMES = {
    "errors": ("BrokenMediaError", "naming"),
    "frame_sampling": ("TimedFrame", "check_frame_rate", "evenly_timed", "sample_frames", "sample_window"),
    "limits": ("MAX_CLIP_FRAMES",),
    "media": ("Media",),
    "resizing": ("enlarge", "fit_picture"),
    "sheets": ("contact_sheet",),
    "sources": ("open_media",),
    "whole_files": ("written_aside",),
    "write_clips": ("write_apng", "write_gif", "write_mp4"),
    "write_images": ("IMAGE_SUFFIXES", "write_image", "write_png"),
}

__all__ = [
    "IMAGE_SUFFIXES",
    "MAX_CLIP_FRAMES",
    "BrokenMediaError",
    "Media",
    "TimedFrame",
    "check_frame_rate",
    "contact_sheet",
    "enlarge",
    "evenly_timed",
    "fit_picture",
    "naming",
    "open_media",
    "sample_frames",
    "sample_window",
    "write_apng",
    "write_gif",
    "write_image",
    "write_mp4",
    "write_png",
    "written_aside",
]

__getattr__, __dir__ = lazy_names(
    __name__, {name: f"{__name__}.{module}" for module, names in _HOMES.items() for name in names}
)
