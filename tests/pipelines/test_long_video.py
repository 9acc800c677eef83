# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Videos longer than the learnt positions go on from their last frames, at the memory of one chunk."""

import itertools
import tracemalloc

import numpy as np
import pytest
import torch
from memory_meter import MemoryMeter
from tiny import CAPTIONS, FRAME_SIZE, VISUAL_GRID, seeded, tiny_inputs, tiny_pipeline, tiny_transformer

from nuwa_hf import (
    NuwaSketchToVideoPipeline,
    NuwaTextGuidedVideoManipulationPipeline,
    NuwaVideoPredictionPipeline,
)
from nuwa_hf.modeling.codec import few_frames
from nuwa_hf.pipelines.finished_frames import frames_after_waves
from nuwa_hf.pipelines.long_video import chunks_of
from nuwa_hf.pipelines.token_pixels import frames_of


WINDOW = VISUAL_GRID[0]
TASKS = ("T2V", "S2V", "V2V", "TV2V")
NUM_FRAMES = 2 * WINDOW + 1
# Chunks differ between tasks by what is given with each; all else is the same code.
of_two_tasks = pytest.mark.parametrize("task", ["T2V", "TV2V"], indirect=True)


@pytest.fixture(params=TASKS)
def task(request):
    return request.param


def long_inputs(task, num_frames=NUM_FRAMES):
    """What is given for a video of so many frames; a prediction is given two."""
    inputs = tiny_inputs(task, num_frames=num_frames)
    if task == "V2V":
        inputs["video"] = inputs["video"][:2]
    return inputs | ({"num_frames": num_frames} if task != "S2V" else {})


def long_call(task, num_frames=NUM_FRAMES, **arguments):
    return tiny_pipeline(task)(
        **{"generator": seeded(0), "output_type": "pt", **long_inputs(task, num_frames), **arguments}
    )


@pytest.mark.parametrize("max_frames", [2, 3, 4, 7])
def test_chunks_cover_every_frame_once_and_overlap_as_told(max_frames):
    for num_frames, overlap in itertools.product(range(1, 30), range(1, max_frames)):
        chunks = list(chunks_of(num_frames, max_frames, overlap))
        endless = itertools.islice(chunks_of(None, max_frames, overlap), len(chunks))
        assert [chunk.start for chunk in endless] == [chunk.start for chunk in chunks]
        written = [frame for chunk in chunks for frame in range(chunk.start + chunk.num_written, chunk.stop)]
        assert written == list(range(num_frames))
        assert chunks[0].num_written == 0
        for before, chunk in itertools.pairwise(chunks):
            assert before.stop - before.start == max_frames
            assert chunk.start + overlap == before.stop
            assert chunk.num_written == overlap
            assert chunk.stop - chunk.start <= max_frames


def test_long_video_has_all_its_frames_and_its_tokens_decode_to_them(task):
    output = long_call(task, composite=False) if task in ("V2V", "TV2V") else long_call(task)
    assert output.frames.shape[1] == output.tokens.shape[1] == NUM_FRAMES
    torch.testing.assert_close(output.frames, tiny_pipeline(task).decode_tokens(output.tokens))
    assert output.tokens[:, WINDOW:].unique().numel() > 4


def test_first_chunk_is_the_short_video(task):
    short = long_call(task, WINDOW)
    long = long_call(task)
    if task == "TV2V":  # the tiny inputs hide other pixels in the last frame
        inputs = long_inputs(task)
        inputs |= {name: inputs[name][:WINDOW] for name in ("video", "mask")}
        short = long_call(task, **inputs)
    elif task == "S2V":
        short = long_call(task, sketch=long_inputs(task)["sketch"][:WINDOW])
    assert torch.equal(long.tokens[:, :WINDOW], short.tokens)
    torch.testing.assert_close(long.frames[:, :WINDOW], short.frames)


@pytest.mark.parametrize(
    ("learnt_tasks", "is_read"), [(("T2V", "S2V"), False), (("T2V", "I2I"), True), (None, True)], ids=str
)
def test_weights_for_known_parts_are_read_only_if_a_task_taught_them(learnt_tasks, is_read):
    """They were read in every chunk after the first, as random as they were made."""
    drawn = []
    for change in (0.0, 1.0):
        pipeline = tiny_pipeline("T2V")
        pipeline.transformer.config.learnt_tasks = learnt_tasks
        with torch.no_grad():
            for weight in pipeline.transformer.model.known_embeddings.parameters():
                weight.add_(torch.randn_like(weight), alpha=change)
        long = {"num_frames": WINDOW + 1, "overlap_frames": 1, "output_type": "latent"}
        tokens = pipeline(CAPTIONS[0], generator=seeded(0), **long).tokens
        streamed = pipeline.stream(CAPTIONS[0], generator=seeded(0), **long)
        assert torch.equal(torch.stack(list(streamed), 1), tokens)
        best = pipeline(CAPTIONS[0], generator=seeded(0), num_candidates=3, **long).tokens
        sketch = long_inputs("S2V", WINDOW + 1)["sketch"]
        sketched = NuwaSketchToVideoPipeline.from_pipe(pipeline)
        sketched.set_progress_bar_config(disable=True)
        drawn.append((tokens, best, sketched(sketch, generator=seeded(0), output_type="latent").tokens))
    for first, second in zip(*drawn, strict=True):
        assert torch.equal(first[:, :WINDOW], second[:, :WINDOW])
        assert torch.equal(first, second) != is_read


