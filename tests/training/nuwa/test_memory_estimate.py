# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
from dataclasses import asdict

import pytest
import torch
from tiny import CODEBOOK_SIZE, tiny_config
from torch.autograd.graph import saved_tensors_hooks

from nuwa_hf import NuwaConfig, NuwaForConditionalGeneration
from nuwa_hf.training.nuwa.memory_estimate import (
    activation_bytes,
    estimate_memory,
    on_meta,
    optimizer_bytes,
    weight_shapes,
)
from nuwa_hf.training.nuwa.optimizers import build_optimizers


RATES = {"learning_rate": 1e-3, "muon_learning_rate": 1e-3, "betas": (0.9, 0.95), "weight_decay": 0.0}


def inputs(config, rows):
    clips = torch.randint(0, CODEBOOK_SIZE, (rows, *config.visual_grid))
    return {"input_ids": torch.randint(5, 100, (rows, config.max_text_length)), "labels": clips}


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_bytes_of_weights_and_optimizer_are_those_of_a_model_that_was_trained(optimizer):
    config = tiny_config()
    model = NuwaForConditionalGeneration(config)
    # A step with a gradient for every weight, whatever the task.
    optimizers = build_optimizers(model, optimizer, **RATES)
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter)
    for one in optimizers:
        one.step()
    states = [state for one in optimizers for entry in one.state.values() for state in entry.values()]
    assert optimizer_bytes(config, optimizer) == sum(state.nbytes for state in states)
    estimate = estimate_memory(config, optimizer=optimizer)
    assert estimate.weights == estimate.gradients == sum(parameter.nbytes for parameter in model.parameters())
    assert weight_shapes(config) == {name: parameter.shape for name, parameter in model.named_parameters()}


def measured_activations(config, rows, mixed_precision, gradient_checkpointing, strategy="ddp"):
    """Bytes of all tensors that a forward pass saves for the backward pass; weights and their copies do not count."""
    is_half = mixed_precision == "bf16"
    model = NuwaForConditionalGeneration(config).train()
    if is_half and strategy == "fsdp":
        model.bfloat16()  # as FSDP gathers the weights
    if gradient_checkpointing:
        model.activation_checkpointing_enable()
    sizes = {parameter.shape for parameter in model.parameters()}
    sizes |= {shape[::-1] for shape in sizes}
    saved = {}

    def keep(tensor):
        if tensor.shape not in sizes:
            saved[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage()
        return tensor

    with (
        saved_tensors_hooks(keep, lambda tensor: tensor),
        torch.autocast("cpu", dtype=torch.bfloat16, enabled=is_half and strategy == "ddp"),
    ):
        output = model(**inputs(config, rows), logits_to_keep=[])
    assert output.logits.numel() == 0
    return sum(storage.nbytes() for storage in saved.values())


@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize(("mixed_precision", "strategy"), [("no", "ddp"), ("bf16", "ddp"), ("bf16", "fsdp")])
def test_activations_are_within_a_quarter_of_the_tensors_that_are_saved(mixed_precision, strategy, rows):
    config = tiny_config(hidden_size=64, num_decoder_layers=4, visual_grid=(4, 8, 8))
    measured = measured_activations(config, rows, mixed_precision, False, strategy)
    estimate = activation_bytes(config, rows, mixed_precision, strategy=strategy)
    estimate -= rows * config.get_visual_grid().numel * config.codebook_size * 12  # the loss's part comes later
    assert 4 / 5 < measured / estimate < 5 / 4


def test_checkpointed_layers_keep_their_input_alone():
    config = tiny_config(hidden_size=64, num_encoder_layers=1, num_decoder_layers=8, visual_grid=(4, 8, 8))
    kept = measured_activations(config, 2, "no", True)
    width, text, visual = config.hidden_size, config.max_text_length, config.get_visual_grid().numel
    layers = 2 * 4 * width * (visual * config.num_decoder_layers + text * config.num_encoder_layers)
    assert 2 / 3 < kept / layers < 3 / 2
    assert activation_bytes(config, 2, "no", True) < 0.5 * activation_bytes(config, 2, "no")


def test_the_presets_have_the_weights_that_the_docs_say():
    shapes = weight_shapes(NuwaConfig.from_preset("nuwa-336"))
    layers = [shape.numel() for name, shape in shapes.items() if ".layers." in name]
    assert round(sum(layers) / 1e6) == 865
    assert round(sum(shape.numel() for shape in shapes.values()) / 1e6) == 962


def test_shards_are_parts_of_what_one_process_has():
    config = NuwaConfig.from_preset("nuwa-336")
    alone, shared = (estimate_memory(config, strategy="fsdp", num_processes=n) for n in (1, 8))
    for name in ("weights", "gradients", "optimizer", "average"):
        assert getattr(shared, name) == pytest.approx(getattr(alone, name) / 8)
    assert shared.activations == alone.activations
    ddp, zero = (estimate_memory(config, strategy=name, num_processes=8) for name in ("ddp", "zero2"))
    assert ddp.total > zero.total > shared.total
    assert ddp.optimizer == pytest.approx(8 * zero.optimizer)
    assert alone.total == sum(asdict(alone).values())


def test_fsdp_keeps_whole_gradients_from_one_pass_to_the_next():
    config = tiny_config()
    for strategy in ("ddp", "zero2", "fsdp"):
        one, two = (estimate_memory(config, strategy=strategy, num_processes=8, passes=n) for n in (1, 2))
        whole = {"gradients": 8 * one.gradients} if strategy == "fsdp" else {}
        assert asdict(two) == pytest.approx({**asdict(one), **whole}, rel=1e-3)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"num_processes": 0}, "`num_processes` must be at least 1, got 0"),
        ({"rows": 0}, "`rows` must be above 0"),
        ({"passes": 0}, "`passes` must be at least 1"),
        ({"strategy": "zero9"}, "`strategy` must be one of"),
        ({"mixed_precision": "fp8"}, "`mixed_precision` must be one of"),
        ({"optimizer": "sgd"}, "`optimizer` must be 'adamw' or 'muon'"),
    ],
)
def test_a_setting_that_does_not_exist_is_refused(setting, message):
    with pytest.raises(ValueError, match=message):
        estimate_memory(tiny_config(), **setting)


def test_what_is_not_learnt_has_no_gradient_moment_or_average():
    pytest.importorskip("peft", reason="adapters are PEFT's")
    config = tiny_config()
    full, frozen, lora = (estimate_memory(config, fine_tune=name) for name in ("full", "frozen-encoder", "lora"))
    model = on_meta(config, "lora")
    assert lora.gradients == sum(weight.nbytes for weight in model.parameters() if weight.requires_grad)
    assert lora.weights == full.weights + lora.gradients
    assert 0 < estimate_memory(config, fine_tune="lora", lora_target_modules=["q_proj"]).gradients < lora.gradients
    for name in ("gradients", "average", "optimizer"):
        assert getattr(full, name) > getattr(frozen, name) > 0
    assert frozen.weights == full.weights
