# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The whole copy of a model whose weights are sharded: of the transformer, with CLIP, and with adapters."""

import pytest
import test_averaged_weights
import torch
from tiny import CODEBOOK_SIZE, MAX_TEXT_LENGTH, VISUAL_GRID, tiny_transformer
from tiny_clip import tiny_nuwa
from torch.distributed.fsdp import fully_shard

from nuwa_hf.training.nuwa.fine_tuning import add_adapters
from nuwa_hf.training.run.whole_learner import transformer_of, whole_learner


mesh = test_averaged_weights.mesh


def with_adapters():
    torch.manual_seed(3)
    model = add_adapters(tiny_transformer(), rank=2, alpha=2, dropout=0.0, target_modules=["q_proj", "up_proj"])
    for name, weight in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weight)  # at zero, adapters add nothing
    return model.eval()


def logits_of(model):
    generator = torch.Generator().manual_seed(1)
    text = torch.randint(5, 30, (2, MAX_TEXT_LENGTH), generator=generator)
    clips = torch.randint(0, CODEBOOK_SIZE, (2, *VISUAL_GRID), generator=generator)
    return model(text, torch.ones_like(text), labels=clips).logits.detach()


@pytest.mark.parametrize("build", [tiny_transformer, tiny_nuwa, with_adapters])
def test_the_whole_copy_is_the_same_model_and_draws_no_random_numbers(mesh, build):
    plain, sharded = build(), fully_shard(build(), mesh=mesh)
    transformer_of(sharded).generation_config.update(guidance_scale=3.0)
    state = torch.get_rng_state()
    copy = whole_learner(sharded)
    assert torch.equal(torch.get_rng_state(), state)
    assert type(copy).__name__ == type(plain).__name__
    assert torch.equal(logits_of(copy), logits_of(plain))
    assert torch.equal(logits_of(transformer_of(copy)), logits_of(plain))
    assert transformer_of(copy).generation_config.guidance_scale == 3.0
    assert whole_learner(plain) is plain


def test_adapters_of_a_whole_copy_are_merged_and_saved_as_those_of_the_model(mesh, tmp_path):
    from peft import PeftModel

    copy = whole_learner(fully_shard(with_adapters(), mesh=mesh))
    copy.save_pretrained(tmp_path, save_embedding_layers=False)
    loaded = PeftModel.from_pretrained(tiny_transformer(), tmp_path)
    assert torch.equal(logits_of(loaded), logits_of(with_adapters()))
    torch.testing.assert_close(logits_of(copy.merge_and_unload()), logits_of(loaded))
