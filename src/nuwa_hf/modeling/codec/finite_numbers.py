# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Numbers of a codec that are looked at: NaN and infinity would become some token and some colour without a word.

Shapes: B batch, C channels, T frames, Y and X pixel rows and columns, t, h, w token grid.
"""

import torch

from nuwa_hf.modeling.codec.protocol import Codec
from nuwa_hf.modeling.quantizer import GumbelQuantizer


def encode_finite(codec: Codec, pixels: torch.Tensor) -> torch.LongTensor:
    """Turns pixels into tokens, and looks at the latents, the codes and the scores by which codes are chosen, as far
    as the codec has them. The host waits.

    Args:
        codec (`Codec`): the codec.
        pixels (`torch.Tensor` of shape `(B, C, Y, X)` or `(B, C, T, Y, X)`): as `Codec.encode` takes them.

    Returns:
        `torch.LongTensor` of shape `(B, h, w)` or `(B, t, h, w)`: the tokens.

    Raises:
        FloatingPointError: If a latent, a code or a score is not finite: the tokens mean nothing then.
    """
    output = codec.encode(pixels)
    latents = getattr(output, "latents", None)
    if latents is not None:
        check_finite("latents", latents)
    quantizer = getattr(codec, "quantize", codec)  # an adapter looks the codes up itself
    lookup = getattr(quantizer, "lookup", None)
    if lookup is not None:  # a code that is NaN is the nearest of any latent
        check_finite("codes", lookup(output.tokens.flatten(0, -3)))
    if isinstance(quantizer, GumbelQuantizer):  # a score that is NaN is the highest, whatever it is the score of
        check_finite("scores", quantizer.scores(latents.new_ones(1, quantizer.codebook_dim, 1, 1)))
    return output.tokens


def check_finite(what: str, numbers: torch.Tensor) -> None:
    """Require finite numbers. The host waits for them.

    Args:
        what (`str`): what they are of the codec, for the message, such as `"pixels"`.
        numbers (`torch.Tensor` of any shape): floats.

    Raises:
        FloatingPointError: If one is NaN or infinite.
    """
    if not torch.isfinite(numbers).all():
        raise FloatingPointError(
            f"The codec's {what} must be finite, got NaN or infinity, which would become tokens or colours that mean "
            "nothing: a weight may not be finite, or the numbers too large for the dtype; load the checkpoint anew, "
            "or use bfloat16 or float32."
        )
