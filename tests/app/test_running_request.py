# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""A request that takes too long, or whose visitor has left, stops after a step, and the model is free."""

import threading
from time import monotonic

import pytest
import torch

from nuwa_hf.app import AppLimits


pytest.importorskip("gradio")


def long_call(checkpoint):
    return checkpoint.pipeline("text-to-video").check_inputs(prompt="a bird", num_frames=24)


@pytest.fixture(scope="module")
def loaded(checkpoint):
    from nuwa_hf.app.loaded_checkpoint import LoadedCheckpoint

    found = LoadedCheckpoint.load(checkpoint, AppLimits(), torch.device("cpu"))
    yield found
    found.sampler.close()


@pytest.fixture
def held(loaded):
    """A checkpoint whose model computes one frame and waits before the next one until it is told to go on."""
    pipeline, steps, go_on = loaded.pipeline("text-to-video"), [], threading.Event()
    _, height, width = pipeline.transformer.config.visual_grid
    first = pipeline.transformer.num_generation_steps((1, height, width))

    def wait(*_):
        steps.append(len(steps))
        assert len(steps) <= first or go_on.wait(60)

    hook = pipeline.transformer.register_forward_pre_hook(wait)
    yield loaded, steps, first, go_on
    hook.remove()


@pytest.mark.parametrize("reason", ["its time is over", "nobody looks"])
def test_a_request_that_has_begun_stops_after_its_step_and_the_next_one_is_answered(reason, held):
    from nuwa_hf.app.running_request import RunningRequest

    checkpoint, steps, first, go_on = held
    running = RunningRequest(checkpoint, "text-to-video", long_call(checkpoint), 300, monotonic() + 300)
    frames = running.frames()
    assert len(next(filter(None, frames))) == 1
    if reason == "nobody looks":
        frames.close()
    else:
        running._deadline = 0.0
        with pytest.raises(TimeoutError, match="No result within 300 seconds"):
            next(frames)
    go_on.set()
    with pytest.raises(TimeoutError):
        running.output()
    assert len(steps) == first + 1
    assert checkpoint.sampler.submit("text-to-image", prompt="a bird").result(60).images


def test_a_request_whose_time_is_over_before_its_turn_is_not_begun(loaded):
    from nuwa_hf.app.running_request import RunningRequest

    with loaded.sampler._changed:  # the sampler waits
        running = RunningRequest(loaded, "text-to-video", long_call(loaded), 300, monotonic())
        with pytest.raises(TimeoutError, match="ask for less"):
            next(running.frames())
        assert running._future.cancelled()
