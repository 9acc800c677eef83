# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Gradients that are not finite, at one place of a run."""

from itertools import count

import pytest
from accelerate import Accelerator


def poison_gradients(monkeypatch: pytest.MonkeyPatch, call: int) -> None:
    """From now on all gradients of one backward pass are NaN, while its loss is as it was.

    Args:
        monkeypatch (`pytest.MonkeyPatch`): undoes it.
        call (`int`): which backward pass, counted from 1.
    """
    backward, calls = Accelerator.backward, count(1)

    def backward_and_poison(accelerator, loss):
        backward(accelerator, loss * (float("nan") if next(calls) == call else 1.0))

    monkeypatch.setattr(Accelerator, "backward", backward_and_poison)
