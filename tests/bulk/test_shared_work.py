# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""How a process waits for the samples of the others."""

import os
from types import SimpleNamespace

import pytest
import torch

from nuwa_hf.bulk import shared_work
from nuwa_hf.bulk.run_folder import RunFolder
from nuwa_hf.bulk.shared_work import batches_of, make_missing


class Numbers(list):
    def digest_of(self, count):
        return str(count)


@pytest.mark.parametrize("order", [1, -1])
def test_a_process_returns_when_all_samples_are_there_and_lists_the_folder_no_more_often_the_longer_it_waits(
    order, tmp_path, monkeypatch
):
    run, clip = RunFolder(tmp_path, Numbers(range(9)), {}), torch.zeros(1, 3, 2, 2, dtype=torch.uint8)
    run.begin()
    places, listings = batches_of(range(9), 1), []
    of_the_other = [place for (place,) in places[1::2]][::order]
    list_folder = os.listdir
    monkeypatch.setattr(os, "listdir", lambda folder: listings.append(folder) or list_folder(folder))
    monkeypatch.setattr(shared_work.time, "sleep", lambda seconds: run.write(of_the_other.pop(), clip, 1.0))
    make_missing(
        run,
        places,
        lambda batches: ((batch, [clip]) for batch in batches),
        frame_rate=1.0,
        state=SimpleNamespace(process_index=0, num_processes=2, is_main_process=False),
        description="samples",
    )
    assert of_the_other == []
    assert len(listings) == 2
    assert run.missing() == set()
