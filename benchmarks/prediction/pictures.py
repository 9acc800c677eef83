# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Test clips beside what was predicted of them, as a picture.

Letters: B clips, T frames, Y, X pixel rows and columns.
"""

import PIL.Image
from torch import Tensor

from nuwa_hf.media import contact_sheet


def prediction_sheet(given: Tensor, truth: Tensor, samples: Tensor) -> PIL.Image.Image:
    """For each clip four rows of frames: those given, those that follow, one sample, and the mean of all samples.

    Args:
        given (`torch.Tensor` of shape `(B, T, Y, X)`): in [0, 1].
        truth (`torch.Tensor` of shape `(B, T, Y, X)`): likewise.
        samples (`torch.Tensor` of shape `(B, N, T, Y, X)`): likewise; the first sample of each is shown.

    Returns:
        `PIL.Image.Image`.
    """
    rows, captions = [], []
    for number, (begin, rest, drawn) in enumerate(zip(given, truth, samples, strict=True), start=1):
        rows += [_frames(clip) for clip in (begin, rest, drawn[0], drawn.mean(dim=0))]
        titles = ("given", "what follows", "one sample", f"mean of {len(drawn)} samples")
        captions += [f"Test clip {number}, {title}" for title in titles]
    return contact_sheet(rows, captions)


def _frames(clip: Tensor) -> list[PIL.Image.Image]:
    return [PIL.Image.fromarray(frame) for frame in (255 * clip).round().byte().numpy()]
