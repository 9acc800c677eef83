# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
import pytest
import torch
from tiny_samples import random_clips
from tiny_video_models import tiny_videomae_processor, tiny_videomae_sizes
from transformers import (
    VideoMAEConfig,
    VideoMAEForVideoClassification,
    VideoMAEModel,
    ViTConfig,
    ViTForImageClassification,
)
from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil

from nuwa_hf.evaluation.features.classifier import ClassifierReader
from nuwa_hf.evaluation.samples.sample_set import SampleBatch


NAMES = ["a cat", "Air_Drumming", "sea", "hat", "sun", "moon", "tree"]
CLASSES = {"id2label": dict(enumerate(NAMES)), "label2id": {name: place for place, name in enumerate(NAMES)}}


def tiny_image_processor():
    return ViTImageProcessorPil(size={"height": 8, "width": 8})


@pytest.fixture(scope="module")
def image_classifier(tmp_path_factory):
    """The folder of a tiny classifier of images."""
    folder = tmp_path_factory.mktemp("vit")
    sizes = {name: tiny_videomae_sizes()[name] for name in ("hidden_size", "num_hidden_layers", "num_attention_heads")}
    torch.manual_seed(0)
    model = ViTForImageClassification(ViTConfig(**sizes, intermediate_size=16, image_size=8, patch_size=4, **CLASSES))
    torch.nn.init.normal_(model.classifier.weight)
    model.save_pretrained(folder)
    tiny_image_processor().save_pretrained(folder)
    return str(folder)


def test_a_classifier_of_images_names_a_clip_by_its_mean_probability(image_classifier):
    clips = random_clips(num_samples=1, num_frames=2)
    model = ViTForImageClassification.from_pretrained(image_classifier).eval()
    inputs = tiny_image_processor()(list(clips[0].movedim(1, -1).numpy()), return_tensors="pt")
    with torch.no_grad():
        order = model(**inputs).logits.softmax(-1).mean(0).argsort(descending=True).tolist()
    batch = SampleBatch(clips.expand(7, -1, -1, -1, -1), labels=[NAMES[place] for place in order])
    found = ClassifierReader(image_classifier)(batch)
    assert found["right"].tolist() == [1, 0, 0, 0, 0, 0, 0]
    assert found["right_top5"].tolist() == [1, 1, 1, 1, 1, 0, 0]


def test_a_classifier_of_videos_reads_clips_of_any_length_in_one_piece(tmp_path):
    model = VideoMAEForVideoClassification(VideoMAEConfig(**tiny_videomae_sizes(), **CLASSES)).eval()
    torch.nn.init.normal_(model.classifier.weight)
    model.save_pretrained(tmp_path)
    tiny_videomae_processor().save_pretrained(tmp_path)
    clips = random_clips(num_samples=1, num_frames=7)
    videos = [list(clips[0, [0, 2, 4, 6]].movedim(1, -1).numpy())]
    with torch.no_grad():
        best = model(**tiny_videomae_processor()(videos, return_tensors="pt")).logits.argmax(-1)
    reader = ClassifierReader(str(tmp_path))
    batch = SampleBatch(clips.expand(7, -1, -1, -1, -1), labels=NAMES)
    assert reader(batch)["right"].tolist() == [float(place == best) for place in range(7)]
    assert reader.least_frames == 2


def test_each_class_of_a_name_is_right(image_classifier, tmp_path):
    names = ["Crane", "sea", "hat", "crane", "sun", "moon", "tree"]
    model = ViTForImageClassification.from_pretrained(image_classifier, id2label=dict(enumerate(names)))
    torch.nn.init.zeros_(model.classifier.weight)
    tiny_image_processor().save_pretrained(tmp_path)
    for likeliest, right in ((0, [1, 0]), (1, [0, 1]), (3, [1, 0])):
        model.classifier.bias.data = torch.nn.functional.one_hot(torch.tensor(likeliest), 7).float()
        model.save_pretrained(tmp_path)
        batch = SampleBatch(random_clips(num_samples=2), labels=["crane", "sea"])
        assert ClassifierReader(str(tmp_path))(batch)["right"].tolist() == right


def test_labels_are_found_in_either_case_with_spaces_or_underscores_and_others_are_listed(image_classifier):
    reader = ClassifierReader(image_classifier)
    reader.check(["A_cat", "air drumming"])
    with pytest.raises(
        ValueError, match=r"got \['dog', 'fog'\]; it knows 7, such as \['a cat', 'Air_Drumming', 'sea'"
    ):
        reader.check(["a cat", "fog", "dog", "dog"])


def test_a_network_without_a_trained_head_is_refused(tmp_path):
    VideoMAEModel(VideoMAEConfig(**tiny_videomae_sizes(), **CLASSES)).save_pretrained(tmp_path)
    with pytest.raises(ValueError, match=r"all weights of a VideoMAEForVideoClassification.*'classifier\.bias'"):
        ClassifierReader(str(tmp_path))


def test_a_model_that_is_no_classifier_is_refused(tmp_path):
    (tmp_path / "config.json").write_text('{"model_type": "gpt2"}')
    with pytest.raises(ValueError, match=r"`classifier` must be .* of transformers' AutoModelForImageClassification"):
        ClassifierReader(str(tmp_path))
