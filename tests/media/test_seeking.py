# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Frames from any time on are those of the whole clip, though what comes before them is not decoded."""

import gc
from fractions import Fraction
from functools import cache

import av
import numpy as np
import PIL.Image
import pytest

from nuwa_hf.media import open_media, sample_frames, videos, write_gif
from nuwa_hf.media.errors import BrokenMediaError


COUNT = 30
VFR = [k + k // 3 * 4 for k in range(COUNT)]
# Name of the file: codec, options of the encoder, options of the container, times.
KINDS = {
    "b.mp4": ("libx264", {}, {}, range(COUNT)),
    "open_groups.mp4": ("libx264", {"x264-params": "open-gop=1:b-adapt=0:bframes=3"}, {}, range(COUNT)),
    "refreshed.mp4": ("libx264", {"x264-params": "intra-refresh=1:keyint=8:bframes=0:scenecut=0"}, {}, range(COUNT)),
    "fragments.mp4": ("libx264", {}, {"movflags": "frag_keyframe+empty_moov"}, range(COUNT)),
    "variable.mp4": ("libx264", {}, {}, VFR),
    "interlaced.mp4": ("libx264", {"x264-params": "interlaced=1"}, {}, range(COUNT)),
    "b.mkv": ("libx264", {}, {}, range(COUNT)),
    "b.ts": ("libx264", {}, {}, range(COUNT)),
    "b.avi": ("libx264", {}, {}, range(COUNT)),
    "b.m2v": ("mpeg2video", {}, {}, range(COUNT)),
    "live.webm": ("libvpx-vp9", {"cpu-used": "8", "deadline": "realtime"}, {"live": "1"}, range(COUNT)),
    "hidden.webm": ("libvpx", {"auto-alt-ref": "1", "lag-in-frames": "8", "cpu-used": "8"}, {}, range(COUNT)),
}


@cache
def pictures():
    """Noise that moves, so that every frame refers to others."""
    noise = np.random.default_rng(0).integers(0, 256, (48, 64, 3), np.uint8)
    return [np.ascontiguousarray(np.roll(noise, 3 * number, 1)) for number in range(COUNT)]


def write(path, codec, encoder, container, times):
    with av.open(str(path), "w", options=container) as file:
        stream = file.add_stream(codec, rate=25, options=encoder)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.codec_context.gop_size = 8
        if "x264-params" not in encoder and codec == "libx264":
            stream.codec_context.max_b_frames = 2
        for picture, time in zip(pictures(), times, strict=True):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = time, Fraction(1, 25)
            file.mux(stream.encode(frame))
        file.mux(stream.encode())


def without_its_start(source, target):
    """A copy whose edit list begins at the sixth frame, which is no key frame."""
    with av.open(str(source)) as old, av.open(str(target), "w") as new:
        stream = new.add_stream_from_template(old.streams.video[0])
        for packet in old.demux(video=0):
            if packet.size:
                shift = int(Fraction(5, 25) / packet.time_base)
                packet.pts, packet.dts, packet.stream = packet.pts - shift, packet.dts - shift, stream
                new.mux(packet)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clips")
    for name, options in KINDS.items():
        write(folder / name, *options)
    without_its_start(folder / "b.mp4", folder / "edited.mp4")
    frames = [PIL.Image.fromarray(picture) for picture in pictures()[:6]]
    write_gif(frames, folder / "clip.gif", fps=5)
    frames[0].save(folder / "clip.png", save_all=True, append_images=frames[1:], duration=[40, 200, 40, 90, 70, 300])
    return folder


def described(frame):
    return frame.number, frame.time, frame.duration, np.asarray(frame.picture().convert("RGB")).tobytes()


@pytest.mark.parametrize("name", [*KINDS, "edited.mp4", "clip.gif", "clip.png"])
def test_frames_from_any_time_on_are_those_of_the_whole_clip(folder, name):
    with open_media(folder / name) as media:
        whole = [described(frame) for frame in media.frames()]
    assert [frame[0] for frame in whole] == list(range(len(whole)))
    ends = [time + duration for _, time, duration, _ in whole]
    assert ends[:-1] == [frame[1] for frame in whole[1:]]
    with open_media(folder / name) as media:
        assert media.count_frames() == len(whole)
        assert media.seconds() == ends[-1]
        for number in np.random.default_rng(0).permutation(len(whole))[:5].tolist():
            assert described(media.frame(number)) == whole[number]
        for number in (1, len(whole) // 2, len(whole) - 1):
            within = whole[number][1] + whole[number][2] / 3
            assert [described(frame) for frame in media.frames(within)] == whole[number:]
        for start in (Fraction(1, 3), Fraction(2, 5)):
            window = media.window(start=start, frame_rate=7.5, num_frames=3)
            times = [start + k / Fraction(15, 2) for k in range(3)]
            sampled = [next(sample_frames(media.frames(), 7.5, time)) for time in times]
            assert [described(frame) for frame in window] == [described(frame) for frame in sampled]
        with pytest.raises(BrokenMediaError, match=r"lasts .* s, and is asked for from"):
            next(media.frames(media.seconds()))
        with pytest.raises(BrokenMediaError, match=f"has {len(whole)} frames, and number {len(whole)} is asked for"):
            media.frame(len(whole))


@pytest.mark.parametrize("name", ["b.mp4", "variable.mp4", "interlaced.mp4", "b.avi", "edited.mp4"])
def test_a_video_that_is_opened_again_with_its_index_gives_the_same_frames(folder, name, monkeypatch):
    with open_media(folder / name) as media:
        index, whole = media.frame_index, [described(frame) for frame in media.frames()]
    monkeypatch.setattr(videos, "scan_packets", None)  # all packets would be read once more
    for number in (0, 7, len(whole) - 1):
        with open_media(folder / name, index) as media:
            assert media.count_frames() == len(whole)
            assert described(media.frame(number)) == whole[number]
    with open_media(folder / "clip.gif") as media:
        assert media.frame_index is None


def test_times_count_from_the_first_frame_and_each_frame_lasts_until_the_next(folder):
    with open_media(folder / "variable.mp4") as media:
        frames = list(media.frames())
    assert [frame.time for frame in frames] == [Fraction(time, 25) for time in VFR]
    assert [frame.duration for frame in frames[:3]] == [Fraction(1, 25), Fraction(1, 25), Fraction(5, 25)]
    with open_media(folder / "b.avi") as media:  # whose packets have the times at which they are decoded
        assert [frame.time for frame in media.frames()] == [Fraction(time, 25) for time in range(COUNT)]


@pytest.mark.parametrize("name", ["b.mp4", "open_groups.mp4", "fragments.mp4", "variable.mp4"])
def test_what_comes_before_the_key_frame_is_not_decoded(folder, name):
    with av.open(str(folder / name)) as file:
        packets = [packet for packet in file.demux(video=0) if packet.size]
    _, second_key, *_, last_key = (place for place, packet in enumerate(packets) if packet.is_keyframe)
    data = bytearray((folder / name).read_bytes())
    for packet in packets[second_key:last_key]:
        data[packet.pos : packet.pos + packet.size] = bytes(packet.size)
    with open_media(folder / name) as whole, open_media(bytes(data)) as damaged:
        assert described(damaged.frame(COUNT - 1)) == described(whole.frame(COUNT - 1))
        with pytest.raises(BrokenMediaError, match="cannot be decoded"):
            list(damaged.frames())


def test_only_the_chosen_frames_are_alive(folder):
    def alive():
        return sum(type(thing) is av.VideoFrame for thing in gc.get_objects())

    gc.collect()
    gc.disable()  # nothing waits for it
    try:
        before = alive()
        with open_media(folder / "b.mp4") as media:
            window = list(media.window(frame_rate=2.5, num_frames=3))
            assert len({frame.picture().tobytes() for frame in window}) == 3
            assert alive() == before + 3
            del window
        assert alive() == before
    finally:
        gc.enable()


def test_a_video_of_an_unknown_codec_is_refused_by_name(folder):
    data = (folder / "b.mp4").read_bytes()
    stored, unknown = data.replace(b"avc1", b"zzz1"), "is of a codec that FFmpeg does not know"
    with open_media(stored) as media:
        with pytest.raises(BrokenMediaError, match=unknown):
            media.count_frames()
        with pytest.raises(BrokenMediaError, match=unknown):
            next(media.frames())
