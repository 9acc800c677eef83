# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The loss in chunks: its value, its gradients, its memory, and what stands beside it; and likelihoods likewise."""

import pytest
import torch
from memory_meter import MemoryMeter
from tiny import CODEBOOK_SIZE, SKETCH_CODEBOOK_SIZE, VISUAL_GRID, tiny_transformer
from torch import nn

from nuwa_hf.modeling import likelihood, token_loss
from nuwa_hf.modeling.likelihood import token_log_likelihood
from nuwa_hf.modeling.token_loss import token_cross_entropy


def draw(places, width, codes, dtype):
    generator = torch.Generator().manual_seed(0)
    hidden = torch.randn(2, places, width, generator=generator, dtype=dtype).requires_grad_()
    head = nn.Linear(width, codes, bias=False, dtype=dtype)
    nn.init.normal_(head.weight, generator=generator)
    labels = torch.randint(codes, (2, places), generator=generator)
    labels[torch.rand(2, places, generator=generator) < 0.3] = -100
    return hidden, head, labels


def full_cross_entropy(hidden, labels, head, _):
    return nn.functional.cross_entropy(head(hidden).float().flatten(0, 1), labels.flatten(), ignore_index=-100)


@pytest.mark.parametrize("places_at_once", [1, 7, 30, 1000])
def test_chunks_have_the_loss_and_the_gradients_of_all_places_at_once(monkeypatch, places_at_once):
    monkeypatch.setattr(token_loss, "LOGITS_AT_ONCE", places_at_once * 50)
    found = []
    for function in (token_cross_entropy, full_cross_entropy):
        hidden, head, labels = draw(45, 8, 50, torch.float32)
        labels[0, :30] = -100  # a chunk in which nothing counts
        loss = function(hidden, labels, head, 50)
        loss.backward()
        found.append((loss.detach(), hidden.grad, head.weight.grad))
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-6)


def test_the_peak_is_that_of_a_chunk_and_not_of_all_logits(monkeypatch):
    places, codes = 1024, 2048
    monkeypatch.setattr(token_loss, "LOGITS_AT_ONCE", 32 * codes)
    peaks = []
    for function in (token_cross_entropy, full_cross_entropy):
        hidden, head, labels = draw(places // 2, 8, codes, torch.float32)
        with MemoryMeter() as meter:
            function(hidden, labels, head, codes).backward()
        peaks.append(meter.peak)
    all_logits = 4 * places * codes
    assert peaks[1] > 2 * all_logits
    # Log-probabilities and two gradients of a 32nd of the logits; gradients of weights and hidden states are small.
    assert 3 / 32 < peaks[0] / all_logits < 4 / 32


def test_torch_func_gives_the_gradients_of_a_backward_pass():
    model, tokens = tiny_transformer().train(), torch.randint(0, CODEBOOK_SIZE, (2, *VISUAL_GRID))
    inputs = {"input_ids": torch.tensor([[2, 9, 3]] * 2), "labels": tokens}
    model(**inputs).loss.backward()
    weights = {name: weight.detach() for name, weight in model.named_parameters()}
    found = torch.func.grad(lambda own: torch.func.functional_call(model, own, (), inputs).loss)(weights)
    for name, weight in model.named_parameters():
        expected = torch.zeros_like(weight) if weight.grad is None else weight.grad
        torch.testing.assert_close(found[name], expected, rtol=1e-5, atol=1e-6)


def test_logits_stand_beside_a_loss_except_where_few_or_none_are_asked_for():
    model, tokens = tiny_transformer().train(), torch.randint(0, CODEBOOK_SIZE, (2, *VISUAL_GRID))
    text = torch.tensor([[2, 7, 3], [2, 8, 3]])
    everything = model(text, visual_tokens=tokens).logits
    trained = model(text, labels=tokens, logits_to_keep=[])
    assert trained.logits.numel() == 0
    kept = model(text, labels=tokens, logits_to_keep=[0, 5])
    torch.testing.assert_close(kept.logits, everything.flatten(1, 3)[:, [0, 5]])
    last = model(text, labels=tokens, logits_to_keep=2)  # as in transformers, where 0 keeps all
    torch.testing.assert_close(last.logits, everything.flatten(1, 3)[:, -2:])
    with pytest.raises(ValueError, match="at least 0, or a list of places, got -1"):
        model(text, labels=tokens, logits_to_keep=-1)
    whole = model(text, labels=tokens, logits_to_keep=0)
    torch.testing.assert_close(whole.logits, everything)
    assert whole.loss == kept.loss == last.loss == trained.loss


ROWS = 7


def rows_to_score():
    generator = torch.Generator().manual_seed(0)
    tokens = torch.randint(0, CODEBOOK_SIZE, (ROWS, *VISUAL_GRID), generator=generator)
    conditions = {
        "input_ids": torch.randint(5, 100, (ROWS, 6), generator=generator),
        "attention_mask": (torch.arange(6) <= torch.arange(ROWS)[:, None]).long(),
        "sketch_tokens": torch.randint(0, SKETCH_CODEBOOK_SIZE, tokens.shape, generator=generator),
        "known_mask": torch.rand(tokens.shape, generator=generator) < 0.3,
    }
    return tokens, conditions


def test_likelihoods_of_many_rows_take_the_memory_of_few_and_are_those_of_single_rows(monkeypatch):
    """Scoring held the logits of all places of all rows, twice: 8.7 GB for 16 rows of the paper's size."""
    codes = 4096
    model, (tokens, conditions) = tiny_transformer(codebook_size=codes).double(), rows_to_score()
    alone = torch.cat(
        [
            token_log_likelihood(model, tokens[[row]], **{name: rows[[row]] for name, rows in conditions.items()})
            for row in range(ROWS)
        ]
    )
    monkeypatch.setattr(likelihood, "LOGITS_AT_ONCE", 2 * tokens[0].numel() * codes)
    with MemoryMeter() as meter:
        together = token_log_likelihood(model, tokens, **conditions)
    torch.testing.assert_close(together, alone)
    of_a_row = tokens[0].numel() * codes
    # Logits in float64, and twice in float32, of two rows; what else there is takes less than half a row's.
    assert 2 * (8 + 4 + 4) * of_a_row < meter.peak < (2 * (8 + 4 + 4) + 4) * of_a_row


@pytest.mark.parametrize("name", ["input_ids", "sketch_tokens", "known_mask"])
def test_conditions_of_fewer_rows_than_the_tokens_have_no_likelihood(name):
    tokens, conditions = rows_to_score()
    given = {"input_ids": conditions["input_ids"], name: conditions[name][:2]}
    with pytest.raises(ValueError, match=rf"`{name}` must have as many rows as `tokens`, {ROWS}, got 2"):
        token_log_likelihood(tiny_transformer(), tokens, **given)