@pytest.mark.parametrize("overlap_frames", [1, 2, None])
def test_each_chunk_is_what_the_model_samples_for_the_frames_before_it(overlap_frames):
    pipeline = tiny_pipeline("T2V")
    tokens = pipeline(
        CAPTIONS[0], num_frames=7, overlap_frames=overlap_frames, generator=seeded(3), output_type="latent"
    ).tokens
    text, generators = pipeline.text_conditions([CAPTIONS[0]], batch_size=1), seeded(3)
    overlap = overlap_frames or 1
    expected = pipeline.transformer.generate(**text, grid=VISUAL_GRID, generator=generators).tokens
    while expected.shape[1] < 7:
        length = min(WINDOW, 7 - expected.shape[1] + overlap)
        known_tokens = torch.zeros(1, length, *VISUAL_GRID[1:], dtype=torch.long)
        known_tokens[:, :overlap] = expected[:, -overlap:]
        known_mask = torch.zeros(known_tokens.shape, dtype=torch.bool)
        known_mask[:, :overlap] = True
        drawn = pipeline.transformer.generate(
            **text,
            grid=tuple(known_tokens.shape[1:]),
            known_tokens=known_tokens,
            known_mask=known_mask,
            generator=generators,
        ).tokens
        expected = torch.cat([expected, drawn[:, overlap:]], dim=1)
    assert torch.equal(tokens, expected)


def test_guidance_that_is_off_at_a_border_can_be_turned_on_again():
    """The next chunk began without it, and the later scale was refused."""
    waves = tiny_transformer().num_generation_steps(VISUAL_GRID)

    def tokens(lowest):
        def callback(pipe, step, timestep, callback_kwargs):
            pipe._guidance_scale = lowest if waves - 3 < step < waves + 3 else 4.0

        arguments = {"guidance_scale": 4.0, "callback_on_step_end": callback}
        return long_call("T2V", 4, overlap_frames=1, output_type="latent", **arguments).tokens

    assert torch.equal(tokens(0.0), tokens(1 + 1e-12))
    assert not torch.equal(tokens(0.0), tokens(4.0))


@of_two_tasks
def test_a_later_chunk_begins_with_the_frames_that_were_written(task):
    starts, ends = [], []

    def callback(pipe, step, timestep, callback_kwargs):
        tokens = callback_kwargs["tokens"].clone()
        if step in first_steps:
            starts.append(tokens)
        if step + 1 in first_steps or step + 1 == pipe.num_timesteps:
            ends.append(tokens)

    waves = tiny_transformer().num_generation_steps(VISUAL_GRID)
    first_steps = range(0, 4 * waves, waves)
    tokens = long_call(task, 9, overlap_frames=1, callback_on_step_end=callback, output_type="latent").tokens
    assert len(starts) == len(ends) == 4
    for before, after in zip(ends, starts[1:], strict=False):
        assert torch.equal(before[:, -1], after[:, 0])
    assert torch.equal(torch.cat([ends[0], *(end[:, 1:] for end in ends[1:])], dim=1), tokens)


def test_sketch_of_each_chunk_is_that_of_its_frames():
    sketch = long_inputs("S2V")["sketch"]
    changed = sketch.copy()
    changed[-1] = (changed[-1] + 1) % 3
    tokens, other = (long_call("S2V", sketch=one).tokens for one in (sketch, changed))
    assert torch.equal(tokens[:, : WINDOW + 1], other[:, : WINDOW + 1])
    assert not torch.equal(tokens[:, -1], other[:, -1])


