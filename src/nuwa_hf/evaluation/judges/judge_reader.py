# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The judges as a reader of features: whether samples of EmojiMotion show what they should.

Letters: B samples, T frames, Y, X pixel rows and columns, C classes of sketches, F features.
"""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor

from nuwa_hf.bulk.digests import model_digest, settings_digest
from nuwa_hf.datasets.class_map import sketch_class_names
from nuwa_hf.datasets.sprites import CATEGORIES
from nuwa_hf.evaluation.features.feature_reader import FeatureReader, Features
from nuwa_hf.evaluation.judges.clip_truth import ClipTruth
from nuwa_hf.evaluation.judges.judges import Judges
from nuwa_hf.evaluation.samples.sample_set import SampleBatch, SampleSet
from nuwa_hf.metrics.class_map_scores import class_counts
from nuwa_hf.metrics.psnr import BEST_PSNR, psnr


OF_CLIPS = frozenset(
    {
        *("right_motion", "right_motion_without_round_spin", "right_object_and_motion"),
        *("every_frame", "whole", "clip_features"),
    }
)
OF_CLASS_MAPS = frozenset({"class_counts", "thing_counts"})


class JudgeReader(FeatureReader):
    """What the judges say of samples of EmojiMotion, beside what is true of these.

    A sample of one frame is judged as a still. In every output of shape `(B,)`, not a number means that the sample
    does not count: a motion is judged in clips with one thing only.

    Args:
        judges (`Judges`): trained on the classes of the data set.

    Raises:
        ValueError: If the segment judge knows other classes than EmojiMotion's sketches have.
    """

    kind: ClassVar[str] = "judges"
    title = "EmojiMotion's judges"
    needs = frozenset({"rows"})

    def __init__(self, judges: Judges):
        if judges.segment_judge is not None and tuple(judges.segment_judge.config.class_names) != sketch_class_names:
            raise ValueError(
                f"`judges` must know the {len(sketch_class_names)} classes of EmojiMotion's sketches, got a segment "
                f"judge of {len(judges.segment_judge.config.class_names)} other ones; train it again."
            )
        self.judges = judges
        networks = (judges.frame_judge, judges.clip_judge, judges.segment_judge)
        self.digest = settings_digest(*(network and model_digest(network) for network in networks), BEST_PSNR)

    @classmethod
    def open(cls, path: str | Path, device: str | torch.device = "cpu") -> "JudgeReader":
        """Load what `nuwa-hf train-judges` saved.

        Args:
            path (`str` or `Path`): its directory.
            device (`str` or `torch.device`, defaults to `"cpu"`): where they judge.

        Returns:
            `JudgeReader`.

        Raises:
            ValueError: If the directory holds no judges.
        """
        return cls(Judges.from_pretrained(path, device))

    def check_output(self, output: str, samples: SampleSet) -> None:
        """Check that an output can be read out of a set; see `FeatureReader.check_output`.

        Args:
            output (`str`): one of those of `__call__`.
            samples (`SampleSet`): the set; its pixels are not read.

        Raises:
            ValueError: If a motion is to be judged in stills, clips have another number of frames than those that the
                clip judge was trained on, or there is no segment judge for class maps.
        """
        num_frames = self.judges.clip_judge.config.num_frames
        if output in OF_CLIPS and samples.num_frames == 1:
            raise ValueError(f"`metrics` must be such as a still has, got one that reads {output!r}; leave it out.")
        if samples.num_frames not in (1, num_frames):
            raise ValueError(
                f"`judges` must be trained on clips of {samples.num_frames} frames, got judges of {num_frames} "
                "frames; train judges for this setting with `nuwa-hf train-judges`."
            )
        if output in OF_CLASS_MAPS:
            self.judges.require_segment_judge()

    def __call__(self, batch: SampleBatch) -> Features:
        """Judge a batch.

        Args:
            batch (`SampleBatch`): B samples with `rows`; class maps are judged where it has `sketches`.

        Returns:
            `dict[str, torch.Tensor]`:

            - `right_object`, `right_background` `(B,)`: 1 where the k things that should be there are the k that the
              judge ranks highest, by the mean over the frames (a further thing beside them is not noticed), and where
              the background is right;
            - of clips, `right_motion`, `right_motion_without_round_spin`, `right_object_and_motion` `(B,)`;
              `every_frame` `(B,)`, 1 where the thing ranks highest in every single frame; `whole` `(B,)`, where that
              and the motion are right;
            - `chance_object` and so on `(B,)`: how often a guess is right;
            - `frame_features` `(B, T, F)` and, of clips, `clip_features` `(B, F)`;
            - `class_counts` `(B, 3, C)`, with sketches and a segment judge: pixels of each class in the intersection,
              in what the judge draws, and in the sketch; `thing_counts`, those of the things only;
            - `psnr_things` `(B,)`, with references: decibels on the pixels of the things.

        Raises:
            ValueError: If the data set has classes that the judges do not know.
        """
        clips = batch.clips.float() / 255
        shape = clips.shape[:2]
        is_still = shape[1] == 1
        truth_of = ClipTruth.of_still if is_still else ClipTruth.of_clip
        truths = [truth_of(row, self.judges) for row in batch.rows]
        frames = self.judges.judge_frames(clips.flatten(0, 1))
        object_logits = frames.object_logits.unflatten(0, shape)
        background_logits = frames.background_logits.unflatten(0, shape)
        features = {
            "right_object": shows_exactly(object_logits.mean(dim=1), truths),
            "right_background": agree(background_logits.mean(dim=1), [truth.background for truth in truths]),
            "frame_features": frames.features.unflatten(0, shape),
        }
        if not is_still:
            in_frames = [shows_exactly(object_logits[:, frame], truths) for frame in range(shape[1])]
            features |= self._judge_motion(clips, truths, features["right_object"], torch.stack(in_frames).amin(dim=0))
        guesses = [truth.guess(self.judges) for truth in truths]
        features |= {f"chance_{name}": torch.tensor([guess[name] for guess in guesses]) for name in guesses[0]}
        if batch.sketches is not None and self.judges.segment_judge is not None:
            drawn = self.judges.segment(clips.flatten(0, 1)).unflatten(0, shape)
            pairs = zip(drawn, batch.sketches.long(), strict=True)
            features["class_counts"] = torch.stack([class_counts(*pair, len(sketch_class_names)) for pair in pairs])
            features["thing_counts"] = features["class_counts"][..., 1 : len(CATEGORIES)]
        if batch.references is not None:
            features["psnr_things"] = psnr_things(batch.clips, batch.references, batch.rows)
        return features

    def _judge_motion(
        self, clips: Tensor, truths: Sequence[ClipTruth], right_object: Tensor, every_frame: Tensor
    ) -> Features:
        verdicts = self.judges.judge_clips(clips)
        right_motion = agree(verdicts.motion_logits, [truth.motion for truth in truths])
        is_round_spin = torch.tensor([truth.is_round_spin for truth in truths])
        is_hidden = right_motion.isnan() | torch.tensor([truth.fades for truth in truths])
        every_frame = every_frame.masked_fill(is_hidden, math.nan)
        return {
            "right_motion": right_motion,
            "right_motion_without_round_spin": right_motion.masked_fill(is_round_spin, math.nan),
            "right_object_and_motion": right_object * right_motion,
            "every_frame": every_frame,
            "whole": every_frame * right_motion,
            "clip_features": verdicts.features,
        }


def shows_exactly(object_logits: Tensor, truths: Sequence[ClipTruth]) -> Tensor:
    """Whether the k highest logits are those of the k things that should be there; a further thing is not noticed.

    Args:
        object_logits (`torch.Tensor` of shape `(B, num_objects)`): of the frame judge.
        truths (`Sequence[ClipTruth]`): B truths.

    Returns:
        `torch.Tensor` of shape `(B,)`: 1 or 0; not a number where no thing should be there.
    """
    ranked = object_logits.argsort(dim=1, descending=True).tolist()
    return torch.tensor(
        [
            float(set(order[: len(truth.objects)]) == truth.objects) if truth.objects else math.nan
            for order, truth in zip(ranked, truths, strict=True)
        ]
    )


def agree(logits: Tensor, right: Sequence[int | None]) -> Tensor:
    """Whether the highest logit is that of the right class.

    Args:
        logits (`torch.Tensor` of shape `(B, num_classes)`): of a judge.
        right (`Sequence[int | None]`): B classes.

    Returns:
        `torch.Tensor` of shape `(B,)`: 1 or 0; not a number where no class is right.
    """
    seen = logits.argmax(dim=1).tolist()
    return torch.tensor(
        [math.nan if answer is None else float(found == answer) for found, answer in zip(seen, right, strict=True)]
    )


def psnr_things(clips: Tensor, references: Tensor, rows: Sequence[Mapping[str, Any]]) -> Tensor:
    """Peak signal-to-noise ratio on the pixels of the things.

    Args:
        clips (`torch.ByteTensor` of shape `(B, T, 3, Y, X)`): pixels in 0..255.
        references (`torch.ByteTensor` of shape `(B, T, 3, Y, X)`): the real samples.
        rows (`Sequence[Mapping]`): B samples of EmojiMotion, with `object_mask` and `image_index`.

    Returns:
        `torch.Tensor` of shape `(B,)`: decibels, as `psnr` has them; not a number where nothing is there.
    """
    masks = [row["object_mask"] if clips.shape[1] > 1 else row["object_mask"][[row["image_index"]]] for row in rows]
    triples = zip(clips, references, masks, strict=True)
    return torch.stack([psnr(clip, real, torch.from_numpy(mask), value_range=255.0) for clip, real, mask in triples])
