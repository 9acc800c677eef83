# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Good files as OpenCV, which brings decoders of its own, shows them: ours must show the same.

Lossless formats must agree to the bit; the frames of others may differ by a level on average, since their transforms
and colours can be rounded in several ways.
"""

from pathlib import Path
from typing import Any

import numpy as np

from nuwa_hf.media import open_media
from nuwa_hf.media.colors import to_rgb


LOSSY = (".avi", ".avif", ".jp2", ".jpg", ".mkv", ".mov", ".mp4", ".ts", ".webm", ".webp")
LEVELS = 1.0  # by which a frame of these may differ on average
# Colours of 10 bits are enlarged by a filter, which is linear here and cubic there; here are blocks of random colours.
OTHER_FILTER = {"ten_bits.mkv": 8.0}


def compare(path: Path) -> dict[str, Any]:
    """Compare all frames of a file.

    Args:
        path (`Path`): a file that we read.

    Returns:
        `dict[str, Any]`: the verdict, "held" if the frames are the same, how many there are, and the largest mean
            difference of a frame in levels of 8 bits; "OpenCV does not read it" where nothing is compared.
    """
    theirs = frames_by_opencv(path)
    if not theirs:
        return {"verdict": "OpenCV does not read it"}
    with open_media(path) as media:
        ours = [np.asarray(to_rgb(frame.picture())) for frame in media.frames()]
    if [one.shape for one in ours] != [one.shape for one in theirs]:
        return {"verdict": "other frames", "ours": len(ours), "theirs": len(theirs), "shape": list(theirs[0].shape)}
    pairs = zip(ours, theirs, strict=True)
    differences = [float(np.abs(our.astype(float) - their).mean()) for our, their in pairs]
    limit = OTHER_FILTER.get(path.name, LEVELS if path.suffix in LOSSY else 0.0)
    is_same = max(differences) <= limit
    return {
        "verdict": "held" if is_same else "other pixels",
        "frames": len(ours),
        "levels": round(max(differences), 3),
    }


def frames_by_opencv(path: Path) -> list[np.ndarray]:
    """All frames of a picture, an animation or a video.

    Args:
        path (`Path`): the file.

    Returns:
        `list[np.ndarray]`: of shape `(Y, X, 3)`, RGB, uint8, on white where they are transparent; empty if OpenCV
            cannot read it.
    """
    import cv2

    if cv2.haveImageReader(str(path)):
        if cv2.imcount(str(path)) > 1:
            _, animation = cv2.imreadanimation(str(path))
            return [_rgb(frame) for frame in animation.frames]
        whole = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        if whole is not None and whole.ndim == 3 and whole.shape[2] == 4:
            return [_rgb(whole)]
        picture = cv2.imread(str(path), cv2.IMREAD_COLOR)  # the right way up, and of 8 bits
        return [] if picture is None else [_rgb(picture)]
    capture, frames = cv2.VideoCapture(str(path)), []
    while True:
        is_read, frame = capture.read()
        if not is_read:
            return frames
        frames.append(_rgb(frame))


def _rgb(frame: np.ndarray) -> np.ndarray:
    colors = frame[..., 2::-1].astype(float)
    if frame.shape[2] == 4:
        alpha = frame[..., 3:].astype(float) / 255
        colors = alpha * colors + (1 - alpha) * 255
    return np.rint(colors).astype(np.uint8)
