# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
import pytest
import torch
from sample_sizes import EMOJI_SIZE
from tiny import VISUAL_GRID, tiny_pipeline, tiny_transformer

import nuwa_hf
from nuwa_hf.evaluation.samples.real_samples import RealSamples
from nuwa_hf.evaluation.samples.task_inputs import task_inputs
from nuwa_hf.tasks import TASKS, get_task


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.abbreviation)
def test_pipeline_of_every_task_takes_its_inputs(task, pipeline, open_clips):
    is_image = task.output == "image"
    inputs = task_inputs(task.name, open_clips(num_samples=3, still=is_image), pipeline)
    arguments = inputs.arguments([2, 0])
    assert {len(values) for values in arguments.values()} == {2}
    output = getattr(nuwa_hf, task.pipeline).from_pipe(pipeline)(**arguments, **inputs.options, output_type="pt")
    pixels = output.images[:, None] if is_image else output.frames
    assert pixels.shape == (2, 1 if is_image else 3, 3, 8, 10)
    batch = inputs.real.read([2, 0])
    hidden = inputs.hidden([2, 0], batch)
    assert (hidden is None) == (task.known == "nothing")
    if hidden is not None:
        kept = ~hidden[:, :, None].expand_as(pixels)
        assert torch.equal((pixels * 255).round()[kept], batch.clips[kept].float())


def test_inputs_of_a_sample_do_not_depend_on_the_others(pipeline, open_clips):
    real = open_clips(still=True)
    inputs = task_inputs("I2I", real, pipeline, mask="five-percent-kept", seed=3)
    several, alone = inputs.arguments(range(5)), inputs.arguments([4])
    assert all(torch.equal(several[name][4:], alone[name]) for name in ("image", "mask"))
    later = task_inputs("I2I", real, pipeline, mask="five-percent-kept", seed=7).arguments([0])
    assert torch.equal(later["mask"][0], alone["mask"][0])


def test_box_hides_the_things_of_a_still(make_emoji, emoji_pipeline):
    real = RealSamples.open(make_emoji(two_objects=0.0), still=True, **EMOJI_SIZE)
    inputs = task_inputs("TI2I", real, emoji_pipeline, mask="box")
    batch = real.read(range(len(real)))
    things = torch.stack([torch.from_numpy(row["object_mask"][row["image_index"]]).bool() for row in batch.rows])
    hidden = inputs.hidden(range(len(real)), batch)[:, 0]
    assert hidden[things].all()
    assert not hidden.flatten(1).all(1).any()


def test_given_frames_are_those_that_are_not_hidden(pipeline, open_clips):
    real = open_clips(num_samples=2)
    inputs = task_inputs("V2V", real, pipeline, given_frames=2, condition_on_known=False)
    batch = real.read([0, 1])
    assert torch.equal(inputs.arguments([0, 1])["video"], batch.clips[:, :2])
    assert inputs.hidden([0, 1], batch).flatten(2).float().mean(2).tolist() == [[0, 0, 1]] * 2
    assert inputs.options == {"num_frames": 3, "condition_on_known": False}


def test_texts_are_the_captions_or_what_is_asked_for(pipeline, open_clips):
    real = open_clips(num_samples=2)
    assert task_inputs("S2V", real, pipeline).prompts is None
    assert task_inputs("S2V", real, pipeline, use_text=True).prompts == real.captions
    assert task_inputs("TV2V", real, pipeline, prompts=["a cat", "a dog"]).prompts == ("a cat", "a dog")


def test_digest_changes_with_everything_that_is_given(pipeline, open_clips):
    real, stills = open_clips(num_samples=3), open_clips(num_samples=3, still=True)
    inputs = [
        task_inputs("T2V", real, pipeline),
        task_inputs("T2V", real, pipeline, prompts=["a"] * 3),
        task_inputs("V2V", real, pipeline),
        task_inputs("V2V", real, pipeline, given_frames=2),
        task_inputs("V2V", real, pipeline, condition_on_known=False),
        *(task_inputs("I2I", stills, pipeline, mask=mask) for mask in ("half", "centre", "five-percent-hidden")),
        task_inputs("I2I", stills, pipeline, mask="five-percent-hidden", seed=1),
    ]
    assert len({one.digest_of(3) for one in inputs}) == len(inputs)
    assert task_inputs("T2V", open_clips(num_samples=2), pipeline).digest_of(2) == inputs[0].digest_of(2)
    assert task_inputs("I2I", stills, pipeline, seed=1).digest_of(3) == inputs[5].digest_of(3)


@pytest.mark.parametrize(
    ("task", "options", "message"),
    [
        ("T3V", {}, r"`task` must be one of text-to-image \(T2I\)"),
        ("T2V", {"mask": "half"}, "`mask` must be left out of text-to-video"),
        ("T2V", {"given_frames": 1}, "`given_frames` must be left out"),
        ("T2V", {"condition_on_known": True}, "`condition_on_known` must be left out"),
        ("T2V", {"prompts": ["one"]}, "`prompts` must be one for each of 2 samples"),
        ("T2V", {"use_text": False}, "`use_text` must be left out"),
        ("V2V", {"prompts": ["one", "two"]}, "`prompts` must be left out of video-prediction"),
        ("V2V", {"given_frames": 3}, "`given_frames` must be from 1 to 2"),
        ("I2I", {"mask": "quarter"}, "`mask` must be one of half, centre"),
        ("I2I", {"mask": "box"}, "`dataset` must have rows, which the mask 'box', of EmojiMotion, needs"),
    ],
)
def test_arguments_that_do_not_fit_a_task_are_refused(pipeline, open_clips, task, options, message):
    still = task in [row.abbreviation for row in TASKS if row.output == "image"]
    with pytest.raises(ValueError, match=message):
        task_inputs(task, open_clips(num_samples=2, still=still), pipeline, **options)


@pytest.mark.parametrize(
    ("task", "options", "message"),
    [
        ("T2V", {"height": 12}, r"`real` must be at the checkpoint's size \(8, 10\), got \(12, 10\)"),
        ("T2V", {"still": True}, "`real` must be clips for text-to-video"),
        ("T2I", {}, "`real` must be stills for text-to-image"),
        ("T2V", {"frame_rate": 2.0}, "`real` must be at the checkpoint's 4 frames a second, got 2.0"),
        ("T2V", {"caption_source": "none"}, "`dataset` must have captions, which text-to-video needs"),
        ("S2V", {"sketch_column": None}, "`dataset` must have sketches, which sketch-to-video needs"),
    ],
)
def test_samples_that_do_not_fit_a_task_are_refused(pipeline, open_clips, task, options, message):
    with pytest.raises(ValueError, match=message):
        task_inputs(task, open_clips(num_samples=2, **options), pipeline)


def test_a_checkpoint_of_images_is_refused_for_videos(open_clips):
    images = tiny_pipeline("T2V", transformer=tiny_transformer(visual_grid=(1, *VISUAL_GRID[1:])))
    with pytest.raises(ValueError, match="`task` must be one of images with a checkpoint that draws images alone"):
        task_inputs("T2V", open_clips(num_samples=2, frame_rate=images.frame_rate), images)


def test_checkpoint_without_the_codec_of_sketches_is_refused(pipeline, open_clips):
    without = getattr(nuwa_hf, get_task("T2V").pipeline).from_pipe(pipeline, sketch_vqgan=None)
    with pytest.raises(ValueError, match="`checkpoint` must be one with sketch_vqgan for sketch-to-video"):
        task_inputs("S2V", open_clips(num_samples=2), without)
