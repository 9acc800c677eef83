# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
from dataclasses import replace

import pytest
import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from tiny import CODEBOOK_SIZE, SKETCH_CODEBOOK_SIZE, VISUAL_GRID, tiny_config, tiny_transformer

from nuwa_hf.training.nuwa.nuwa_steps import counted_tokens, deal_clips, nuwa_step, tasks_loss, validate
from nuwa_hf.training.nuwa.optimizers import build_optimizers
from nuwa_hf.training.nuwa.task_batches import TaskBatches
from nuwa_hf.training.tokens.token_files import TokenFiles


ROWS = {"T2V": 2, "V2V": 2, "T2I": 1, "S2V": 1, "S2I": 2, "TV2V": 1, "I2I": 2, "TI2I": 2}


def random_tokens(clips):
    generator = torch.Generator().manual_seed(3)

    def draw(low, high, *shape):
        return torch.randint(low, high, shape, generator=generator, dtype=torch.int32)

    captions = draw(5, 128, 2, clips, 8)
    return TokenFiles(
        draw(0, CODEBOOK_SIZE, clips, *VISUAL_GRID),
        captions[0],
        captions[1],
        draw(0, VISUAL_GRID[0], clips),
        draw(0, SKETCH_CODEBOOK_SIZE, clips, *VISUAL_GRID),
    )


def batches_of(tokens, condition_dropout=0.0):
    make = TaskBatches(tokens, tiny_config(), ROWS, condition_dropout, seed=0)
    return lambda step: make(range(step * sum(ROWS.values()), (step + 1) * sum(ROWS.values())))


def test_the_loss_is_the_mean_over_the_counted_tokens_of_all_tasks():
    model = tiny_transformer()
    batches = batches_of(random_tokens(9))(0)
    loss, losses = tasks_loss(model, batches)
    pooled, known = [], 0
    for task, batch in batches.items():
        conditions = {
            "sketch_tokens": batch.sketch_tokens,
            "sketch_attention_mask": batch.sketch_attention_mask,
            "known_mask": batch.known_mask,
        }
        logits = model(batch.input_ids, batch.attention_mask, batch.visual_tokens, **conditions).logits
        chosen = logits.log_softmax(-1).gather(-1, batch.visual_tokens[..., None])[..., 0]
        is_counted = batch.labels != -100
        assert losses[task].item() == pytest.approx(-chosen[is_counted].mean().item(), rel=1e-5)
        pooled.append(-chosen[is_counted])
        known += 0 if batch.known_mask is None else int(batch.known_mask.sum())
    t, h, w = VISUAL_GRID
    assert len(torch.cat(pooled)) == 6 * t * h * w + 7 * h * w - known  # six clips and seven still frames
    assert loss.item() == pytest.approx(torch.cat(pooled).mean().item(), rel=1e-5)


def test_the_loss_of_a_model_whose_outputs_are_tuples_is_the_same():
    batches = batches_of(random_tokens(9))(0)
    assert tasks_loss(tiny_transformer(return_dict=False), batches) == tasks_loss(tiny_transformer(), batches)


@pytest.mark.parametrize("kind", [pytest.param("adamw", marks=pytest.mark.slow), "muon"])
def test_a_few_clips_are_learnt_by_heart(kind):
    model = tiny_transformer(initializer_range=0.05).train()
    accelerator = Accelerator(cpu=True)
    optimizers = build_optimizers(
        model, kind, learning_rate=2e-2, muon_learning_rate=2e-2, betas=(0.9, 0.95), weight_decay=0.0
    )
    batches = TaskBatches(random_tokens(8), tiny_config(), {"T2V": 2, "V2V": 2, "S2I": 2}, 0.0, seed=0)
    steps = [batches(range(6 * step, 6 * step + 6)) for step in range(40)]
    losses = [nuwa_step(model, optimizers, accelerator, [step], 1.0)["loss"].item() for step in steps]
    assert losses[0] == pytest.approx(torch.tensor(CODEBOOK_SIZE).log().item(), abs=0.1)  # knows nothing yet
    assert sum(losses[-5:]) / 5 < 0.6 * losses[0]


