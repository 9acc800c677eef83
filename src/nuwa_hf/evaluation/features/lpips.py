# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""LPIPS: how far samples are from the real ones that they stand for, as people see it.

Letters: B samples, T frames, Y, X pixel rows and columns.
"""

import torch
from torch import Tensor, nn

from nuwa_hf.conversion.safe_checkpoint import read_checkpoint
from nuwa_hf.evaluation.features.eval_libraries import import_library
from nuwa_hf.evaluation.features.feature_reader import FeatureReader, Features
from nuwa_hf.evaluation.features.frozen_networks import frame_by_frame, freeze, title_of_file
from nuwa_hf.evaluation.features.pixels import check_pairs
from nuwa_hf.evaluation.samples.sample_set import SampleBatch
from nuwa_hf.storage.file_digest import digest_of_file


ALEXNET_SHA256 = "7be5be791159472b1fbf3c69796f7cb30dca7ad8466c2df70058c37116cdee02"
VGG16_SHA256 = "397923af8e79cdbb6a7127f12361acd7a2f83e06b05044ddf496e83de57a5bf0"
FIRST_WEIGHT = "features.0.weight"
LEAST_SIDE = 32  # smaller images have no pixel left in the last layers


class LPIPSReader(FeatureReader):
    """Compares every sample with its reference by LPIPS: `distance` (B,), averaged over frames; where a task hid a
    part, over the whole frames of which it hid some pixels.

    torchmetrics does the arithmetic and brings the learnt weights of the layers; the network below them comes from a
    file.

    Args:
        path (`str`): torchvision's weights of AlexNet, as most papers use, or of VGG16; the file tells which.
        device (`torch.device` or `str`, defaults to `"cpu"`): where it computes.

    Raises:
        ValueError: If torchmetrics or torchvision is not installed, or the file is of another network.
    """

    kind = "lpips"
    needs = frozenset({"references"})

    def __init__(self, path: str, device: torch.device | str = "cpu"):
        state = read_checkpoint(path)
        is_vgg = FIRST_WEIGHT in state and state[FIRST_WEIGHT].shape[-1] == 3
        self.network = freeze(build_lpips("vgg" if is_vgg else "alex", state, path), path, device)
        sha256 = digest_of_file(path)
        title, known = ("LPIPS (VGG16)", VGG16_SHA256) if is_vgg else ("LPIPS (AlexNet)", ALEXNET_SHA256)
        self.title = title_of_file(title, path, sha256, known)
        self.digest = f"{sha256} {title} torchmetrics, frames with hidden pixels"
        self.device = device

    @torch.inference_mode()
    def __call__(self, batch: SampleBatch) -> Features:
        """Compare a batch; see `FeatureReader.__call__`.

        Raises:
            ValueError: If samples and references have two sizes, or are too small.
        """
        check_pairs(batch.clips, batch.references, LEAST_SIDE)
        pairs = torch.stack([batch.clips, batch.references], dim=2)
        distances_BT = frame_by_frame(self._compare, pairs)["distance"]
        if batch.hidden is None:
            return {"distance": distances_BT.mean(1)}
        counts_BT = batch.hidden.flatten(2).any(2).cpu()
        return {"distance": (distances_BT * counts_BT).sum(1) / counts_BT.sum(1)}

    def _compare(self, pairs: Tensor) -> dict[str, Tensor]:
        shown, wanted = (pixels.to(self.device).float() / 127.5 - 1 for pixels in pairs.unbind(1))
        return {"distance": self.network(shown, wanted).flatten()}


def build_lpips(name: str, state: dict[str, Tensor], source: str) -> nn.Module:
    """The LPIPS of torchmetrics on a network of given weights.

    Args:
        name (`str`): `"alex"` or `"vgg"`.
        state (`dict[str, torch.Tensor]`): torchvision's weights, those of the convolutions at least.
        source (`str`): where they come from, for the error.

    Returns:
        `nn.Module`: called with two batches of images in [-1, 1].

    Raises:
        ValueError: If torchmetrics or torchvision is not installed, or the weights are of another network.
    """
    import_library("torchvision")
    # The public class has no way to take a file: it would download the network.
    lpips = import_library("torchmetrics.functional.image.lpips")._LPIPS(net=name, pnet_rand=True)
    # torchmetrics keeps torchvision's layer "features.0" in a slice of its own, as "slice1.0".
    own = lpips.net.state_dict()
    names = {mine: f"features.{mine.split('.', 1)[1]}" for mine in own}
    wrong = [theirs for mine, theirs in names.items() if theirs not in state or state[theirs].shape != own[mine].shape]
    if wrong:
        raise ValueError(
            f"`lpips` must be torchvision's weights of AlexNet or VGG16, but {wrong[0]!r} in {source} is missing or "
            "of another size; use alexnet-owt-7be5be79.pth or vgg16-397923af.pth."
        )
    lpips.net.load_state_dict({mine: state[theirs] for mine, theirs in names.items()})
    return lpips
