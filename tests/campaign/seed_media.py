# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Good files of every format that is accepted, small, and files that ask for too much."""

import struct
import zlib
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import PIL.Image


SIZE = (24, 32)  # rows, columns
VIDEOS = {
    "h264.mp4": ("libx264", "yuv420p", {}),
    "b_frames.mov": ("libx264", "yuv420p", {"bf": "2"}),
    "ten_bits.mkv": ("libx264", "yuv420p10le", {}),
    "full_color.mp4": ("libx264", "yuv444p", {}),
    "vp9.webm": ("libvpx-vp9", "yuv420p", {"deadline": "realtime", "cpu-used": "8"}),
    "vp8.webm": ("libvpx", "yuv420p", {"deadline": "realtime", "cpu-used": "8"}),
    "mpeg4.avi": ("mpeg4", "yuv420p", {}),
    "mpeg2.ts": ("mpeg2video", "yuv420p", {}),
    "ffv1.mkv": ("ffv1", "yuv420p", {}),
    "variable.mkv": ("libx264", "yuv420p", {}),
}


def frames(count: int, seed: int, channels: int = 3) -> np.ndarray:
    """Blocks of random colours that change from frame to frame, of shape (count, Y, X, channels), uint8."""
    blocks = np.random.default_rng(seed).integers(0, 256, (count, SIZE[0] // 4, SIZE[1] // 4, channels), np.uint8)
    return blocks.repeat(4, 1).repeat(4, 2)


def write_seed_files(folder: Path) -> list[Path]:
    """Write the good files.

    Args:
        folder (`Path`): a new folder.

    Returns:
        `list[Path]`: the files.
    """
    folder.mkdir(parents=True)
    _write_stills(folder)
    _write_animations(folder)
    for number, (name, (codec, pixel_format, options)) in enumerate(VIDEOS.items()):
        times = [0, 1, 4, 5, 9, 10, 11, 17] if name.startswith("variable") else range(8)
        _write_video(folder / name, frames(8, number), codec, pixel_format, options, times)
    _write_sound(folder / "sound_only.mp4")
    (folder / "video_called.png").write_bytes((folder / "h264.mp4").read_bytes())
    (folder / "picture_called.mp4").write_bytes((folder / "rgb.png").read_bytes())
    (folder / "text_called.gif").write_text("GIF is what this file is called, and no more.")
    (folder / "empty.webm").touch()
    return sorted(folder.iterdir())


def _write_stills(folder: Path) -> None:
    color = PIL.Image.fromarray(frames(1, 1)[0])
    with_alpha = PIL.Image.fromarray(frames(1, 2, 4)[0], "RGBA")
    wide = frames(1, 3, 1)[0, ..., 0].astype(np.uint16) * 257
    for mode, name in (("RGB", "rgb"), ("L", "grey"), ("1", "bits"), ("P", "palette")):
        color.convert(mode).save(folder / f"{name}.png")
    with_alpha.save(folder / "alpha.png")
    PIL.Image.fromarray(wide).save(folder / "grey16.png")
    color.convert("CMYK").save(folder / "cmyk.jpg")
    color.save(folder / "progressive.jpg", progressive=True)
    for orientation in (3, 6, 7):
        exif = PIL.Image.Exif()
        exif[0x0112] = orientation
        color.save(folder / f"exif{orientation}.jpg", exif=exif)
    for ending in ("bmp", "tiff", "webp", "ppm"):
        color.save(folder / f"rgb.{ending}")
    PIL.Image.fromarray((wide / 65535).astype(np.float32)).save(folder / "float.tif")


def _write_animations(folder: Path) -> None:
    for name, disposal, duration in (("kept.gif", 1, 100), ("background.gif", 2, 0), ("previous.gif", 3, 40)):
        first, *others = [PIL.Image.fromarray(frame).quantize(32) for frame in frames(6, disposal)]
        first.save(folder / name, save_all=True, append_images=others, duration=duration, disposal=disposal, loop=0)
    for name, options in (("animated.webp", {"lossless": True}), ("animated.png", {"disposal": 1, "blend": 0})):
        first, *others = [PIL.Image.fromarray(frame) for frame in frames(6, 7)]
        first.save(folder / name, save_all=True, append_images=others, duration=120, loop=0, **options)


def _write_video(path: Path, pictures: np.ndarray, codec: str, pixel_format: str, options: dict, times) -> None:
    with av.open(str(path), "w") as file:
        stream = file.add_stream(codec, rate=8, options=options)
        stream.height, stream.width = SIZE
        stream.pix_fmt = pixel_format
        for picture, time in zip(pictures, times, strict=True):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = time, Fraction(1, 8)
            file.mux(stream.encode(frame))
        file.mux(stream.encode())


def _write_sound(path: Path) -> None:
    with av.open(str(path), "w") as file:
        stream = file.add_stream("aac", rate=16000)
        for _ in range(4):
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
            frame.sample_rate = 16000
            file.mux(stream.encode(frame))
        file.mux(stream.encode())


def write_greedy_files(folder: Path) -> list[Path]:
    """Write small files that ask for much time or memory: huge pictures, 100,000 frames.

    Args:
        folder (`Path`): a new folder.

    Returns:
        `list[Path]`: the files.
    """
    folder.mkdir(parents=True)
    (folder / "huge.png").write_bytes(_black_png(30_000, 30_000))
    (folder / "wide.png").write_bytes(_black_png(10**6, 400))
    (folder / "claimed.png").write_bytes(_black_png(30_000, 30_000)[:2000])
    dot = PIL.Image.new("P", (1, 1))
    dot.save(folder / "one.gif", save_all=True, append_images=[PIL.Image.new("P", (1, 1), 1)], duration=10)
    start = (folder / "one.gif").read_bytes()
    frame = start[start.index(b"\x21\xf9") : start.rindex(b"\x21\xf9")]  # with the control before it
    (folder / "one.gif").unlink()
    (folder / "many.gif").write_bytes(start[: start.index(b"\x21\xf9")] + frame * 100_001 + b";")
    _write_video(folder / "large.mp4", np.zeros((2, *SIZE, 3), np.uint8), "mpeg4", "yuv420p", {}, range(2))
    return sorted(folder.iterdir())


def _black_png(width: int, height: int) -> bytes:
    """A PNG of that size without its pixels in memory."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    packer, packed = zlib.compressobj(9), bytearray()
    for _ in range(height):
        packed += packer.compress(bytes(1 + (width + 7) // 8))
    packed += packer.flush()
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", bytes(packed)) + chunk(b"IEND", b"")


def mutate(data: bytes, rng: np.random.Generator, others: list[bytes]) -> bytes:
    """A damaged copy: bytes changed, cut off, left out, said twice, or gone on with by another file.

    Args:
        data (`bytes`): a good file.
        rng (`np.random.Generator`): chooses.
        others (`list[bytes]`): files whose ends may follow.

    Returns:
        `bytes`: another file.
    """
    damaged, size = bytearray(data), max(1, len(data))
    first, last = sorted(int(one) for one in rng.integers(0, size, 2))
    kind = rng.integers(6)
    if kind == 0:
        for place in rng.integers(0, size, rng.integers(1, 9)):
            if damaged:
                damaged[place] = rng.integers(256)
    elif kind == 1:
        del damaged[first:]
    elif kind == 2:
        del damaged[first : min(last, first + 200)]
    elif kind == 3:
        damaged[first:first] = damaged[first:last]
    elif kind == 4:
        other = others[rng.integers(len(others))]
        damaged[first:] = other[int(len(other) * rng.random()) :]
    else:  # the sizes and counts of a file mostly stand at its beginning
        for place in rng.integers(0, min(size, 64), 2):
            if damaged:
                damaged[place] = rng.choice([0, 1, 127, 128, 255])
    return bytes(damaged)
