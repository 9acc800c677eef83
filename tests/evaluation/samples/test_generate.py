# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Generated samples are the same however they are made: in any batch, by one process or two, killed and resumed."""

import json
import os
import shutil
import signal
import sys

import numpy as np
import PIL.Image
import pytest
import torch
from sample_sizes import SIZE
from tiny import seeded, tiny_transformer
from warm_processes import start_processes

from nuwa_hf import NuwaTextToImagePipeline, NuwaTextToVideoPipeline
from nuwa_hf.evaluation.samples.generate import generate
from nuwa_hf.evaluation.samples.real_samples import RealSamples
from nuwa_hf.evaluation.samples.task_inputs import task_inputs


def files_of(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if not path.name.startswith(".seconds")}


def generate_stills(checkpoint, clips, folder, dies_at):
    """What a process does; it dies as by `kill -9` when it moves that file into its place."""

    def die(event, arguments):
        if event == "os.rename" and os.path.basename(arguments[1]) == dies_at:
            os.kill(os.getpid(), signal.SIGKILL)

    if dies_at is not None:
        sys.addaudithook(die)
    pipeline = NuwaTextToImagePipeline.from_pretrained(checkpoint)
    real = RealSamples.open(clips, still=True, sketch_column="sketch", **SIZE)
    generate(pipeline, task_inputs("T2I", real, pipeline), folder, batch_size=2, seed=3)


@pytest.fixture(scope="module")
def stills(checkpoint, clips, tmp_path_factory):
    """The folder of one process that was left alone."""
    folder = tmp_path_factory.mktemp("stills") / "whole"
    generate_stills(checkpoint, clips, folder, dies_at=None)
    return folder


@pytest.mark.processes
def test_two_processes_that_are_killed_and_started_again_make_the_files_of_one(
    stills, checkpoint, clips, processes, tmp_path
):
    folder = tmp_path / "killed"
    # Of the batches 01 23 45 6 the second process makes 23 and 6.
    first, second = start_processes(processes, generate_stills, checkpoint, clips, folder, "000003.png")
    second.join(120)
    first.kill()  # it waits for the files of the other
    first.join(120)
    assert second.exitcode == -signal.SIGKILL
    assert not (folder / "metadata.jsonl").exists()
    assert (folder / "000002.png").exists()
    assert list(folder.glob(".000003.png.*.part"))
    for process in start_processes(processes, generate_stills, checkpoint, clips, folder, None):
        process.join(120)
        assert process.exitcode == 0, process.errors.read_text()
    assert files_of(folder) == files_of(stills)
    assert len(list(folder.glob(".seconds-*.jsonl"))) == 2


def test_batch_size_changes_no_more_than_the_rounding(pipeline, open_clips, tmp_path):
    inputs = task_inputs("T2V", open_clips(num_samples=5), pipeline)
    together, alone = (
        next(generate(pipeline, inputs, tmp_path / str(size), batch_size=size).batches(5)).clips for size in (5, 2)
    )
    assert (together.int() - alone.int()).abs().max() <= 1
    assert together.float().std() > 10


def test_sample_is_what_the_pipeline_draws_for_its_input_and_seed(pipeline, open_clips, tmp_path):
    inputs = task_inputs("V2V", open_clips(num_samples=3), pipeline)
    samples = generate(pipeline, inputs, tmp_path, seed=4, batch_size=3, sampling={"temperature": 0.7, "top_k": None})
    draw = getattr(sys.modules["nuwa_hf"], inputs.task.pipeline).from_pipe(pipeline)
    options = {"temperature": 0.7, "num_frames": 3, "generator": seeded(4, 5, 6), "output_type": "np"}
    frames = draw(**inputs.arguments(range(3)), **options).frames
    batch = next(samples.batches(3))
    assert np.array_equal(batch.clips.permute(0, 1, 3, 4, 2), np.rint(frames * 255))
    assert torch.equal(batch.references, inputs.real.read(range(3)).clips)
    assert torch.equal(batch.clips[:, 0], batch.references[:, 0])
    assert samples.seconds_per_sample > 0


def test_sample_depends_on_its_own_seed_only(pipeline, open_clips, tmp_path):
    real = open_clips(num_samples=3)
    several = generate(pipeline, task_inputs("T2V", real, pipeline), tmp_path / "several", seed=5, batch_size=1)
    alone = generate(pipeline, task_inputs("T2V", real.take([2]), pipeline), tmp_path / "alone", seed=7)
    assert torch.equal(list(several.batches(1))[2].clips, next(alone.batches(1)).clips)


def test_folder_is_a_data_set_of_its_own(stills):
    rows = [json.loads(line) for line in (stills / "metadata.jsonl").read_text().splitlines()]
    assert rows[4] == {"file_name": "000004.png", "text": "a clip of 4 things", "seed": 7}
    real = RealSamples.open(stills, still=True, **SIZE)
    assert real.captions == tuple(row["text"] for row in rows)
    with PIL.Image.open(stills / "000004.png") as picture:
        assert np.array_equal(picture, real.read([4]).clips[0, 0].permute(1, 2, 0))


