# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Good files of every format that is accepted, small, and files that ask for too much."""

import struct
import zlib
from fractions import Fraction
from io import BytesIO
from pathlib import Path

import av
import numpy as np
import PIL.Image
from tiny import NUM_CLASSES


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
ANIMATIONS = ("kept.gif", "background.gif", "previous.gif", "animated.webp", "animated.png")
VIDEO_FILES = (*VIDEOS, "video_called.png")
SKETCHES = ("sketch_grey.png", "sketch_palette.png", "sketch_palette.bmp", "sketch_grey.tiff")
# Of the good files those that are no images and no clips.
REFUSED = ("empty.webm", "sound_only.mp4", "text_called.gif")


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
    _write_sketches(folder)
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
    for ending in ("bmp", "tiff", "webp", "ppm", "avif", "jp2", "tga"):
        color.save(folder / f"rgb.{ending}")
    PIL.Image.fromarray((wide / 65535).astype(np.float32)).save(folder / "float.tif")


def _write_sketches(folder: Path) -> None:
    classes = frames(1, 4, 1)[0, ..., 0] % NUM_CLASSES
    colored = PIL.Image.fromarray(classes)
    colored.putpalette(np.random.default_rng(5).integers(0, 256, 3 * NUM_CLASSES, np.uint8).tobytes())
    for name in SKETCHES:
        (colored if "palette" in name else PIL.Image.fromarray(classes)).save(folder / name)


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
    """Write small files that ask for much time or memory: huge pictures, 100,000 frames, programs to be started.

    Args:
        folder (`Path`): a new folder.

    Returns:
        `list[Path]`: the files.
    """
    folder.mkdir(parents=True)
    (folder / "huge.png").write_bytes(_black_png(30_000, 30_000))
    (folder / "wide.png").write_bytes(_black_png(10**6, 400))
    (folder / "claimed.png").write_bytes(_black_png(30_000, 30_000)[:2000])
    (folder / "many.gif").write_bytes(many_dots(100_001, (1, 1)))
    (folder / "large.gif").write_bytes(many_dots(100_000, (13_000, 13_000)))
    PIL.Image.new("RGB", (8, 8)).save(folder / "program.eps")
    (folder / "program.png").write_bytes((folder / "program.eps").read_bytes())
    (folder / "lists.fits").write_bytes(packed_fits(13_000, 13_000))
    _write_video(folder / "large.mp4", np.zeros((2, *SIZE, 3), np.uint8), "mpeg4", "yuv420p", {}, range(2))
    _write_video(folder / "claimed.ivf", np.zeros((2, *SIZE, 3), np.uint8), "libvpx", "yuv420p", {}, range(2))
    (folder / "claimed.ivf").write_bytes(claimed_ivf((folder / "claimed.ivf").read_bytes(), 16_383, 11_000))
    return sorted(folder.iterdir())


def many_dots(count: int, canvas: tuple[int, int]) -> bytes:
    """A GIF of many frames of one pixel each.

    Args:
        count (`int`): frames.
        canvas (`tuple[int, int]`): width and height of the picture that they are put on.

    Returns:
        `bytes`: the file.
    """
    file = BytesIO()
    black, white = (PIL.Image.new("L", (1, 1), level) for level in (0, 255))
    black.save(file, "GIF", save_all=True, append_images=[white], duration=10)
    data = file.getvalue()
    first, second = data.index(b"\x21\xf9"), data.rindex(b"\x21\xf9")  # the control before each frame
    return data[:6] + struct.pack("<HH", *canvas) + data[10:first] + data[first:second] * count + b";"


def packed_fits(width: int, height: int) -> bytes:
    """A FITS picture of that size whose pixels are packed with gzip, all of them zero.

    Args:
        width (`int`): columns.
        height (`int`): rows.

    Returns:
        `bytes`: the file.
    """
    table = {"XTENSION": "'BINTABLE'", "BITPIX": 8, "NAXIS": 2, "NAXIS1": 0, "NAXIS2": 0}
    picture = {"ZIMAGE": "T", "ZCMPTYPE": "'GZIP_1  '", "ZBITPIX": 8, "ZNAXIS": 2, "ZNAXIS1": width, "ZNAXIS2": height}
    head = b""
    for unit in ({"SIMPLE": "T", "BITPIX": 8, "NAXIS": 0}, table | picture):
        lines = [*(f"{key:8}= {value}" for key, value in unit.items()), "END"]
        head += b"".join(line.ljust(80).encode() for line in lines)
        head += b" " * (-len(head) % 2880)
    packer = zlib.compressobj(wbits=31)
    return head + b"".join(packer.compress(bytes(4 * width)) for _ in range(height)) + packer.flush()


def claimed_ivf(data: bytes, width: int, height: int) -> bytes:
    """A VP8 video whose heads say another size.

    Args:
        data (`bytes`): the video in an IVF file.
        width (`int`): columns, below 2^14.
        height (`int`): rows, below 2^14.

    Returns:
        `bytes`: the file.
    """
    size, first = struct.pack("<HH", width, height), data.index(b"\x9d\x01\x2a") + 3  # of the first frame
    return data[:12] + size + data[16:first] + size + data[first + 4 :]


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
