# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""A step is a program over fixed tensors: what a CUDA graph needs, shown on a CPU."""

from itertools import islice

import pytest
import torch
from sampler_cases import generators, random_model, texts
from tape import Tape, Tapes
from tiny import tiny_transformer

from nuwa_hf import NuwaConfig, NuwaForConditionalGeneration
from nuwa_hf.generation.sampling_steps import SamplingSteps
from nuwa_hf.generation.step_plan import plan_grid
from nuwa_hf.grid import Grid
from nuwa_hf.modeling import generation_mixin
from nuwa_hf.modeling.sampling_call import ModelSteps, SamplingCall
from nuwa_hf.modeling.sampling_runs import MOST_KEPT


@pytest.fixture
def tapes(monkeypatch):
    """Sampling as on CUDA, with padded steps, of which all but the first of each shape come from a tape."""
    tapes = Tapes()
    monkeypatch.setattr(generation_mixin, "pads_steps", lambda device: True)
    monkeypatch.setattr(generation_mixin, "recorder", lambda compute: tapes)
    return tapes


def known_part(grid):
    generator = torch.Generator().manual_seed(7)
    return {
        "known_tokens": torch.randint(0, 29, (3, *grid), generator=generator),
        "known_mask": torch.rand(3, *grid, generator=generator) < 0.5,
    }


def calls(grid):
    """Calls of every kind: free, with a known part, with a sketch, and the likeliest tokens."""
    sketch = torch.randint(0, 17, (3, *grid), generator=torch.Generator().manual_seed(8))
    yield {"guidance_scale": 2.5, "temperature": 0.9, "top_k": 20, "top_p": 0.95}
    yield {**known_part(grid), "guidance_scale": 2.0}
    yield {"sketch_tokens": sketch, "guidance_scale": 2.0}
    yield {"do_sample": False}


@pytest.mark.parametrize(
    "windows",
    [
        {},  # few places of a condition are gathered
        {"window": (1, 3, 3), "condition_window": (11, 5, 5)},  # it is read as a whole under a mask
        {"window": (5, 5, 5), "input_window": (3, 3, 3)},
    ],
    ids=["nearby", "wide", "input"],
)
def test_repeated_programs_give_the_tokens_of_steps_that_the_host_takes(windows, tapes):
    grid, model = (2, 3, 4), random_model(**windows)
    for arguments in calls(grid):
        recorded = model.generate(*texts(), grid=grid, generator=generators(), **arguments).tokens
        assert tapes.num_played > 0
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(generation_mixin, "pads_steps", lambda device: False)
            patch.setattr(generation_mixin, "recorder", lambda compute: None)
            expected = model.generate(*texts(), grid=grid, generator=generators(), **arguments).tokens
        assert torch.equal(recorded, expected)
    assert not [name for tape in tapes.tapes for name in tape.of_the_host]


def test_a_recorded_stream_gives_the_frames_of_one_that_the_host_takes(tapes):
    def frames():
        stream = random_model().stream(*texts(), generator=generators(), grid=(None, 3, 3), guidance_scale=2.0)
        return torch.stack(list(islice(stream, 9)), 1)

    recorded = frames()
    assert tapes.num_played > 20
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(generation_mixin, "pads_steps", lambda device: False)
        patch.setattr(generation_mixin, "recorder", lambda compute: None)
        assert torch.equal(recorded, frames())


def test_a_recording_serves_later_calls_with_other_texts_generators_settings_and_weights(tapes):
    model, grid = random_model(), (2, 3, 4)
    sketch, known = torch.randint(0, 17, (3, *grid)), known_part(grid)
    settings = {"guidance_scale": [2.0, 1.0, 1.5], "temperature": [0.9, 0.8, 0.7], "top_p": 0.9}
    arguments = {"grid": grid, "sketch_tokens": sketch, **settings, **known}
    first = model.generate(*texts(), generator=generators(), **arguments).tokens
    copy, num_tapes = first.clone(), len(tapes.tapes)
    with torch.no_grad():
        model.head.weight.mul_(0.9)
    input_ids = torch.randint(5, 40, (3, 9))
    attention_mask = torch.ones_like(input_ids)
    attention_mask[2, 5:] = 0
    others = {**arguments, "sketch_tokens": sketch.flip(0), "known_mask": known["known_mask"].flip(0)}
    others |= {"guidance_scale": [4.0, 1.0, 3.0], "temperature": [0.5, 1.0, 2.0], "top_p": [0.5, 0.7, 0.99]}
    seeds = [torch.Generator().manual_seed(seed) for seed in (3, 4, 5)]
    again = model.generate(input_ids, attention_mask, generator=seeds, **others).tokens
    assert len(tapes.tapes) == num_tapes  # nothing was recorded anew
    model.free_laid_out_weights()
    seeds = [torch.Generator().manual_seed(seed) for seed in (3, 4, 5)]
    assert torch.equal(model.generate(input_ids, attention_mask, generator=seeds, **others).tokens, again)
    assert len(tapes.tapes) > num_tapes
    assert torch.equal(first, copy)  # what a call returned is the caller's


