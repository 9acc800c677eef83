# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Samples compared with the real ones that they stand for, pixel by pixel.

Letters: B samples, T frames, Y, X pixel rows and columns.
"""

import torch
from torch import Tensor

from nuwa_hf.evaluation.features.eval_libraries import import_library
from nuwa_hf.evaluation.features.feature_reader import FeatureReader, Features
from nuwa_hf.evaluation.samples.sample_set import SampleBatch
from nuwa_hf.metrics.psnr import BEST_PSNR
from nuwa_hf.metrics.seam import seam


LEAST_SIDE = 6  # SSIM's window of 11 pixels mirrors 5 at each border


class PixelReader(FeatureReader):
    """Compares every sample with its reference: `psnr` in decibels (100 for equal pixels), `ssim` and `mse` (of
    pixels in [0, 1]), each of shape (B,) and over all frames of the sample together.

    Where a task hid a part, these are of that part alone, and there are two more: `kept`, the share of the other
    pixels that are bit-equal to the reference, and `seam` (`nuwa_hf.metrics.seam`), NaN where whole frames were
    hidden, which have no border. Samples without references, such as the real ones, have a seam only.

    Args:
        path (`None`): nothing is read from disk.
        device (`torch.device` or `str`, defaults to `"cpu"`): where it computes.

    Raises:
        ValueError: If torchmetrics is not installed.
    """

    kind = "pixels"
    title = "pixels"

    def __init__(self, path: None = None, device: torch.device | str = "cpu"):
        self.of_images = import_library("torchmetrics.functional.image")
        self.mean_squared_error = import_library("torchmetrics.functional.regression").mean_squared_error
        self.digest = f"PSNR of at most {BEST_PSNR:g} dB, SSIM, MSE, kept, seam in [0, 1]"
        self.device = device

    @torch.inference_mode()
    def __call__(self, batch: SampleBatch) -> Features:
        """Compare a batch; see `FeatureReader.__call__`.

        Raises:
            ValueError: If samples and references have two sizes, or are too small for SSIM.
        """
        rows: list[Features] = [{} for _ in batch.clips]
        if batch.references is not None:
            check_pairs(batch.clips, batch.references, LEAST_SIDE)
            clips, references = (pixels.to(self.device).float() / 255 for pixels in (batch.clips, batch.references))
            counted = torch.ones_like(clips[:, :, 0], dtype=torch.bool) if batch.hidden is None else batch.hidden
            rows = [self._compare(*one) for one in zip(clips, references, counted.to(self.device), strict=True)]
        if batch.hidden is not None:
            for place, (row, clip, hidden) in enumerate(zip(rows, batch.clips, batch.hidden, strict=True)):
                if batch.references is not None:
                    row["kept"] = (clip == batch.references[place]).all(dim=1)[~hidden].float().mean()
                row["seam"] = torch.tensor(seam(clip / 255, hidden) if has_border(hidden) else torch.nan)
        return {name: torch.stack([row[name].float().cpu() for row in rows]) for name in rows[0]}

    def _compare(self, clip: Tensor, reference: Tensor, counted: Tensor) -> dict[str, Tensor]:
        """The scores of one sample, `(T, 3, Y, X)`, over the pixels of `counted`, `(T, Y, X)`."""
        shown, wanted = (pixels.movedim(1, -1)[counted] for pixels in (clip, reference))
        _, similarity = self.of_images.structural_similarity_index_measure(
            clip, reference, data_range=1.0, return_full_image=True
        )
        return {
            "psnr": self.of_images.peak_signal_noise_ratio(shown, wanted, data_range=1.0).clamp(max=BEST_PSNR),
            "ssim": similarity.movedim(1, -1)[counted].mean(),
            "mse": self.mean_squared_error(shown, wanted),
        }


def check_pairs(clips: Tensor, references: Tensor, least_side: int) -> None:
    """Checks that samples can be compared with their references.

    Args:
        clips (`torch.Tensor` of shape `(B, T, 3, Y, X)`): the samples.
        references (`torch.Tensor`): what each stands for.
        least_side (`int`): the pixels that Y and X must have at least.

    Raises:
        ValueError: If they are of two sizes, or too small.
    """
    if clips.shape != references.shape:
        raise ValueError(
            f"`references` must have the samples' shape {tuple(clips.shape)}, got {tuple(references.shape)}; give "
            "both one size and one number of frames."
        )
    if min(clips.shape[-2:]) < least_side:
        raise ValueError(
            f"Samples must have at least {least_side} rows and columns to be compared, got "
            f"{clips.shape[-2]} x {clips.shape[-1]}; give larger ones."
        )


def has_border(hidden: Tensor) -> bool:
    """Whether a frame is hidden in part, so that what fills it joins on to something.

    Args:
        hidden (`torch.BoolTensor` of shape `(T, Y, X)`): True at the pixels that were hidden.

    Returns:
        `bool`.
    """
    return bool((hidden.flatten(1).any(1) & ~hidden.flatten(1).all(1)).any())
