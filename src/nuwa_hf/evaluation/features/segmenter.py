# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Which class map samples have, beside the sketch that they were drawn from: the paper's pixel accuracy.

Letters: B samples, T frames, C classes, Y, X pixel rows and columns.
"""

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
from nuwa_hf.evaluation.samples.sample_set import SampleBatch
from nuwa_hf.metrics.class_map_scores import class_counts


IGNORED_CLASS = 255  # of a sketch: pixels of no class, as data sets of class maps have it


class SegmenterReader(FeatureReader):
    """Segments every frame by any semantic segmentation of transformers: `class_counts` (B, 3, C), for each class the
    pixels of all frames in which prediction and sketch both have it, those of the prediction, and those of the sketch.

    Sketches have the model's numbers of classes; their pixels of class 255 are not counted. A checkpoint refuses
    classes that its codec of sketches does not have, so beside one give these pixels a class that codec and model
    know; they are then counted as of that class. An image processor that would cut out the middle of a frame resizes
    all of it to that size instead.

    Args:
        path (`str`): folder or Hub id of the model and its image processor.
        device (`torch.device` or `str`, defaults to `"cpu"`): where it computes.

    Raises:
        ValueError: If the model or its processor is not there, or it does not segment.
    """

    kind = "segmenter"
    needs = frozenset({"sketches"})

    def __init__(self, path: str, device: torch.device | str = "cpu"):
        import transformers  # its parts are slow to import

        configuration = load_configuration(self.kind, path)
        is_universal = type(configuration) in transformers.MODEL_FOR_UNIVERSAL_SEGMENTATION_MAPPING
        auto = f"AutoModelFor{'Universal' if is_universal else 'Semantic'}Segmentation"
        self.model = load_network(self.kind, path, getattr(transformers, auto), device)
        self.processor = load_image_processor(self.kind, path)
        if getattr(self.processor, "do_center_crop", False):  # its map would be stretched over the whole frame
            self.processor.do_center_crop, self.processor.do_resize = False, True
            self.processor.size = self.processor.crop_size
        self.num_classes = len(self.model.config.id2label)
        self.title = title_of_pretrained(self.model, path)
        self.digest = digest_of_pretrained(self.model, self.processor, "class counts")

    @torch.inference_mode()
    def __call__(self, batch: SampleBatch) -> Features:
        """Read a batch; see `FeatureReader.__call__`.

        Raises:
            ValueError: If sketches are of another size, or have classes that the model does not.
        """
        self._check_sketches(batch)
        predicted = torch.stack([self._segment(frames) for frames in batch.clips.unbind(1)], dim=1)
        return {
            "class_counts": torch.stack(
                [
                    class_counts(one[sketch != IGNORED_CLASS], sketch[sketch != IGNORED_CLASS], self.num_classes)
                    for one, sketch in zip(predicted, batch.sketches, strict=True)
                ]
            )
        }

    def _segment(self, frames: Tensor) -> Tensor:
        inputs = self.processor(as_pictures(frames), return_tensors="pt").to(self.model.device)
        sizes = [tuple(frames.shape[-2:])] * len(frames)
        maps = self.processor.post_process_semantic_segmentation(self.model(**inputs), target_sizes=sizes)
        return torch.stack(list(maps)).cpu().long()

    def _check_sketches(self, batch: SampleBatch) -> None:
        size = (*batch.clips.shape[:2], *batch.clips.shape[3:])
        if batch.sketches.shape != size:
            raise ValueError(
                f"`sketches` must have the frames and the size of the samples, {size}, got "
                f"{tuple(batch.sketches.shape)}; give them at one size."
            )
        classes = batch.sketches.unique()
        unknown = classes[(classes < 0) | ((classes >= self.num_classes) & (classes != IGNORED_CLASS))]
        if len(unknown):
            raise ValueError(
                f"`sketches` must have the {self.num_classes} classes of {self.title} (or {IGNORED_CLASS}, which is "
                f"not counted), got {unknown[:10].tolist()}; use a model of the same classes."
            )
