# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""What contenders draw, and what the judge of Moving MNIST says of it."""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from tqdm import tqdm

from benchmarks.minutes.clips import real_clips
from benchmarks.minutes.contender import Contender
from benchmarks.minutes.sets import SETS
from nuwa_hf.evaluation.features.feature_reader import Features
from nuwa_hf.evaluation.judges.digit_reader import DigitReader
from nuwa_hf.evaluation.metrics.compute_metrics import compute_metrics
from nuwa_hf.evaluation.metrics.metric_table import METRICS, resolve_metrics
from nuwa_hf.evaluation.samples.sample_set import SampleBatch
from nuwa_hf.media import written_aside


CLIPS_PER_SET = 2  # that are shown
JUDGED = ("digits", "digit-motion", "digits-and-motion")
DISTANCE = "frechet:digits.frame_features"


def draw_all(contender: Contender, per_set: int, max_seconds: float, drawn: bool, folder: Path, seed: int) -> None:
    """Draw clips for the captions of all sets, by turns, until there are enough or the time is over. What was drawn
    before is kept, and its time counts.

    Args:
        contender (`Contender`): loaded.
        per_set (`int`): clips of each set.
        max_seconds (`float`): of drawing; a batch of each set is drawn whatever it takes.
        drawn (`bool`): whether the real digits are drawn ones.
        folder (`Path`): gets a file for each batch, and beside it the seconds that it took.
        seed (`int`): of the draws.
    """
    folder.mkdir(parents=True, exist_ok=True)
    count, spent = contender.samples_at_once, 0.0
    batches = [(first, name) for first in range(0, per_set, count) for name in SETS]
    for place, (first, name) in enumerate(tqdm(batches, desc=f"{contender.name}: clips", unit="batch")):
        path = folder / f"{list(SETS).index(name)}-{first:04d}.npy"
        if not path.exists():
            if place >= len(SETS) and spent > max_seconds:
                return
            captions = captions_of(name, first, min(first + count, per_set), drawn)
            start = time.perf_counter()
            clips = contender.sample(captions, seed=10_000 * (1 + seed) + place * count)
            seconds = time.perf_counter() - start
            with written_aside(path.with_suffix(".json")) as aside:
                aside.write_text(json.dumps(seconds), encoding="utf-8")
            with written_aside(path) as aside, open(aside, "wb") as file:
                np.save(file, clips[..., 0])
        spent += json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))


def captions_of(name: str, first: int, end: int, drawn: bool) -> list[str]:
    """Some captions of a set."""
    clips = real_clips(name, end, drawn)
    return [clips[index]["caption"] for index in range(first, end)]


def read_clips(folder: Path, name: str) -> np.ndarray:
    """What `draw_all` drew for a set.

    Args:
        folder (`Path`): as for `draw_all`.
        name (`str`): the set.

    Returns:
        `np.ndarray` of shape `(n, T, Y, X)`: uint8.
    """
    paths = sorted(folder.glob(f"{list(SETS).index(name)}-*.npy"))
    return np.concatenate([np.load(path, allow_pickle=False) for path in paths])


def write_first_clips(folder: Path, path: Path) -> None:
    """Draw the first clips of each set, a row of frames for each.

    Args:
        folder (`Path`): as for `draw_all`.
        path (`Path`): of the PNG, grey.
    """
    clips = np.concatenate([read_clips(folder, name)[:CLIPS_PER_SET] for name in SETS])
    rows, frames, height, width = clips.shape
    picture = clips.transpose(0, 2, 1, 3).reshape(rows * height, frames * width)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(picture).save(path)


class Judge:
    """Judges clips, beside real ones of the same captions.

    Args:
        folder (`Path`): what `nuwa-hf train-judges --dataset moving-mnist` wrote.
        per_set (`int`): real clips of each set.
        drawn (`bool`): whether digits are drawn ones.
    """

    def __init__(self, folder: Path, per_set: int, drawn: bool):
        self.reader, self.per_set, self.drawn = DigitReader.open(folder), per_set, drawn
        self._real = {name: self._read_real(name, slice(0, per_set)) for name in SETS}

    def score(self, folder: Path) -> dict[str, dict[str, Any]]:
        """The scores of what `draw_all` drew: of as many clips of each set as there are of every one.

        Args:
            folder (`Path`): as for `draw_all`.

        Returns:
            `dict`: set to metric to the fields of its score; the distance of all sets together stands under "all".
        """
        clips = {name: read_clips(folder, name) for name in SETS}
        least = min(
            map(len, clips.values())
        )  # time may be over between two sets, and the mixture is that of real clips
        return self._score({name: self._read(own[:least], name) for name, own in clips.items()})

    def score_real(self) -> dict[str, dict[str, Any]]:
        """The scores of real clips that no other row is compared with: what can be reached."""
        others = slice(self.per_set, 2 * self.per_set)
        return self._score({name: self._read_real(name, others) for name in SETS})

    def _score(self, features: dict[str, Features]) -> dict[str, dict[str, Any]]:
        metrics = [METRICS[name] for name in JUDGED]
        scores = {
            name: {key: asdict(score) for key, score in compute_metrics(metrics, {"digits": own}).items()}
            for name, own in features.items()
        }
        both = [{"digits": _joined(list(part.values()))} for part in (features, self._real)]
        distance = compute_metrics(resolve_metrics([DISTANCE]), *both)[DISTANCE]
        return {**scores, "all": {"frechet": asdict(distance)}}

    def _read_real(self, name: str, part: slice) -> Features:
        clips = real_clips(name, part.stop, self.drawn)
        samples = [clips[index] for index in range(part.start, part.stop)]
        return self._features([sample["video"][..., 0] for sample in samples], [one["caption"] for one in samples])

    def _read(self, clips: np.ndarray, name: str) -> Features:
        return self._features(clips, captions_of(name, 0, len(clips), self.drawn))

    def _features(self, clips: Sequence[np.ndarray], captions: Sequence[str]) -> Features:
        parts = []
        for first in range(0, len(captions), 50):
            grey = torch.from_numpy(np.stack(clips[first : first + 50]))
            videos = grey[:, :, None].expand(-1, -1, 3, -1, -1)
            parts.append(self.reader(SampleBatch(videos, captions=captions[first : first + 50])))
        return _joined(parts)


def _joined(parts: Sequence[Features]) -> Features:
    return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}


def sampling_seconds(contender: Contender, batches: Sequence[int], drawn: bool) -> dict[str, float]:
    """Seconds of one clip, by the clips of a call: of the faster of two calls, or of the first if that took long.

    Args:
        contender (`Contender`): loaded.
        batches (`Sequence[int]`): clips of a call.
        drawn (`bool`): as for `draw_all`.

    Returns:
        `dict[str, float]`: batch to seconds of a clip.
    """
    seconds = {}
    for batch in batches:
        captions = captions_of(next(iter(SETS)), 0, batch, drawn)
        seconds[str(batch)] = _shortest(lambda captions=captions: contender.sample(captions, seed=0)) / batch
    return seconds


def _shortest(draw: Callable[[], Any], long: float = 60.0) -> float:
    taken: list[float] = []
    while not taken or (len(taken) < 2 and taken[0] < long):
        start = time.perf_counter()
        draw()
        taken.append(time.perf_counter() - start)
    return min(taken)
