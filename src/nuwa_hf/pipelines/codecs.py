# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The codecs of a pipeline: the sizes they give it, and what diffusers' pipelines have for theirs."""

import logging
from inspect import signature
from typing import Any

import numpy as np
import PIL.Image
import torch
from diffusers import ModelMixin
from diffusers.image_processor import VaeImageProcessor
from diffusers.video_processor import VideoProcessor

from nuwa_hf.modeling.codec import Codec, as_codec
from nuwa_hf.modeling.tiling import check_tile
from nuwa_hf.pipelines.checks import check_whole_number


logger = logging.getLogger(__name__)


class NuwaVideoProcessor(VideoProcessor):
    """diffusers' processor of videos, with frames before channels, as a call takes and returns them.

    Letters: B batch, T frames, Y, X pixel rows, columns.
    """

    def preprocess_video(
        self, video: Any, height: int | None = None, width: int | None = None, **kwargs: Any
    ) -> torch.Tensor:
        """Make a call's input of clips.

        Args:
            video (`list[PIL.Image.Image]`, `np.ndarray`, `torch.Tensor` or a list of them): what diffusers takes.
            height (`int`, *optional*): rows of pixels; by default those of the clips.
            width (`int`, *optional*): columns.
            kwargs: what `VaeImageProcessor.preprocess` takes.

        Returns:
            `torch.Tensor` of shape `(B, T, 3, Y, X)`.
        """
        return super().preprocess_video(video, height, width, **kwargs).transpose(1, 2)

    def postprocess_video(
        self, video: torch.Tensor, output_type: str = "np", **kwargs: Any
    ) -> list[list[PIL.Image.Image]] | np.ndarray | torch.Tensor:
        """Make pictures or an array of a call's output.

        Args:
            video (`torch.Tensor` of shape `(B, T, 3, Y, X)`): what a call returns with `output_type="pt"`.
            output_type (`str`, *optional*, defaults to `"np"`): `"pil"`, `"np"` or `"pt"`.
            kwargs: what `VaeImageProcessor.postprocess` takes.

        Returns:
            `list[list[PIL.Image.Image]]`, `np.ndarray` of shape `(B, T, Y, X, 3)`, or `torch.Tensor` of the shape that
            was given.
        """
        return super().postprocess_video(video.transpose(1, 2), output_type, **kwargs)


