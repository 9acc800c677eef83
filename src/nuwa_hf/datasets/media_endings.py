# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Which files are images or clips."""

from pathlib import Path
from typing import Any

from nuwa_hf.media.errors import BrokenMediaError
from nuwa_hf.media.sources import is_still, open_media, stored_name


_PICTURES = (
    ".apng .avif .avifs .bmp .dib .gif .heic .heif .j2k .jfif .jp2 .jpe .jpeg .jpg .mpo .pbm .pgm .png .pnm .ppm .tga "
    ".tif .tiff .webp"
)
_VIDEOS = (
    ".3g2 .3gp .asf .avi .divx .dv .f4v .flv .m1v .m2ts .m2v .m4v .mkv .mov .mp4 .mpe .mpeg .mpg .mts .mxf .ogv .qt "
    ".rm .rmvb .ts .vob .webm .wmv .y4m"
)
# Not worth a look: an audio file may hold a picture of its cover, FFmpeg draws texts, and lists hold no pictures.
_OTHERS = (
    ".7z .aac .arrow .ass .bin .bz2 .cfg .csv .db .ffconcat .flac .gz .h5 .html .ini .ipynb .json .jsonl .lock .log "
    ".m3u .m3u8 .m4a .md .mp3 .mpd .npy .npz .ogg .opus .parquet .pdf .pickle .pkl .pt .pth .py .rar .rtf "
    ".safetensors .sdp .sh .srt .tar .tfrecord .tgz .toml .tsv .txt .vtt .wav .wma .xml .xz .yaml .yml .zip .zst"
)
PICTURE_ENDINGS = frozenset(_PICTURES.split())
MEDIA_ENDINGS = PICTURE_ENDINGS | frozenset(_VIDEOS.split())
OTHER_ENDINGS = frozenset(_OTHERS.split())


def has_media_ending(name: str) -> bool:
    """Whether a file's name ends as those of images and clips do, in upper or lower case.

    Args:
        name (`str`): a path.

    Returns:
        `bool`.
    """
    return Path(name).suffix.lower() in MEDIA_ENDINGS


def is_media_file(path: Path) -> bool:
    """Whether a file is an image or a clip: the usual endings are believed, and what has another is looked into.

    Args:
        path (`Path`): a file.

    Returns:
        `bool`.
    """
    if has_media_ending(path.name):
        return True
    if path.suffix.lower() in OTHER_ENDINGS:
        return False
    try:
        with open_media(path) as media:
            return next(media.frames(), None) is not None
    except (BrokenMediaError, OSError):
        return False


def is_known_still(source: Any) -> bool:
    """Whether a source is a still image, as far as that can be known without fetching it.

    Args:
        source: what `open_media` takes.

    Returns:
        `bool`: False for what is called as videos are; of other files at a URL True.
    """
    if Path(stored_name(source) or "").suffix.lower() in _VIDEOS.split():
        return False
    return (isinstance(source, str) and "://" in source) or is_still(source)