class Keep(torch.optim.SGD):
    """Leaves the gradients to look at."""

    def zero_grad(self, set_to_none=True):
        pass


def as_one_batch(passes):
    """Every task's rows of all passes as one batch."""
    return {
        task: type(batch)(
            **{
                name: torch.cat([getattr(batches[task], name) for batches in passes])
                for name, tensor in vars(batch).items()
                if tensor is not None
            }
        )
        for task, batch in passes[0].items()
    }


@pytest.mark.parametrize("num_passes", [1, 3])
def test_accumulated_passes_of_unequal_counts_give_the_gradient_of_one_big_batch(num_passes):
    """The mean of the passes' means once weighted a token by how few its pass had."""
    make = TaskBatches(random_tokens(40), tiny_config(), {"I2I": 2, "T2V": 1, "TI2I": 1}, 0.0, seed=0)
    passes = [make(range(4 * index, 4 * index + 4)) for index in range(num_passes)]
    counts = [counted_tokens(batches) for batches in passes]
    assert num_passes == 1 or len({count["I2I"] for count in counts}) > 1
    stepped, expected = tiny_transformer(), tiny_transformer()
    log = nuwa_step(stepped, [Keep(stepped.parameters(), lr=0.0)], Accelerator(cpu=True), passes, 1e9)
    loss, losses = tasks_loss(expected, as_one_batch(passes))
    loss.backward()
    for (name, one), other in zip(stepped.named_parameters(), expected.parameters(), strict=True):
        assert torch.allclose(one.grad, other.grad, rtol=1e-4, atol=1e-6) if other.grad is not None else True, name
    norm = torch.cat([p.grad.flatten() for p in expected.parameters() if p.grad is not None]).norm()
    assert log["gradient_norm"].item() == pytest.approx(norm.item(), rel=1e-4)
    assert log["loss"].item() == pytest.approx(loss.item(), rel=1e-5)
    for task, value in losses.items():
        assert log[f"loss_{task}"].item() == pytest.approx(value.item(), rel=1e-5)


def test_one_pass_of_one_process_has_exactly_the_numbers_of_its_loss():
    batches = batches_of(random_tokens(20))(0)
    stepped, expected = tiny_transformer(), tiny_transformer()
    log = nuwa_step(stepped, [Keep(stepped.parameters(), lr=0.0)], Accelerator(cpu=True), [batches], 1e9)
    loss, losses = tasks_loss(expected, batches)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(expected.parameters(), 1e9)
    assert all(
        torch.equal(one.grad, other.grad)
        for one, other in zip(stepped.parameters(), expected.parameters(), strict=True)
    )
    assert torch.equal(log["loss"], loss)
    assert all(torch.equal(log[f"loss_{task}"], value) for task, value in losses.items())


def test_the_gradients_are_scaled_down_to_the_norm():
    model, batches = tiny_transformer(), batches_of(random_tokens(20))(0)
    log = nuwa_step(model, [Keep(model.parameters(), lr=0.0)], Accelerator(cpu=True), [batches], 1e-3)
    norm = torch.cat([parameter.grad.flatten() for parameter in model.parameters()]).norm()
    assert norm.item() == pytest.approx(1e-3, rel=1e-3)
    assert log["gradient_norm"] > 1e-3


def test_a_step_in_bf16_comes_near_that_in_float32():
    batches, losses = batches_of(random_tokens(20))(0), {}
    for precision in ("no", "bf16"):
        AcceleratorState._reset_state(reset_partial_state=True)
        accelerator = Accelerator(cpu=True, mixed_precision=precision)
        model = tiny_transformer()
        optimizers = build_optimizers(
            model, "adamw", learning_rate=1e-2, muon_learning_rate=1e-2, betas=(0.9, 0.95), weight_decay=0.0
        )
        model, *optimizers = accelerator.prepare(model, *optimizers)
        losses[precision] = [
            nuwa_step(model, optimizers, accelerator, [batches], 1.0)["loss"].item() for _ in range(3)
        ]
        assert all(parameter.dtype == torch.float32 for parameter in model.parameters())
    AcceleratorState._reset_state(reset_partial_state=True)
    assert losses["bf16"] == pytest.approx(losses["no"], rel=0.02)
    assert losses["bf16"] != losses["no"]


