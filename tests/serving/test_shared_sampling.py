# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Requests that are sampled together are answered as if each were alone."""

import concurrent.futures
import itertools
import os
import threading

import pytest
import torch
from tiny import CAPTIONS, seeded, tiny_inputs, tiny_pipeline

from nuwa_hf import NuwaSampler, SamplerFullError
from nuwa_hf.serving.joined_calls import kind_of
from nuwa_hf.tasks import TASKS


@pytest.fixture(scope="module")
def pipeline():
    return tiny_pipeline().to(torch.float64)  # in float32 sums of another batch size round otherwise


class Gate:
    """A scorer that keeps the sampler busy until it is opened, and refuses one prompt."""

    def __init__(self, refusal=LookupError):
        self.is_reached, self.opened, self.batches = threading.Event(), threading.Event(), []
        self.refusal = refusal

    def __call__(self, frames, prompts):
        self.is_reached.set()
        assert self.opened.wait(60)
        self.batches.append(list(prompts))
        if CAPTIONS[1] in prompts:
            raise self.refusal
        return frames.flatten(1).mean(1)


def requests():
    """Two of each task, of different inputs, seeds and settings, and a few that fit none of the others."""
    for task in TASKS:
        for seed, scale, temperature in ((0, 1.0, 0.7), (1, 3.0, 0)):
            guidance = {"guidance_scale": scale} if task.condition != "none" else {}
            yield task.name, {**tiny_inputs(task.abbreviation, seed), "temperature": temperature, **guidance}, seed
    yield "T2V", {"prompt": CAPTIONS[0], "num_frames": 7, "overlap_frames": 2}, 3
    yield "T2V", {"prompt": CAPTIONS[0], "guidance_scale": 2.0, "negative_prompt": CAPTIONS[2]}, 4
    yield "T2I", {}, 5
    yield "T2I", {"prompt": CAPTIONS[0], "num_candidates": 2}, 6
    yield "T2I", {"prompt": CAPTIONS[1], "num_candidates": 2, "guidance_scale": 2.0, "top_k": 5}, 7
    for seed in (8, 9):  # of the first edit all frames are given but the last two
        edit = tiny_inputs("TV2V", seed, num_frames=7)
        edit["mask"][: 5 if seed == 8 else 0] = False
        yield "TV2V", {**edit, "num_frames": 7}, seed


def test_every_request_is_answered_as_its_single_call(pipeline):
    sizes, gate = [], Gate()
    watch = pipeline.transformer.register_forward_pre_hook(
        lambda model, given, named: sizes.append(len(named["visual_tokens"])), with_kwargs=True
    )
    with NuwaSampler(pipeline, max_batch_size=2) as sampler:
        busy = sampler.submit("T2I", prompt=CAPTIONS[0], num_candidates=2, scorer=gate)
        gate.is_reached.wait(60)  # so that all others wait together
        futures = [
            sampler.submit(task, **arguments, generator=seeded(seed), output_type="pt")
            for task, arguments, seed in requests()
        ]
        sizes.clear()
        gate.opened.set()
        outputs = [future.result(60) for future in futures]
        busy.result(60)
    watch.remove()
    assert max(sizes) == 2 * 2 + 2  # two candidates of two requests, one of which is guided
    for (task, arguments, seed), output in zip(requests(), outputs, strict=True):
        alone = sampler.pipeline(task)(**arguments, generator=seeded(seed), output_type="pt")
        assert torch.equal(output.tokens, alone.tokens)
        assert torch.equal(output[0], alone[0])


def test_a_call_that_was_checked_before_is_answered_as_its_arguments(pipeline):
    arguments = tiny_inputs("V2V", 3) | {"output_type": "pt"}
    with NuwaSampler(pipeline) as sampler:
        call = sampler.pipeline("V2V").check_inputs(**arguments, generator=seeded(3))
        futures = [sampler.submit_checked("V2V", call), sampler.submit("V2V", **arguments, generator=seeded(3))]
        checked, submitted = (future.result(60).frames for future in futures)
    assert torch.equal(checked, submitted)


def test_long_edits_are_sampled_together_whatever_frames_are_given(pipeline):
    edits = [arguments for task, arguments, seed in requests() if task == "TV2V" and seed >= 8]
    with NuwaSampler(pipeline) as sampler:
        first, second = (sampler.pipeline("TV2V").check_inputs(**edit) for edit in edits)
    assert not torch.equal(first.masks.flatten(2).any(2), second.masks.flatten(2).any(2))
    assert kind_of(first) == kind_of(second)


