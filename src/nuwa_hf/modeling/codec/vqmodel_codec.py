# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""diffusers' `VQModel`, as it is, as a codec.

Its `encode` stops before the codes and its `decode` starts at latents, so tokens are looked up here.
"""

import torch
from diffusers import VQModel
from diffusers.utils.accelerate_utils import apply_forward_hook

from nuwa_hf.modeling.codec.decoder_memory import decoder_memory
from nuwa_hf.modeling.codec.frame_codec import FrameCodec, FrameCodecEncoderOutput
from nuwa_hf.modeling.codec.frames import check_pixels, fold_frames, unfold_frames
from nuwa_hf.modeling.codec.protocol import as_codec
from nuwa_hf.modeling.quantizer import nearest_codes


class VQModelCodec(FrameCodec):
    """Speaks the protocol `Codec` for a `VQModel`, whose weights, configuration and methods stay as they are.

    Args:
        model (`VQModel`): the model.

    Example:
        >>> import torch
        >>> from diffusers import VQModel
        >>> from nuwa_hf.modeling.codec import VQModelCodec

        >>> codec = VQModelCodec(VQModel(num_vq_embeddings=64, norm_num_groups=8))
        >>> codec.encode(torch.zeros(1, 3, 5, 32, 48)).tokens.shape
        torch.Size([1, 5, 32, 48])
    """

    def __init__(self, model: VQModel):
        self.model = model
        config = model.config
        self.codebook_size = config.num_vq_embeddings
        self.in_channels = config.in_channels
        self.out_channels = config.out_channels
        self.sample_size = config.sample_size
        self.spatial_factor = 2 ** (len(config.block_out_channels) - 1)

    @property
    def device(self) -> torch.device:
        """Where the model is."""
        return self.model.device

    def encode_images(self, images: torch.Tensor) -> torch.LongTensor:
        """The nearest code of every latent, by distances in float32; see `FrameCodec.encode_images`."""
        return self._tokens(self._latents(images))

    def encode(self, pixels: torch.Tensor) -> FrameCodecEncoderOutput:
        """Turns pixels into tokens, with the latents that they are of; see `Codec.encode`."""
        check_pixels(pixels, self.in_channels, self.spatial_factor)
        num_frames = pixels.shape[2] if pixels.ndim == 5 else None
        latents = self._latents(fold_frames(pixels))
        tokens = self._tokens(latents)
        return FrameCodecEncoderOutput(unfold_frames(tokens, num_frames), unfold_frames(latents, num_frames))

    def decode_images(self, tokens: torch.LongTensor) -> torch.Tensor:
        """What the model decodes of the tokens' codes; see `FrameCodec.decode_images`."""
        codes = _lookup(self.model, tokens)
        if self.model.config.lookup_from_codebook:  # then it takes tokens, and the shape of their codes
            return self.model.decode(tokens, force_not_quantize=True, shape=codes.shape).sample
        return self.model.decode(codes.permute(0, 3, 1, 2).to(self.model.dtype), force_not_quantize=True).sample

    def lookup(self, tokens: torch.LongTensor) -> torch.Tensor:
        """Codes of tokens, as `VectorQuantizer.lookup` gives them."""
        return _lookup(self.model, tokens).permute(0, 3, 1, 2)

    def _latents(self, images: torch.Tensor) -> torch.Tensor:
        return self.model.encode(images.to(self.model.dtype)).latents

    def _tokens(self, latents: torch.Tensor) -> torch.LongTensor:
        every_token = torch.arange(self.codebook_size, device=latents.device)
        return nearest_codes(latents, _lookup(self.model, every_token))

    def decoding_memory(self, num_frames: int, height: int, width: int) -> int:
        """That of its decoder; see `Codec.decoding_memory`."""
        return decoder_memory(self.model.config.block_out_channels[0], self.model.dtype, num_frames, height, width)


@apply_forward_hook  # brings an offloaded model to where it computes, as `encode` and `decode` do
def _lookup(model: VQModel, tokens: torch.LongTensor) -> torch.Tensor:
    """`(...)` to codes `(..., D)`."""
    return model.quantize.embedding(tokens)


as_codec.register(VQModel, VQModelCodec)
