# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
from dataclasses import astuple

import pytest
import torch
from torch import distributed, multiprocessing

from nuwa_hf.modeling.quantizer import VectorQuantizer
from nuwa_hf.training.vqgan.codebook_updates import CodebookStatistics, EmaCodebook


V, D = 6, 4


@pytest.fixture
def quantizer():
    return seeded_quantizer()


def seeded_quantizer():
    quantizer = VectorQuantizer(V, D)
    quantizer.write_codebook(torch.randn(V, D, generator=torch.Generator().manual_seed(0)))
    return quantizer


def latents(seed=1, shape=(2, D, 3, 5)):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def rows(tensor):
    return {tuple(row.tolist()) for row in tensor}


def step(ema, batch):
    return ema.update(batch, ema.quantizer.nearest(batch))


def test_usage_and_perplexity_of_even_use_are_one_and_the_size():
    statistics = CodebookStatistics(V)
    statistics.accumulate(torch.arange(V).view(1, 2, 3))
    use = statistics.compute()
    assert use.usage == 1.0
    assert use.perplexity == pytest.approx(V, rel=1e-6)


def test_usage_and_perplexity_of_one_code():
    statistics = CodebookStatistics(V)
    statistics.accumulate(torch.full((2, 3), 4))
    use = statistics.compute()
    assert use.usage == pytest.approx(1 / V)
    assert use.perplexity == pytest.approx(1.0)


def test_window_is_the_sum_of_its_parts_and_reset_empties_it():
    tokens = torch.randint(V, (4, 7), generator=torch.Generator().manual_seed(0))
    at_once, in_parts = CodebookStatistics(V), CodebookStatistics(V)
    at_once.accumulate(tokens)
    for part in tokens:
        in_parts.accumulate(part)
    assert at_once.compute() == in_parts.compute()
    in_parts.reset()
    with pytest.raises(ValueError, match="at least one token"):
        in_parts.compute()


def test_update_is_the_formula_by_hand(quantizer):
    ema = EmaCodebook(quantizer, decay=0.9, revive_after=None)
    codes = quantizer.codebook()
    counts = [30 / V] * V
    sums = [count * code for count, code in zip(counts, codes, strict=True)]
    for seed in range(3):
        batch = latents(seed)
        tokens = quantizer.nearest(batch)
        step(ema, batch)
        latents_of = [batch.permute(0, 2, 3, 1)[tokens == code] for code in range(V)]
        counts = [0.9 * n + 0.1 * len(z) for n, z in zip(counts, latents_of, strict=True)]
        sums = [0.9 * m + 0.1 * z.sum(0) for m, z in zip(sums, latents_of, strict=True)]
        expected = torch.stack([m / n for m, n in zip(sums, counts, strict=True)])
        torch.testing.assert_close(quantizer.codebook(), expected)


def test_update_lowers_the_error_of_the_batch_it_sees(quantizer):
    ema = EmaCodebook(quantizer, decay=0.5, revive_after=None)
    errors = []
    for _ in range(8):
        errors.append(quantizer(latents()).codebook_loss.item())
        step(ema, latents())
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < errors[0]


def test_unused_code_stays_to_the_bit_for_any_number_of_updates(quantizer):
    codes = quantizer.codebook().clone()
    codes[2] = 1e3
    quantizer.write_codebook(codes)
    ema = EmaCodebook(quantizer, decay=0.1, revive_after=None)
    for seed in range(60):
        step(ema, latents(seed))
    assert torch.equal(quantizer.codebook()[2], codes[2])
    assert quantizer.codebook().isfinite().all()


def test_exactly_the_dead_codes_are_revived_on_latents_of_the_batch(quantizer):
    codes = quantizer.codebook().clone()
    codes[[1, 4]] = 1e3
    quantizer.write_codebook(codes)
    ema = EmaCodebook(quantizer, decay=0.9, revive_after=10, generator=torch.Generator().manual_seed(0))
    batch = torch.cat([codes[[0, 2, 3, 5]]] * 8)[:, :, None, None] + 0.01 * latents(shape=(32, D, 1, 1))
    revived_at = {}
    for update in range(1, 20):
        before = quantizer.codebook().clone()
        revived = step(ema, batch)
        if revived.any():
            revived_at[update] = revived.nonzero().flatten().tolist()
            assert rows(quantizer.codebook()[revived]) <= rows(batch.flatten(1))
            assert torch.equal((quantizer.codebook() - before).norm(dim=1) > 100, revived)
    assert revived_at == {10: [1, 4]}


def test_revival_never_happens_when_it_is_off(quantizer):
    quantizer.write_codebook(torch.arange(V * D).view(V, D) * 100.0)
    ema = EmaCodebook(quantizer, decay=0.1, revive_after=None)
    assert not any(step(ema, latents(seed)).any() for seed in range(30))


def test_initialisation_puts_all_codes_on_different_latents_of_the_batch(quantizer):
    ema = EmaCodebook(quantizer, generator=torch.Generator().manual_seed(0))
    assert not ema.is_started
    ema.initialise(latents())
    assert ema.is_started
    assert len(rows(quantizer.codebook())) == V
    assert rows(quantizer.codebook()) <= rows(latents().permute(0, 2, 3, 1).reshape(-1, D))


