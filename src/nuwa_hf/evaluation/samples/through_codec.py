# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Real samples through the codec: what a perfect transformer would reach.

Letters: B samples, T frames, Y, X pixel rows and columns.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import ClassVar

import torch
from torch import Tensor

from nuwa_hf.bulk.digests import model_digest, settings_digest
from nuwa_hf.evaluation.samples.partly_hidden import PartlyHidden
from nuwa_hf.evaluation.samples.real_samples import RealSamples
from nuwa_hf.evaluation.samples.sample_set import SampleBatch, SizedLikeReal
from nuwa_hf.evaluation.samples.task_inputs import TaskInputs
from nuwa_hf.modeling.codec import as_codec
from nuwa_hf.modeling.codec.few_frames import few_at_once
from nuwa_hf.modeling.codec.finite_numbers import check_finite, encode_finite


@dataclass(frozen=True)
class ThroughCodec(SizedLikeReal):
    """Real samples, encoded to tokens and decoded again; with the inputs of a task only the part that it fills.

    Args:
        real (`RealSamples`): the samples.
        vqgan (`torch.nn.Module`): the codec, on any device.
        inputs (`TaskInputs`, *optional*): of a task on these samples.
    """

    real: RealSamples
    vqgan: torch.nn.Module
    inputs: TaskInputs | None = None
    name: ClassVar[str] = "codec"

    @property
    def has(self) -> frozenset[str]:
        """The optional fields of its batches."""
        return self.real.has | {"references"} | ({"hidden"} if self._has_known else set())

    @cached_property
    def digest(self) -> str:
        """Of the samples, the codec and what is hidden."""
        hidden = self.inputs.settings() if self._has_known else None
        return settings_digest(self.real.digest, model_digest(self.vqgan), hidden)

    @property
    def _has_known(self) -> bool:
        return self.inputs is not None and self.inputs.task.known != "nothing"

    def batches(self, batch_size: int) -> Iterator[SampleBatch]:
        """All samples in order, in batches, each coded as it is asked for.

        Args:
            batch_size (`int`): samples in a batch; the last one may hold fewer.

        Yields:
            `SampleBatch`.
        """
        source = PartlyHidden(self.real, self.inputs) if self._has_known else self.real
        for batch in source.batches(batch_size):
            coded = code_clips(self.vqgan, batch.clips)
            if batch.hidden is not None:
                coded = torch.where(batch.hidden[:, :, None], coded, batch.clips)
            yield replace(batch, clips=coded, references=batch.clips)


@torch.inference_mode()
def code_clips(vqgan: torch.nn.Module, clips: Tensor) -> Tensor:
    """Encode clips to tokens and decode them again.

    Args:
        vqgan (`torch.nn.Module`): the codec.
        clips (`torch.ByteTensor` of shape `(B, T, 3, Y, X)`): pixels.

    Returns:
        `torch.ByteTensor` of shape `(B, T, 3, Y, X)`: on the CPU.

    Raises:
        FloatingPointError: If the codec's numbers are not finite.
    """
    codec, (height, width) = as_codec(vqgan), clips.shape[-2:]

    def code(frames: Tensor) -> Tensor:
        tokens = encode_finite(codec, frames.to(codec.device, torch.float32) / 127.5 - 1)
        sample = codec.decode(tokens).sample
        check_finite("pixels", sample)
        return ((sample.float() + 1) * 127.5).clamp(0, 255).round().byte().cpu()

    return few_at_once(code, clips.flatten(0, 1), height=height, width=width).unflatten(0, clips.shape[:2])