@pytest.mark.parametrize("refusal", [LookupError, SystemExit])
def test_failure_of_one_request_is_its_own(pipeline, refusal):
    gate = Gate(refusal)
    with NuwaSampler(pipeline, max_batch_size=3) as sampler:
        given = {"num_candidates": 2, "scorer": gate, "output_type": "pt"}
        first = sampler.submit("T2I", prompt=CAPTIONS[2], **given, generator=seeded(0))
        gate.is_reached.wait(60)
        futures = [
            sampler.submit("T2I", prompt=prompt, **given, generator=seeded(seed))
            for seed, prompt in enumerate(CAPTIONS)
        ]
        with pytest.raises(ValueError, match="`temperature` must be"):
            sampler.submit("T2I", prompt=CAPTIONS[0], temperature=-1.0)
        with pytest.raises(ValueError, match="`generator` must be a list"):
            sampler.submit("T2I", prompt=CAPTIONS[0], num_images_per_prompt=2, generator=torch.Generator())
        gate.opened.set()
        with pytest.raises(refusal):
            futures[1].result(60)
        for seed in (0, 2):
            alone = sampler.pipeline("T2I")(CAPTIONS[seed], **given, generator=seeded(seed))
            assert torch.equal(futures[seed].result(60)[0], alone[0])
        assert first.result(60)
    assert list(CAPTIONS) in gate.batches


def test_full_queue_refuses_until_there_is_room_and_a_closed_one_always(pipeline):
    gate = Gate()
    sampler = NuwaSampler(pipeline, max_batch_size=1, max_wait=0, max_waiting=2)
    running = sampler.submit("T2I", prompt=CAPTIONS[0], num_candidates=2, scorer=gate)
    gate.is_reached.wait(60)
    waiting = [sampler.submit("T2I", prompt=CAPTIONS[0]) for _ in range(2)]
    with pytest.raises(SamplerFullError, match="No more than 2 requests"):
        sampler.submit("T2I", prompt=CAPTIONS[0])
    assert not running.cancel()
    assert waiting[0].cancel()
    waiting.append(sampler.submit("T2V", prompt=CAPTIONS[0]))
    gate.opened.set()
    sampler.close()
    assert len(running.result(0).images) == len(waiting[1].result(0).images) == len(waiting[2].result(0).frames) == 1
    with pytest.raises(RuntimeError, match="closed"):
        sampler.submit("T2I", prompt=CAPTIONS[0])


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_sampler_made_before_a_fork_says_so_in_the_child(pipeline):
    """Whoever asked it there waited for ever."""
    with NuwaSampler(pipeline) as sampler:
        child = os.fork()
        if child == 0:
            try:
                sampler.submit("T2I", prompt=CAPTIONS[0])
            except RuntimeError as error:
                os._exit("made before a fork" not in str(error))
            finally:
                os._exit(2)
        assert os.waitpid(child, 0)[1] == 0
        assert sampler.submit("T2I", prompt=CAPTIONS[0], output_type="pt").result(60)


def test_error_in_the_block_cancels_what_waits(pipeline):
    gate, waiting = Gate(), []

    def fail():
        with NuwaSampler(pipeline) as sampler:
            sampler.submit("T2I", prompt=CAPTIONS[0], num_candidates=2, scorer=gate)
            gate.is_reached.wait(60)
            waiting.append(sampler.submit("T2I", prompt=CAPTIONS[0]))
            waiting[0].add_done_callback(lambda _: gate.opened.set())
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert waiting[0].cancelled()


def test_who_waits_for_several_requests_hears_of_those_that_were_cancelled(pipeline):
    gate = Gate()
    with NuwaSampler(pipeline, max_batch_size=1) as sampler:
        busy = sampler.submit("T2I", prompt=CAPTIONS[0], num_candidates=2, scorer=gate)
        gate.is_reached.wait(60)
        withdrawn = [sampler.submit("T2I", prompt=CAPTIONS[0]) for _ in range(2)]
        withdrawn[0].cancel()
        sampler.submit("T2I", prompt=CAPTIONS[0]).cancel()  # looks through what waits
        withdrawn[1].cancel()
        gate.opened.set()
    assert concurrent.futures.wait([busy, *withdrawn], timeout=0).not_done == set()


def test_a_request_with_a_callback_is_alone_and_its_error_ends_it(pipeline):
    gate, rows = Gate(), []

    def watch(_, step, __, tensors):
        rows.append(len(tensors["tokens"]))
        if step == 2:
            raise LookupError("enough")
        return {}

    with NuwaSampler(pipeline, max_batch_size=8) as sampler:
        busy = sampler.submit("T2I", prompt=CAPTIONS[0], num_candidates=2, scorer=gate)
        gate.is_reached.wait(60)
        given = {"prompt": CAPTIONS[0], "num_images_per_prompt": 2}
        watched = [sampler.submit("T2I", **given, callback_on_step_end=watch) for _ in range(2)]
        plain = sampler.submit("T2I", prompt=CAPTIONS[0])
        gate.opened.set()
        for one in watched:
            with pytest.raises(LookupError, match="enough"):
                one.result(60)
        assert plain.result(60).images
        assert busy.result(60).images
    assert rows == [2] * 6


