# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
import pytest
import torch
from accelerate import Accelerator
from accelerate.optimizer import AcceleratedOptimizer

from nuwa_hf.training.run.finite_updates import StepNotTaken, update_weights


BAD = [float("nan"), float("inf"), float("-inf")]


def learner(monkeypatch=None, scaler=None):
    """A linear map with gradients, its optimiser after one step, and what it is updated with."""
    torch.manual_seed(0)
    accelerator = Accelerator(cpu=True)
    if scaler is not None:  # Accelerate scales on GPUs alone
        accelerator.scaler, accelerator.native_amp = scaler, True
        monkeypatch.setattr(accelerator.state, "_mixed_precision", "fp16")
    model = torch.nn.Linear(3, 2)
    optimizer = AcceleratedOptimizer(torch.optim.AdamW(model.parameters(), lr=0.1), scaler=scaler)
    accelerator._optimizers.append(optimizer)

    def update(loss=None, spoil=lambda model: None):
        output = model(torch.ones(1, 3)).square().sum()
        accelerator.backward(output)
        spoil(model)
        losses = {"loss_T2V": output.detach(), "loss": output.detach() if loss is None else torch.tensor(loss)}
        return update_weights(accelerator, model, [optimizer], losses, 1e-2)

    update()
    return model, optimizer, update


def state_of(model, optimizer):
    moments = [value.clone() for state in optimizer.state_dict()["state"].values() for value in state.values()]
    return [*(weight.detach().clone() for weight in model.parameters()), *moments]


def are_equal(one, other):
    return all(torch.equal(*pair) for pair in zip(one, other, strict=True))


@pytest.mark.parametrize("value", BAD)
@pytest.mark.parametrize(
    ("spoilt", "said"),
    [
        ("loss", r"^`loss` is -?(nan|inf)$"),
        ("gradient", r"^the gradient of `weight` holds 1 of 6 values that are not"),
    ],
)
def test_a_loss_or_gradient_that_is_not_finite_is_named_and_changes_nothing(value, spoilt, said):
    model, optimizer, update = learner()
    before = state_of(model, optimizer)
    change = {"loss": value} if spoilt == "loss" else {"spoil": lambda model: model.weight.grad[1, 2].fill_(value)}
    with pytest.raises(StepNotTaken, match=said) as caught:
        update(**change)
    assert not caught.value.is_overflow
    assert are_equal(state_of(model, optimizer), before)
    assert all(weight.grad is None for weight in model.parameters())
    assert update().isfinite()
    assert not are_equal(state_of(model, optimizer), before)


def test_the_gradients_norm_is_that_before_they_are_scaled_down():
    model, _, update = learner()
    expected = torch.autograd.grad(model(torch.ones(1, 3)).square().sum(), model.parameters())
    assert update() == pytest.approx(torch.cat([one.flatten() for one in expected]).norm().item(), rel=1e-5)


def test_a_scaled_gradient_that_overflows_halves_the_scale_and_a_bad_loss_does_not(monkeypatch):
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**16, growth_interval=1000)
    model, optimizer, update = learner(monkeypatch, scaler)
    before, scale = state_of(model, optimizer), scaler.get_scale()
    with pytest.raises(StepNotTaken) as caught:
        update(spoil=lambda model: model.weight.grad[1, 2].fill_(float("inf")))
    assert caught.value.is_overflow
    assert scaler.get_scale() == scale / 2
    with pytest.raises(StepNotTaken) as caught:
        update(loss=float("nan"))
    assert not caught.value.is_overflow
    assert scaler.get_scale() == scale / 2
    assert are_equal(state_of(model, optimizer), before)
    assert update().isfinite()
    assert not are_equal(state_of(model, optimizer), before)
