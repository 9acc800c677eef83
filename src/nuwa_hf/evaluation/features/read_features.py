# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Reads the features of whole sets of samples, and keeps them on disk."""

import hashlib
from collections.abc import Mapping
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
    return read_all_features({reader.kind: reader}, samples, batch_size=batch_size, cache_dir=cache_dir)[reader.kind]


def read_all_features(
    readers: Mapping[str, FeatureReader],
    samples: SampleSet,
    *,
    batch_size: int,
    cache_dir: str | Path | None = None,
) -> dict[str, Features]:
    """What several readers find in a set. The samples are decoded, and coded, once for all of them.

    Args:
        readers (`Mapping[str, FeatureReader]`): what reads, by any names.
        samples (`SampleSet`): the set.
        batch_size (`int`): samples read at once.
        cache_dir (`str` or `Path`, *optional*): as in `read_features`.

    Returns:
        `dict[str, Features]`: by the names of the readers.

    Raises:
        ValueError: As `read_features` does.
        OSError: If the folder cannot be written.
    """
    for reader in readers.values():
        check_samples(reader, samples)
    files = {} if cache_dir is None else {name: _file(cache_dir, reader, samples) for name, reader in readers.items()}
    found = {name: _load(file, len(samples)) for name, file in files.items() if file.is_file()}
    missing = {name: reader for name, reader in readers.items() if name not in found}
    read = _read(missing, samples, batch_size) if missing else {}
    for name, features in read.items():
        if name in files:
            _keep(files[name], features)
    return {name: {**found, **read}[name] for name in readers}


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


def _read(readers: Mapping[str, FeatureReader], samples: SampleSet, batch_size: int) -> dict[str, Features]:
    parts: dict[str, list[Features]] = {name: [] for name in readers}
    titles = ", ".join(reader.title for reader in readers.values())
    start = 0
    with tqdm(total=len(samples), desc=f"{titles}, {samples.name}", unit="sample", leave=False) as bar:
        for batch in samples.batches(batch_size):
            for name, reader in readers.items():
                features = reader(batch)
                _check_finite(features, reader, samples.name, start)
                parts[name].append(features)
            start += len(batch.clips)
            bar.update(len(batch.clips))
    return {
        name: {output: torch.cat([part[output] for part in own]) for output in own[0]} for name, own in parts.items()
    }


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


def _file(cache_dir: str | Path, reader: FeatureReader, samples: SampleSet) -> Path:
    digest = hashlib.sha256(f"{reader.digest}\n{samples.digest}".encode()).hexdigest()
    return Path(cache_dir) / f"{reader.kind}-{digest[:32]}.safetensors"


def _keep(file: Path, features: Features) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    remove_left_aside(file.parent, file.name)
    with written_aside(file) as aside:
        aside.write_bytes(save({name: value.contiguous() for name, value in features.items()}))


def _load(file: Path, length: int) -> Features:
    try:
        features = load_file(file)
    except SafetensorError as error:
        raise ValueError(f"Kept features must be whole, but {file} is broken ({error}); delete it.") from error
    if any(len(value) != length for value in features.values()):
        raise ValueError(f"Kept features must be those of {length} samples, but {file} has others; delete it.")
    return features
