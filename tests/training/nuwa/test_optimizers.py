# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Which optimiser holds which weight."""

import pytest
import torch
from tiny import tiny_transformer

from nuwa_hf.training.nuwa.optimizers import build_optimizers


SETTINGS = {"learning_rate": 1e-3, "muon_learning_rate": 2e-3, "betas": (0.9, 0.95), "weight_decay": 0.1}


def groups_by_name(model, optimizers):
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    return [
        (names[id(parameter)], optimizer, group)
        for optimizer in optimizers
        for group in optimizer.param_groups
        for parameter in group["params"]
    ]


@pytest.mark.parametrize("kind", ["adamw", "muon"])
def test_every_weight_is_held_exactly_once(kind):
    model = tiny_transformer()
    held = sorted(name for name, _, _ in groups_by_name(model, build_optimizers(model, kind, **SETTINGS)))
    assert held == sorted(name for name, _ in model.named_parameters())


@pytest.mark.parametrize("kind", ["adamw", "muon"])
def test_frozen_weights_are_left_out(kind):
    model = tiny_transformer()
    model.model.encoder.requires_grad_(False)
    held = [name for name, _, _ in groups_by_name(model, build_optimizers(model, kind, **SETTINGS))]
    assert sorted(held) == sorted(name for name, p in model.named_parameters() if p.requires_grad)


def test_muon_holds_the_matrices_of_the_layers_and_adamw_the_rest():
    model = tiny_transformer()
    sizes = dict(model.named_parameters())
    for name, optimizer, group in groups_by_name(model, build_optimizers(model, "muon", **SETTINGS)):
        is_hidden = ".layers." in name and sizes[name].ndim == 2
        assert isinstance(optimizer, torch.optim.Muon if is_hidden else torch.optim.AdamW)
        assert group["lr"] == (2e-3 if is_hidden else 1e-3)


@pytest.mark.parametrize("kind", ["adamw", "muon"])
def test_only_matrices_decay_and_no_embedding_does(kind):
    model = tiny_transformer()
    for name, _, group in groups_by_name(model, build_optimizers(model, kind, **SETTINGS)):
        decays = name.endswith("proj.weight") or name == "head.weight"
        assert group["weight_decay"] == (0.1 if decays else 0.0), name


@pytest.mark.parametrize("kind", ["adamw", "muon"])
def test_one_step_changes_every_weight_that_has_a_gradient(kind):
    model = tiny_transformer()
    before = {name: parameter.detach().clone() for name, parameter in model.named_parameters()}
    for parameter in model.parameters():
        parameter.grad = torch.randn_like(parameter)
    for optimizer in build_optimizers(model, kind, **SETTINGS):
        optimizer.step()
    assert all(not torch.equal(before[name], parameter) for name, parameter in model.named_parameters())


def test_an_unknown_name_is_refused():
    with pytest.raises(ValueError, match="`optimizer` must be 'adamw' or 'muon', got 'sgd'"):
        build_optimizers(tiny_transformer(), "sgd", **SETTINGS)
