# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""What all networks that read features share: frozen, finite, known by a digest, frame by frame."""

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor, nn

from nuwa_hf.evaluation.features.feature_reader import Features


NetworkT = TypeVar("NetworkT", bound=nn.Module)


def freeze(network: NetworkT, source: str, device: torch.device | str) -> NetworkT:
    """A network as it is used here: without dropout and gradients, in float32, on a device.

    Args:
        network (`nn.Module`): with its weights.
        source (`str`): where they come from, for the error.
        device (`torch.device` or `str`): where it shall compute.

    Returns:
        `nn.Module`: the same.

    Raises:
        ValueError: If a weight is NaN or infinite.
    """
    for name, tensor in network.state_dict().items():
        if tensor.is_floating_point() and not torch.isfinite(tensor).all():
            raise ValueError(
                f"`features` must name finite weights, but {name!r} in {source} is NaN or infinite; get them again."
            )
    for parameter in network.parameters():  # TorchScript has no `requires_grad_`
        parameter.requires_grad_(False)
    return network.float().eval().to(device)


def digest_of_network(network: nn.Module, *settings: str) -> str:
    """A digest of all weights and settings of a network.

    Args:
        network (`nn.Module`): on any device.
        *settings (`str`): what else its features depend on.

    Returns:
        `str`: hexadecimal.
    """
    digest = hashlib.sha256("\n".join(settings).encode())
    for name, tensor in sorted(network.state_dict().items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy())
    return digest.hexdigest()


def title_of_file(title: str, path: str | Path, digest: str, known: str) -> str:
    """What a network from a file is called: as published figures call it only if the file is theirs.

    Args:
        title (`str`): of the network with the known weights.
        path (`str` or `Path`): the file.
        digest (`str`): its SHA-256.
        known (`str`): the SHA-256 of the known weights.

    Returns:
        `str`: the title, with the name of a file that is another one.
    """
    return title if digest == known else f"{title}, weights {Path(path).name} ({digest[:8]})"


def frame_by_frame(read: Callable[[Tensor], Mapping[str, Tensor]], clips: Tensor) -> Features:
    """Reads clips by a network of single frames: the first frame of each, then the second, and so on, so that memory
    does not grow with their length.

    Args:
        read (`Callable`): takes `(B, 3, Y, X)` and returns outputs of shape `(B, ...)`.
        clips (`torch.Tensor` of shape `(B, T, 3, Y, X)`): the clips.

    Returns:
        `dict[str, torch.Tensor]`: of shape `(B, T, ...)`, float32 on the CPU.
    """
    frames = [{name: value.float().cpu() for name, value in read(frame).items()} for frame in clips.unbind(1)]
    return {name: torch.stack([frame[name] for frame in frames], dim=1) for name in frames[0]}