@pytest.mark.parametrize("task", ["S2V", "S2I", "V2V", "I2I"])
def test_the_loss_depends_on_the_sketch_and_on_the_known_part(task):
    """The fields reach the model: without them the same batch has another loss."""
    model, batch = tiny_transformer(), batches_of(random_tokens(9))(0)[task]
    without = replace(batch, sketch_tokens=None, sketch_attention_mask=None, known_mask=None)
    assert tasks_loss(model, {task: batch})[0].item() != tasks_loss(model, {task: without})[0].item()


def test_validation_covers_every_task_and_is_the_same_whatever_was_drawn_before():
    model, tokens = tiny_transformer(hidden_dropout=0.5), random_tokens(20)
    values = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        batches = TaskBatches(tokens, tiny_config(), ROWS, 0.5, seed)
        batches(range(sum(ROWS.values())))
        values.append(validate(model, Accelerator(cpu=True), tokens, batches))
    assert values[0] == values[1]
    assert set(values[0]) == {"validation_loss", *(f"validation_loss_{task}" for task in ROWS)}


@pytest.mark.parametrize("task", ["T2V", "I2I"])
def test_the_validation_loss_of_a_task_is_the_mean_over_the_counted_tokens_of_all_clips(task):
    """Clips after the last whole batch were left out, and batches of few counted tokens weighed as much as others."""
    model, tokens = tiny_transformer().eval(), random_tokens(20)
    make = TaskBatches(tokens, tiny_config(), {task: 16}, 0.0, seed=0)
    passes = [make(range(16)), make(range(16, 20))]
    if task == "I2I":
        counts = [counted_tokens(batches)[task] for batches in passes]
        assert counts[0] / 16 != counts[1] / 4
    expected = tasks_loss(model, as_one_batch(passes))[0].item()
    assert validate(model, Accelerator(cpu=True), tokens, make)[f"validation_loss_{task}"] == pytest.approx(
        expected, rel=1e-5
    )


@pytest.mark.parametrize("processes", [1, 2, 3, 7, 16, 17, 24, 64, 200])
@pytest.mark.parametrize(("clips", "rows"), [(128, 16), (20, 16), (33, 16), (5, 5)])
def test_each_clip_of_a_validation_is_computed_once_in_as_few_passes_as_the_processes_allow(clips, rows, processes):
    dealt = [deal_clips(clips, rows, process=process, processes=processes) for process in range(processes)]
    assert sorted(clip for passes in dealt for one in passes for clip in one) == list(range(clips))
    assert {len(passes) for passes in dealt} == {min(-(-clips // rows), -(-clips // processes))}
    assert all(len({clip // rows for clip in one}) <= 1 for passes in dealt for one in passes)


def test_in_the_validation_loss_of_all_tasks_each_counts_as_many_tokens_as_in_a_step():
    model, tokens = tiny_transformer(), random_tokens(20)

    def validated(**rows):
        return validate(model, Accelerator(cpu=True), tokens, TaskBatches(tokens, tiny_config(), rows, 0.0, seed=0))

    one, mixed, more = validated(T2V=2), validated(T2V=2, T2I=2), validated(T2V=2, T2I=6)
    assert one["validation_loss"] == one["validation_loss_T2V"]
    video, still = mixed["validation_loss_T2V"], mixed["validation_loss_T2I"]
    frames = VISUAL_GRID[0]  # of a video; an image has one
    assert mixed["validation_loss"] == pytest.approx((frames * video + still) / (frames + 1))
    assert more["validation_loss"] == pytest.approx((frames * video + 3 * still) / (frames + 3))
