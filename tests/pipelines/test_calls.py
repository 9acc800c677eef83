# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""One pipeline in several threads at once: every call is the one it is alone, and stops only when it is told to."""

import copy
import pickle
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from tiny import CAPTIONS, VISUAL_GRID, seeded, tiny_inputs, tiny_pipeline
from tiny_clip import tiny_clip_tokenizer, tiny_nuwa

from nuwa_hf import NuwaProcessor


LONG = " ".join(CAPTIONS)  # is cut off, the others are padded
CALLS = (
    {"prompt": CAPTIONS[0], "negative_prompt": CAPTIONS[1], "guidance_scale": 6.0, "num_frames": 1},
    {"prompt": CAPTIONS[0], "guidance_scale": 1.0, "num_frames": 2},
    {"prompt": LONG, "guidance_scale": 3.0, "num_frames": 1},
    {
        "prompt": CAPTIONS[2],
        "negative_prompt": LONG,
        "guidance_scale": 2.0,
        "num_candidates": 2,
        "num_frames": 1,
    },
)
TIMEOUT = 60  # seconds, after which a test that hangs fails


@pytest.fixture
def pipeline():
    return tiny_pipeline("T2V")


@pytest.fixture
def switching():
    """Threads take turns as often as Python can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def tokens_of(pipeline, arguments, **more):
    return pipeline(**{"generator": seeded(0), "output_type": "latent", **arguments, **more}).tokens


def in_threads(*tasks):
    """Results of functions that run at once."""
    with ThreadPoolExecutor(len(tasks)) as pool:
        return [future.result(TIMEOUT) for future in [pool.submit(task) for task in tasks]]


class Pause:
    """A callback that waits in one wave until it is released, and counts the waves."""

    def __init__(self, wave=2):
        self.wave, self.steps = wave, 0
        self.is_there, self.may_go_on = threading.Event(), threading.Event()

    def __call__(self, pipe, step, timestep, callback_kwargs):
        self.steps += 1
        if step == self.wave:
            self.is_there.set()
            assert self.may_go_on.wait(TIMEOUT)
        return {}


def test_calls_at_once_are_their_single_calls(pipeline, switching):
    """Once a guided call beside an unguided one lost its negative prompt every time."""
    alone = [tokens_of(pipeline, arguments) for arguments in CALLS]
    assert not torch.equal(alone[0], tokens_of(pipeline, {**CALLS[0], "negative_prompt": None}))

    def several(number):
        return [tokens_of(pipeline, CALLS[number]) for _ in range(6)]

    for number, found in enumerate(
        in_threads(*(lambda number=number: several(number) for number in range(len(CALLS))))
    ):
        assert all(torch.equal(tokens, alone[number]) for tokens in found)


def test_pipelines_that_share_components_run_at_once(switching):
    pipeline = tiny_pipeline("T2V")
    others = [type(tiny_pipeline(task)).from_pipe(pipeline) for task in ("S2I", "TI2I", "V2V")]
    for one in others:
        one.set_progress_bar_config(disable=True)
    inputs = [tiny_inputs(task) for task in ("S2I", "TI2I", "V2V")]
    alone = [tokens_of(one, given) for one, given in zip(others, inputs, strict=True)]
    tasks = [lambda i=i: [tokens_of(others[i], inputs[i]) for _ in range(3)] for i in range(3)]
    for found, expected in zip(in_threads(*tasks), alone, strict=True):
        assert all(torch.equal(tokens, expected) for tokens in found)


def test_all_that_read_texts_with_one_tokenizer_run_at_once(switching):
    """A processor, or a pipeline that was made, changed the padding of a call that another thread had begun."""
    pipeline = tiny_pipeline("T2V", transformer=tiny_nuwa(), tokenizer=tiny_clip_tokenizer())
    processor = NuwaProcessor.of_config(pipeline.transformer.config, pipeline.tokenizer, pipeline.vqgan)
    readers = (
        lambda: processor(text=CAPTIONS[0])["input_ids"],
        lambda: pipeline.tokenize_prompt([LONG])[0],
        lambda: type(pipeline)(**pipeline.components).tokenizer is pipeline.tokenizer,
    )
    alone = [reader() for reader in readers]
    tasks = [lambda reader=reader: [reader() for _ in range(100)] for reader in readers]
    ids, prompts, made = in_threads(*tasks)
    assert all(torch.equal(found, alone[0]) for found in ids)
    assert all(torch.equal(found, alone[1]) for found in prompts)
    assert all(made)


def test_callback_reads_the_values_of_its_own_call(pipeline, switching):
    def run(scale, num_frames):
        seen = set()

        def callback(pipe, step, timestep, callback_kwargs):
            seen.add((pipe.guidance_scale, pipe.do_classifier_free_guidance, pipe.num_timesteps, pipe.interrupt))
            return {}

        for _ in range(3):
            tokens_of(
                pipeline,
                {"prompt": CAPTIONS[0], "guidance_scale": scale, "num_frames": num_frames},
                callback_on_step_end=callback,
            )
        waves = pipeline.transformer.num_generation_steps((num_frames, *VISUAL_GRID[1:]))
        assert seen == {(scale, scale > 1, waves, False)}
        assert (pipeline.guidance_scale, pipeline.num_timesteps) == (scale, waves)  # the last call of this thread

    in_threads(lambda: run(1.0, 3), lambda: run(2.0, 2), lambda: run(3.0, 1))


def test_interrupt_stops_the_calls_that_have_started_and_no_later_one(pipeline):
    pauses = [Pause(), Pause()]
    whole = tokens_of(pipeline, CALLS[0])
    with ThreadPoolExecutor(2) as pool:
        running = [pool.submit(tokens_of, pipeline, CALLS[1], callback_on_step_end=pause) for pause in pauses]
        assert all(pause.is_there.wait(TIMEOUT) for pause in pauses)
        pipeline.interrupt = True
        assert torch.equal(tokens_of(pipeline, CALLS[0]), whole)
        for pause in pauses:
            pause.may_go_on.set()
        stopped = [future.result(TIMEOUT) for future in running]
    assert [pause.steps for pause in pauses] == [3, 3]
    assert all(not torch.equal(tokens, tokens_of(pipeline, CALLS[1])) for tokens in stopped)


def test_interrupt_in_a_callback_stops_the_call_of_the_callback(pipeline):
    pause, whole = Pause(), tokens_of(pipeline, CALLS[1])

    def stop(pipe, step, timestep, callback_kwargs):
        pipe._interrupt = step == 1  # the name in diffusers' guides
        assert pipe.interrupt == (step == 1)
        assert step <= 1

    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(tokens_of, pipeline, CALLS[1], callback_on_step_end=pause)
        assert pause.is_there.wait(TIMEOUT)
        tokens_of(pipeline, CALLS[0], callback_on_step_end=stop)
        assert pipeline.interrupt
        pause.may_go_on.set()
        assert torch.equal(running.result(TIMEOUT), whole)


def test_interrupt_reaches_a_call_that_is_still_reading_its_input():
    pipeline, steps = tiny_pipeline("I2I"), []

    def stop(module, arguments):
        pipeline.interrupt = True

    handle = pipeline.vqgan.encoder.register_forward_pre_hook(stop)
    inputs = tiny_inputs("I2I")
    pipeline(**inputs, callback_on_step_end=lambda pipe, step, *_: steps.append(step))
    assert steps == [0]
    handle.remove()
    pipeline(**inputs, callback_on_step_end=lambda pipe, step, *_: steps.append(step))
    assert steps[1:] == list(range(pipeline.num_timesteps))


def test_interrupt_that_is_taken_back_stops_nothing(pipeline):
    pause, whole = Pause(), tokens_of(pipeline, CALLS[1])
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(tokens_of, pipeline, CALLS[1], callback_on_step_end=pause)
        assert pause.is_there.wait(TIMEOUT)
        pipeline.interrupt = True
        assert pipeline.interrupt
        pipeline.interrupt = False
        pause.may_go_on.set()
        assert torch.equal(running.result(TIMEOUT), whole)


def test_call_within_a_callback_leaves_the_outer_call_its_values(pipeline):
    whole, scales = tokens_of(pipeline, CALLS[0]), []

    def callback(pipe, step, timestep, callback_kwargs):
        if step == 1:
            tokens_of(pipe, CALLS[1], callback_on_step_end=stop)
            next(pipe.stream(CAPTIONS[1], guidance_scale=4.0))
        scales.append((pipe.guidance_scale, pipe.interrupt))

    def stop(pipe, step, timestep, callback_kwargs):
        pipe.interrupt = True
        scales.append((pipe.guidance_scale, pipe.interrupt))

    assert torch.equal(tokens_of(pipeline, CALLS[0], callback_on_step_end=callback), whole)
    assert scales == [(6.0, False), (1.0, True), *[(6.0, False)] * (len(scales) - 2)]


def test_stream_may_be_handed_from_thread_to_thread(pipeline, switching):
    arguments = {"prompt": CAPTIONS[0], "negative_prompt": CAPTIONS[1], "guidance_scale": 4.0, "output_type": "latent"}
    alone = list(pipeline.stream(**arguments, num_frames=6, generator=seeded(0)))
    streams = [pipeline.stream(**arguments, num_frames=6, generator=seeded(0)) for _ in range(2)]
    found = [[], []]
    for number in range(6):  # the threads of each frame end before those of the next begin
        tasks = [lambda stream=stream: next(stream) for stream in streams]
        frames = in_threads(*tasks, lambda: tokens_of(pipeline, CALLS[1]))[:2]
        assert not any(frame.requires_grad for frame in frames)
        for place, frame in enumerate(frames):
            found[place].append(frame)
        assert torch.equal(frames[0], alone[number])
    assert all(torch.equal(*pair) for pair in zip(*found, strict=True))
    assert pipeline.guidance_scale in (1.0, 4.0)


def test_interrupt_ends_the_streams_that_have_started(pipeline):
    begun, untouched = (pipeline.stream(CAPTIONS[0], output_type="latent") for _ in range(2))
    next(begun)
    assert pipeline.guidance_scale == pipeline.choose_sampling().guidance_scale
    in_threads(lambda: setattr(pipeline, "interrupt", True))
    later = pipeline.stream(CAPTIONS[0], num_frames=2, output_type="latent")
    assert list(begun) == []
    assert list(untouched) == []
    assert len(list(later)) == 2


def test_copy_of_a_pipeline_has_calls_of_its_own(pipeline):
    tokens = tokens_of(pipeline, CALLS[0])
    pipeline.interrupt = True
    for other in (copy.deepcopy(pipeline), pickle.loads(pickle.dumps(pipeline))):
        assert not other.interrupt
        assert other.guidance_scale == 1.0
        assert torch.equal(tokens_of(other, CALLS[0]), tokens)
    assert pipeline.interrupt
