# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
import json

import pytest

from nuwa_hf import DEMO_CHECKPOINT
from nuwa_hf.storage.portable_names import portable_configuration, portable_name


@pytest.mark.parametrize(
    ("name", "portable"),
    [
        ("user/base", "user/base"),
        ("embedded", "embedded"),
        (DEMO_CHECKPOINT / "vqgan", "embedded"),
        ("/home/me/.cache/huggingface/hub/models--user--my-base/snapshots/0a1b/transformer", "user/my-base"),
        ("/home/me/runs/base", None),
        ("./base", None),
        ("runs", None),
    ],
)
def test_a_name_is_kept_if_it_means_the_same_everywhere(name, portable):
    assert portable_name(name) == portable


def test_a_folder_that_is_there_is_no_repository_whatever_its_name(tmp_path, monkeypatch):
    (tmp_path / "user" / "base").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    assert portable_name("user/base") is None


def test_only_the_names_of_a_configuration_change():
    text = json.dumps(
        {"size": 3, "_name_or_path": "/a/b/c", "part": {"base_model_name_or_path": "/a/b", "vocab": "/x"}}
    )
    assert json.loads(portable_configuration(text)) == {
        "size": 3,
        "part": {"base_model_name_or_path": None, "vocab": "/x"},
    }
    untouched = '{"b": 1,\n   "_name_or_path": "user/base", "a": 2}'
    assert portable_configuration(untouched) == untouched
