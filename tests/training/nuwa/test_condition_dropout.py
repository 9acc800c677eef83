# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Laws of dropping conditions."""

import pytest
import torch

from nuwa_hf.training.nuwa.condition_dropout import draw_dropped, drop_condition, drop_sketch


NONE, PAD = 4, 0


def batch(rows, length=7):
    generator = torch.Generator().manual_seed(rows)
    input_ids = torch.randint(5, 50, (rows, length), generator=generator)
    lengths = torch.randint(1, length + 1, (rows, 1), generator=generator)
    attention_mask = (torch.arange(length) < lengths).long()
    return torch.where(attention_mask.bool(), input_ids, PAD), attention_mask


def drop(input_ids, attention_mask, probability, seed=0):
    is_dropped = draw_dropped(len(input_ids), probability, torch.Generator().manual_seed(seed))
    return drop_condition(input_ids, attention_mask, is_dropped, NONE, PAD)


def dropped_rows(input_ids):
    return input_ids[:, 0] == NONE


def test_probability_zero_changes_nothing():
    input_ids, attention_mask = batch(64)
    new_ids, new_mask = drop(input_ids, attention_mask, 0.0)
    assert torch.equal(new_ids, input_ids)
    assert torch.equal(new_mask, attention_mask)


@pytest.mark.parametrize("length", [1, 7])
def test_probability_one_gives_the_none_condition_everywhere(length):
    new_ids, new_mask = drop(*batch(64, length), 1.0)
    assert new_ids.tolist() == [[NONE] + [PAD] * (length - 1)] * 64
    assert new_mask.tolist() == [[1] + [0] * (length - 1)] * 64


@pytest.mark.parametrize("probability", [0.1, 0.3, 0.9])
def test_share_of_dropped_rows_is_the_probability_and_not_its_complement(probability):
    """A famous trainer kept the condition with the probability that its settings called dropout."""
    rows = 20000
    new_ids, _ = drop(*batch(rows), probability)
    share = dropped_rows(new_ids).double().mean().item()
    # Five standard deviations of a binomial share.
    assert abs(share - probability) < 5 * (probability * (1 - probability) / rows) ** 0.5


def test_a_row_is_dropped_as_a_whole_or_kept_as_it_was():
    input_ids, attention_mask = batch(400)
    new_ids, new_mask = drop(input_ids, attention_mask, 0.5)
    dropped = dropped_rows(new_ids)
    assert 0 < dropped.sum() < 400
    assert torch.equal(new_ids[~dropped], input_ids[~dropped])
    assert torch.equal(new_mask[~dropped], attention_mask[~dropped])
    assert (new_ids[dropped, 1:] == PAD).all()
    assert (new_mask[dropped].sum(dim=1) == 1).all()


def test_which_rows_are_dropped_depends_on_the_generator_alone():
    first, again, other = (drop(*batch(200), 0.5, seed)[0] for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    longer = drop(*batch(200, length=11), 0.5, seed=1)[0]
    assert torch.equal(dropped_rows(first), dropped_rows(longer))


def test_inputs_and_their_types_are_left_alone():
    input_ids, attention_mask = batch(50)
    kept = input_ids.clone(), attention_mask.clone()
    new_ids, new_mask = drop(input_ids, attention_mask.bool(), 1.0)
    assert torch.equal(input_ids, kept[0])
    assert torch.equal(attention_mask, kept[1])
    assert new_ids.dtype == torch.int64
    assert new_mask.dtype == torch.bool


def test_no_rows_are_no_trouble():
    new_ids, new_mask = drop(torch.zeros(0, 7, dtype=torch.long), torch.zeros(0, 7, dtype=torch.long), 0.5)
    assert new_ids.shape == new_mask.shape == (0, 7)


@pytest.mark.parametrize("probability", [-0.1, 1.1, float("nan")])
def test_probability_outside_its_range_is_refused(probability):
    with pytest.raises(ValueError, match="`probability`"):
        drop(*batch(2), probability)


def test_unequal_shapes_are_refused():
    input_ids, attention_mask = batch(2)
    with pytest.raises(ValueError, match="one shape"):
        drop(input_ids, attention_mask[:, 1:], 0.5)
    with pytest.raises(ValueError, match="one shape"):
        drop(input_ids[0], attention_mask[0], 0.5)


@pytest.mark.parametrize("probability", [0.0, 0.1, 1.0])
def test_a_sketch_is_seen_everywhere_or_nowhere_and_dropped_with_its_probability(probability):
    rows = 5000
    sketches = torch.zeros(rows, 2, 3, 1, dtype=torch.long)
    is_dropped = draw_dropped(rows, probability, torch.Generator().manual_seed(0))
    seen = drop_sketch(sketches, is_dropped)
    assert seen.shape == sketches.shape
    assert seen.dtype == torch.bool
    is_seen = seen.flatten(1).all(1)
    assert torch.equal(is_seen, seen.flatten(1).any(1))
    assert torch.equal(is_seen, ~is_dropped)
    # Five standard deviations of a binomial share.
    assert abs((~is_seen).double().mean().item() - probability) <= 5 * (probability * (1 - probability) / rows) ** 0.5