def test_initialisation_from_fewer_latents_than_codes_uses_all_of_them(quantizer):
    few = latents(shape=(1, D, 2, 2))
    EmaCodebook(quantizer).initialise(few)
    assert rows(quantizer.codebook()) == rows(few.permute(0, 2, 3, 1).reshape(-1, D))


def test_video_latents_are_their_frames(quantizer):
    other = seeded_quantizer()
    video = latents(shape=(2, 3, D, 4, 4))
    frames = video.flatten(0, 1)
    tokens = quantizer.nearest(frames)
    EmaCodebook(quantizer).update(frames, tokens)
    EmaCodebook(other).update(video, tokens.unflatten(0, (2, 3)))
    assert torch.equal(quantizer.codebook(), other.codebook())


def test_generator_decides_the_draws():
    drawn = []
    for seed in (3, 3, 4):
        quantizer = seeded_quantizer()
        EmaCodebook(quantizer, generator=torch.Generator().manual_seed(seed)).initialise(latents())
        drawn.append(quantizer.codebook())
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[0], drawn[2])


def test_resumed_codebook_goes_on_to_the_bit():
    def build(seed):
        quantizer = seeded_quantizer()
        return EmaCodebook(quantizer, decay=0.8, revive_after=3, generator=torch.Generator().manual_seed(seed))

    straight, first, second = build(0), build(0), build(1)
    for seed in range(10):
        step(straight, latents(seed))
    for seed in range(5):
        step(first, latents(seed))
    second.load_state_dict(first.state_dict())
    second.quantizer.load_state_dict(first.quantizer.state_dict())
    second.generator.set_state(first.generator.get_state())
    for seed in range(5, 10):
        step(second, latents(seed))
    assert torch.equal(straight.quantizer.codebook(), second.quantizer.codebook())
    assert torch.equal(straight.counts, second.counts)
    assert torch.equal(straight.sums, second.sums)


def test_state_before_the_first_update_can_be_loaded(quantizer):
    ema = EmaCodebook(quantizer)
    ema.load_state_dict(EmaCodebook(seeded_quantizer()).state_dict())
    assert not ema.is_started


def test_codes_are_frozen_and_only_the_latents_learn(quantizer):
    EmaCodebook(quantizer)
    z = latents().requires_grad_()
    output = quantizer(z)
    (output.codebook_loss + output.commitment_loss).backward()
    assert quantizer.embedding.weight.grad is None
    assert z.grad.abs().sum() > 0


def test_bfloat16_codes_keep_float32_averages(quantizer):
    ema = EmaCodebook(quantizer.bfloat16())
    step(ema, latents().bfloat16())
    assert quantizer.codebook().dtype == torch.bfloat16
    assert ema.counts.dtype == ema.sums.dtype == torch.float32


@pytest.mark.parametrize(
    ("arguments", "name"),
    [({"decay": 1.0}, "decay"), ({"decay": 0.0}, "decay"), ({"revive_after": 0}, "revive_after")],
)
def test_impossible_settings_are_refused(quantizer, arguments, name):
    with pytest.raises(ValueError, match=f"`{name}` must"):
        EmaCodebook(quantizer, **arguments)


def test_tokens_of_other_latents_are_refused(quantizer):
    with pytest.raises(ValueError, match="one token for every latent"):
        EmaCodebook(quantizer).update(latents(), torch.zeros(2, 3, 4, dtype=torch.long))


def test_state_of_another_codebook_is_refused(quantizer):
    state = {"counts": torch.ones(V + 1), "sums": torch.ones(V + 1, D)}
    with pytest.raises(ValueError, match=r"sums of shape \(V, D\) = \(6, 4\), got \(7, 4\)"):
        EmaCodebook(quantizer).load_state_dict(state)


def _train_on_half(rank, folder):
    torch.set_num_threads(1)  # A forked process has lost the threads of its parent's pool.
    distributed.init_process_group("gloo", init_method=f"file://{folder}/rendezvous", rank=rank, world_size=2)
    quantizer = seeded_quantizer()
    ema = EmaCodebook(quantizer, decay=0.5, revive_after=2, generator=torch.Generator().manual_seed(rank))
    statistics = CodebookStatistics(V)
    ema.initialise(latents()[rank, None])
    initial = quantizer.codebook().clone()
    for seed in range(2):
        half = latents(seed)[rank, None]
        statistics.accumulate(quantizer.nearest(half))
        step(ema, half)
    torch.save(
        {"initial": initial, "final": quantizer.codebook(), "use": astuple(statistics.compute())}, f"{folder}/{rank}"
    )
    distributed.destroy_process_group()


def test_two_processes_learn_one_codebook_which_is_that_of_the_joint_batch(tmp_path):
    # Forked, since importing the package again in every process takes longer than all other tests here.
    multiprocessing.start_processes(_train_on_half, args=(str(tmp_path),), nprocs=2, start_method="fork")
    one, other = (torch.load(tmp_path / str(rank)) for rank in range(2))
    assert torch.equal(one["initial"], other["initial"])
    assert torch.equal(one["final"], other["final"])
    assert one["use"] == other["use"]

    quantizer = seeded_quantizer()
    quantizer.write_codebook(one["initial"])
    ema = EmaCodebook(quantizer, decay=0.5, revive_after=2)
    for seed in range(2):
        assert not step(ema, latents(seed)).any()
    torch.testing.assert_close(quantizer.codebook(), one["final"])
