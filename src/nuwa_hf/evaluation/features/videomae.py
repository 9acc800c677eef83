# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""VideoMAE, for Frechet distances between clips of any length.

Letters: B samples, T frames, D hidden size.
"""

import torch
from torch import Tensor

from nuwa_hf.evaluation.features.feature_reader import FeatureReader, Features
from nuwa_hf.evaluation.features.pretrained import (
    as_pictures,
    digest_of_pretrained,
    load_image_processor,
    load_network,
    title_of_pretrained,
)
from nuwa_hf.evaluation.samples.sample_set import SampleBatch


class VideoMAEReader(FeatureReader):
    """Reads clips by a VideoMAE of transformers: `features` (B, D), its last hidden states averaged over all places.

    It sees the number of frames that it learnt, spread evenly over the clip; those of a shorter clip are shown
    repeatedly.

    Args:
        path (`str`): folder or Hub id of a `VideoMAEModel` and its image processor.
        device (`torch.device` or `str`, defaults to `"cpu"`): where it computes.

    Raises:
        ValueError: If the model or its processor is not there.
    """

    kind = "videomae"
    least_frames = 2

    def __init__(self, path: str, device: torch.device | str = "cpu"):
        from transformers import VideoMAEModel  # slow to import

        self.processor = load_image_processor(self.kind, path)
        self.model = load_network(self.kind, path, VideoMAEModel, device)
        self.title = title_of_pretrained(self.model, path)
        self.digest = digest_of_pretrained(self.model, self.processor, "mean")

    @torch.inference_mode()
    def __call__(self, batch: SampleBatch) -> Features:
        """Read a batch; see `FeatureReader.__call__`."""
        clips = spread_frames(batch.clips, self.model.config.num_frames)
        inputs = self.processor([as_pictures(clip) for clip in clips], return_tensors="pt").to(self.model.device)
        return {"features": self.model(**inputs).last_hidden_state.mean(1).cpu()}


def spread_frames(clips: Tensor, num_frames: int) -> Tensor:
    """Some frames of clips, evenly from the first to the last.

    Args:
        clips (`torch.Tensor` of shape `(B, T, ...)`): the clips.
        num_frames (`int`): how many; more than T repeats some.

    Returns:
        `torch.Tensor` of shape `(B, num_frames, ...)`.
    """
    return clips[:, torch.linspace(0, clips.shape[1] - 1, num_frames).round().long()]
