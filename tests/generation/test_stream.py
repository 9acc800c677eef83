# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
from itertools import islice

import pytest
import torch
from sampler_cases import generators, random_model, texts

from nuwa_hf.generation import step_decoder
from nuwa_hf.generation.sampling import draw_uniforms, invert_cdf
from nuwa_hf.grid import Grid


CPU = torch.device("cpu")


def streamed(model, count, **settings):
    stream = model.stream(*texts(), **{"generator": generators(), **settings})
    return torch.stack(list(islice(stream, count)), 1)


@pytest.mark.parametrize("guidance_scale", [1.0, 2.5])
@pytest.mark.parametrize("window", [(3, 3, 3), (1, 3, 3), (3, 5, 3)])
def test_up_to_the_learnt_frames_a_stream_is_the_video(window, guidance_scale):
    model = random_model(window)
    settings = {"guidance_scale": guidance_scale, "temperature": 0.9, "top_k": 20}
    video = model.generate(*texts(), grid=(4, 5, 5), generator=generators(), **settings).tokens
    assert torch.equal(streamed(model, 4, **settings), video)
    assert torch.equal(streamed(model, 4, num_frames=4, **settings), video)
    # One generator for three items draws all their numbers at once, so the frames must be known before.
    one = {"generator": torch.Generator().manual_seed(0), **settings}
    short = model.generate(*texts(), grid=(3, 5, 5), **{**one, "generator": torch.Generator().manual_seed(0)}).tokens
    assert torch.equal(streamed(model, 9, num_frames=3, **one), short)


def test_wavefront_streams_the_tokens_of_raster_order():
    model = random_model()
    assert torch.equal(streamed(model, 11), streamed(model, 11, schedule="raster"))


def with_held_positions(model, num_frames):
    """The model with learnt positions for more frames, each of which is that of the last learnt one."""
    grid = Grid(num_frames, *model.config.visual_grid[1:])
    model.config.visual_grid = tuple(grid)
    for embeddings in (model.model.decoder.embeddings, model.model.sketch_embeddings, model.model.known_embeddings):
        time = embeddings.positions.time
        held = torch.cat([time, time[-1:].expand(num_frames - len(time), -1)])
        embeddings.positions.time = torch.nn.Parameter(held)
    return model


def test_beyond_the_learnt_frames_the_last_position_is_held():
    stream = streamed(random_model(), 9)
    long = with_held_positions(random_model(), 9)
    logits = long(*texts(), visual_tokens=stream).logits
    numbers = [draw_uniforms(3, 100, draws := generators(), CPU)]
    numbers += [draw_uniforms(3, 25, draws, CPU) for _ in range(5)]
    assert torch.equal(invert_cdf(logits, torch.cat(numbers, 1)).view_as(stream), stream)


def test_items_of_a_stream_do_not_depend_on_each_other():
    model, (input_ids, attention_mask) = random_model(), texts()
    together = streamed(model, 7)
    for item, generator in enumerate(generators()):
        alone = islice(model.stream(input_ids[[item]], attention_mask[[item]], generator=generator), 7)
        assert torch.equal(torch.cat(list(alone)), together[item])


def test_a_stream_ends_after_its_frames_and_yields_them_one_by_one():
    frames = list(random_model().stream(*texts(), num_frames=6, do_sample=False))
    assert [tuple(frame.shape) for frame in frames] == [(3, 5, 5)] * 6
    copies = [frame.clone() for frame in frames]
    list(random_model().stream(*texts(), num_frames=6, do_sample=False))
    assert all(torch.equal(*pair) for pair in zip(frames, copies, strict=True))


def test_memory_does_not_grow_with_the_stream(monkeypatch):
    decoders = []

    class SpyDecoder(step_decoder.StepDecoder):
        def __init__(self, *arguments):
            super().__init__(*arguments)
            decoders.append(self)

        def __call__(self, visual_tokens, step):
            sizes.append((visual_tokens.numel(), self.cache.states.numel()))
            widths.append(len(step.places))
            return super().__call__(visual_tokens, step)

    monkeypatch.setattr("nuwa_hf.generation.sampler.StepDecoder", SpyDecoder)
    sizes, widths = [], []
    for _ in islice(random_model().stream(*texts()), 40):
        pass
    assert len(decoders) == 1
    assert len(set(sizes)) == 1
    assert max(widths[40:]) == max(widths[-40:]) == max(widths)


def test_nothing_is_computed_before_the_first_frame_is_asked_for():
    model, calls = random_model(), []
    model.model.encoder.register_forward_hook(lambda *_: calls.append(1))
    stream = model.stream(*texts())
    assert not calls
    next(stream)
    assert calls


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_frames": 0}, "`num_frames` must be a whole number of at least 1, got 0; use None for no end"),
        ({"num_frames": 2.0}, "`num_frames` must be a whole number"),
        ({"schedule": "fast"}, "`schedule` must be one of"),
        ({"temperature": 0.0}, "`temperature` must be"),
        ({"generator": [torch.Generator()]}, "each of the 3 outputs.* got 1"),
    ],
)
def test_wrong_arguments_are_refused_by_the_call_itself(arguments, message):
    with pytest.raises(ValueError, match=message):
        random_model().stream(*texts(), **arguments)
