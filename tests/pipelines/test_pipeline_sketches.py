# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""What sketch to image and sketch to video do with a sketch and a text."""

import numpy as np
import PIL.Image
import pytest
import torch
from tiny import CAPTIONS, FRAME_SIZE, VISUAL_GRID, seeded, tiny_inputs, tiny_pipeline


@pytest.fixture(scope="module", params=["S2I", "S2V"])
def task(request):
    return request.param


@pytest.fixture(scope="module")
def pipeline(task):
    return tiny_pipeline(task)


def tokens_of(pipeline, **arguments):
    return pipeline(**{"generator": seeded(0), "output_type": "latent", **arguments}).tokens


def test_sketch_and_text_and_both_draw_differently(pipeline, task):
    sketches = [tiny_inputs(task, seed)["sketch"] for seed in range(2)]
    alone, other = (tokens_of(pipeline, sketch=sketch) for sketch in sketches)
    with_text, with_other_text = (tokens_of(pipeline, sketch=sketches[0], prompt=text) for text in CAPTIONS[:2])
    assert not torch.equal(alone, other)
    assert not torch.equal(alone, with_text)
    assert not torch.equal(with_text, with_other_text)


def test_tokens_are_what_the_model_samples_for_the_codes_of_the_sketch(pipeline, task):
    sketch = torch.from_numpy(tiny_inputs(task)["sketch"])
    sketch_tokens = pipeline.encode_sketch(sketch[None] if task == "S2V" else sketch[None, None])
    num_frames = VISUAL_GRID[0] if task == "S2V" else 1
    assert sketch_tokens.shape == (1, num_frames, *VISUAL_GRID[1:])
    assert sketch_tokens.unique().numel() > 4
    conditions = pipeline.text_conditions([CAPTIONS[0]], batch_size=1) | {"sketch_tokens": sketch_tokens}
    expected = pipeline.transformer.generate(
        **conditions, grid=(num_frames, *VISUAL_GRID[1:]), generator=seeded(0), guidance_scale=3.0
    ).tokens
    assert torch.equal(tokens_of(pipeline, sketch=sketch, prompt=CAPTIONS[0], guidance_scale=3.0), expected)


def test_guidance_without_a_text_leads_towards_the_sketch(pipeline, task):
    sketch = tiny_inputs(task)["sketch"]
    plain, guided = (tokens_of(pipeline, sketch=sketch, guidance_scale=scale) for scale in (1.0, 6.0))
    assert not torch.equal(plain, guided)


def test_one_prompt_serves_all_sketches(pipeline, task):
    sketches = [tiny_inputs(task, seed)["sketch"] for seed in range(2)]
    one, many = (
        tokens_of(pipeline, sketch=sketches, prompt=prompt, generator=seeded(0, 1))
        for prompt in (CAPTIONS[0], [CAPTIONS[0]] * 2)
    )
    assert torch.equal(one, many)


def test_picture_of_a_sketch_draws_as_its_classes_do(pipeline, task):
    sketch = tiny_inputs(task)["sketch"].astype(np.uint8)
    picture = [PIL.Image.fromarray(frame) for frame in sketch] if task == "S2V" else PIL.Image.fromarray(sketch)
    assert torch.equal(tokens_of(pipeline, sketch=picture), tokens_of(pipeline, sketch=sketch))


def test_sketch_of_twice_the_size_draws_the_same(pipeline, task):
    sketch = tiny_inputs(task)["sketch"]
    large = sketch.repeat(2, -1).repeat(2, -2)
    assert torch.equal(tokens_of(pipeline, sketch=large), tokens_of(pipeline, sketch=sketch))


def test_length_of_the_video_is_that_of_its_sketch():
    pipeline, sketch = tiny_pipeline("S2V"), tiny_inputs("S2V", num_frames=5)["sketch"]
    for num_frames in (1, 2, 5):
        frames = pipeline(sketch[:num_frames]).frames[0]
        assert [frame.size for frame in frames] == [FRAME_SIZE] * num_frames
