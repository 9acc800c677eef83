# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The I3D of FVD, as the TorchScript file that is passed around.

Letters: B samples, T frames, F features.
"""

from pathlib import Path

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from nuwa_hf.evaluation.features.feature_reader import FeatureReader, Features
from nuwa_hf.evaluation.features.frozen_networks import freeze, title_of_file
from nuwa_hf.evaluation.samples.sample_set import SampleBatch
from nuwa_hf.storage.file_digest import digest_of_file
from nuwa_hf.storage.weights_files import check_not_a_pointer


I3D_SHA256 = "bec6519f66ea534e953026b4ae2c65553c17bf105611c746d904657e5860a5e2"
I3D_SIZE = 224
LEAST_FRAMES = 10


class I3DReader(FeatureReader):
    """Reads clips, resized to 224 pixels, by an I3D that learnt Kinetics-400: `features` (B, 400), its logits, as FVD
    compares them.

    Args:
        path (`str`): a TorchScript file whose module is called with clips of shape `(B, 3, T, 224, 224)` in [-1, 1]
            and with `rescale`, `resize` and `return_features`.
        device (`torch.device` or `str`, defaults to `"cpu"`): where it computes.

    Raises:
        ValueError: If the file is no TorchScript.
    """

    kind = "i3d"
    least_frames = LEAST_FRAMES

    def __init__(self, path: str, device: torch.device | str = "cpu"):
        check_not_a_pointer(Path(path))
        try:
            network = torch.jit.load(path, map_location="cpu")
        except RuntimeError as error:
            first = str(error).split("\n")[0]
            raise ValueError(f"`i3d` must be a TorchScript file, but {path} cannot be read: {first}") from error
        self.network = freeze(network, path, device)
        sha256 = digest_of_file(path)
        self.path = path
        self.title = title_of_file("I3D", path, sha256, I3D_SHA256)
        self.has_published_weights = sha256 == I3D_SHA256
        self.digest = f"{sha256} bilinear {I3D_SIZE}"
        self.device = device

    @torch.inference_mode()
    def __call__(self, batch: SampleBatch) -> Features:
        """Read a batch; see `FeatureReader.__call__`.

        Raises:
            ValueError: If the module of the file is not called as that of FVD.
        """
        try:
            features = self.network(self._prepared(batch.clips), rescale=False, resize=False, return_features=True)
        except torch.OutOfMemoryError:
            raise
        except RuntimeError as error:
            first = str(error).split("\n")[0]
            raise ValueError(
                f"`i3d` must be the module that FVD is worked out with, but {self.path}: {first}"
            ) from error
        if features.shape[:1] != batch.clips.shape[:1] or features.dim() != 2:
            raise ValueError(
                f"`i3d` must return one row for each of {len(batch.clips)} clips, but {self.path} returns "
                f"{tuple(features.shape)}; use the file that FVD is worked out with."
            )
        return {"features": features.float().cpu()}

    def _prepared(self, clips: Tensor) -> Tensor:
        frames = clips.flatten(0, 1).to(self.device).float() / 127.5 - 1
        resized = F.interpolate(frames, (I3D_SIZE, I3D_SIZE), mode="bilinear", align_corners=False)
        return resized.unflatten(0, clips.shape[:2]).transpose(1, 2)
