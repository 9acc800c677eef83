# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""A transformer stays on one accelerator; what does not fit is offloaded."""

import pytest
import torch
from tiny import tiny_transformer

from nuwa_hf import NuwaForConditionalGeneration
from nuwa_hf.modeling.device_maps import check_one_accelerator


SEVERAL = [{"model": 0, "head": 1}, {"model": "cuda:1", "head": torch.device("cuda:0")}, {"model": "cuda", "head": 1}]
ONE = [
    *(None, "auto", "cuda", 1, {"": 1}, {"": "cpu"}, {"model": 0, "head": "cuda:0"}, {"model": "cpu", "head": "disk"}),
    {"model.encoder": "cuda", "model.decoder": "cpu", "head": torch.device("cuda:0"), "model.text_embeddings": "disk"},
]


@pytest.mark.parametrize("device_map", SEVERAL, ids=str)
def test_several_accelerators_are_refused_before_anything_is_loaded(device_map, tmp_path):
    """The layers on the second one failed in the first call, or in generation."""
    with pytest.raises(ValueError, match=r'`device_map` must keep the model on one .*; give device_map="cuda"\.'):
        NuwaForConditionalGeneration.from_pretrained(tmp_path, device_map=device_map)


@pytest.mark.parametrize("device_map", ONE, ids=str)
def test_one_accelerator_and_offloading_are_accepted(device_map):
    check_one_accelerator(device_map)


@pytest.mark.gpu
@pytest.mark.skipif(torch.cuda.device_count() < 2, reason="needs two GPUs")
@pytest.mark.parametrize("device_map", ["auto", "balanced"])
def test_a_map_that_turns_out_to_take_several_is_refused(device_map, tmp_path):
    tiny_transformer().save_pretrained(tmp_path)
    with pytest.raises(ValueError, match="`device_map` must keep the model on one accelerator"):
        NuwaForConditionalGeneration.from_pretrained(tmp_path, device_map=device_map)