@pytest.mark.parametrize("task", ["T2V", "S2V", "TV2V"], indirect=True)
def test_memory_of_sampling_and_of_the_codecs_does_not_grow_with_the_video(task, monkeypatch):
    monkeypatch.setattr(few_frames, "PIXELS_AT_ONCE", WINDOW * FRAME_SIZE[0] * FRAME_SIZE[1])

    def measure(decoder, inputs, arguments, output):
        kept = [part for layer in arguments["cache"].layers for part in (layer, *layer.conditions)]
        sizes["cache"].append(sum(part.key.numel() for part in kept))

    pipeline = tiny_pipeline(task)
    pipeline.transformer.model.decoder.register_forward_hook(measure, with_kwargs=True)
    for name, part in (
        ("coded", pipeline.vqgan.encoder),
        ("decoded", pipeline.vqgan.decoder),
        ("sketched", pipeline.sketch_vqgan.encoder),
    ):
        part.register_forward_pre_hook(lambda module, inputs, name=name: sizes[name].append(inputs[0].numel()))
    peaks = []
    # A chunk of a long video reads the frames before it, as any chunk of a prediction does; the first of a text does
    # not, so two chunks are the shortest to compare with.
    for num_frames in (2 * WINDOW, 3 * WINDOW):
        sizes = {"cache": [], "coded": [], "decoded": [], "sketched": []}
        pipeline(**long_inputs(task, num_frames), generator=seeded(0), output_type="pt")
        peaks.append({name: max(found, default=0) for name, found in sizes.items()})
    assert peaks[0] == peaks[1]
    assert peaks[0]["cache"] > 0


def test_the_frames_of_a_long_video_are_held_once_while_they_become_pixels_and_pictures(monkeypatch):
    """They were four times: in pieces, joined, and twice on the way to [0, 1], or on the way to 255."""
    monkeypatch.setattr(few_frames, "PIXELS_AT_ONCE", FRAME_SIZE[0] * FRAME_SIZE[1])
    pipeline, tokens = tiny_pipeline("T2V"), torch.zeros(1, 300, *VISUAL_GRID[1:], dtype=torch.long)
    with MemoryMeter() as meter:
        pixels = pipeline.decode_tokens(tokens)
    assert meter.peak < 1.5 * pixels.nbytes
    tracemalloc.start()
    (pictures,) = frames_of(pixels, "pil")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 0.5 * pixels.nbytes
    assert np.array_equal(np.stack(pictures), (frames_of(pixels, "np")[0] * 255).round().astype("uint8"))


def test_the_frames_of_a_long_video_are_held_once_while_kept_pixels_are_put_in(monkeypatch):
    """They were held twice."""
    monkeypatch.setattr(few_frames, "PIXELS_AT_ONCE", FRAME_SIZE[0] * FRAME_SIZE[1])
    pipeline, given = tiny_pipeline("TV2V"), tiny_inputs("TV2V", num_frames=300)
    call = pipeline.check_inputs(**given, num_frames=300)
    _, known = pipeline.encode_conditions(call)
    with MemoryMeter() as meter:
        pixels = pipeline.decode_frames(known.tokens, "pt", known)
    assert meter.peak < 1.5 * pixels.nbytes
    hidden = call.masks[:, :, None].expand_as(pixels)
    assert torch.equal(pixels[~hidden], call.pixels[~hidden])
    assert torch.equal(pixels[hidden], pipeline.decode_tokens(known.tokens)[hidden])


def test_prediction_may_be_given_more_frames_than_the_window():
    pipeline = tiny_pipeline("V2V")
    video = tiny_inputs("V2V", num_frames=NUM_FRAMES)["video"][: WINDOW + 2]
    output = pipeline(video, num_frames=8, generator=seeded(0), output_type="np")
    assert output.frames.shape[1] == 8
    assert np.array_equal(output.frames[0, : WINDOW + 2], video.astype(np.float32) / np.float32(255))
    # What follows is what follows its last frames: of the chunks only [4, 7) and [6, 8) have something to sample.
    tail = pipeline(video[4:], num_frames=4, generator=seeded(0), output_type="np")
    assert torch.equal(output.tokens[:, 4:], tail.tokens)
    waves = [pipeline.transformer.num_generation_steps((length, *VISUAL_GRID[1:])) for length in (WINDOW, 2)]
    assert pipeline.num_timesteps == sum(waves)


def test_prediction_left_open_fills_the_window():
    pipeline = tiny_pipeline("V2V")
    for num_given in (1, WINDOW - 1, WINDOW, WINDOW + 2):
        video = tiny_inputs("V2V", num_frames=num_given + 1)["video"]
        assert pipeline(video, generator=seeded(0), output_type="latent").tokens.shape[1] == WINDOW


def test_long_edit_keeps_every_pixel_outside_its_mask():
    inputs = long_inputs("TV2V")
    frames = long_call("TV2V").frames[0].movedim(1, -1).numpy()
    kept = ~inputs["mask"]
    assert kept[WINDOW:].any()
    assert np.array_equal(frames[kept], (inputs["video"].astype(np.float32) / np.float32(255))[kept])


