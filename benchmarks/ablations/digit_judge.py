# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Whether a clip shows the digit of its caption, moving as its caption says.

The direction is read from pixels: that of the way of the centre of brightness from the first frame to the last. So is
the shape: how much the last frame looks like the first one, moved. The digit is what a small convolutional network
reads in the frames; it has learnt the digits of the training split.

Letters: B clips or pictures, T frames, Y, X pixel rows and columns.
"""

import hashlib
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from safetensors.torch import load_file, save
from torch import Tensor, nn
from tqdm import tqdm

from benchmarks.ablations.moving_digits import DIGIT_SIZE, DIRECTIONS, ROOM, SIZE, STEP, load_digits, read_caption
from nuwa_hf.evaluation.features.feature_reader import FeatureReader, Features
from nuwa_hf.evaluation.samples.sample_set import SampleBatch
from nuwa_hf.media import written_aside


CLASSIFIER_NAME = "digit_classifier.safetensors"
NUM_STEPS, BATCH_SIZE, LEARNING_RATE = 800, 64, 2e-3
DARK = 0.25  # of full brightness; what is darker is background
LEAST_WAY = STEP  # pixels from which a digit counts as moved; a real one moves by `ROOM`


class DigitClassifier(nn.Module):
    """Reads the digit of a frame, wherever it is."""

    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            *(nn.Conv2d(1, 16, 5, stride=2, padding=2), nn.BatchNorm2d(16), nn.ReLU()),
            *(nn.Conv2d(16, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(), nn.MaxPool2d(2)),
            *(nn.Conv2d(32, 64, 3, padding=1), nn.BatchNorm2d(64), nn.ReLU()),
            *(nn.Conv2d(64, 64, 3, padding=1), nn.BatchNorm2d(64), nn.ReLU(), nn.AdaptiveMaxPool2d(1), nn.Flatten()),
        )
        self.head = nn.Linear(64, 10)

    def forward(self, brightness: Tensor) -> Tensor:
        """Logits of the ten digits.

        Args:
            brightness (`torch.Tensor` of shape `(B, Y, X)`): in [0, 1].

        Returns:
            `torch.Tensor` of shape `(B, 10)`.
        """
        return self.head(self.features(brightness[:, None]))


def train_classifier(path: Path) -> DigitClassifier:
    """Train a classifier on the digits of the training split, at random places, blurred and not, or read it if it is
    there.

    Args:
        path (`Path`): its file.

    Returns:
        `DigitClassifier`: in evaluation mode.
    """
    torch.manual_seed(0)
    model = DigitClassifier()
    if path.exists():
        model.load_state_dict(load_file(path))
        return model.eval()
    digits, labels = load_digits()["train"]
    optimizer = torch.optim.AdamW(model.parameters(), lr=LEARNING_RATE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LEARNING_RATE, total_steps=NUM_STEPS)
    random = np.random.default_rng(0)
    for _ in tqdm(range(NUM_STEPS), desc="Digit classifier", unit="step", mininterval=1.0):
        rows = random.integers(len(labels), size=BATCH_SIZE)
        frames = torch.from_numpy(np.stack([_placed(digits[row], random) for row in rows]))
        loss = nn.functional.cross_entropy(model(frames), torch.from_numpy(labels[rows]))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    with written_aside(path) as aside:
        aside.write_bytes(save(model.state_dict()))
    return model.eval()


def _placed(digit: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """A digit somewhere in a frame, brighter or darker, half of the time blurred as a codec blurs."""
    frame = np.zeros((SIZE, SIZE), dtype=np.float32)
    top, left = random.integers(ROOM + 1, size=2)
    frame[top : top + DIGIT_SIZE, left : left + DIGIT_SIZE] = digit / 255 * random.uniform(0.7, 1)
    if random.random() < 0.5:
        for axis in (0, 1):
            frame = (np.roll(frame, 1, axis) + 2 * frame + np.roll(frame, -1, axis)) / 4
    return frame


def way_of(brightness: np.ndarray) -> np.ndarray | None:
    """How far the centre of brightness comes from the first frame to the last.

    Args:
        brightness (`np.ndarray` of shape `(T, Y, X)`): in [0, 1].

    Returns:
        `np.ndarray` of shape `(2,)`: x and y in pixels; None if one of the two frames is dark.
    """
    centres = []
    for frame in (brightness[0], brightness[-1]):
        light = np.where(frame > DARK, frame, 0)
        if not light.any():
            return None
        centres.append([(light.sum(axis) * np.arange(light.shape[1 - axis])).sum() / light.sum() for axis in (0, 1)])
    return np.subtract(centres[1], centres[0])


def direction_of(brightness: np.ndarray) -> str | None:
    """Where a clip's digit moves.

    Args:
        brightness (`np.ndarray` of shape `(T, Y, X)`): in [0, 1].

    Returns:
        `str`: a key of `DIRECTIONS`; None if nothing moves.
    """
    way = way_of(brightness)
    if way is None or np.hypot(*way) < LEAST_WAY:
        return None
    return max(DIRECTIONS, key=lambda name: np.dot(way, DIRECTIONS[name]))


def kept_shape(brightness: np.ndarray, direction: str) -> float:
    """How much of a shape is left when it has arrived: the cosine of the first frame, moved as far as a digit moves,
    and the last one.

    Args:
        brightness (`np.ndarray` of shape `(T, Y, X)`): in [0, 1].
        direction (`str`): a key of `DIRECTIONS`.

    Returns:
        `float`: in [0, 1], 1 for a real clip; 0 if one of the two frames is dark.
    """
    dx, dy = DIRECTIONS[direction]
    first, last = (np.where(frame > DARK, frame, 0) for frame in (brightness[0], brightness[-1]))
    moved = np.roll(np.pad(first, ROOM), (dy * ROOM, dx * ROOM), axis=(0, 1))
    first = moved[ROOM:-ROOM, ROOM:-ROOM]  # what leaves the frame is gone
    return float((first * last).sum() / max(np.linalg.norm(first) * np.linalg.norm(last), 1e-6))


class DigitReader(FeatureReader):
    """Reads moving digits.

    Its outputs, each of shape `(B,)` with 1 for right and 0 for wrong: `right_digit` (in the mean of the frames'
    probabilities), `right_direction`, and `right_both` (digit and direction). Further
    `kept_shape`, of shape `(B,)`, and `features`, of shape `(B, T, 64)`, the last before the classifier's logits.

    Args:
        path (`Path`): the file of the classifier, which is trained if it is not there.
    """

    kind: ClassVar[str] = "digits"
    title = "digit classifier"
    needs = frozenset({"captions"})

    def __init__(self, path: Path):
        self.classifier = train_classifier(path)
        self.digest = f"{hashlib.sha256(path.read_bytes()).hexdigest()} {DARK} {LEAST_WAY}"

    @torch.no_grad()
    def __call__(self, batch: SampleBatch) -> Features:
        """Judge a batch; see `FeatureReader.__call__`."""
        brightness = batch.clips.float().mean(2) / 255  # (B, T, Y, X)
        features = self.classifier.features(brightness.flatten(0, 1)[:, None]).unflatten(0, brightness.shape[:2])
        probabilities = self.classifier.head(features).softmax(-1)
        asked = [read_caption(caption) for caption in batch.captions]
        digits = torch.tensor([digit for digit, _ in asked])
        pairs = [(clip, direction) for clip, (_, direction) in zip(brightness.numpy(), asked, strict=True)]
        is_moving = torch.tensor([direction_of(clip) == direction for clip, direction in pairs])
        is_digit = probabilities.mean(1).argmax(-1) == digits
        right = {
            "right_digit": is_digit,
            "right_direction": is_moving,
            "right_both": is_digit & is_moving,
        }
        others = {"features": features, "kept_shape": torch.tensor([kept_shape(*pair) for pair in pairs])}
        return others | {name: values.float() for name, values in right.items()}
