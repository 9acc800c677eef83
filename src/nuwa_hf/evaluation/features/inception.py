# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The Inception v3 of FID, KID, IS, precision and recall.

Letters: B samples, T frames, Y, X pixel rows and columns.
"""

from io import BytesIO

import torch
from torch import Tensor, nn

from nuwa_hf.conversion.safe_checkpoint import read_checkpoint
from nuwa_hf.evaluation.features.eval_libraries import import_library
from nuwa_hf.evaluation.features.feature_reader import FeatureReader, Features
from nuwa_hf.evaluation.features.frozen_networks import frame_by_frame, freeze, title_of_file
from nuwa_hf.evaluation.samples.sample_set import SampleBatch
from nuwa_hf.storage.file_digest import digest_of_file


INCEPTION_SHA256 = "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2"
OUTPUTS = {"features": "2048", "logits": "logits_unbiased"}  # ours to those of torch-fidelity that its metrics read


class InceptionReader(FeatureReader):
    """Reads frames by torch-fidelity's Inception v3, which resizes them as TensorFlow does: `features` (B, T, 2048)
    and `logits` (B, T, 1008) without their bias.

    Args:
        path (`str`): a file of its weights.
        device (`torch.device` or `str`, defaults to `"cpu"`): where it computes.

    Raises:
        ValueError: If torch-fidelity is not installed, or the file is of another network.
    """

    kind = "inception"

    def __init__(self, path: str, device: torch.device | str = "cpu"):
        self.network = freeze(build_inception(read_checkpoint(path), path), path, device)
        sha256 = digest_of_file(path)
        self.title = title_of_file("Inception v3", path, sha256, INCEPTION_SHA256)
        self.has_published_weights = sha256 == INCEPTION_SHA256
        self.digest = f"{sha256} torch-fidelity"
        self.device = device

    @torch.inference_mode()
    def __call__(self, batch: SampleBatch) -> Features:
        """Read a batch; see `FeatureReader.__call__`."""
        return frame_by_frame(self._read, batch.clips)

    def _read(self, frames: Tensor) -> dict[str, Tensor]:
        return dict(zip(OUTPUTS, self.network(frames.to(self.device)), strict=True))


def build_inception(state: dict[str, Tensor], source: str) -> nn.Module:
    """torch-fidelity's network with given weights.

    Args:
        state (`dict[str, torch.Tensor]`): with its names.
        source (`str`): where they come from, for the error.

    Returns:
        `nn.Module`: called with bytes of shape `(B, 3, Y, X)`, it returns the values of `OUTPUTS`.

    Raises:
        ValueError: If torch-fidelity is not installed, or the weights are of another network.
    """
    module = import_library("torch_fidelity.feature_extractor_inceptionv3")
    # It reads its file by an unpickler that would run code, so it is given one that was written here.
    file = BytesIO()
    torch.save(state, file)
    file.seek(0)
    try:
        return module.FeatureExtractorInceptionV3(
            "inception-v3-compat", list(OUTPUTS.values()), feature_extractor_weights_path=file
        )
    except RuntimeError as error:  # names or shapes that do not fit
        first = " ".join(str(error).split())[:200]
        raise ValueError(
            f"`inception` must be the weights of FID's Inception v3 with torch-fidelity's names, but {source} does "
            f"not fit ({first} ...); torchvision's Inception is another network."
        ) from error
