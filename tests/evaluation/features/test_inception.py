# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
import pytest
import torch
from tiny_samples import random_clips

from nuwa_hf.evaluation.features.inception import InceptionReader
from nuwa_hf.evaluation.samples.sample_set import SampleBatch


pytest.importorskip("torch_fidelity", reason="it is an extra")


@pytest.fixture(scope="module")
def reader(inception_weights):
    return InceptionReader(str(inception_weights))


def test_features_and_logits_of_every_frame_are_those_of_torch_fidelity(reader, inception_weights):
    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

    theirs = FeatureExtractorInceptionV3(
        "theirs", ["2048", "logits_unbiased"], feature_extractor_weights_path=inception_weights
    )
    clips = random_clips(num_samples=2, num_frames=1)
    features, logits = theirs(clips[:, 0])
    found = reader(SampleBatch(clips))
    # Two frames are read at once by both, so nothing is rounded otherwise.
    torch.testing.assert_close(found, {"features": features[:, None], "logits": logits[:, None]}, rtol=0, atol=0)
    assert features.std(0).mean() > 0.001  # the random network tells them apart


def test_other_weights_than_those_of_published_figures_are_named_in_the_title(reader):
    assert reader.title.startswith("Inception v3, weights inception.pth (")


def test_weights_of_another_network_are_refused(tmp_path):
    torch.save({"Conv2d_1a_3x3.conv.weight": torch.zeros(32, 3, 3, 3)}, tmp_path / "other.pth")
    with pytest.raises(ValueError, match=r"`inception` must be .*other\.pth does not fit .*Missing key"):
        InceptionReader(str(tmp_path / "other.pth"))


def test_a_file_that_would_run_code_is_refused(tmp_path):
    torch.save({"Conv2d_1a_3x3.conv.weight": pytest.raises}, tmp_path / "code.pth")
    with pytest.raises(ValueError, match="code"):
        InceptionReader(str(tmp_path / "code.pth"))