def test_a_request_that_is_alone_does_not_wait_for_others(pipeline):
    with NuwaSampler(pipeline, max_wait=300) as sampler:
        assert sampler.submit("T2I", prompt=CAPTIONS[0], callback_on_step_end=lambda *_: {}).result(100).images


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"max_batch_size": 0}, "`max_batch_size`"),
        ({"max_wait": -1}, "`max_wait`"),
        ({"max_wait": float("inf")}, "`max_wait` must be from 0 to .* seconds, got inf"),
        ({"max_waiting": 0}, "waiting`"),
    ],
)
def test_limits_are_checked(pipeline, arguments, message):
    with pytest.raises(ValueError, match=message):
        NuwaSampler(pipeline, **arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"pipeline": "a-folder"}, r"`pipeline` must be a pipeline, got 'a-folder'; load it"),
        ({"max_wait": "1"}, r"`max_wait` must be a number of seconds, got '1'"),
        ({"max_wait": None}, r"`max_wait` must be a number of seconds, got None"),
    ],
)
def test_what_is_of_another_type_is_named(pipeline, arguments, message):
    """The name of a checkpoint in place of its pipeline ended in an AttributeError about `config`."""
    with pytest.raises(TypeError, match=message):
        NuwaSampler(**{"pipeline": pipeline, **arguments})


def test_streams_in_turn_yield_the_frames_of_their_own_streams_and_requests_pass_between(pipeline):
    def arguments(number):
        return {
            "prompt": CAPTIONS[number],
            "guidance_scale": 1.0 + number,
            "num_frames": (9, None, 7)[number],
            "overlap_frames": (None, None, 2)[number],
            "generator": seeded(number),
            "output_type": "pt",
        }

    with NuwaSampler(pipeline, max_wait=0) as sampler:
        streams = [sampler.stream("T2V", **arguments(number)) for number in range(3)]
        frames = [[next(stream)] for stream in streams]
        image = sampler.submit("T2I", prompt=CAPTIONS[0], generator=seeded(3), output_type="pt").result(60)
        for number in (2, 1, 0):
            frames[number] += itertools.islice(streams[number], 8)
        streams[1].close()
        assert list(streams[1]) == []
    assert [len(one) for one in frames] == [9, 9, 7]
    for number in range(3):
        alone = sampler.pipeline("T2V").stream(**arguments(number))
        assert all(torch.equal(*pair) for pair in zip(frames[number], alone, strict=False))
    alone = sampler.pipeline("T2I")(CAPTIONS[0], generator=seeded(3), output_type="pt")
    assert torch.equal(image.images, alone.images)


def test_streams_are_bounded_and_end_with_an_error_of_their_own(pipeline):
    sampler = NuwaSampler(pipeline, max_streams=2)
    first, second = (sampler.stream("T2V", prompt=CAPTIONS[0]) for _ in range(2))
    with pytest.raises(SamplerFullError, match="No more than 2 streams"):
        sampler.stream("T2V", prompt=CAPTIONS[0])
    assert len(list(itertools.islice(second, 8))) == 8  # the first has all the frames by then that are made ahead
    del first  # nobody asks for its frames any longer
    with pytest.raises(ValueError, match="`temperature` must be"):
        sampler.stream("T2V", prompt=CAPTIONS[0], temperature=-1.0)
    third = sampler.stream("T2V", prompt=CAPTIONS[0])
    with pytest.raises(ValueError, match="`task` must be one that can be streamed"):
        sampler.stream("T2I")
    next(second)
    sampler.close()
    for stream in (second, third):
        with pytest.raises(RuntimeError, match="was closed"):
            list(stream)
    with pytest.raises(RuntimeError, match="closed"):
        sampler.stream("T2V", prompt=CAPTIONS[0])


@pytest.mark.parametrize("is_encoded", [False, True])
def test_what_was_given_may_be_used_again_while_a_request_waits(pipeline, is_encoded):
    """A list or tensor that was used again gave pictures of another text or seed."""

    def arguments():
        texts = {"prompt": list(CAPTIONS[:2]), "negative_prompt": list(CAPTIONS[1:])}
        if is_encoded:
            names = [f"{kind}prompt_{what}" for kind in ("", "negative_") for what in ("embeds", "attention_mask")]
            texts = dict(zip(names, pipeline.encode_prompt(**texts), strict=True))
        return {**texts, "guidance_scale": 2.0, "generator": seeded(0, 1), "output_type": "latent"}

    gate, of_request, of_stream = Gate(), arguments(), arguments()
    with NuwaSampler(pipeline) as sampler:
        busy = sampler.submit("T2I", prompt=CAPTIONS[0], num_candidates=2, scorer=gate)
        gate.is_reached.wait(60)
        request = sampler.submit("T2V", **of_request)
        stream = sampler.stream("T2V", num_frames=2, **of_stream)
        for value in [*of_request.values(), *of_stream.values()]:
            if isinstance(value, list):
                value.reverse()
            elif isinstance(value, torch.Tensor):
                value.copy_(value.flip(0))
        gate.opened.set()
        busy.result(60)
        tokens, frames = request.result(60).tokens, list(stream)
    alone = sampler.pipeline("T2V")
    assert torch.equal(tokens, alone(**arguments()).tokens)
    expected = alone.stream(num_frames=2, **arguments())
    assert all(torch.equal(*pair) for pair in zip(frames, expected, strict=True))