@of_two_tasks
@pytest.mark.parametrize("num_frames", [WINDOW, NUM_FRAMES])
def test_a_frame_is_finished_after_the_wave_that_says_so_and_comes_once(task, num_frames):
    inputs = long_inputs(task, num_frames) | {"num_videos_per_prompt": 2, "output_type": "latent"}
    pipeline, seen = tiny_pipeline(task), {}
    waves = frames_after_waves(pipeline, pipeline.check_inputs(**inputs))

    def watch(_, wave, __, tensors):
        for frame in waves[wave]:
            assert frame.number not in seen
            seen[frame.number] = tensors["tokens"][:, frame.place].clone()
        return {}

    output = pipeline(**inputs, generator=seeded(0, 1), callback_on_step_end=watch)
    assert len(waves) == pipeline.num_timesteps
    assert list(seen) == list(range(num_frames))
    assert torch.equal(torch.stack(list(seen.values()), 1), output.tokens)


@of_two_tasks
def test_waves_of_all_chunks_are_counted(task):
    steps = []
    pipeline = tiny_pipeline(task)
    pipeline(**long_inputs(task), callback_on_step_end=lambda *arguments: steps.append(arguments[1]))
    assert steps == list(range(pipeline.num_timesteps))
    full = pipeline.transformer.num_generation_steps(VISUAL_GRID)
    assert pipeline.num_timesteps == 3 * full


@of_two_tasks
def test_interrupt_in_a_later_chunk_keeps_the_chunks_before(task):
    waves = tiny_transformer().num_generation_steps(VISUAL_GRID)

    def callback(pipe, step, timestep, callback_kwargs):
        pipe.interrupt = step == waves + 1

    stopped = long_call(task, callback_on_step_end=callback)
    whole = long_call(task)
    assert torch.equal(stopped.tokens[:, :WINDOW], whole.tokens[:, :WINDOW])
    assert stopped.frames.shape == whole.frames.shape
    assert not torch.equal(stopped.tokens, whole.tokens)


@pytest.mark.parametrize("num_candidates", [1, 3])
def test_an_edit_does_not_depend_on_which_frames_its_neighbours_are_given(num_candidates):
    """Alone it skipped a chunk that was given whole; beside others it drew random numbers for it."""
    pipeline = tiny_pipeline("TV2V").to(torch.float64)
    edits = [long_inputs("TV2V"), tiny_inputs("TV2V", 1, NUM_FRAMES)]
    edits[0]["mask"][: WINDOW + 1] = False
    batch = {name: [edit[name] for edit in edits] for name in ("prompt", "video", "mask")}
    given = {"num_frames": NUM_FRAMES, "num_candidates": num_candidates, "output_type": "latent"}
    generators = seeded(0, 0, 1, 1)
    together = pipeline(**batch, **given, num_videos_per_prompt=2, generator=generators).tokens
    for place, edit in enumerate(edits):
        for output in (2 * place, 2 * place + 1):
            (generator,) = seeded(place)
            alone = pipeline(**{**edit, **given}, generator=generator).tokens
            assert torch.equal(alone[0], together[output])
            assert torch.equal(generator.get_state(), generators[output].get_state())


def test_schedules_and_batches_agree_on_long_videos():
    pipeline = tiny_pipeline("T2V").to(torch.float64)
    arguments = {"num_frames": NUM_FRAMES, "overlap_frames": 2, "output_type": "latent"}
    together = pipeline(list(CAPTIONS[:2]), generator=seeded(0, 1), **arguments).tokens
    for place in range(2):
        for schedule in ("wavefront", "raster"):
            alone = pipeline(CAPTIONS[place], generator=seeded(place), schedule=schedule, **arguments).tokens
            assert torch.equal(alone[0], together[place])


def test_a_model_of_images_makes_no_video():
    transformer = tiny_transformer(visual_grid=(1, *VISUAL_GRID[1:]))
    pipeline = tiny_pipeline("T2V", transformer=transformer)
    assert len(pipeline(CAPTIONS[0]).frames[0]) == 1
    assert len(list(pipeline.stream(CAPTIONS[0], num_frames=1))) == 1
    message = "`num_frames` must be 1, all that this checkpoint has positions for, got {}"
    for method in (pipeline, pipeline.stream):
        with pytest.raises(ValueError, match=message.format(2)):
            method(CAPTIONS[0], num_frames=2)
    with pytest.raises(ValueError, match=message.format(None)):
        pipeline.stream(CAPTIONS[0])
    clip = tiny_inputs("TV2V")["video"]
    predict = NuwaVideoPredictionPipeline.from_pipe(pipeline)
    edit = NuwaTextGuidedVideoManipulationPipeline.from_pipe(pipeline)
    for call in (
        lambda: predict(clip[0]),
        lambda: predict(clip[0], num_frames=3),
        lambda: edit(CAPTIONS[0], clip),
        lambda: edit(CAPTIONS[0], clip, num_frames=3),
    ):
        with pytest.raises(
            ValueError, match=r"`num_frames` must be 1, .*; it draws images alone, so take a checkpoint"
        ):
            call()