class CodecMixin:
    """Codecs for `NuwaPipelineBase`, which has the components.

    `image_processor`, `video_processor` and `mask_processor` are those of diffusers, but for the order of a video's
    axes. What they make of pictures, clips and masks, in [0, 1], a call takes; what a call returns with
    `output_type="pt"` they turn into pictures.
    """

    def make_processors(self) -> None:
        """Make the processors, for the codec that is loaded."""
        factor = {"vae_scale_factor": self.vae_scale_factor}
        self.image_processor = VaeImageProcessor(**factor, do_normalize=False)
        self.video_processor = NuwaVideoProcessor(**factor, do_normalize=False)
        self.mask_processor = VaeImageProcessor(
            **factor, do_normalize=False, do_binarize=True, do_convert_grayscale=True
        )

    @property
    def codec(self) -> Codec:
        """What speaks the protocol of a codec for the component `vqgan`."""
        return as_codec(self.vqgan)

    @property
    def sketch_codec(self) -> Codec:
        """What speaks the protocol of a codec for the component `sketch_vqgan`."""
        return as_codec(self.sketch_vqgan)

    @property
    def vae_scale_factor(self) -> int:
        """Pixels of a token's side, by the name that diffusers' pipelines have for it; 1 without a codec."""
        return 1 if self.vqgan is None else self.codec.spatial_factor

    @property
    def image_size(self) -> tuple[int, int]:
        """Rows and columns of the pixels that the checkpoint reads and writes."""
        _, height, width = self.transformer.config.visual_grid
        return height * self.codec.spatial_factor, width * self.codec.spatial_factor

    @property
    def sketch_size(self) -> tuple[int, int]:
        """Rows and columns of the class maps that the checkpoint reads, with one sketch token per visual token."""
        _, height, width = self.transformer.config.visual_grid
        return height * self.sketch_codec.spatial_factor, width * self.sketch_codec.spatial_factor

    @property
    def sketch_sizes(self) -> dict[str, Any]:
        """What a sketch must be, as the arguments of `prepare_sketches`."""
        height, width = self.sketch_size
        picture_size = None if self.vqgan is None else self.image_size
        classes = self.sketch_codec.in_channels
        return {"num_classes": classes, "height": height, "width": width, "picture_size": picture_size}

    def check_size(self, height: int | None, width: int | None) -> None:
        """Check the size that a call asks for: a checkpoint draws only the one that it learnt.

        Args:
            height (`int`, *optional*): rows of pixels.
            width (`int`, *optional*): columns.

        Raises:
            TypeError: If one is not an `int`.
            ValueError: If one is not that of the checkpoint.
        """
        for name, value, place in (("height", height, 0), ("width", width, 1)):
            if value is None:
                continue
            check_whole_number(name, value)
            self.check_components("transformer", "vqgan")
            rows, columns = self.image_size
            if value != self.image_size[place]:
                raise ValueError(
                    f"`{name}` must be {self.image_size[place]}, since this checkpoint draws {rows}x{columns} pixels "
                    f"(height x width), got {value}; leave it out, and resize what comes out."
                )

    def enable_vae_slicing(self) -> None:
        """Decode and encode frame by frame, which takes less memory: `enable_slicing` of the codecs.

        Raises:
            ValueError: If a codec has no slicing. None has been switched then.
        """
        for model in self._codecs_with("enable", "slicing"):
            model.enable_slicing()

    def disable_vae_slicing(self) -> None:
        """Decode and encode all frames of a piece at once again.

        Raises:
            ValueError: If a codec has no slicing. None has been switched then.
        """
        for model in self._codecs_with("disable", "slicing"):
            model.disable_slicing()

    def enable_vae_tiling(
        self, tile_sample_min_size: int | None = None, tile_overlap_factor: float | None = None
    ) -> None:
        """Decode and encode frames in tiles, which takes less memory: `enable_tiling` of the codecs.

        A tile is at first as large as the pictures that the codec learnt, which most checkpoints draw; there is one
        tile then, and a warning says so.

        Args:
            tile_sample_min_size (`int`, *optional*): rows and columns of a tile in pixels, a multiple of the side of a
                token; by default what each codec has.
            tile_overlap_factor (`float`, *optional*): least share of a tile that overlaps its neighbour, in [0, 1); by
                default what each codec has.

        Raises:
            TypeError: If an argument is of another type, or one that a codec of your own does not take.
            ValueError: If a codec has no tiling, or no such tiles. None has been switched then.
        """
        codecs = self._codecs_with("enable", "tiling")
        given = {"tile_sample_min_size": tile_sample_min_size, "tile_overlap_factor": tile_overlap_factor}
        for model in codecs:
            check_tile(as_codec(model).spatial_factor, **given)
        given = {name: value for name, value in given.items() if value is not None}
        for model in codecs:
            signature(model.enable_tiling).bind(**given)
        for model in codecs:
            model.enable_tiling(**given)
        tile = getattr(self.vqgan, "tile_sample_min_size", None)
        if tile is not None and self.transformer is not None and tile >= max(self.image_size):
            rows, columns = self.image_size
            logger.warning(
                "`tile_sample_min_size` is %d, so that one tile holds the whole of the %dx%d pixels (height x width) "
                "that this checkpoint draws, and tiling saves no memory; give a smaller multiple of %d.",
                *(tile, rows, columns, self.vae_scale_factor),
            )

    def disable_vae_tiling(self) -> None:
        """Decode and encode whole frames again.

        Raises:
            ValueError: If a codec has no tiling. None has been switched then.
        """
        for model in self._codecs_with("disable", "tiling"):
            model.disable_tiling()

    def _codecs_with(self, verb: str, kind: str) -> list[ModelMixin]:
        """The codecs that there are, once all of them are known to have a switch."""
        method, codecs = f"{verb}_{kind}", {"vqgan": self.vqgan, "sketch_vqgan": self.sketch_vqgan}
        codecs = {name: model for name, model in codecs.items() if model is not None}
        for name, model in codecs.items():
            # Models of diffusers have the method, and without the attribute it does nothing or fails.
            if not {method, f"use_{kind}"} <= {*dir(model)}:
                raise ValueError(
                    f"`{name}` must be a codec with {kind}, such as `NuwaVQGAN`, got {type(model).__name__}, which "
                    f"has none; leave the call out, or call `{method}` of a codec that has it."
                )
        return list(codecs.values())