@pytest.mark.parametrize("guidance_scale", [1.0, 2.0])
def test_a_recording_serves_calls_with_another_number_of_outputs_of_each_input(tapes, guidance_scale):
    grid, input_ids, sketch = (2, 3, 4), torch.randint(5, 40, (4, 9)), torch.randint(0, 17, (4, 2, 3, 4))

    def sample(model, num_inputs):
        inputs = {"input_ids": input_ids[:num_inputs], "sketch_tokens": sketch[:num_inputs]}
        inputs |= {"num_return_sequences": 4 // num_inputs, "guidance_scale": guidance_scale, "grid": grid}
        return model.generate(**inputs, generator=[torch.Generator().manual_seed(seed) for seed in range(4)]).tokens

    model = random_model()
    sample(model, 2)
    num_tapes = len(tapes.tapes)
    again = sample(model, 4)
    assert len(tapes.tapes) == num_tapes  # nothing was recorded anew
    assert torch.equal(again, sample(random_model(), 4))


def test_calls_that_overlap_or_stop_midway_do_not_disturb_each_other(tapes):
    model = random_model()
    settings = {"grid": (2, 3, 4), "guidance_scale": 2.0}
    expected = model.generate(*texts(), generator=generators(), **settings).tokens
    model.generate(*texts(), generator=generators(), callback=lambda step, *_: step == 6, **settings)
    streams = [model.stream(*texts(), generator=generators(), **settings) for _ in range(2)]
    for frame, pair in enumerate(zip(*streams, strict=True)):
        assert all(torch.equal(tokens, expected[:, frame]) for tokens in pair)
    for width in range(1, 6):
        model.generate(*texts(), grid=(1, 1, width))
    assert len(model._sampling_runs._kept) == MOST_KEPT


def steps_of(model, grid, guidance_scale, device="cpu"):
    """Steps of a plan as on CUDA, and the plan."""
    plan = plan_grid(Grid(*grid), model.config.window, "wavefront", True)
    ids = torch.full((1, 7), 5, device=device)
    call = SamplingCall(model=model, input_ids=ids, attention_mask=None, guidance_scale=guidance_scale)
    compute = ModelSteps(call, Grid(*grid), plan.num_slots, True)
    return SamplingSteps(compute, call.draw, Grid(*grid), plan.tables.to(torch.device(device))), plan


@torch.no_grad()
def test_a_step_of_the_papers_video_reads_no_number_and_starts_some_hundred_operators():
    """On the meta device there are no numbers to read, so a read is an error."""
    with torch.device("meta"):
        # In double precision there are no layouts for a CPU.
        model = NuwaForConditionalGeneration(NuwaConfig(num_decoder_layers=4)).eval().double()
    steps, plan = steps_of(model, (10, 21, 21), 2.0, "meta")
    steps.begin()
    steps.next(plan.shapes[0])  # reads the conditions
    views = ("view", "_unsafe_view", "transpose", "slice", "select", "unsqueeze", "expand", "permute", "t", "alias")
    counts = set()
    for shape in {plan.shapes[0], plan.shapes[50]}:
        with Tape() as tape:
            steps.next(shape)
        assert not tape.of_the_host
        counts.add(sum(number for name, number in tape.names.items() if name not in (*views, "unbind", "split")))
    (launches,) = counts  # narrow steps and wide ones
    # 48 beside the layers; in a layer attention alone is seven operators here, twice. A CUDA graph is one launch.
    assert 4 * 25 < launches - 51 < 4 * 34


@pytest.mark.compiled
@torch.no_grad()
def test_a_step_is_one_graph_without_breaks():
    model, grid = tiny_transformer(num_decoder_layers=1), (2, 2, 3)
    (eager, plan), (compiled, _) = (steps_of(model, grid, 2.0) for _ in range(2))
    torch._dynamo.reset()
    for steps in (eager, compiled):
        torch.manual_seed(0)
        for frame in range(grid[0]):
            steps.noise.begin_frame(frame)
        steps.begin()
        steps.next(plan.shapes[0])
    take = torch.compile(compiled._take, fullgraph=True, backend="eager")
    for shape in plan.shapes[1:]:
        eager.next(shape)
        take(shape, None)
    assert torch.equal(eager.tokens, compiled.tokens)
    assert len(set(plan.shapes)) == 1
