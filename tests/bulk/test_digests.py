# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
import copy

import torch
from peft import LoraConfig
from tiny import tiny_pipeline, tiny_transformer

from nuwa_hf import NuwaTextToVideoPipeline
from nuwa_hf.bulk.digests import checkpoint_digest, model_digest


def test_digest_of_a_checkpoint_is_that_of_its_content_wherever_it_is(checkpoint, tmp_path):
    loaded = NuwaTextToVideoPipeline.from_pretrained(checkpoint)
    loaded.save_pretrained(tmp_path / "copy")
    again = NuwaTextToVideoPipeline.from_pretrained(tmp_path / "copy")
    assert checkpoint_digest(loaded) == checkpoint_digest(again) == checkpoint_digest(tiny_pipeline())


def test_digest_of_a_model_changes_with_its_weights_their_type_its_configuration_and_its_adapters():
    model = tiny_transformer()
    nudged, adapted = copy.deepcopy(model), copy.deepcopy(model)
    with torch.no_grad():
        next(nudged.parameters()).view(-1)[0] += 1e-6
    adapted.add_adapter(LoraConfig(target_modules=["q_proj"], r=2))
    weaker = copy.deepcopy(adapted)
    for layer in weaker.modules():
        if hasattr(layer, "set_scale"):
            layer.set_scale("default", 0.5)
    other = tiny_transformer(frame_rate=5)  # no weight depends on it
    models = (model, nudged, adapted, weaker, other, copy.deepcopy(model).bfloat16())
    assert len({model_digest(one) for one in models}) == 6
    assert model_digest(copy.deepcopy(model)) == model_digest(model)
