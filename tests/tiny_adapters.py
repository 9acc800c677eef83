# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Tiny adapters, and what a pipeline draws with them."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from tiny import seeded, tiny_inputs, tiny_pipeline, tiny_transformer


peft = pytest.importorskip("peft", reason="adapters are PEFT's")


def adapted(seed, **settings):
    """A PeftModel whose adapter has another alpha than its rank, and would drop nearly everything in training."""
    defaults = {"r": 2, "lora_alpha": 5, "lora_dropout": 0.9, "target_modules": ["q_proj", "o_proj", "up_proj"]}
    defaults["init_lora_weights"] = False
    model = tiny_transformer()
    torch.manual_seed(seed)
    return peft.get_peft_model(model, peft.LoraConfig(**{**defaults, **settings})).eval()


def merged(model, task="T2V"):
    return tiny_pipeline(task, transformer=model.merge_and_unload())


def draw(pipeline, task="T2V", **arguments):
    return pipeline(**tiny_inputs(task), generator=seeded(0), output_type="latent", **arguments).tokens


def weights_of(folder):
    return load_file(folder / "adapter_model.safetensors")


def save_adapter(folder: Path) -> Path:
    """The adapter of `adapted(1)` as PEFT writes it, and as `nuwa-hf train` does."""
    adapted(1).save_pretrained(folder, save_embedding_layers=False)
    return folder


def layers_of(pipeline):
    return {name: one for name, one in pipeline.transformer.named_modules() if hasattr(one, "lora_A")}


def offload_leaves(pipeline, **settings):
    codecs = ["vqgan", "sketch_vqgan"]
    pipeline.enable_group_offload(torch.device("cpu"), offload_type="leaf_level", exclude_modules=codecs, **settings)


def offload_to_disk_by_groups(pipeline, folder):
    offload_leaves(pipeline, offload_to_disk_path=str(folder))
