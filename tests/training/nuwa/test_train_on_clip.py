# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Training of a transformer that reads its texts by CLIP."""

from dataclasses import replace

import pytest
import torch
from test_fine_tuning import random_tokens, transformer_weights
from tiny import tiny_vqgan
from tiny_clip import tiny_clip_tokenizer, tiny_nuwa

from nuwa_hf.training.nuwa.build_transformer import freeze_unused
from nuwa_hf.training.nuwa.fine_tuning import LORA_TARGETS, add_adapters
from nuwa_hf.training.nuwa.nuwa_steps import tasks_loss
from nuwa_hf.training.nuwa.task_batches import TaskBatches
from nuwa_hf.training.nuwa.train_nuwa import main
from nuwa_hf.training.tokens.token_files import write_metadata, write_shard


@pytest.fixture(scope="module")
def clip_parts(tmp_path_factory):
    """Folders of a VQ-GAN, a transformer that reads texts by CLIP and CLIP's tokenizer, and token files for them."""
    folder = tmp_path_factory.mktemp("clip")
    tiny_vqgan().save_pretrained(folder / "vqgan")
    tiny_nuwa().save_pretrained(folder / "transformer")
    tiny_clip_tokenizer().save_pretrained(folder / "tokenizer")
    (folder / "tokens").mkdir()
    tokens = random_tokens()
    write_shard(folder / "tokens", 0, replace(tokens, sketch_tokens=None))
    write_metadata(folder / "tokens", {"num_shards": 1})
    return folder


def clip_flags(parts, output_dir, *names, **values):
    settings = {"max_train_steps": 2, "train_batch_size": 4, "learning_rate": 1e-2, "ema_decay": 0.0, "device": "cpu"}
    settings |= {"tokens": parts / "tokens", "output_dir": output_dir, "sample_sheets": False, **values}
    settings |= {name: parts / name for name in ("vqgan", "tokenizer", *names)}
    return [*(str(part) for name, value in settings.items() for part in (f"--{name}", value)), "--tasks", "T2V=1"]


@pytest.mark.parametrize(("fine_tune", "clip_learns"), [("full", True), ("frozen-encoder", False)])
def test_a_transformer_that_reads_by_clip_trains_with_clip_or_leaves_it(clip_parts, tmp_path, fine_tune, clip_learns):
    main(clip_flags(clip_parts, tmp_path, "transformer", fine_tune=fine_tune))
    before = tiny_nuwa().state_dict()
    after = transformer_weights(tmp_path / "pipeline")
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    in_clip = {name for name in before if ".text_encoder.clip." in name}
    assert in_clip
    assert bool(moved & in_clip) == clip_learns
    assert any("decoder" in name for name in moved)
    assert any("text_encoder.projection" in name for name in moved)
    # Nothing reads our own encoder in this mix, and several processes would wait for it.
    assert not {name for name in moved if name.startswith("model.encoder.")}


@pytest.mark.parametrize("task", ["T2V", "V2V"])
def test_every_adapter_beside_clip_learns(task):
    pytest.importorskip("peft", reason="adapters are PEFT's")
    model = tiny_nuwa()
    freeze_unused(model, [task])
    learner = add_adapters(model, rank=2, alpha=8.0, dropout=0.0, target_modules=LORA_TARGETS)
    batches = TaskBatches(replace(random_tokens(), sketch_tokens=None), model.config, {task: 2}, 0.0, 0)(range(2))
    tasks_loss(learner, batches)[0].backward()
    learnt = {name: weight.grad for name, weight in learner.named_parameters() if weight.requires_grad}
    assert not [name for name, gradient in learnt.items() if gradient is None]  # several processes would wait for it
    assert any(".model.encoder." in name for name in learnt) == (task == "V2V")


def test_a_fresh_transformer_with_the_tokenizer_of_clip_is_refused(clip_parts, tmp_path):
    with pytest.raises(ValueError, match="init_text_encoder_from_clip"):
        main(clip_flags(clip_parts, tmp_path))
