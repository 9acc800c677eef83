# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""How often flex_attention is compiled. What it computes is tested with the other backends."""

from functools import partial

import pytest
import torch
from torch._dynamo.testing import CompileCounterWithBackend

from nuwa_hf.grid import Grid
from nuwa_hf.nearby_attention import NearbyPattern, nearby_attention
from nuwa_hf.nearby_attention.backends import flex


GRID, WINDOW = Grid(2, 3, 4), (3, 3, 3)
PATTERN = NearbyPattern(GRID, GRID, WINDOW, True)


@pytest.fixture
def compilations(request, monkeypatch):
    """Counts compilations. Without inductor, torch traces and guards as it does on a GPU, and no kernel is made."""
    flex._compiled_for.cache_clear()
    counter = CompileCounterWithBackend(getattr(request, "param", "eager"))
    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend=counter))
    yield counter
    flex._compiled_for.cache_clear()


def states(batch):
    return torch.randn(3, batch, 2, GRID.numel, 16).unbind()


@pytest.mark.compiled
def test_one_compilation_serves_every_batch_and_the_limit_is_an_error(compilations):
    for batch in (2, 5, 3):
        found = flex.compiled_flex_attention(*states(batch), PATTERN, None)
        assert found.shape == (batch, 2, GRID.numel, 16)
    assert compilations.frame_count == 1
    query, key, value = states(2)
    strided = query.transpose(2, 3).contiguous().transpose(2, 3)
    with (
        torch._dynamo.config.patch(recompile_limit=1),
        pytest.raises(RuntimeError, match=r"would run unfused.*compiled calls like this one 1 times.*'blockwise'"),
    ):
        flex.compiled_flex_attention(strided, key, value, PATTERN, None)


def test_flex_that_torch_does_not_compile_is_an_error():
    with (
        torch.compiler.set_stance("force_eager"),
        pytest.raises(RuntimeError, match=r"would run unfused.*torch.compile is disabled"),
    ):
        flex.compiled_flex_attention(*states(2), PATTERN, None)


@pytest.mark.slow
@pytest.mark.parametrize("compilations", ["eager", "inductor"], indirect=True)
def test_many_batches_causal_or_not_and_padded_or_not_need_two_compilations_of_each_kind(compilations):
    for causal in (True, False):
        for padded in (False, True):
            for batch in (2, 3, 1, 8, 5, 4, 7, 1, 6, 9, 10, 2):
                query, key, value = states(batch)
                mask = torch.rand(batch, GRID.numel) > 0.2 if padded else None
                found = flex.compiled_flex_attention(
                    query, key, value, NearbyPattern(GRID, GRID, WINDOW, causal), mask
                )
                geometry = {"query_grid": GRID, "key_grid": GRID, "window": WINDOW, "causal": causal}
                expected = nearby_attention(
                    query, key, value, key_padding_mask=mask, **geometry, backend="masked_sdpa"
                )
                # Sums of at most 24 float32 terms of size one.
                torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)
    assert compilations.frame_count == 4 * 2  # a batch of one, and all others
