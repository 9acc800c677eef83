# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
import torch
import torch.nn.functional as F  # noqa: N812
from tiny_classifiers import tiny_efficientnet_lite_state
from torch import nn

from nuwa_hf.classifiers.efficientnet_lite import EfficientNetLiteClassifier, EfficientNetLiteFeatures


def test_efficientnet_lite_gives_five_features_down_to_a_sixteenth():
    features = EfficientNetLiteFeatures(tiny_efficientnet_lite_state())(torch.rand(1, 3, 32, 48))
    assert [tuple(one.shape[2:]) for one in features] == [(16, 24), (8, 12), (4, 6), (2, 3), (2, 3)]


def test_merged_normalisation_is_the_one_after_the_convolution():
    state = tiny_efficientnet_lite_state()
    network = EfficientNetLiteFeatures(state)
    pixels = torch.rand(1, 3, 32, 32)
    stem = nn.Conv2d(3, 2, 3, stride=2, bias=False)
    stem.load_state_dict({"weight": state["_conv_stem.weight"]})
    norm = [state[f"_bn0.{kind}"] for kind in ("running_mean", "running_var", "weight", "bias")]
    # An even image under a stride of two takes its one column of padding at the end, as in TensorFlow.
    expected = F.relu6(F.batch_norm(stem(F.pad(network.normalized(pixels), (0, 1, 0, 1))), *norm, eps=1e-3))
    # Merging rounds float32 once more.
    torch.testing.assert_close(network(pixels)[0], expected, rtol=1e-4, atol=1e-4)


def test_classifier_has_one_vector_and_one_row_of_logits_for_each_image_of_any_size():
    classifier = EfficientNetLiteClassifier(tiny_efficientnet_lite_state())
    for size in (32, 40):
        features, logits = classifier.classify(2 * torch.rand(3, 3, size, size) - 1)
        assert features.shape == (3, 6)
        torch.testing.assert_close(logits, classifier.linear(features))
