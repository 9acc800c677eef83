# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Write clips as GIF, MP4 and animated PNG."""

import os
from collections.abc import Sequence
from itertools import groupby, pairwise

import av
import PIL.Image
from av.video.reformatter import ColorRange, Colorspace

from nuwa_hf.media.frame_sampling import check_frame_rate, exact_rate
from nuwa_hf.media.whole_files import written_aside


H264 = "libx264"
BT709 = 1  # the number of its primaries, and of its transfer curve
MAX_GIF_FPS = 50  # players slow down frames shorter than two hundredths of a second
MAX_GIF_STILL = 655_350  # milliseconds that a frame is shown: 16 bits of hundredths of a second


def write_gif(frames: Sequence[PIL.Image.Image], path: str | os.PathLike, *, fps: float) -> None:
    """Write a clip as a GIF that loops.

    All frames share one palette, without dithering, so that still parts of the picture stand still. Equal frames in a
    row are stored once and shown longer.

    Args:
        frames (`Sequence[PIL.Image.Image]`): the clip, all frames of one size.
        path (`str` or `os.PathLike`): the file.
        fps (`float`): frames per second, at most 50, such as a checkpoint's `frame_rate`.

    Raises:
        OSError: If the file cannot be written.
        ValueError: If there are no frames, they differ in size, `fps` is out of range, or equal frames are shown for
            more than 655.35 seconds.
    """
    check_frame_rate(fps, "fps")
    width, height = check_clip(frames)
    check_gif_rate(fps)
    strip = PIL.Image.new("RGB", (width, height * len(frames)))
    for place, frame in enumerate(frames):
        strip.paste(frame, (0, place * height))
    palette = strip.quantize(256, dither=PIL.Image.Dither.NONE)
    milliseconds = gif_durations(len(frames), fps)
    indexed = [frame.convert("RGB").quantize(palette=palette, dither=PIL.Image.Dither.NONE) for frame in frames]
    for _, equal in groupby(zip(indexed, milliseconds, strict=True), lambda shown: shown[0].tobytes()):
        still = sum(duration for _, duration in equal)
        if still > MAX_GIF_STILL:
            raise ValueError(
                f"`frames` of a GIF must be equal for at most {MAX_GIF_STILL / 1000} seconds in a row, got "
                f"{still / 1000}; write an MP4, or choose a higher `fps`."
            )
    first, *others = indexed
    with written_aside(path) as aside:
        first.save(aside, format="GIF", save_all=True, append_images=others, duration=milliseconds, loop=0)


def check_gif_rate(fps: float) -> None:
    """Require a speed that a GIF can have.

    Args:
        fps (`float`): frames per second.

    Raises:
        ValueError: If it is above 50.
    """
    if fps > MAX_GIF_FPS:
        raise ValueError(f"`fps` of a GIF must be at most {MAX_GIF_FPS}, got {fps}; write an MP4 for more.")


def gif_durations(num_frames: int, fps: float) -> list[int]:
    """How long each frame of a GIF is shown. It counts hundredths of a second; what rounding cuts off adds up to none.

    Args:
        num_frames (`int`): how many.
        fps (`float`): frames per second.

    Returns:
        `list[int]`: milliseconds; frame k ends at k + 1 frames' time, rounded down.
    """
    ends = [int(100 * number / exact_rate(fps)) for number in range(num_frames + 1)]
    return [10 * (end - start) for start, end in pairwise(ends)]


def write_mp4(frames: Sequence[PIL.Image.Image], path: str | os.PathLike, *, fps: float) -> None:
    """Write a clip as an H.264 MP4 that every browser plays, in the colours of BT.709, which it names.

    Args:
        frames (`Sequence[PIL.Image.Image]`): the clip, all frames of one size, width and height even.
        path (`str` or `os.PathLike`): the file.
        fps (`float`): frames per second, such as a checkpoint's `frame_rate`.

    Raises:
        OSError: If the file cannot be written.
        ValueError: If there are no frames, they differ in size, the size is odd, `fps` is out of range, or PyAV was
            built without the encoder.
    """
    check_frame_rate(fps, "fps")
    check_mp4_encoder()
    width, height = check_clip(frames)
    if width % 2 or height % 2:
        raise ValueError(
            f"`frames` of an MP4 must have an even width and height, got {width}x{height}; `enlarge` them by 2."
        )
    with (
        written_aside(path) as aside,
        av.open(str(aside), "w", format="mp4", options={"movflags": "faststart"}) as file,
    ):
        # x264's mbtree reads memory that nobody wrote, so the same frames now and then gave another file.
        stream = file.add_stream(H264, rate=exact_rate(fps), options={"crf": "16", "mbtree": "0"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        # Players guess how luma and chroma make colours where a file does not say it.
        context = stream.codec_context
        context.colorspace, context.color_range = Colorspace.ITU709, ColorRange.MPEG
        context.color_primaries = context.color_trc = BT709
        for frame in frames:
            rgb = av.VideoFrame.from_image(frame.convert("RGB"))
            yuv = rgb.reformat(
                format=stream.pix_fmt, dst_colorspace=context.colorspace, dst_color_range=ColorRange.MPEG
            )
            file.mux(stream.encode(yuv))
        file.mux(stream.encode())


def check_mp4_encoder() -> None:
    """Require what writes an MP4, before there is anything to write.

    Raises:
        ValueError: If PyAV was built without it.
    """
    if H264 not in av.codecs_available:
        raise ValueError(
            f"PyAV must have the encoder {H264} to write an MP4, but was built without it; install the one of the "
            "package index (`pip install --force-reinstall --no-deps av`), or write GIFs."
        )


def write_apng(frames: Sequence[PIL.Image.Image], path: str | os.PathLike, *, fps: float) -> None:
    """Write a clip as an animated PNG that loops and keeps every pixel and every frame, equal ones in a row too.

    Args:
        frames (`Sequence[PIL.Image.Image]`): the clip, all frames of one size.
        path (`str` or `os.PathLike`): the file.
        fps (`float`): frames per second, such as a checkpoint's `frame_rate`.

    Raises:
        OSError: If the file cannot be written.
        ValueError: If there are no frames, they differ in size, or `fps` is out of range.
    """
    check_frame_rate(fps, "fps")
    size, rate = check_clip(frames), exact_rate(fps)
    options = {"plays": "0", "final_delay": str(1 / rate)}  # for ever; no other frame says how long the last one stays
    with written_aside(path) as aside, av.open(str(aside), "w", format="apng", options=options) as file:
        stream = file.add_stream("apng", rate=rate)
        (stream.width, stream.height), stream.pix_fmt = size, "rgb24"
        for frame in frames:
            file.mux(stream.encode(av.VideoFrame.from_image(frame.convert("RGB"))))
        file.mux(stream.encode())


def check_clip(frames: Sequence[PIL.Image.Image]) -> tuple[int, int]:
    """The one size of all frames.

    Args:
        frames (`Sequence[PIL.Image.Image]`): a clip.

    Returns:
        `tuple[int, int]`: width and height.

    Raises:
        ValueError: If there are no frames, or they differ in size.
    """
    if not frames:
        raise ValueError("`frames` must hold at least one frame, got none; give some.")
    sizes = {frame.size for frame in frames}
    if len(sizes) != 1:
        raise ValueError(f"`frames` must all have one size, got {sorted(sizes)}; resize them.")
    return sizes.pop()
