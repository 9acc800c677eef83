# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Write images, clips as GIF and MP4, and many clips as one picture.

Every file is written aside and moved to its name when it is whole: a failure leaves no half file, and an older file of
that name as it was.
"""

import math
import os
import textwrap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import av
import PIL.Image
import PIL.ImageDraw
import PIL.ImageFont


MAX_GIF_FPS = 50  # players slow down frames shorter than two hundredths of a second
CAPTION_LINE = 14  # pixels
MARGIN = 4  # pixels
# Pillow's format and its options for each suffix of an image file.
IMAGE_FORMATS = {
    ".png": ("PNG", {}),
    ".jpg": ("JPEG", {"quality": 95, "subsampling": 0}),
    ".jpeg": ("JPEG", {"quality": 95, "subsampling": 0}),
    ".webp": ("WEBP", {"lossless": True}),
}
IMAGE_SUFFIXES = tuple(IMAGE_FORMATS)


@contextmanager
def written_aside(path: str | os.PathLike) -> Iterator[Path]:
    """A temporary file beside `path`, moved there when the block ends well and removed when it does not.

    Args:
        path (`str` or `os.PathLike`): the file to write.

    Yields:
        `Path`: the file to write to instead.

    Raises:
        OSError: If nothing can be written there.
    """
    path = Path(path)
    aside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield aside
        aside.replace(path)
    except OSError as error:  # it names the file aside, or none
        raise OSError(f"Cannot write {path}: {error.strerror or error}.") from error
    finally:
        aside.unlink(missing_ok=True)


def enlarge(frames: Sequence[PIL.Image.Image], factor: int) -> list[PIL.Image.Image]:
    """Frames with every pixel as a square of `factor` by `factor` pixels.

    Args:
        frames (`Sequence[PIL.Image.Image]`): the clip.
        factor (`int`): at least 1.

    Returns:
        `list[PIL.Image.Image]`: the enlarged clip.

    Raises:
        ValueError: If the factor is below 1.
    """
    if factor < 1:
        raise ValueError(f"`factor` must be at least 1, got {factor}.")
    nearest = PIL.Image.Resampling.NEAREST
    return [frame.resize((frame.width * factor, frame.height * factor), nearest) for frame in frames]


def write_gif(frames: Sequence[PIL.Image.Image], path: str | os.PathLike, *, fps: float = 4) -> None:
    """Write a clip as a GIF that loops.

    All frames share one palette, without dithering, so that still parts of the picture stand still. Equal frames in a
    row are stored once and shown longer.

    Args:
        frames (`Sequence[PIL.Image.Image]`): the clip, all frames of one size.
        path (`str` or `os.PathLike`): the file.
        fps (`float`, *optional*, defaults to 4): frames per second, at most 50.

    Raises:
        OSError: If the file cannot be written.
        ValueError: If there are no frames, they differ in size, or `fps` is out of range.
    """
    width, height = _check_clip(frames, fps)
    if fps > MAX_GIF_FPS:
        raise ValueError(f"`fps` of a GIF must be at most {MAX_GIF_FPS}, got {fps}; write an MP4 for more.")
    strip = PIL.Image.new("RGB", (width, height * len(frames)))
    for place, frame in enumerate(frames):
        strip.paste(frame, (0, place * height))
    palette = strip.quantize(256, dither=PIL.Image.Dither.NONE)
    first, *others = (frame.convert("RGB").quantize(palette=palette, dither=PIL.Image.Dither.NONE) for frame in frames)
    milliseconds = 10 * round(100 / fps)  # a GIF counts hundredths of a second
    with written_aside(path) as aside:
        first.save(aside, format="GIF", save_all=True, append_images=others, duration=milliseconds, loop=0)


def write_mp4(frames: Sequence[PIL.Image.Image], path: str | os.PathLike, *, fps: float = 4) -> None:
    """Write a clip as an H.264 MP4 that every browser plays.

    Args:
        frames (`Sequence[PIL.Image.Image]`): the clip, all frames of one size, width and height even.
        path (`str` or `os.PathLike`): the file.
        fps (`float`, *optional*, defaults to 4): frames per second.

    Raises:
        OSError: If the file cannot be written.
        ValueError: If there are no frames, they differ in size, the size is odd, or `fps` is out of range.
    """
    width, height = _check_clip(frames, fps)
    if width % 2 or height % 2:
        raise ValueError(
            f"`frames` of an MP4 must have an even width and height, got {width}x{height}; `enlarge` them by 2."
        )
    with (
        written_aside(path) as aside,
        av.open(str(aside), "w", format="mp4", options={"movflags": "faststart"}) as file,
    ):
        stream = file.add_stream("libx264", rate=Fraction(fps).limit_denominator(1000), options={"crf": "16"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for frame in frames:
            file.mux(stream.encode(av.VideoFrame.from_image(frame.convert("RGB"))))
        file.mux(stream.encode())


def contact_sheet(clips: Sequence[Sequence[PIL.Image.Image]], captions: Sequence[str]) -> PIL.Image.Image:
    """One picture of many clips: a row of frames for each, below its caption.

    Args:
        clips (`Sequence[Sequence[PIL.Image.Image]]`): the clips.
        captions (`Sequence[str]`): a caption for each.

    Returns:
        `PIL.Image.Image`: the sheet.

    Raises:
        ValueError: If there are no clips, or not as many captions.
    """
    if not clips or len(clips) != len(captions):
        raise ValueError(f"`captions` must be one for each clip, got {len(clips)} clips and {len(captions)} captions.")
    sizes = [_check_clip(clip) for clip in clips]
    widths = [len(clip) * (width + MARGIN) + MARGIN for clip, (width, _) in zip(clips, sizes, strict=True)]
    characters = max(20, max(widths) // 7)
    texts = [textwrap.wrap(caption, characters) or [""] for caption in captions]
    heights = [
        len(lines) * CAPTION_LINE + height + 2 * MARGIN for lines, (_, height) in zip(texts, sizes, strict=True)
    ]
    sheet = PIL.Image.new("RGB", (max(widths), sum(heights)), "white")
    draw, font = PIL.ImageDraw.Draw(sheet), PIL.ImageFont.load_default()
    top = 0
    for clip, lines, (width, _), height in zip(clips, texts, sizes, heights, strict=True):
        for number, line in enumerate(lines):
            draw.text((MARGIN, top + number * CAPTION_LINE), line, fill="black", font=font)
        for number, frame in enumerate(clip):
            place = (MARGIN + number * (width + MARGIN), top + len(lines) * CAPTION_LINE + MARGIN)
            sheet.paste(frame.convert("RGB"), place)
        top += height
    return sheet


def write_png(image: PIL.Image.Image, path: str | os.PathLike) -> None:
    """Write a picture as a PNG.

    Args:
        image (`PIL.Image.Image`): the picture.
        path (`str` or `os.PathLike`): the file.

    Raises:
        OSError: If the file cannot be written.
    """
    with written_aside(path) as aside:
        image.save(aside, format="PNG")


def write_image(image: PIL.Image.Image, path: str | os.PathLike) -> None:
    """Write a picture in the format that the file's suffix says: PNG and WebP keep every pixel, JPEG nearly.

    Args:
        image (`PIL.Image.Image`): the picture.
        path (`str` or `os.PathLike`): the file; its suffix is .png, .jpg, .jpeg or .webp.

    Raises:
        OSError: If the file cannot be written.
        ValueError: If it has another suffix.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in IMAGE_FORMATS:
        raise ValueError(f"`path` must end in {' or '.join(IMAGE_SUFFIXES)}, got {os.fspath(path)!r}.")
    format_name, options = IMAGE_FORMATS[suffix]
    with written_aside(path) as aside:
        image.convert("RGB").save(aside, format=format_name, **options)


def _check_clip(frames: Sequence[PIL.Image.Image], fps: float = 1) -> tuple[int, int]:
    """The one size (width, height) of all frames."""
    if not math.isfinite(fps) or fps <= 0:
        raise ValueError(f"`fps` must be more than 0 and finite, got {fps}.")
    if not frames:
        raise ValueError("`frames` must hold at least one frame, got none.")
    sizes = {frame.size for frame in frames}
    if len(sizes) != 1:
        raise ValueError(f"`frames` must all have one size, got {sorted(sizes)}.")
    return sizes.pop()
