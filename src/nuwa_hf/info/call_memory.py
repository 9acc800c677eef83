# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The memory that a call of a pipeline takes, worked out from the sizes of its models."""

from dataclasses import asdict, dataclass

from torch import nn

from nuwa_hf.grid import Grid
from nuwa_hf.modeling.codec import as_codec
from nuwa_hf.modeling.codec.few_frames import decoding_memory
from nuwa_hf.modeling.modeling_nuwa import NuwaForConditionalGeneration
from nuwa_hf.modeling.sampling_memory import sampling_memory


@dataclass(frozen=True)
class CallMemory:
    """The bytes of tensors at the peak of a call, on the model's device.

    Args:
        weights (`int`): of transformer and codecs.
        laid_out (`int`): copies of the transformer's weights for products with few rows, made on a CPU.
        sampling (`int`): keys, values and one step of the transformer.
        decoding (`int`): the codec's, while it draws as many frames as it gets at once; sampling is over then.
    """

    weights: int
    laid_out: int
    sampling: int
    decoding: int

    @property
    def total(self) -> int:
        """At the peak."""
        return self.weights + self.laid_out + max(self.sampling, self.decoding)

    def to_dict(self) -> dict[str, int]:
        """The parts and the total."""
        return {**asdict(self), "total": self.total}


def call_memory(
    transformer: NuwaForConditionalGeneration,
    codecs: dict[str, nn.Module],
    grid: Grid,
    weights: int | None = None,
) -> CallMemory:
    """The memory of a call for one image or video of a text, with guidance and the longest text.

        peak = weights + laid-out weights + max(sampling, decoding)

    Args:
        transformer (`NuwaForConditionalGeneration`): in its dtype, on the meta device.
        codecs (`dict[str, torch.nn.Module]`): those of the pipeline by name, with `vqgan`, on the meta device.
        grid (`Grid`): tokens of what is drawn.
        weights (`int`, *optional*): bytes of the transformer's weights, where they are not those of its dtype.

    Returns:
        `CallMemory`.
    """
    found = sampling_memory(transformer, grid, uses_guidance=True)
    codec = as_codec(codecs["vqgan"])
    height, width = grid.h * codec.spatial_factor, grid.w * codec.spatial_factor
    decoding = decoding_memory(codec, grid.t, height, width)
    of_codecs = sum(weight.nbytes for model in codecs.values() for weight in model.parameters())
    own = found.weights if weights is None else weights
    return CallMemory(own + of_codecs, found.laid_out, found.ring + found.conditions + found.step, decoding)
