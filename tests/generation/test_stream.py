# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
from itertools import islice

import pytest
import torch
from sampler_cases import drawn_from, generators, random_model, texts

from nuwa_hf.grid import Grid


def streamed(model, count, **settings):
    stream = model.stream(*texts(), **{"grid": (None, 5, 5), "generator": generators(), **settings})
    return torch.stack(list(islice(stream, count)), 1)


@pytest.mark.parametrize(
    ("window", "guidance_scale"), [((3, 3, 3), 1.0), ((3, 3, 3), 2.5), ((1, 3, 3), 2.5), ((3, 5, 3), 2.5)]
)
def test_up_to_the_learnt_frames_a_stream_equals_the_generated_video(window, guidance_scale):
    model = random_model(window)
    settings = {"guidance_scale": guidance_scale, "temperature": 0.9, "top_k": 20}
    video = model.generate(*texts(), grid=(4, 5, 5), generator=generators(), **settings).tokens
    assert torch.equal(streamed(model, 4, **settings), video)
    assert torch.equal(streamed(model, 4, grid=(4, 5, 5), **settings), video)
    # Also with one generator for three items: it draws frame by frame, so a short video is the start of a long one.
    one, again = (torch.Generator().manual_seed(0) for _ in range(2))
    short = model.generate(*texts(), grid=(3, 5, 5), generator=one, **settings).tokens
    assert torch.equal(streamed(model, 3, generator=again, **settings), short)


def test_wavefront_streams_the_tokens_of_raster_order():
    model = random_model()
    assert torch.equal(streamed(model, 11), streamed(model, 11, schedule="raster"))


def with_positions_again(model, num_frames):
    """The model with positions for more frames, which cycle through the learnt ones except the first."""
    grid = Grid(num_frames, *model.config.visual_grid[1:])
    model.config.visual_grid = tuple(grid)
    for embeddings in (model.model.decoder.embeddings, model.model.sketch_embeddings, model.model.known_embeddings):
        time = embeddings.positions.time
        again = [frame if frame < 4 else (1, 2, 3)[(frame - 4) % 3] for frame in range(num_frames)]
        embeddings.positions.time = torch.nn.Parameter(time[again])
    return model


def test_beyond_the_learnt_frames_the_positions_are_reused():
    stream = streamed(random_model(), 9)
    long = with_positions_again(random_model(), 9)
    logits = long(*texts(), visual_tokens=stream).logits
    assert torch.equal(drawn_from(logits, (9, 5, 5)), stream)


def test_items_of_a_stream_do_not_depend_on_each_other():
    model, (input_ids, attention_mask) = random_model(), texts()
    together = streamed(model, 7)
    for item, generator in enumerate(generators()):
        alone = islice(
            model.stream(input_ids[[item]], attention_mask[[item]], generator=generator, grid=(None, 5, 5)), 7
        )
        assert torch.equal(torch.cat(list(alone)), together[item])


def test_a_stream_ends_after_its_frames_and_yields_them_one_by_one():
    frames = list(random_model().stream(*texts(), grid=(6, 5, 5), do_sample=False))
    assert [tuple(frame.shape) for frame in frames] == [(3, 5, 5)] * 6
    copies = [frame.clone() for frame in frames]
    list(random_model().stream(*texts(), grid=(6, 5, 5), do_sample=False))
    assert all(torch.equal(*pair) for pair in zip(frames, copies, strict=True))


def test_memory_does_not_grow_with_the_stream():
    model, sizes, widths = random_model(), [], []

    def measure(decoder, inputs, arguments):
        kept = [part for layer in arguments["cache"].layers for part in (layer.key, *layer.conditions)]
        sizes.append((inputs[0].numel(), [getattr(part, "key", part).numel() for part in kept if part is not None]))
        widths.append(len(arguments["step"].places))

    model.model.decoder.register_forward_pre_hook(measure, with_kwargs=True)
    for _ in islice(model.stream(*texts(), grid=(None, 5, 5)), 40):
        pass
    assert len(sizes[1][1]) == 6  # three layers, each with a ring and a text
    assert all(size == sizes[1] for size in sizes[1:])
    assert max(widths[40:]) == max(widths[-40:]) == max(widths)


