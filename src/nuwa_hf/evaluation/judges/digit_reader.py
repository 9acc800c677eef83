# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The judge of Moving MNIST as a reader of features: whether clips show the digits and motions of their captions.

Letters: B samples, T frames, F features.
"""

from pathlib import Path
from typing import ClassVar

import torch

from nuwa_hf.bulk.digests import model_digest, settings_digest
from nuwa_hf.datasets.moving_mnist import read_caption
from nuwa_hf.evaluation.features.feature_reader import FeatureReader, Features
from nuwa_hf.evaluation.judges.digit_finder import DigitFinder, read_digits
from nuwa_hf.evaluation.judges.digit_tracks import LEAST_SEEN, LEAST_WAY, MOST_ASIDE, OVERLAP, judge_clip
from nuwa_hf.evaluation.judges.judge_folders import load_judge
from nuwa_hf.evaluation.samples.sample_set import SampleBatch, SampleSet


DIGIT_FINDER_FOLDER = "digit_finder"


class DigitReader(FeatureReader):
    """Judges clips by their captions, which say all that is true of them.

    Args:
        finder (`DigitFinder`): trained.
    """

    kind: ClassVar[str] = "digits"
    title = "the judge of Moving MNIST"
    needs = frozenset({"captions"})
    least_frames = 2

    def __init__(self, finder: DigitFinder):
        self.finder = finder.eval().requires_grad_(False).to(memory_format=torch.channels_last)
        rules = (LEAST_WAY, MOST_ASIDE, OVERLAP, LEAST_SEEN)
        self.digest = settings_digest(model_digest(finder), *map(str, rules))

    @classmethod
    def open(cls, path: str | Path, device: str | torch.device = "cpu") -> "DigitReader":
        """Load what `nuwa-hf train-judges --dataset moving-mnist` saved.

        Args:
            path (`str` or `Path`): its directory.
            device (`str` or `torch.device`, defaults to `"cpu"`): where it judges.

        Returns:
            `DigitReader`.

        Raises:
            OSError: If it is broken.
            ValueError: If the directory holds no such judge.
        """
        folder = Path(path) / DIGIT_FINDER_FOLDER
        if not folder.is_dir():
            raise ValueError(
                f"`digits` must be a directory that holds {DIGIT_FINDER_FOLDER}/, got {str(path)!r}; make it with "
                "`nuwa-hf train-judges --dataset moving-mnist`."
            )
        return cls(load_judge(DigitFinder, folder, device))

    def check_output(self, output: str, samples: SampleSet) -> None:
        """Check that an output can be read out of a set; see `FeatureReader.check_output`."""

    @torch.inference_mode()
    def __call__(self, batch: SampleBatch) -> Features:
        """Judge a batch.

        Args:
            batch (`SampleBatch`): B clips with `captions` of Moving MNIST.

        Returns:
            `dict[str, torch.Tensor]`:

            - `right_digits`, `right_motion`, `right_digits_and_motion` `(B,)`: 1 or 0, as `ClipVerdict` has them;
            - `frame_features` `(B, T, F)`: what the network reads in each frame;
            - `features` `(B, 2 F)`: their mean over the frames, and how much they change from frame to frame.

        Raises:
            ValueError: If a caption is none of Moving MNIST.
        """
        asked = [read_caption(caption) for caption in batch.captions]
        brightness = batch.clips.to(self.finder.device).float().mean(dim=2) / 255  # (B, T, Y, X)
        outputs = [self.finder(frames) for frames in brightness.flatten(0, 1).split(256)]
        found = [frame for output in outputs for frame in read_digits(output)]
        num_frames = brightness.shape[1]
        clips = [found[start : start + num_frames] for start in range(0, len(found), num_frames)]
        verdicts = [judge_clip(*both) for both in zip(clips, asked, strict=True)]
        frame_features = torch.cat([output.features for output in outputs]).unflatten(0, brightness.shape[:2]).cpu()
        changes = frame_features.diff(dim=1).abs().mean(dim=1)
        return {
            "right_digits": torch.tensor([float(verdict.digits) for verdict in verdicts]),
            "right_motion": torch.tensor([float(verdict.motion) for verdict in verdicts]),
            "right_digits_and_motion": torch.tensor([float(verdict.both) for verdict in verdicts]),
            "frame_features": frame_features,
            "features": torch.cat([frame_features.mean(dim=1), changes], dim=1),
        }