def test_more_samples_join_those_that_are_there(stills, pipeline, open_clips, tmp_path):
    inputs = task_inputs("T2I", open_clips(still=True, num_samples=4), pipeline)
    generate(pipeline, inputs, tmp_path / "grown", batch_size=2, seed=3)
    made = (tmp_path / "grown" / "000003.png").stat().st_mtime_ns
    more = task_inputs("T2I", open_clips(still=True), pipeline)
    samples = generate(pipeline, more, tmp_path / "grown", batch_size=2, seed=3)
    assert len(samples) == 7
    assert files_of(tmp_path / "grown") == files_of(stills)
    assert (tmp_path / "grown" / "000003.png").stat().st_mtime_ns == made
    with pytest.raises(ValueError, match="with 7 samples where 4 are asked for; choose another folder"):
        generate(pipeline, inputs, tmp_path / "grown", batch_size=2, seed=3)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"seed": 4}, "with seed 3 where 4 is asked for"),
        ({"sampling": {"top_k": 1}}, "with sampling .* is asked for"),
        ({"candidates": 2}, 'with candidates null where 2 is asked for; scorer null where "likelihood ratio"'),
        ({"prompts": ["a cat"] * 7}, "with samples of other texts, seeds, settings or files than are asked for"),
        ({"weights": {"initializer_range": 0.5}}, "with checkpoint .* is asked for"),
    ],
)
def test_folder_of_other_settings_is_refused_and_left_alone(stills, pipeline, open_clips, tmp_path, change, message):
    folder = tmp_path / "stills"
    shutil.copytree(stills, folder)
    (folder / "000002.png").unlink()
    before = files_of(folder)
    if "weights" in change:
        pipeline = NuwaTextToVideoPipeline.from_pipe(pipeline, transformer=tiny_transformer(**change.pop("weights")))
    inputs = task_inputs("T2I", open_clips(still=True), pipeline, prompts=change.pop("prompts", None))
    with pytest.raises(ValueError, match=message):
        generate(pipeline, inputs, folder, **{"seed": 3, **change})
    assert files_of(folder) == before


def test_folder_of_something_else_is_refused(pipeline, open_clips, tmp_path):
    inputs = task_inputs("T2V", open_clips(num_samples=1), pipeline)
    (tmp_path / "thesis.txt").write_text("2026")
    with pytest.raises(ValueError, match=r"with thesis\.txt and no settings\.json"):
        generate(pipeline, inputs, tmp_path)
    (tmp_path / "settings.json").write_text("2026")
    with pytest.raises(ValueError, match="`folder` must hold settings of generated samples"):
        generate(pipeline, inputs, tmp_path)


@pytest.mark.parametrize(
    ("task", "options", "message"),
    [
        ("V2V", {"sampling": {"guidance_scale": 2.0}}, "`sampling` must be some of temperature, top_k, top_p, min_p"),
        ("T2V", {"sampling": {"temperature": -1.0}}, "`temperature` must be"),
        ("V2V", {"candidates": 2}, "`candidates` must be 1 for video-prediction"),
        ("T2V", {"candidates": 0}, "`candidates` must be at least 1"),
        ("T2V", {"scorer": lambda frames, prompts: frames.sum()}, "`candidates` must be 2 or more with a `scorer`"),
        ("T2V", {"batch_size": 0}, "`batch_size` must be at least 1"),
        ("T2V", {"seed": -1}, "`seed` must be at least 0"),
        ("T2V", {"seed": 2**63 - 1}, "`seed` must be at least 0 and fit into 63 bits"),
    ],
)
def test_arguments_that_do_not_fit_are_refused_first(pipeline, open_clips, tmp_path, task, options, message):
    inputs = task_inputs(task, open_clips(num_samples=1), pipeline)
    with pytest.raises(ValueError, match=message):
        generate(pipeline, inputs, tmp_path / "new", **options)
    assert not (tmp_path / "new").exists()


def test_best_candidate_is_the_one_that_the_scorer_prefers(pipeline, open_clips, tmp_path):
    inputs = task_inputs("T2V", open_clips(num_samples=2), pipeline)
    seen = []

    def brightest(frames, prompts):
        seen.append(frames.mean((1, 2, 3, 4)))
        return seen[-1]

    samples = generate(pipeline, inputs, tmp_path, candidates=3, scorer=brightest)
    means = next(samples.batches(2)).clips.float().mean((1, 2, 3, 4)) / 255
    torch.testing.assert_close(means, torch.stack(seen).amax(0), rtol=0, atol=1 / 255)
    assert json.loads((tmp_path / "settings.json").read_text())["scorer"].endswith("brightest")
