# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""An ablation as a YAML file: `base.yaml` beside it, and what each variant replaces in it."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml


BASE_NAME = "base.yaml"
SECTIONS = ("data", "codec", "transformer", "evaluation")  # replaced value by value; the others as a whole


@dataclass(frozen=True)
class Run:
    """One training of one variant.

    Args:
        variant (`str`): its name.
        seed (`int`): of the transformer, of the samples, and of the codec unless `codec_seed` says otherwise.
        settings (`dict`): those of `base.yaml`, with the variant's in their place.
    """

    variant: str
    seed: int
    settings: dict[str, Any]

    @property
    def codec_seed(self) -> int:
        """Seed of the codec."""
        seed = self.settings["codec_seed"]
        return self.seed if seed is None else seed

    @property
    def is_axial(self) -> bool:
        """Whether the decoder attends along lines; see `axial_attention`."""
        return self.settings["transformer"].get("attention", "nearby") == "axial"

    def training_settings(self) -> dict[str, Any]:
        """Of the transformer, for `nuwa-hf train`."""
        return {name: value for name, value in self.settings["transformer"].items() if name != "attention"}

    def plain_codec_name(self) -> str:
        """The codec's folder before codes are merged. Runs of all ablations with the same settings share it."""
        return _name("codec", [self.settings["data"], self.settings["codec"], self.codec_seed])

    def codec_name(self) -> str:
        """The codec's folder, with its tokens."""
        merged = self.settings["merged_codes"]
        return self.plain_codec_name() + ("" if merged is None else f"-{merged}")

    def transformer_name(self) -> str:
        """The transformer's folder. Runs of all ablations with the same settings share it."""
        return _name("transformer", [self.codec_name(), self.settings["transformer"], self.seed])

    def evaluation_name(self) -> str:
        """The folder of its samples and scores, in the transformer's."""
        return _name("evaluation", self.settings["evaluation"])


def read_runs(path: Path) -> list[Run]:
    """The runs of an ablation, seed by seed, so that early results compare all variants.

    Args:
        path (`Path`): its YAML file.

    Returns:
        `list[Run]`.

    Raises:
        ValueError: If the file names a value that `base.yaml` does not know.
    """
    base, ablation = (yaml.safe_load(one.read_text(encoding="utf-8")) for one in (path.with_name(BASE_NAME), path))
    seeds, variants = ablation.pop("seeds"), ablation.pop("variants")
    base = _replaced(base, ablation, path)
    return [Run(name, seed, _replaced(base, variant, path)) for seed in seeds for name, variant in variants.items()]


def _replaced(base: Mapping[str, Any], values: Mapping[str, Any], path: Path) -> dict[str, Any]:
    unknown = sorted(values.keys() - base.keys())
    if unknown:
        raise ValueError(f"{path} must replace what {BASE_NAME} has, {sorted(base)}, got {unknown[0]!r}.")
    return {**base, **{key: {**base[key], **new} if key in SECTIONS else new for key, new in values.items()}}


def _name(kind: str, content: Any) -> str:
    text = json.dumps(content, sort_keys=True)
    return f"{kind}-{hashlib.sha256(text.encode()).hexdigest()[:10]}"