def test_nothing_is_computed_before_the_first_frame_is_requested():
    model, calls = random_model(), []
    model.model.encoder.register_forward_hook(lambda *_: calls.append(1))
    stream = model.stream(*texts(), grid=(None, 5, 5))
    assert not calls
    next(stream)
    assert calls


@pytest.mark.parametrize("guidance_scale", [1.0, 2.5])
def test_frames_with_a_sketch_and_a_known_part_come_one_by_one(guidance_scale):
    model, generator, grid = random_model(), torch.Generator().manual_seed(7), (4, 5, 4)
    arguments = {
        "grid": grid,
        "guidance_scale": guidance_scale,
        "sketch_tokens": torch.randint(0, 17, (3, *grid), generator=generator),
        "known_tokens": torch.randint(0, 29, (3, *grid), generator=generator),
        "known_mask": torch.rand(3, *grid, generator=generator) < 0.5,
    }
    video = model.generate(*texts(), generator=generators(), **arguments).tokens
    assert torch.equal(streamed(model, 9, **arguments), video)


def test_a_frame_is_yielded_before_the_steps_of_later_ones():
    model, steps = random_model(), []
    model.model.decoder.norm.register_forward_hook(lambda *_: steps.append(1))
    counts = [len(steps) for _ in model.stream(*texts(), grid=(4, 5, 5))]
    assert counts == [
        13,
        17,
        21,
        25,
    ]  # 2 x 4 + 5 waves for the first frame, and a = 4 more for each frame after it


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"grid": (0, 5, 5)}, "`t` of a Grid must be a whole number of at least 1, got 0"),
        ({"grid": (2.0, 5, 5)}, "`t` of a Grid must be a whole number"),
        ({"grid": (None, 5, 6)}, "the grid's `w` must be at most 5"),
        ({"grid": (None, 5, 5), "schedule": "fast"}, "`schedule` must be one of"),
        ({"grid": (9, 5, 5), "temperature": -1.0}, "`temperature` must be"),
        ({"grid": (2, 5, 5), "generator": [torch.Generator()]}, r"each of the 3 outputs.* got 1"),
        (
            {"grid": (9, 5, 5), "sketch_tokens": torch.zeros(3, 4, 5, 5).long()},
            "`sketch_tokens` must be None for more",
        ),
        ({"grid": (1, 5, 5), "known_tokens": torch.zeros(3, 1, 5, 5).long()}, "`known_mask` is missing"),
        ({"grid": (1, 5, 5), "sketch_tokens": torch.zeros(1, 1, 5, 5).long()}, "as many rows as the texts, 3, got 1"),
        ({"attention_mask": torch.ones(3, 5)}, r"`attention_mask` must have shape \(3, 6\), got \(3, 5\)"),
        ({"negative_attention_mask": torch.ones(3, 6)}, "must stand beside `negative_input_ids`"),
    ],
)
def test_wrong_arguments_are_refused_by_the_call_itself(arguments, message):
    input_ids, attention_mask = texts()
    with pytest.raises(ValueError, match=message):
        random_model().stream(**{"input_ids": input_ids, "attention_mask": attention_mask, **arguments})


@pytest.mark.parametrize("grid", [(5, 5), (None, 5), 4, "455"])
def test_a_grid_without_three_extents_is_refused_as_such(grid):
    """`stream` and the number of steps said how many values Python could not unpack."""
    model = random_model()
    for call in (
        lambda: model.stream(*texts(), grid=grid),
        lambda: model.generate(*texts(), grid=grid),
        lambda: model.num_generation_steps(grid),
    ):
        with pytest.raises(TypeError, match=r"`grid` must be a `Grid` or three whole numbers .* give all three"):
            call()


def test_the_number_of_steps_is_that_of_a_grid_and_of_its_extents():
    model = random_model()
    assert model.num_generation_steps(Grid(2, 5, 4)) == model.num_generation_steps((2, 5, 4))
    with pytest.raises(ValueError, match="`t` of a Grid must be a whole number of at least 1, got None"):
        model.num_generation_steps((None, 5, 5))
