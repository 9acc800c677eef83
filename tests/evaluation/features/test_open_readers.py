# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
from pathlib import Path

import pytest
import torch
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


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (
            "inception",
            r"one file for 'inception', got '\./none'; write inception=FILE with .*6726825d\.pth, SHA-256 6726",
        ),
        (
            "clip",
            r"a folder or an id on the Hub for 'clip', got '\./none'; write clip=FOLDER with .*openai/clip",
        ),
    ],
)
def test_weights_that_are_not_there_are_an_error_that_says_which_and_where_from(kind, message):
    with pytest.raises(ValueError, match=message):
        open_reader(kind, "./none")


def test_a_folder_that_holds_one_file_of_weights_stands_for_it(weights):
    assert open_reader("efficientnet", str(Path(weights).parent)).digest == open_reader("efficientnet", weights).digest


def test_a_reader_leaves_torchs_random_numbers_alone(weights):
    """Its network is made of random weights first, so that a measure changed what was drawn after it."""
    before = torch.get_rng_state()
    open_readers(["efficientnet"], {"efficientnet": weights})
    assert torch.equal(torch.get_rng_state(), before)


def test_a_blur_without_a_whole_radius_is_refused(weights):
    with pytest.raises(ValueError, match=r"whole number of pixels, got 'efficientnet@1\.5'"):
        open_readers(["efficientnet@1.5"], {"efficientnet": weights})
