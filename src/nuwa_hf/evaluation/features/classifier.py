# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Whether a classifier sees in samples what they should show: the paper's accuracy.

Letters: B samples, T frames, C classes.
"""

from collections.abc import Iterable

import torch
from torch import Tensor

from nuwa_hf.evaluation.features.feature_reader import FeatureReader, Features
from nuwa_hf.evaluation.features.pretrained import (
    as_pictures,
    digest_of_pretrained,
    load_configuration,
    load_image_processor,
    load_network,
    title_of_pretrained,
)
from nuwa_hf.evaluation.features.videomae import spread_frames
from nuwa_hf.evaluation.samples.sample_set import SampleBatch


class ClassifierReader(FeatureReader):
    """Names the class of each sample by any classifier of transformers: `right` (B,), 1 where it is the sample's label
    and 0 where not, and `right_top5` (B,), whether the label is among the five likeliest.

    A classifier of images reads every frame, and the probabilities are averaged; one of videos sees the number of
    frames that it learnt, spread evenly over the clip. Labels are classes by name, in upper or lower case, with spaces
    or underscores; where several classes have the name, as two of ImageNet are called crane, each of them is right.

    Args:
        path (`str`): folder or Hub id of the classifier and its image processor.
        device (`torch.device` or `str`, defaults to `"cpu"`): where it computes.

    Raises:
        ValueError: If the model or its processor is not there, or it is no classifier.
    """

    kind = "classifier"
    needs = frozenset({"labels"})

    def __init__(self, path: str, device: torch.device | str = "cpu"):
        import transformers  # its parts are slow to import

        configuration = load_configuration(self.kind, path)
        self.is_of_videos = type(configuration) in transformers.MODEL_FOR_VIDEO_CLASSIFICATION_MAPPING
        auto = f"AutoModelFor{'Video' if self.is_of_videos else 'Image'}Classification"
        self.model = load_network(self.kind, path, getattr(transformers, auto), device)
        if self.model.main_input_name != "pixel_values":
            raise ValueError(
                f"`classifier` must read `pixel_values`, but {type(self.model).__name__} reads "
                f"`{self.model.main_input_name}`; use another one, such as VideoMAE."
            )
        self.processor = load_image_processor(self.kind, path)
        self.least_frames = 2 if self.is_of_videos else 1
        self.title = title_of_pretrained(self.model, path)
        self.digest = digest_of_pretrained(self.model, self.processor, "right by name")
        self.classes = [_key(name) for _, name in sorted(self.model.config.id2label.items())]

    def check(self, labels: Iterable[str]) -> None:
        """Checks that labels are classes of the classifier.

        Args:
            labels (`Iterable[str]`): labels of samples.

        Raises:
            ValueError: If some are not.
        """
        unknown = sorted({label for label in labels if _key(label) not in self.classes})
        if unknown:
            names = list(self.model.config.id2label.values())
            raise ValueError(
                f"`labels` must be classes of {self.title}, got {unknown[:10]}{' and more' if unknown[10:] else ''}; "
                f"it knows {len(names)}, such as {names[:5]}."
            )

    @torch.inference_mode()
    def __call__(self, batch: SampleBatch) -> Features:
        """Read a batch; see `FeatureReader.__call__`.

        Raises:
            ValueError: If a label is no class of the classifier.
        """
        self.check(batch.labels)
        wanted_BC = torch.tensor([[_key(label) == name for name in self.classes] for label in batch.labels])
        probabilities_BC = self._of_videos(batch.clips) if self.is_of_videos else self._of_frames(batch.clips)
        best = wanted_BC.gather(1, probabilities_BC.topk(min(5, probabilities_BC.shape[1])).indices)
        return {"right": best[:, 0].float(), "right_top5": best.any(1).float()}

    def _of_frames(self, clips: Tensor) -> Tensor:
        return torch.stack([self._read(as_pictures(frames)) for frames in clips.unbind(1)]).mean(0)

    def _of_videos(self, clips: Tensor) -> Tensor:
        return self._read([as_pictures(clip) for clip in spread_frames(clips, self.model.config.num_frames)])

    def _read(self, pictures: list) -> Tensor:
        inputs = self.processor(pictures, return_tensors="pt").to(self.model.device)
        return self.model(**inputs).logits.softmax(-1).cpu()


def _key(name: str) -> str:
    return name.replace("_", " ").strip().casefold()
