# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""CLIP, for CLIPSIM: how well frames fit their captions.

Letters: B samples, T frames, D numbers of an embedding.
"""

import torch

from nuwa_hf.evaluation.features.feature_reader import FeatureReader, Features
from nuwa_hf.evaluation.features.frozen_networks import frame_by_frame
from nuwa_hf.evaluation.features.pretrained import (
    digest_of_pretrained,
    load_image_processor,
    load_network,
    load_tokenizer,
    title_of_pretrained,
)
from nuwa_hf.evaluation.samples.sample_set import SampleBatch
from nuwa_hf.pipelines.scorers import ClipScorer, cosines


class ClipReader(FeatureReader):
    """Reads frames by a CLIP of transformers: `features` (B, T, D) of unit length and, where samples have captions,
    `cosines` (B, T) with the caption's embedding.

    Args:
        path (`str`): folder or Hub id of a `CLIPModel` and its processor.
        device (`torch.device` or `str`, defaults to `"cpu"`): where it computes.

    Raises:
        ValueError: If the model or its processor is not there.
    """

    kind = "clip"

    def __init__(self, path: str, device: torch.device | str = "cpu"):
        from transformers import CLIPModel, CLIPProcessor  # slow to import

        processor = CLIPProcessor(load_image_processor(self.kind, path), load_tokenizer(self.kind, path))
        model = load_network(self.kind, path, CLIPModel, device)
        self.scorer = ClipScorer(model, processor)
        self.title = title_of_pretrained(model, path)
        self.digest = digest_of_pretrained(
            model, processor.image_processor, processor.tokenizer.backend_tokenizer.to_str()
        )

    @torch.inference_mode()
    def __call__(self, batch: SampleBatch) -> Features:
        """Read a batch; see `FeatureReader.__call__`."""
        found = frame_by_frame(lambda frames: {"features": self._read(frames)}, batch.clips)
        if batch.captions is not None:
            found["cosines"] = cosines(found["features"], self.scorer.embed_texts(batch.captions).cpu())
        return found

    def _read(self, frames: torch.Tensor) -> torch.Tensor:
        return self.scorer.embed_frames(frames[:, None] / 255)[:, 0]
