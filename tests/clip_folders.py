# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Folders of captioned clips, images and sketches for tests, as a user would have them."""

import json

import numpy as np
import PIL.Image


CLIP_SIZE = (12, 16)  # rows, columns of the clips, wider than the codec's square frames


def pictures(count, seed, size=CLIP_SIZE):
    """Frames of large blocks of random colours, which codecs and palettes keep apart."""
    random = np.random.default_rng(seed)
    blocks = random.integers(0, 256, (count, size[0] // 4, size[1] // 4, 3), dtype=np.uint8)
    return [PIL.Image.fromarray(frame) for frame in blocks.repeat(4, 1).repeat(4, 2)]


def class_maps(count, seed, num_classes, size=CLIP_SIZE):
    return np.random.default_rng(seed).integers(0, num_classes, (count, *size), dtype=np.uint8)


def save_animation(frames, path, milliseconds=400):
    """A GIF or an animated PNG, by the suffix."""
    first, *others = frames
    first.save(path, save_all=True, append_images=others, duration=milliseconds, loop=0)


def write_metadata(folder, rows):
    text = "".join(json.dumps(row) + "\n" for row in rows)
    (folder / "metadata.jsonl").write_text(text, encoding="utf-8")


def write_clips(folder, count, *, num_classes=None, num_frames=4):
    """GIFs of 2.5 frames a second with captions, and animated PNGs of sketches if there are classes."""
    folder.mkdir(parents=True)
    rows = []
    for index in range(count):
        save_animation(pictures(num_frames, index), folder / f"clip{index}.gif")
        rows.append({"file_name": f"clip{index}.gif", "text": f"a clip of {index} things"})
        if num_classes is not None:
            maps = class_maps(num_frames, index, num_classes)
            save_animation([PIL.Image.fromarray(one) for one in maps], folder / f"sketch{index}.png")
            rows[-1]["sketch_file_name"] = f"sketch{index}.png"
    write_metadata(folder, rows)
    return folder


def break_clip(folder, index):
    """Cut a clip's file off before its first frame."""
    path = folder / f"clip{index}.gif"
    path.write_bytes(path.read_bytes()[:20])
