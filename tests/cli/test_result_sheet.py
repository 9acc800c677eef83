# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
import logging

import numpy as np
import PIL.Image
import pytest
from command_inputs import INPUTS
from tiny import FRAME_RATE, FRAME_SIZE

from nuwa_hf import NuwaTextToVideoPipeline
from nuwa_hf.cli import build_parser
from nuwa_hf.cli.result_sheet import given_pictures, result_sheet
from nuwa_hf.cli.task_arguments import pipeline_arguments
from nuwa_hf.cli.task_commands import TASK_COMMANDS


# Rows and pictures in a row, of what each command of INPUTS is given.
SHAPES = {
    "text-to-image": [],
    "text-to-video": [],
    "sketch-to-image": [1],
    "sketch-to-video": [2],
    "complete": [2],
    "predict": [1],
    "edit-image": [2],
    "edit-video": [3],
}


@pytest.fixture(scope="module")
def pipeline(checkpoint):
    return NuwaTextToVideoPipeline.from_pretrained(checkpoint)


def given_to(command, *options):
    args = build_parser().parse_args([command, *INPUTS[command], *options])
    return pipeline_arguments(TASK_COMMANDS[command], args)


@pytest.mark.parametrize("command", TASK_COMMANDS)
def test_everything_given_is_shown_at_the_size_of_the_model(pipeline, input_folder, command):
    rows = given_pictures(pipeline, given_to(command))
    assert [len(row) for row in rows] == SHAPES[command]
    assert {picture.size for row in rows for picture in row} <= {FRAME_SIZE}


def test_what_is_to_be_filled_is_grey_and_all_else_is_the_input(pipeline, input_folder):
    given = np.asarray(PIL.Image.open("image.png"))
    is_filled = np.asarray(PIL.Image.open("mask.png")) > 0
    ((whole, holed),) = given_pictures(pipeline, given_to("complete"))
    assert np.array_equal(whole, given)
    assert np.array_equal(np.asarray(holed)[~is_filled], given[~is_filled])
    assert np.unique(np.asarray(holed)[is_filled]).tolist() == [128]
    frames, holed_frames = given_pictures(pipeline, given_to("edit-video", "--mask", "mask.png"))
    assert len(frames) == len(holed_frames)


def test_sketch_is_shown_in_its_own_colours_or_in_greys(pipeline, input_folder):
    ((shown,),) = given_pictures(pipeline, given_to("sketch-to-image"))
    with PIL.Image.open("sketch-0.png") as sketch:
        assert np.array_equal(shown, sketch.convert("RGB"))
        classes = np.array(sketch)
    PIL.Image.fromarray(classes).save("sketch-0.png")  # of mode "L"
    ((shown,),) = given_pictures(pipeline, given_to("sketch-to-image"))
    assert (np.min(shown), np.max(shown)) == (0, 255)


def test_sketches_are_shown_at_the_rate_of_the_checkpoint(pipeline, input_folder):
    """Each was sampled alone, so that with a faster rate all were shown, and the result had fewer frames."""
    for factor, numbers in ((0.5, (0, 0, 1, 1, 2, 2)), (2, (0, 2))):
        files = [f"sketch-{number}.png" for number in range(3)]
        args = build_parser().parse_args(["sketch-to-video", *files, "--frame-rate", str(factor * FRAME_RATE)])
        (row,) = given_pictures(pipeline, pipeline_arguments(TASK_COMMANDS["sketch-to-video"], args))
        shown = [PIL.Image.open(f"sketch-{number}.png").convert("RGB") for number in numbers]
        assert [np.array_equal(one, other) for one, other in zip(row, shown, strict=True)] == [True] * len(numbers)


def test_sheet_does_not_repeat_the_warnings_of_the_pipeline(pipeline, input_folder, caplog):
    PIL.Image.open("image.png").resize((30, 30)).save("image.png")
    half = np.zeros((30, 30), np.uint8)
    half[:15] = 255
    PIL.Image.fromarray(half).save("mask.png")
    given = given_to("complete")
    with caplog.at_level(logging.WARNING):
        given_pictures(pipeline, given)
    assert caplog.messages == []


@pytest.mark.parametrize(("num_frames", "num_rows"), [(1, 2), (2, 5)])
def test_images_share_a_row_and_videos_have_one_each(pipeline, num_frames, num_rows):
    frames = [[PIL.Image.new("RGB", FRAME_SIZE, (200, 10, 50 * number))] * num_frames for number in range(5)]
    sheet = np.asarray(result_sheet(frames, range(5), "a", pipeline, {}, 2))
    has_red = (sheet[:, :, 0] == 200) & (sheet[:, :, 1] == 10)
    assert has_red.sum() == 5 * num_frames * 4 * FRAME_SIZE[0] * FRAME_SIZE[1]
    starts = np.diff(has_red.any(1).astype(int)) == 1
    assert starts.sum() == num_rows
