# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
import pytest
import torch
from tiny_samples import random_clips
from transformers import SegformerConfig, SegformerForSemanticSegmentation
from transformers.models.mobilenet_v2.image_processing_pil_mobilenet_v2 import MobileNetV2ImageProcessorPil
from transformers.models.segformer.image_processing_pil_segformer import SegformerImageProcessorPil

from nuwa_hf.evaluation.features.segmenter import SegmenterReader
from nuwa_hf.evaluation.samples.sample_set import SampleBatch
from nuwa_hf.metrics.class_map_scores import pixel_accuracy


NUM_CLASSES = 4


@pytest.fixture(scope="module")
def reader(tmp_path_factory):
    folder = tmp_path_factory.mktemp("segformer")
    torch.manual_seed(0)
    config = SegformerConfig(
        num_labels=NUM_CLASSES,
        num_encoder_blocks=2,
        depths=[1, 1],
        sr_ratios=[1, 1],
        hidden_sizes=[8, 8],
        patch_sizes=[3, 3],
        strides=[2, 2],
        num_attention_heads=[1, 1],
        mlp_ratios=[1, 1],
        decoder_hidden_size=8,
        initializer_range=0.5,
    )
    SegformerForSemanticSegmentation(config).save_pretrained(folder)
    SegformerImageProcessorPil(size={"height": 16, "width": 16}).save_pretrained(folder)
    return SegmenterReader(str(folder))


def predictions(reader, clips):
    """What the model predicts, one frame after the other."""
    maps = []
    for frame in clips.flatten(0, 1):
        inputs = reader.processor([frame.movedim(0, -1).numpy()], return_tensors="pt")
        with torch.no_grad():
            logits = reader.model(**inputs).logits
        maps.append(torch.nn.functional.interpolate(logits, clips.shape[-2:], mode="bilinear").argmax(1)[0])
    return torch.stack(maps).unflatten(0, clips.shape[:2])


def test_counts_of_a_sample_give_its_pixel_accuracy_over_all_frames(reader):
    clips = random_clips(num_samples=2, num_frames=3, height=16, width=24)
    sketches = torch.randint(NUM_CLASSES, (2, 3, 16, 24))
    both, predicted, truth = reader(SampleBatch(clips, sketches=sketches))["class_counts"].unbind(1)
    maps = predictions(reader, clips)
    assert len(maps.unique()) > 1
    expected = [pixel_accuracy(one, sketch) for one, sketch in zip(maps, sketches, strict=True)]
    torch.testing.assert_close(both.sum(1) / truth.sum(1), torch.stack(expected))
    for counts, classes in ((truth, sketches), (predicted, maps)):
        assert counts.tolist() == [one.flatten().bincount(minlength=NUM_CLASSES).tolist() for one in classes]


def test_processor_that_cuts_out_the_middle_shows_the_whole_frame(reader, tmp_path):
    """Its maps are those of a processor that squeezes all of the frame into what would be cut out."""
    reader.model.save_pretrained(tmp_path)
    like = {name: getattr(reader.processor, name) for name in ("image_mean", "image_std", "resample")}
    cutting = MobileNetV2ImageProcessorPil(size={"shortest_edge": 20}, crop_size={"height": 16, "width": 16}, **like)
    cutting.save_pretrained(tmp_path)
    batch = SampleBatch(random_clips(height=16, width=24), sketches=torch.randint(NUM_CLASSES, (3, 2, 16, 24)))
    found = SegmenterReader(str(tmp_path))(batch)["class_counts"]
    assert torch.equal(found, reader(batch)["class_counts"])


def test_pixels_of_no_class_are_not_counted(reader):
    sketches = torch.full((1, 1, 16, 16), 255)
    sketches[..., :4] = 2
    counts = reader(SampleBatch(random_clips(num_samples=1, num_frames=1), sketches=sketches))["class_counts"]
    assert counts[0, 1:].sum(1).tolist() == [64, 64]


@pytest.mark.parametrize(
    ("sketches", "message"),
    [
        (torch.full((3, 2, 16, 16), 7), r"4 classes of SegformerForSemanticSegmentation .*got \[7\]"),
        (torch.zeros(3, 2, 8, 8, dtype=torch.long), r"size of the samples, \(3, 2, 16, 16\), got \(3, 2, 8, 8\)"),
    ],
)
def test_sketches_of_other_classes_or_another_size_are_refused(reader, sketches, message):
    with pytest.raises(ValueError, match=message):
        reader(SampleBatch(random_clips(), sketches=sketches))
