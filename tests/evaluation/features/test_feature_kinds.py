# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
import pytest

from nuwa_hf.evaluation.features.feature_kinds import KINDS, FeatureKind, parse_features


NETWORK = FeatureKind("a network", lambda path, device: None, {}, "file", source="its page", sha256="00ff")


def test_each_kind_has_its_path_or_none():
    assert parse_features(["efficientnet", "pixels"]) == {"efficientnet": None, "pixels": None}
    assert parse_features(["efficientnet=a=b.pth"]) == {"efficientnet": "a=b.pth"}


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["inceptoin=file"], r"got 'inceptoin'; did you mean 'inception'\?"),
        (["pixels", "pixels"], "each kind once, got 'pixels' twice"),
        (["efficientnet="], "a path after the equals sign, got 'efficientnet='; write efficientnet=FILE"),
        (["pixels=file"], "no path for 'pixels', got 'file'; write 'pixels' alone"),
        (
            ["inception"],
            "for 'inception', got none; write inception=FILE with a network; one comes from its page, SHA-256 00ff",
        ),
    ],
)
def test_what_cannot_be_meant_is_an_error_that_says_what_to_write(texts, message):
    with pytest.raises(ValueError, match=message):
        parse_features(texts, {**KINDS, "inception": NETWORK})
