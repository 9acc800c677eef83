# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The VQ-GAN: pixels to visual tokens and back, one 2-D codec for images and for the frames of videos.

Shapes: B batch, C channels, T frames, Y and X pixel rows and columns, t, h, w token grid, D width of a code.
"""

import os
from collections.abc import Callable
from typing import Any, Self

import torch
from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from diffusers.models.autoencoders.vae import AutoencoderMixin, Decoder, Encoder
from diffusers.utils import SAFETENSORS_WEIGHTS_NAME
from diffusers.utils.accelerate_utils import apply_forward_hook
from einops import rearrange
from torch import nn

from nuwa_hf.grid import Grid
from nuwa_hf.modeling import tiling
from nuwa_hf.modeling.codec.decoder_memory import decoder_memory
from nuwa_hf.modeling.codec.frames import (
    check_pixels,
    check_token_grid,
    fold_frames,
    grid_of_frames,
    unfold_frames,
    unfold_pixels,
)
from nuwa_hf.modeling.fsq_quantizer import FiniteScalarQuantizer
from nuwa_hf.modeling.quantizer import GumbelQuantizer, VectorQuantizer
from nuwa_hf.modeling.vqgan_configuration import check_configuration, codebook_extents
from nuwa_hf.modeling.vqgan_outputs import NuwaVQGANDecoderOutput, NuwaVQGANEncoderOutput, NuwaVQGANOutput
from nuwa_hf.standalone.saving import ReadsStandaloneMixin, saves_standalone
from nuwa_hf.storage.broken_checkpoints import naming_what_is_broken
from nuwa_hf.storage.dtype_names import with_dtypes
from nuwa_hf.storage.find_checkpoint import naming_refused_weights
from nuwa_hf.storage.local_checkpoint import check_local_model
from nuwa_hf.storage.portable_names import portable_configuration
from nuwa_hf.storage.saved_models import saves_whole
from nuwa_hf.storage.weights_files import check_some_are_loaded


@saves_standalone
class NuwaVQGAN(ReadsStandaloneMixin, ModelMixin, AutoencoderMixin, ConfigMixin):
    """A VQ-GAN codec (NUWA, section "3D Data Representation"; Esser et al., "Taming Transformers").

    A video is coded frame by frame, so images and videos share one codebook. With C class channels it is the paper's
    VQ-GAN-Seg: one-hot class maps in, logits out (`nuwa_hf.modeling.class_maps`). Weights of CompVis' taming VQ-GANs
    and of diffusers' `VQModel` have the same names here and the same meaning.

    Pixels are given in any float dtype and cast to that of the weights. The distance to the codes is always computed
    in float32, but bfloat16 weights still move some tokens: tokenise with float32 weights.

    Args:
        in_channels (`int`, defaults to 3): channels of the pixels: 3 for RGB, the number of classes for sketches.
        out_channels (`int`, defaults to 3): channels of the reconstruction.
        block_out_channels (`tuple[int, ...]`, defaults to `(128, 128, 256, 256, 512)`): width of every level. Level i
            works at `sample_size / 2**i`; the downsampling is `2**(levels - 1)`.
        layers_per_block (`int`, defaults to 2): residual blocks a level; the decoder has one more.
        attention_levels (`tuple[int, ...]`, defaults to `(4,)`): levels with self-attention.
        latent_channels (`int`, defaults to 256): channels between the encoder and the 1x1 convolution to the codes.
        codebook_dim (`int`, *optional*): width of a code, D; by default 256, or as many as there are `fsq_levels`.
        codebook_size (`int`, *optional*): number of codes; by default 12288, or the product of `fsq_levels`.
        norm_num_groups (`int`, defaults to 32): groups of every group norm; divides every width.
        mid_block_attention (`bool`, defaults to `True`): whether the innermost block has self-attention.
        sample_size (`int`, defaults to 336): rows and columns of the training images, and the default size of a tile.
        commitment_weight (`float`, defaults to 0.25): weight of the commitment loss.
        isolated_patches (`bool`, defaults to `False`): whether the encoder sees each patch of `spatial_factor` rows
            and columns alone, so that a token says what its own patch shows and nothing else. For sketches: group
            norms over the whole image would spread the class of one thing over the tokens of all the others.
        quantizer (`str`, defaults to `"nearest"`): `"nearest"` takes the nearest code, `"gumbel"` the one that a 1x1
            convolution scores highest, as in VQ-GANs that were trained with the Gumbel softmax, `"fsq"` rounds every
            channel to a few levels (finite scalar quantisation) and has no codebook to learn.
        fsq_levels (`tuple[int, ...]`, *optional*): number of levels of each channel, with `quantizer="fsq"` alone.

    Raises:
        ValueError: If a level or a size in the configuration is impossible.
        TypeError: If an argument has the wrong type.

    Example:
        >>> import torch
        >>> from nuwa_hf.modeling.autoencoder_vqgan import NuwaVQGAN

        >>> vqgan = NuwaVQGAN(block_out_channels=(32, 64), attention_levels=(), codebook_size=64, sample_size=32)
        >>> tokens = vqgan.encode(torch.zeros(1, 3, 5, 32, 48)).tokens
        >>> tokens.shape, vqgan.decode(tokens).sample.shape
        (torch.Size([1, 5, 16, 24]), torch.Size([1, 3, 5, 32, 48]))
    """

    _supports_gradient_checkpointing = True
    _no_split_modules = ["ResnetBlock2D", "Attention", "VectorQuantizer", "GumbelQuantizer", "FiniteScalarQuantizer"]  # noqa: RUF012
    _skip_layerwise_casting_patterns = ["quantize"]  # noqa: RUF012
    # Names of parts at any depth: the quantiser itself is not called, but its `embedding` and `projection` are.
    _group_offload_block_modules = [  # noqa: RUF012
        "encoder",
        "quant_conv",
        "quantize",
        "embedding",
        "projection",
        "post_quant_conv",
        "decoder",
    ]

    @register_to_config
    def __init__(
        self,
        in_channels: int = 3,
        out_channels: int = 3,
        block_out_channels: tuple[int, ...] = (128, 128, 256, 256, 512),
        layers_per_block: int = 2,
        attention_levels: tuple[int, ...] = (4,),
        latent_channels: int = 256,
        codebook_dim: int | None = None,
        codebook_size: int | None = None,
        norm_num_groups: int = 32,
        mid_block_attention: bool = True,
        sample_size: int = 336,
        commitment_weight: float = 0.25,
        isolated_patches: bool = False,
        quantizer: str = "nearest",
        fsq_levels: tuple[int, ...] | None = None,
    ):
        super().__init__()
        check_configuration(self.config)
        codebook_size, codebook_dim = codebook_extents(self.config)
        self.register_to_config(codebook_size=codebook_size, codebook_dim=codebook_dim)
        has_attention = [level in attention_levels for level in range(len(block_out_channels))]
        self.encoder = Encoder(
            in_channels=in_channels,
            out_channels=latent_channels,
            down_block_types=tuple("AttnDownEncoderBlock2D" if has else "DownEncoderBlock2D" for has in has_attention),
            block_out_channels=tuple(block_out_channels),
            layers_per_block=layers_per_block,
            norm_num_groups=norm_num_groups,
            double_z=False,
            mid_block_add_attention=mid_block_attention,
        )
        self.quant_conv = nn.Conv2d(latent_channels, codebook_dim, 1)
        if quantizer == "fsq":
            self.quantize = FiniteScalarQuantizer(fsq_levels)
        elif quantizer == "gumbel":
            self.quantize = GumbelQuantizer(codebook_size, codebook_dim)
        else:
            self.quantize = VectorQuantizer(codebook_size, codebook_dim, commitment_weight)
        self.post_quant_conv = nn.Conv2d(codebook_dim, latent_channels, 1)
        self.decoder = Decoder(
            in_channels=latent_channels,
            out_channels=out_channels,
            up_block_types=tuple("AttnUpDecoderBlock2D" if has else "UpDecoderBlock2D" for has in has_attention[::-1]),
            block_out_channels=tuple(block_out_channels),
            layers_per_block=layers_per_block,
            norm_num_groups=norm_num_groups,
            mid_block_add_attention=mid_block_attention,
        )
        # FSDP's wrapping by class refuses a name that the model does not have.
        parts = {type(module).__name__ for module in self.modules()}
        self._no_split_modules = [name for name in self._no_split_modules if name in parts]
        self.use_slicing = False
        self.use_tiling = False
        self.tile_sample_min_size = sample_size
        self.tile_overlap_factor = 0.25

    @classmethod
    def from_pretrained(cls, pretrained_model_name_or_path: str | os.PathLike | None, **kwargs: Any) -> Self:
        """Load a codec from a local folder or from the Hub.

        Args:
            pretrained_model_name_or_path (`str` or `os.PathLike`): a folder that `save_pretrained` wrote, or the id of
                a repository on the Hub.
            kwargs: everything that `ModelMixin.from_pretrained` takes; `dtype` also by name.

        Returns:
            The codec, in evaluation mode.

        Raises:
            ValueError: If `dtype` is the name of no floating point dtype.
            OSError: If the weights are missing, cut off, a pointer of Git LFS, or of a model in a wrapper, or a file
                is broken.
        """
        kwargs = with_dtypes(kwargs)
        if pretrained_model_name_or_path is None:
            return super().from_pretrained(pretrained_model_name_or_path, **kwargs)
        check_local_model(pretrained_model_name_or_path, kwargs.get("subfolder"), has_config="config" in kwargs)
        with_info = kwargs.pop("output_loading_info", False)
        refused = naming_refused_weights(pretrained_model_name_or_path, SAFETENSORS_WEIGHTS_NAME, kwargs)
        with refused, naming_what_is_broken(pretrained_model_name_or_path):
            model, info = super().from_pretrained(pretrained_model_name_or_path, output_loading_info=True, **kwargs)
        check_some_are_loaded(pretrained_model_name_or_path, model.state_dict(), info["missing_keys"])
        return (model, info) if with_info else model

    save_pretrained = saves_whole(ModelMixin.save_pretrained)

    def to_json_string(self) -> str:
        """The configuration as JSON, without the folder of this machine that it was loaded from."""
        return portable_configuration(super().to_json_string())

    @property
    def codebook_size(self) -> int:
        """Number of codes."""
        return self.config.codebook_size

    @property
    def in_channels(self) -> int:
        """Channels of the pixels that `encode` takes."""
        return self.config.in_channels

    @property
    def out_channels(self) -> int:
        """Channels of the pixels that `decode` gives."""
        return self.config.out_channels

    @property
    def sample_size(self) -> int:
        """Rows and columns of the training images."""
        return self.config.sample_size

    @property
    def spatial_factor(self) -> int:
        """Pixel rows (and columns) that one token row (and column) stands for."""
        return 2 ** (len(self.config.block_out_channels) - 1)

    @property
    def temporal_factor(self) -> int:
        """Frames that one token frame stands for: 1, since every frame is coded alone."""
        return 1

    @property
    def last_layer(self) -> nn.Parameter:
        """Weight of the decoder's last convolution, at which the adaptive GAN weight compares gradients."""
        return self.decoder.conv_out.weight

    def grid(self, num_frames: int, height: int, width: int) -> Grid:
        """The tokens of a video, or, with one frame, of an image.

        Args:
            num_frames (`int`): frames.
            height (`int`): pixel rows.
            width (`int`): pixel columns.

        Returns:
            `Grid`: extents of the tokens.

        Raises:
            ValueError: If rows or columns are no positive multiple of `spatial_factor`.
        """
        return grid_of_frames(self.spatial_factor, num_frames, height, width)

    def decoding_memory(self, num_frames: int, height: int, width: int) -> int:
        """Memory that `decode` takes beside the weights.

        Args:
            num_frames (`int`): frames that are decoded in one call, all videos together; with slicing they are decoded
                one by one, with tiling in parts, which is taken into account.
            height (`int`): pixel rows.
            width (`int`): pixel columns.

        Returns:
            `int`: bytes, of the decoder; what it gives comes on top.
        """
        at_once, channels = 1 if self.use_slicing else num_frames, self.config.block_out_channels[0]
        tile = self.tile_sample_min_size
        if not self.use_tiling or max(height, width) <= tile:
            return decoder_memory(channels, self.dtype, at_once, height, width)
        blended = at_once * self.out_channels * height * width * torch.float32.itemsize
        return blended + decoder_memory(channels, self.dtype, at_once, min(tile, height), min(tile, width))

    def enable_tiling(self, tile_sample_min_size: int | None = None, tile_overlap_factor: float | None = None) -> None:
        """Encodes and decodes large images in overlapping tiles, which bounds the memory.

        Attention and group norms then see one tile at a time, so tokens and pixels are close to, not equal to, those
        of the whole image. An image no larger than a tile is not touched. `forward` is never tiled.

        Args:
            tile_sample_min_size (`int`, *optional*): rows and columns of a tile in pixels; by default those that were
                set before, at first `sample_size`.
            tile_overlap_factor (`float`, *optional*): least share of a tile that overlaps its neighbour; by default
                the one that was set before, at first 0.25.

        Raises:
            TypeError: If one is of another type.
            ValueError: If the tile is not a positive multiple of the downsampling, or the factor is not in [0, 1).
        """
        tiling.check_tile(self.spatial_factor, tile_sample_min_size, tile_overlap_factor)
        super().enable_tiling()
        if tile_sample_min_size is not None:
            self.tile_sample_min_size = tile_sample_min_size
        if tile_overlap_factor is not None:
            self.tile_overlap_factor = tile_overlap_factor

    @apply_forward_hook
    def encode(self, pixels: torch.Tensor, return_dict: bool = True) -> NuwaVQGANEncoderOutput | tuple:
        """Turns pixels into tokens. It does not read the pixels' values, so that it compiles and exports as a whole.

        Args:
            pixels (`torch.Tensor` of shape `(B, C, Y, X)` or `(B, C, T, Y, X)`): images or videos, float in [-1, 1];
                a codec has no token for NaN or infinity.
            return_dict (`bool`, defaults to `True`): whether to return a dataclass and not a tuple.

        Returns:
            `NuwaVQGANEncoderOutput`: tokens, and the latents before quantisation. Or both as a tuple.

        Raises:
            TypeError: If the pixels are not floats.
            ValueError: If the rank, the channels or the size do not fit.
        """
        check_pixels(pixels, self.in_channels, self.spatial_factor)
        num_frames = pixels.shape[2] if pixels.ndim == 5 else None
        images = fold_frames(pixels).to(self.dtype)
        latents = self._by_slices(self._encode_tiled if self.use_tiling else self._encode, images)
        tokens = self.quantize.tokenize(latents)
        output = NuwaVQGANEncoderOutput(unfold_frames(tokens, num_frames), unfold_frames(latents, num_frames))
        return output if return_dict else output.to_tuple()

    @apply_forward_hook
    def decode(self, tokens: torch.LongTensor, return_dict: bool = True) -> NuwaVQGANDecoderOutput | tuple:
        """Turns tokens into pixels. It does not read the tokens' values, so that it compiles and exports as a whole.

        Args:
            tokens (`torch.LongTensor` of shape `(B, h, w)` or `(B, t, h, w)`): tokens of images or of videos, in
                `[0, codebook_size)`; `check_tokens_in_codebook` of `nuwa_hf.modeling.codec.protocol` tells of others.
            return_dict (`bool`, defaults to `True`): whether to return a dataclass and not a tuple.

        Returns:
            `NuwaVQGANDecoderOutput`: pixels of shape `(B, C, Y, X)` or `(B, C, T, Y, X)`. Or these as a tuple.

        Raises:
            TypeError: If the tokens are not whole numbers.
            ValueError: If the rank does not fit, or there are no tokens.
        """
        check_token_grid(tokens)
        num_frames = tokens.shape[1] if tokens.ndim == 4 else None
        frames = tokens.flatten(0, 1) if tokens.ndim == 4 else tokens
        images = self._by_slices(self._decode_tiled if self.use_tiling else self._decode, frames.long())
        sample = unfold_pixels(images, num_frames)
        return NuwaVQGANDecoderOutput(sample) if return_dict else (sample,)

    def forward(self, pixels: torch.Tensor, return_dict: bool = True) -> NuwaVQGANOutput | tuple:
        """Reconstructs pixels with the straight-through estimator, for training; whole images, no slices, no tiles.

        Args:
            pixels (`torch.Tensor` of shape `(B, C, Y, X)` or `(B, C, T, Y, X)`): images or videos, float in [-1, 1].
            return_dict (`bool`, defaults to `True`): whether to return a dataclass and not a tuple.

        Returns:
            `NuwaVQGANOutput`: reconstruction, latents, codes, tokens and the two losses. Or these as a tuple.

        Raises:
            TypeError: If the pixels are not floats.
            ValueError: If the rank, the channels or the size do not fit.
        """
        check_pixels(pixels, self.in_channels, self.spatial_factor)
        num_frames = pixels.shape[2] if pixels.ndim == 5 else None
        latents = self._encode(fold_frames(pixels).to(self.dtype))
        quantizer_output = self.quantize(latents)
        images = self.decoder(self.post_quant_conv(quantizer_output.quantized))
        output = NuwaVQGANOutput(
            sample=unfold_pixels(images, num_frames),
            latents=unfold_frames(latents, num_frames),
            quantized=unfold_frames(quantizer_output.quantized, num_frames),
            tokens=unfold_frames(quantizer_output.tokens, num_frames),
            codebook_loss=quantizer_output.codebook_loss,
            commitment_loss=quantizer_output.commitment_loss,
        )
        return output if return_dict else output.to_tuple()

    def _encode(self, images: torch.Tensor) -> torch.Tensor:
        if not self.config.isolated_patches:
            return self.quant_conv(self.encoder(images))
        factor = self.spatial_factor
        height, width = images.shape[-2] // factor, images.shape[-1] // factor
        patches = rearrange(images, "b c (h p) (w q) -> (b h w) c p q", p=factor, q=factor)
        return rearrange(self.quant_conv(self.encoder(patches)), "(b h w) d 1 1 -> b d h w", h=height, w=width)

    def _decode(self, tokens: torch.LongTensor) -> torch.Tensor:
        # Layerwise casting leaves the codebook in its own dtype.
        return self.decoder(self.post_quant_conv(self.quantize.lookup(tokens).to(self.dtype)))

    def _by_slices(self, work: Callable[[torch.Tensor], torch.Tensor], batch: torch.Tensor) -> torch.Tensor:
        if self.use_slicing and batch.shape[0] > 1:
            return torch.cat([work(one) for one in batch.split(1)])
        return work(batch)

    def _encode_tiled(self, images: torch.Tensor) -> torch.Tensor:
        factor = self.spatial_factor
        height, width = images.shape[-2] // factor, images.shape[-1] // factor

        def encode_tile(top: int, bottom: int, left: int, right: int) -> torch.Tensor:
            return self._encode(images[..., top * factor : bottom * factor, left * factor : right * factor])

        return tiling.keep_middles(encode_tile, height, width, *self._tile_and_overlap())

    def _decode_tiled(self, tokens: torch.LongTensor) -> torch.Tensor:
        tile, overlap = self._tile_and_overlap()
        if max(tokens.shape[-2:]) <= tile:
            return self._decode(tokens)

        def decode_tile(top: int, bottom: int, left: int, right: int) -> torch.Tensor:
            return self._decode(tokens[..., top:bottom, left:right])

        return tiling.blend(decode_tile, *tokens.shape[-2:], tile, overlap, self.spatial_factor)

    def _tile_and_overlap(self) -> tuple[int, int]:
        """Extent and overlap of a tile in tokens."""
        tile = self.tile_sample_min_size // self.spatial_factor
        return tile, int(tile * self.tile_overlap_factor)
