# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Shares of the tasks, and how the rows of all processes are dealt to them."""

import logging

import pytest
import torch

from nuwa_hf.tasks import TASKS
from nuwa_hf.training.nuwa.task_shares import deal_rows, describe_shares, parse_task_shares, warn_of_rounded_shares


def test_shares_are_normalised():
    assert parse_task_shares(["T2V=3", "T2I=1"]) == {"T2V": 0.75, "T2I": 0.25}
    shares = parse_task_shares(["T2V=0.5", "V2V=0.15", "T2I=0.35"])
    assert list(shares) == ["T2V", "V2V", "T2I"]
    assert sum(shares.values()) == pytest.approx(1)


@pytest.mark.parametrize(
    "texts",
    [["T2V"], ["T2V=many"], ["T2V=0"], ["T2V=-1"], ["T2V=nan"], ["T2V=inf"], ["X2V=1"], ["t2v=1"], ["T2V=1"] * 2],
)
def test_wrong_shares_are_refused_with_the_tasks_that_there_are(texts):
    names = ", ".join(f"'{task.abbreviation}'" for task in TASKS)
    with pytest.raises(ValueError, match=rf"`tasks` must be entries like .* among \[{names}\]"):
        parse_task_shares(texts)


def test_no_task_at_all_is_refused():
    with pytest.raises(ValueError, match="at least one task"):
        parse_task_shares([])


def test_rows_sum_up_and_are_within_one_of_the_exact_share():
    generator = torch.Generator().manual_seed(1)
    for _ in range(300):
        weights = torch.rand(3, generator=generator).add(0.2).double()
        shares = dict(zip("abc", (weights / weights.sum()).tolist(), strict=True))
        rows = int(torch.randint(12, 200, (), generator=generator))
        counts = deal_rows(shares, rows)
        assert sum(counts.values()) == rows
        rounded_up = [name for name in shares if counts[name] > shares[name] * rows]
        rounded_down = [name for name in shares if name not in rounded_up]
        assert all(abs(counts[name] - shares[name] * rows) < 1 for name in shares)
        for up in rounded_up:
            for down in rounded_down:
                assert shares[up] * rows % 1 >= shares[down] * rows % 1


def test_the_shares_of_the_paper_split_as_computed_by_hand():
    assert deal_rows(parse_task_shares(["T2V=12", "V2V=4", "T2I=12"]), 28) == {"T2V": 12, "V2V": 4, "T2I": 12}
    # 5, 1.5, 3.5: the one row left over goes to the first of the two equal remainders.
    assert deal_rows({"T2V": 0.5, "V2V": 0.15, "T2I": 0.35}, 10) == {"T2V": 5, "V2V": 2, "T2I": 3}


def test_a_pass_of_all_processes_is_dealt_as_that_of_one_with_as_many_rows():
    shares = {"T2V": 0.5, "V2V": 0.1, "T2I": 0.4}
    for rows, processes in ((1, 16), (2, 8), (16, 1)):
        assert deal_rows(shares, rows, processes=processes, passes=5) == deal_rows(shares, 16)


def test_passes_too_small_for_the_tasks_are_dealt_together_and_a_step_too_small_is_refused():
    shares = {"T2V": 0.5, "V2V": 0.1, "T2I": 0.4}
    assert deal_rows(shares, 1, processes=2, passes=5) == {"T2V": 5, "V2V": 1, "T2I": 4}
    with pytest.raises(ValueError, match=r"got 1 x 2 passes x 2 processes, which leaves none to \['V2V'\]"):
        deal_rows(shares, 1, processes=2, passes=2)


def test_the_shares_that_whole_rows_give_are_told_and_those_that_are_far_off_warned_of(caplog):
    """Four rows gave V2V 25 % for 15 % and T2I 25 % for 35 % without a word."""
    shares = parse_task_shares(["T2V=0.5", "V2V=0.15", "T2I=0.35"])
    counts = deal_rows(shares, 4, passes=4)
    assert describe_shares(counts) == "of each 4 rows 2 of T2V (0.5), 1 of V2V (0.25), 1 of T2I (0.25)"
    with caplog.at_level(logging.WARNING):
        for rows in (16, 20, 100):
            warn_of_rounded_shares(shares, deal_rows(shares, rows))
        assert not caplog.messages
        warn_of_rounded_shares(shares, counts)
    assert caplog.messages == [
        "V2V gets 0.25 of the rows in place of 0.15, T2I gets 0.25 of the rows in place of 0.35, since 4 rows are "
        "dealt at once; use a larger `train_batch_size`, or other `tasks`."
    ]
