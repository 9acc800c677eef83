# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""How likely a checkpoint finds the true content of what it has to fill.

Letters: B samples, T frames, Y, X pixel rows and columns, H, W token rows and columns.
"""

import math
from typing import ClassVar

import torch

from nuwa_hf.evaluation.features.feature_reader import FeatureReader, Features
from nuwa_hf.evaluation.samples.sample_set import SampleBatch
from nuwa_hf.media.resizing import resize_class_maps
from nuwa_hf.modeling.codec.few_frames import few_at_once
from nuwa_hf.modeling.codec.finite_numbers import encode_finite
from nuwa_hf.modeling.likelihood import token_log_likelihood
from nuwa_hf.modeling.text_ids import none_text
from nuwa_hf.pipelines import NuwaPipelineBase
from nuwa_hf.pipelines.mask_input import known_places


class LikelihoodReader(FeatureReader):
    """The negative log-likelihood of the true tokens, teacher-forced.

        mean over the hidden places n of -log p(y_n | y_(before n), known part, text, sketch)

    It reads the real samples that generated ones stand for, at the size of the checkpoint, never the generated ones.
    Checkpoints are comparable only if they have the same codec.

    Args:
        pipeline (`NuwaPipelineBase`): the checkpoint.
        digest (`str`): of the checkpoint.
        condition_on_known (`bool`, defaults to `True`): whether the known part is a condition too.
        with_text (`bool`, defaults to `False`): whether the captions are a condition.
        with_sketch (`bool`, defaults to `False`): whether the sketches are a condition.
    """

    kind: ClassVar[str] = "likelihood"
    title = "the checkpoint itself"

    def __init__(
        self,
        pipeline: NuwaPipelineBase,
        digest: str,
        *,
        condition_on_known: bool = True,
        with_text: bool = False,
        with_sketch: bool = False,
    ):
        self.pipeline = pipeline
        self.condition_on_known = condition_on_known
        self.with_text = with_text
        self.with_sketch = with_sketch
        self.digest = (
            f"{digest} condition_on_known={condition_on_known} with_text={with_text} with_sketch={with_sketch}"
        )
        conditions = {"captions": with_text, "sketches": with_sketch}
        self.needs = frozenset({"references", *(name for name, is_read in conditions.items() if is_read)})

    @torch.inference_mode()
    def __call__(self, batch: SampleBatch) -> Features:
        """Read a batch.

        Args:
            batch (`SampleBatch`): B samples with `references`; without `hidden`, everything is hidden.

        Returns:
            `dict[str, torch.Tensor]`: `nats` `(B,)`, a hidden token's mean, at least 0; `chance_nats` `(B,)`, that of
            a guess among all codes.
        """
        codec, transformer = self.pipeline.codec, self.pipeline.transformer
        batch_size, num_frames, _, height, width = batch.references.shape
        tokens_BTHW = few_at_once(
            lambda frames: encode_finite(codec, frames.to(codec.device, torch.float32) / 127.5 - 1),
            batch.references.flatten(0, 1),
            height=height,
            width=width,
        ).unflatten(0, (batch_size, num_frames))
        known_BTHW = torch.zeros_like(tokens_BTHW, dtype=torch.bool)
        if batch.hidden is not None:
            known_BTHW = known_places(batch.hidden, codec.spatial_factor)
        if self.with_text:
            input_ids, attention_mask = self.pipeline.tokenize_prompt(list(batch.captions))
        else:
            input_ids, attention_mask = none_text(transformer.config, batch_size, transformer.device), None
        known_BTHW = known_BTHW.to(transformer.device)
        scores_BTHW = token_log_likelihood(
            transformer,
            tokens_BTHW.to(transformer.device),
            input_ids,
            attention_mask,
            sketch_tokens=self._sketch_tokens(batch.sketches) if self.with_sketch else None,
            known_mask=known_BTHW if known_BTHW.any() else None,
            condition_on_known=self.condition_on_known,
        )
        nats = -scores_BTHW.flatten(1).sum(1) / (~known_BTHW).flatten(1).sum(1)
        return {"nats": nats.cpu(), "chance_nats": torch.full((batch_size,), math.log(codec.codebook_size))}

    def _sketch_tokens(self, sketches_BTYX: torch.Tensor) -> torch.Tensor:
        sketches = torch.from_numpy(resize_class_maps(sketches_BTYX.numpy(), *self.pipeline.sketch_size))
        return self.pipeline.encode_sketch(sketches).to(self.pipeline.transformer.device)
