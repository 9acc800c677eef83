# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Wrong tokens in the decoder's input: which, how many, and for whom they are the same."""

import pytest
import torch
from test_task_batches import COUNTS, ROWS, make, tokens  # noqa: F401
from tiny import CODEBOOK_SIZE, tiny_config

from nuwa_hf.training.nuwa.input_noise import add_input_noise
from nuwa_hf.training.nuwa.task_batches import TaskBatches


MOST = 0.6


def noisy(tokens, seed=0, counts=COUNTS, most=MOST):  # noqa: F811
    return TaskBatches(tokens, tiny_config(), counts, 0.3, seed, most)


def test_noise_changes_nothing_but_what_the_decoder_reads_where_it_predicts(tokens):  # noqa: F811
    clean, changed = make(tokens, 0.3)(range(ROWS)), noisy(tokens)(range(ROWS))
    for task in COUNTS:
        one, other = vars(clean[task]), vars(changed[task])
        for name in one.keys() - {"visual_tokens"}:
            assert one[name] is other[name] is None or torch.equal(one[name], other[name])
        is_wrong = one["visual_tokens"] != other["visual_tokens"]
        assert is_wrong.any()
        assert (one["labels"][is_wrong] != -100).all()
        assert other["visual_tokens"].max() < CODEBOOK_SIZE


def test_the_noise_of_a_row_is_its_own_whatever_stands_beside_it(tokens):  # noqa: F811
    counts = {"T2V": 6}
    together = noisy(tokens, counts=counts)(range(12, 18))["T2V"].visual_tokens
    apart = [noisy(tokens, counts={"T2V": 3})(range(first, first + 3))["T2V"].visual_tokens for first in (15, 12)]
    assert torch.equal(together, torch.cat(apart[::-1]))
    assert not torch.equal(together, noisy(tokens, seed=1, counts=counts)(range(12, 18))["T2V"].visual_tokens)


def test_shares_of_random_tokens_are_even_between_none_and_the_most():
    clean, nothing = torch.full((400, 2, 15, 15), 5), torch.zeros(400, 2, 15, 15, dtype=torch.bool)
    options = {"codebook_size": 1000, "indices": range(400), "seed": 3}
    drawn = add_input_noise(clean, nothing, MOST, **options)
    shares = (drawn != clean).flatten(1).float().mean(1)
    assert shares.max() < MOST + 0.1  # 450 tokens: four standard deviations are 0.09
    # 400 rows: four standard deviations of the mean of uniform(0, 0.6) are 0.035, of the counts of a quarter 35.
    assert shares.mean().item() == pytest.approx(MOST / 2, abs=0.035)
    quarters = torch.histc(shares.clamp(max=MOST), 4, 0, MOST)
    assert quarters.sub(100).abs().max() < 35
    wrong = drawn[drawn != clean].float()
    assert wrong.mean().item() == pytest.approx(500, abs=5)
    assert add_input_noise(clean, nothing, 0.0, **options) is clean
