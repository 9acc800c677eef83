# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Reads the features of whole sets of samples, and keeps them on disk."""

import hashlib
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from tqdm.auto import tqdm

from nuwa_hf.evaluation.features.feature_reader import FeatureReader, Features
from nuwa_hf.evaluation.samples.sample_set import SampleSet
from nuwa_hf.media.whole_files import remove_left_aside, written_aside


def read_features(
    reader: FeatureReader, samples: SampleSet, *, batch_size: int, cache_dir: str | Path | None = None
) -> Features:
    """All features of a set, with a progress bar.

    Args:
        reader (`FeatureReader`): what reads them.
        samples (`SampleSet`): the set.
        batch_size (`int`): samples read at once.
        cache_dir (`str` or `Path`, *optional*): a folder in which they are kept by the digests of reader and set, and
            found again; it is made if it is not there.

    Returns:
        `dict[str, torch.Tensor]`: of shape `(len(samples), ...)`.

    Raises:
        ValueError: If the set lacks what the reader needs, a feature is NaN or infinite, or a kept file is broken.
        OSError: If the folder cannot be written.
    """
    check_samples(reader, samples)
    if cache_dir is None:
        return _read(reader, samples, batch_size)
    digest = hashlib.sha256(f"{reader.digest}\n{samples.digest}".encode()).hexdigest()
    file = Path(cache_dir) / f"{reader.kind}-{digest[:32]}.safetensors"
    if file.is_file():
        return _load(file, len(samples))
    features = _read(reader, samples, batch_size)
    file.parent.mkdir(parents=True, exist_ok=True)
    remove_left_aside(file.parent, file.name)
    with written_aside(file) as aside:
        aside.write_bytes(save({name: value.contiguous() for name, value in features.items()}))
    return features


def check_samples(reader: FeatureReader, samples: SampleSet) -> None:
    """Checks that a set has what a reader needs, before any sample is read.

    Args:
        reader (`FeatureReader`): what shall read it.
        samples (`SampleSet`): the set.

    Raises:
        ValueError: If it has no samples, lacks a field, or its samples have too few frames.
    """
    if len(samples) == 0:
        raise ValueError(f"`samples` must hold at least one sample, got none in {samples.name!r}; give some.")
    missing = sorted(reader.needs - samples.has)
    if missing:
        raise ValueError(
            f"`samples` must have {' and '.join(missing)} for {reader.kind!r}, but {samples.name!r} has "
            f"{sorted(samples.has) or 'none of these'}; use data that has them, or leave out what is worked out from "
            f"{reader.kind!r}."
        )
    if samples.num_frames < reader.least_frames:
        raise ValueError(
            f"`samples` must have at least {reader.least_frames} frames each for {reader.kind!r}, got "
            f"{samples.num_frames} in {samples.name!r}; use longer clips, or other features."
        )


def _read(reader: FeatureReader, samples: SampleSet, batch_size: int) -> Features:
    parts: list[Features] = []
    start = 0
    with tqdm(total=len(samples), desc=f"{reader.title}, {samples.name}", unit="sample", leave=False) as bar:
        for batch in samples.batches(batch_size):
            features = reader(batch)
            _check_finite(features, reader, samples.name, start)
            parts.append(features)
            start += len(batch.clips)
            bar.update(len(batch.clips))
    return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}


def _check_finite(features: Features, reader: FeatureReader, name: str, start: int) -> None:
    """Single numbers of a sample may be NaN, where it does not count, or infinite, as the PSNR of equal pixels."""
    for output, value in features.items():
        if value.dim() == 1 or not value.is_floating_point():
            continue
        wrong = (~torch.isfinite(value)).flatten(1).any(1).nonzero()
        if len(wrong):
            raise ValueError(
                f"Features must be finite, but {reader.title} gives NaN or infinity in {output!r} of sample "
                f"{start + int(wrong[0])} of {name!r}; use other weights, or leave that sample out."
            )


def _load(file: Path, length: int) -> Features:
    try:
        features = load_file(file)
    except SafetensorError as error:
        raise ValueError(f"Kept features must be whole, but {file} is broken ({error}); delete it.") from error
    if any(len(value) != length for value in features.values()):
        raise ValueError(f"Kept features must be those of {length} samples, but {file} has others; delete it.")
    return features
