# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""What no pipeline can work with is refused by name, before any model has run."""

import numpy as np
import PIL.Image
import pytest
import torch
from tiny import CAPTIONS, FRAME_SIZE, NUM_CLASSES, VISUAL_GRID, seeded, tiny_inputs, tiny_pipeline

from nuwa_hf.media import write_gif, write_mp4
from nuwa_hf.tasks import TASKS, get_task


WIDTH, HEIGHT = FRAME_SIZE
ABBREVIATIONS = [task.abbreviation for task in TASKS]
WITH_TEXT = ("T2I", "T2V", "TI2I", "TV2V")
WITH_MASK = ("I2I", "TI2I", "TV2V")
WITH_CLIP = ("V2V", "TV2V")
VISUAL_ARGUMENT = {"S2I": "sketch", "S2V": "sketch", "I2I": "image", "V2V": "video", "TI2I": "image", "TV2V": "video"}


class Watched:
    """A pipeline and the number of times that any layer of its models ran."""

    def __init__(self, task):
        self.pipeline = tiny_pipeline(task)
        self.task = task
        self.num_runs = 0
        for model in (self.pipeline.vqgan, self.pipeline.transformer, self.pipeline.sketch_vqgan):
            for layer in model.modules():
                layer.register_forward_pre_hook(self.count)

    def count(self, layer, inputs):
        self.num_runs += 1

    def refuses(self, arguments, error, message):
        with pytest.raises(error, match=message):
            self.pipeline(**{**tiny_inputs(self.task), **arguments})
        assert self.num_runs == 0


@pytest.fixture(scope="module")
def watched():
    pipelines = {}

    def get(task):
        if task not in pipelines:
            pipelines[task] = Watched(task)
        return pipelines[task]

    return get


def count_name(task):
    return f"num_{get_task(task).output}s_per_prompt"


def picture(value=0, size=FRAME_SIZE):
    return PIL.Image.new("RGB", size, (value, value, value))


def levels(task, value):
    """Frames of the task's shape, of which one number is `value`."""
    shape = (HEIGHT, WIDTH, 3) if get_task(task).output == "image" else (2, HEIGHT, WIDTH, 3)
    array = np.full(shape, 0.5, np.float32)
    array[..., 2, 3, 1] = value
    return array


def test_the_watch_sees_models_run(watched):
    for task in ABBREVIATIONS:
        one = Watched(task)
        one.pipeline(**tiny_inputs(task))
        assert one.num_runs > 0


COMMON = [
    ({"output_type": "gif"}, ValueError, "`output_type` must be one of 'pil', 'np', 'pt', 'latent', got 'gif'"),
    ({"schedule": "spiral"}, ValueError, "`schedule` must be one of 'wavefront', 'raster', got 'spiral'"),
    ({"temperature": -0.5}, ValueError, "`temperature`.* got -0.5"),
    ({"temperature": float("nan")}, ValueError, "`temperature`.* got nan"),
    ({"temperature": "hot"}, ValueError, "`temperature`.* got 'hot'"),
    ({"top_k": -1}, ValueError, "`top_k`.* got -1"),
    ({"top_k": 2.5}, ValueError, "`top_k`.* got 2.5"),
    ({"top_p": 0.0}, ValueError, "`top_p`.* got 0.0"),
    ({"top_p": 1.5}, ValueError, "`top_p`.* got 1.5"),
    ({"min_p": 1.5}, ValueError, "`min_p`.* got 1.5"),
    ({"generator": 7}, TypeError, "`generator` must be a `torch.Generator` or a list of them, got 7"),
    ({"generator": [None]}, TypeError, "`generator` must be a `torch.Generator`"),
    ({"generator": []}, ValueError, "`generator` must hold one generator for each of the 1 outputs.* got 0"),
    ({"generator": seeded(1, 2)}, ValueError, "`generator` must hold one generator for each of the 1 out.* got 2"),
    ({"callback_on_step_end": 7}, TypeError, "`callback_on_step_end` must be callable, got 7"),
    ({"callback_on_step_end_tensor_inputs": "tokens"}, TypeError, "must be a list of names among 'tokens'"),
    ({"callback_on_step_end_tensor_inputs": ["latents"]}, ValueError, "must be among 'tokens'.*, got 'latents'"),
]


@pytest.mark.parametrize(("arguments", "error", "message"), COMMON)
@pytest.mark.parametrize("task", ABBREVIATIONS)
def test_argument_that_all_tasks_share(watched, task, arguments, error, message):
    watched(task).refuses(arguments, error, message)


@pytest.mark.parametrize("task", ABBREVIATIONS)
def test_number_of_outputs(watched, task):
    name = count_name(task)
    watched(task).refuses({name: 0}, ValueError, f"`{name}` must be at least 1, got 0")
    watched(task).refuses({name: "2"}, TypeError, f"`{name}` must be a whole number, got '2' of type str")
    watched(task).refuses({name: True}, TypeError, f"`{name}` must be a whole number, got True")
    watched(task).refuses({name: 2, "generator": seeded(0)}, ValueError, "`generator` .* each of the 2 outputs")


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"prompt": 3}, TypeError, "`prompt` must be a text or a list of texts, got int"),
        ({"prompt": ["a", 3]}, TypeError, r"`prompt\[1\]` must be a text, got 3 of type int"),
        ({"prompt": ""}, ValueError, "`prompt` must not be empty, got ''; describe what to show"),
        ({"prompt": "caf\udcc3\udca9"}, ValueError, "`prompt` must be readable text.* set PYTHONUTF8=1"),
        ({"prompt": "  \n"}, ValueError, "`prompt` must not be empty"),
        ({"prompt": []}, ValueError, "`prompt` must hold at least one text"),
        ({"prompt": ["a", ""]}, ValueError, r"`prompt\[1\]` must not be empty"),
        ({"negative_prompt": ""}, ValueError, "`negative_prompt` must not be empty, got ''; leave it None"),
        ({"negative_prompt": ["a", "b"]}, ValueError, "`negative_prompt` must hold one text for each of the 1 inputs"),
        ({"guidance_scale": 0.5}, ValueError, "`guidance_scale`.* got 0.5"),
        ({"guidance_scale": float("inf")}, ValueError, "`guidance_scale`.* got inf"),
        ({"num_candidates": 0}, ValueError, "`num_candidates` must be at least 1, got 0"),
        ({"num_candidates": 1.0}, TypeError, "`num_candidates` must be a whole number, got 1.0"),
        ({"scorer": "clip"}, TypeError, r"`scorer` must be callable as `scorer\(frames, prompts\)`, got 'clip'"),
    ],
)
@pytest.mark.parametrize("task", WITH_TEXT)
def test_text_and_candidates(watched, task, arguments, error, message):
    watched(task).refuses(arguments, error, message)


@pytest.mark.parametrize("task", ["TI2I", "TV2V", "S2I", "S2V"])
def test_other_number_of_prompts_than_of_inputs(watched, task):
    watched(task).refuses({"prompt": ["a", "b"]}, ValueError, "`prompt` must hold one text for each of the 1 inputs")


@pytest.mark.parametrize("task", ["S2I", "S2V"])
@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"prompt": ""}, ValueError, "`prompt` must not be empty"),
        ({"prompt": 3}, TypeError, "`prompt` must be a text"),
        ({"negative_prompt": " "}, ValueError, "`negative_prompt` must not be empty"),
        ({"guidance_scale": 0.0}, ValueError, "`guidance_scale`.* got 0.0"),
    ],
)
def test_text_beside_a_sketch(watched, task, arguments, error, message):
    watched(task).refuses(arguments, error, message)


@pytest.mark.parametrize("task", VISUAL_ARGUMENT)
def test_no_input_at_all(watched, task):
    name = VISUAL_ARGUMENT[task]
    watched(task).refuses({name: None}, TypeError, f"`{name}` must be .* got NoneType")
    watched(task).refuses({name: 3}, TypeError, f"`{name}` must be .* got int")
    watched(task).refuses({name: []}, ValueError, f"`{name}` must hold at least one .* got none")


@pytest.mark.parametrize("task", ["I2I", "TI2I", "V2V", "TV2V"])
@pytest.mark.parametrize(
    ("value", "message"),
    [
        (float("nan"), "must have finite numbers, got [12] that are NaN or infinite"),
        (float("inf"), "must have finite numbers"),
        (-float("inf"), "must have finite numbers"),
        (200.0, r"must have floats in \[0, 1\], got 0.5 to 200; it looks like 0 to 255"),
        (-0.5, r"must have floats in \[0, 1\], got -0.5 to 0.5; it looks like -1 to 1"),
    ],
)
def test_pixels_out_of_range(watched, task, value, message):
    name = VISUAL_ARGUMENT[task]
    watched(task).refuses({name: levels(task, value)}, ValueError, rf"`{name}.*` {message}")


CLIP = torch.zeros(5, 3, HEIGHT, WIDTH)


@pytest.mark.parametrize(
    ("task", "value", "message"),
    [
        ("I2I", CLIP[0].permute(1, 2, 0), r"`image` must be a tensor of shape \(C, Y, X\).*`.permute\(2, 0, 1\)`"),
        ("I2I", CLIP[:1].permute(0, 2, 3, 1), r"shape \(B, C, Y, X\).*`.permute\(0, 3, 1, 2\)`"),
        ("I2I", CLIP[0].numpy(), r"`image` must be an array of shape \(Y, X, C\).*`.transpose\(1, 2, 0\)`"),
        ("I2I", CLIP[0, 0], "a grey one has one channel, use `.None.`"),
        ("V2V", CLIP.permute(0, 2, 3, 1), r"`video` must be a tensor of shape \(T, C, Y, X\).*permute\(0, 3, 1, 2\)"),
        ("V2V", CLIP.permute(1, 0, 2, 3), r"shape \(T, C, Y, X\).*got \(3, 5, 8, 10\).*`.permute\(1, 0, 2, 3\)`"),
        ("V2V", CLIP.permute(1, 0, 2, 3)[None], r"shape \(B, T, C, Y, X\).*`.permute\(0, 2, 1, 3, 4\)`"),
        ("V2V", CLIP.numpy(), r"`video` must be an array of shape \(T, Y, X, C\).*`.transpose\(0, 2, 3, 1\)`"),
        ("S2I", np.zeros((HEIGHT, WIDTH, 3), np.int64), r"`sketch` must have no colours, got \(8, 10, 3\)"),
        ("I2I", "/", "`image` must be .* got '/', which is a folder; give a file in it"),
    ],
)
def test_axes_in_another_order_and_folders_say_what_to_do(watched, task, value, message):
    error = OSError if isinstance(value, str) else ValueError
    watched(task).refuses({VISUAL_ARGUMENT[task]: value}, error, message)


@pytest.mark.parametrize("task", ["I2I", "TI2I", "V2V", "TV2V"])
def test_image_without_pixels(watched, task):
    name = VISUAL_ARGUMENT[task]
    frames = () if get_task(task).output == "image" else (2,)
    for empty in (np.zeros((*frames, 0, WIDTH, 3), np.uint8), torch.zeros(*frames, 3, HEIGHT, 0)):
        watched(task).refuses({name: empty}, ValueError, rf"`{name}.*` must have at least one pixel")
    watched(task).refuses(
        {name: picture(size=(0, 4))}, ValueError, f"`{name}.*` must be an image of at least one pixel, got .* of 0x4"
    )


@pytest.mark.parametrize("task", VISUAL_ARGUMENT)
def test_file_that_cannot_be_read(watched, task, tmp_path):
    name = VISUAL_ARGUMENT[task]
    watched(task).refuses({name: str(tmp_path / "none.png")}, OSError, f"`{name}` must be the path of a file")
    (tmp_path / "text.png").write_text("this is no picture")
    watched(task).refuses({name: tmp_path / "text.png"}, ValueError, f"`{name}` must be")
    PIL.Image.fromarray(tiny_inputs("I2I")["image"]).convert("L").save(tmp_path / "whole.png")
    whole = (tmp_path / "whole.png").read_bytes()
    (tmp_path / "cut.png").write_bytes(whole[: len(whole) // 2])
    watched(task).refuses({name: tmp_path / "cut.png"}, ValueError, f"`{name}` must be whole and readable")


@pytest.mark.parametrize("task", WITH_CLIP)
@pytest.mark.parametrize("extension", ["mp4", "gif"])
def test_clip_that_is_cut_off(watched, task, extension, tmp_path):
    frames = [PIL.Image.fromarray(frame).resize((32, 32)) for frame in tiny_inputs("TV2V", num_frames=6)["video"]]
    path = tmp_path / f"clip.{extension}"
    (write_gif if extension == "gif" else write_mp4)(frames, path, fps=4)
    path.write_bytes(path.read_bytes()[:-40])
    watched(task).refuses({"video": path}, ValueError, "`video` must be .*whole.* cut off")


@pytest.mark.parametrize("task", WITH_MASK)
def test_mask_of_another_size_than_the_picture(watched, task):
    wrong = np.zeros((HEIGHT + 1, WIDTH), bool)
    wrong[:2] = True
    watched(task).refuses({"mask": wrong}, ValueError, "`mask` must have the size of what it masks, 8x10.* got 9x10")
    transposed = PIL.Image.new("L", (HEIGHT, WIDTH), 255)
    watched(task).refuses({"mask": transposed}, ValueError, "`mask` must have the size .* got 10x8; resize or redraw")


@pytest.mark.parametrize("task", WITH_MASK)
def test_mask_without_anything_to_fill_or_to_keep(watched, task):
    for black in (np.zeros((HEIGHT, WIDTH), bool), PIL.Image.new("L", FRAME_SIZE)):
        watched(task).refuses({"mask": black}, ValueError, "`mask` must have something to fill, got only black")
    for white in (np.ones((HEIGHT, WIDTH), bool), PIL.Image.new("L", FRAME_SIZE, 255)):
        watched(task).refuses({"mask": white}, ValueError, "`mask` must leave something to keep, got only white")


@pytest.mark.parametrize("task", WITH_MASK)
def test_mask_that_leaves_pixels_but_no_whole_token(watched, task):
    dotted = np.zeros((HEIGHT, WIDTH), bool)
    dotted[::2, ::2] = True
    watched(task).refuses(
        {"mask": dotted}, ValueError, "`mask` must leave something to keep, got none of the .* places"
    )


@pytest.mark.parametrize("task", WITH_MASK)
@pytest.mark.parametrize(
    ("mask", "error", "message"),
    [
        (7, TypeError, "`mask` must be .* got int"),
        (np.full((HEIGHT, WIDTH), np.nan), ValueError, "`mask` must have finite numbers"),
        (np.full((HEIGHT, WIDTH), 300), ValueError, "`mask` must have integers from 0 to 255, got 300 to 300"),
        (np.zeros((0, WIDTH), bool), ValueError, "`mask` must have at least one pixel"),
        (np.zeros((5, 2, HEIGHT, WIDTH, 2), bool), ValueError, "`mask` must have shape"),
        ("none.png", OSError, "`mask` must be the path of a file"),
    ],
)
def test_what_is_no_mask(watched, task, mask, error, message):
    watched(task).refuses({"mask": mask}, error, message)


def test_no_mask_for_an_image(watched):
    for task in ("I2I", "TI2I"):
        watched(task).refuses({"mask": None}, TypeError, "`mask` must be .* got NoneType")


def test_other_number_of_masks_than_of_inputs(watched):
    mask = tiny_inputs("I2I")["mask"]
    for task in ("I2I", "TI2I"):
        watched(task).refuses(
            {"mask": [mask, mask]}, ValueError, "`mask` must be one mask, or one for each of 1 images"
        )
    moving = np.stack([mask] * (VISUAL_GRID[0] + 1))
    watched("TV2V").refuses({"mask": moving}, ValueError, "`mask` must have 1 frame, for all, or 3, the clip's, got 4")


@pytest.mark.parametrize("task", ["S2I", "S2V"])
@pytest.mark.parametrize(
    ("value", "error", "message"),
    [
        (
            NUM_CLASSES,
            ValueError,
            f"must have classes from 0 to {NUM_CLASSES - 1}, got {NUM_CLASSES} at row 2, column 3",
        ),
        (-1, ValueError, f"must have classes from 0 to {NUM_CLASSES - 1}, got -1 at row 2, column 3"),
    ],
)
def test_class_that_does_not_exist(watched, task, value, error, message):
    sketch = tiny_inputs(task)["sketch"].copy()
    sketch[..., 2, 3] = value
    watched(task).refuses({"sketch": sketch}, error, f"`sketch` {message}")


@pytest.mark.parametrize("task", ["S2I", "S2V"])
@pytest.mark.parametrize(
    ("sketch", "error", "message"),
    [
        (np.full((HEIGHT, WIDTH), 1.0), TypeError, "`sketch` must have integers, the classes, got float64"),
        (np.full((HEIGHT, WIDTH), np.nan), TypeError, "`sketch` must have integers"),
        (torch.zeros(0, WIDTH, dtype=torch.long), ValueError, "`sketch` must have at least one pixel"),
        (picture(), ValueError, '`sketch` must be of mode "P" or "L"'),
        (np.zeros((2, 2, 2, HEIGHT, WIDTH), np.int64), ValueError, "`sketch` must have shape"),
    ],
)
def test_what_is_no_sketch(watched, task, sketch, error, message):
    watched(task).refuses({"sketch": sketch}, error, message)


def test_sketches_of_unequal_length_or_size(watched):
    sketch = tiny_inputs("S2V")["sketch"]
    message = "`sketch` must have clips of one number of frames in a batch, got 3, 2"
    watched("S2V").refuses({"sketch": [sketch, sketch[:2]]}, ValueError, message)
    message = r"`sketch` must have frames of one size, got 4x10, 8x10 \(height x width\)"
    watched("S2V").refuses({"sketch": [sketch[0], sketch[1, :4]]}, ValueError, message)


@pytest.mark.parametrize("task", WITH_CLIP)
def test_clips_of_unequal_length_or_size(watched, task):
    video = tiny_inputs("TV2V")["video"]
    message = "`video` must have clips of one number of frames in a batch, got 2, 1"
    watched(task).refuses({"video": [video[:2], video[:1]]}, ValueError, message)
    message = r"`video` must have frames of one size, got 4x10, 8x10"
    watched(task).refuses({"video": [video[0], video[1, :4]]}, ValueError, message)


def test_one_frame_to_edit(watched):
    for video in (picture(), tiny_inputs("TV2V")["video"][:1]):
        message = r"`video` must have at least 2 frames, got 1 .* or edit an image with a pipeline for images\."
        watched("TV2V").refuses({"video": video, "mask": None}, ValueError, message)


def test_number_of_frames(watched):
    watched("T2V").refuses({"num_frames": 0}, ValueError, "`num_frames` must be at least 1, got 0")
    watched("T2V").refuses({"num_frames": -1}, ValueError, "`num_frames` must be at least 1, got -1")
    message = "`num_frames` must be more than the 1 frames that are given, got 1; it counts them too"
    watched("V2V").refuses({"num_frames": 1}, ValueError, message)
    for task in ("T2V", "V2V", "TV2V"):
        for wrong in (2.0, True, "3"):
            watched(task).refuses({"num_frames": wrong}, TypeError, "`num_frames` must be a whole number, got")


@pytest.mark.parametrize("task", ["T2V", "S2V", "V2V", "TV2V"])
def test_overlap_of_chunks(watched, task):
    watched(task).refuses({"overlap_frames": 0}, ValueError, "`overlap_frames` must be at least 1, got 0")
    message = r"`overlap_frames` must be at most 2 \(one less than the positions that this checkpoint learnt\), got 3"
    watched(task).refuses({"overlap_frames": 3}, ValueError, message)
    watched(task).refuses({"overlap_frames": 1.0}, TypeError, "`overlap_frames` must be a whole number, got 1.0")


def needed(task):
    by_input = {"prompt": "tokenizer", "sketch": "sketch_vqgan"}
    return ["transformer", "vqgan", *(name for given, name in by_input.items() if given in tiny_inputs(task))]


@pytest.mark.parametrize(("task", "name"), [(task, name) for task in ABBREVIATIONS for name in needed(task)])
def test_component_that_was_not_loaded(task, name):
    pipeline = tiny_pipeline(task, **{name: None})
    with pytest.raises(ValueError, match=f"needs the component `{name}`, which is None; load the pipeline with it"):
        pipeline(**tiny_inputs(task))


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weight_that_is_not_finite_draws_nothing(value):
    pipeline = tiny_pipeline("T2V")
    with torch.no_grad():
        pipeline.transformer.head.weight[0, 0] = value
    with pytest.raises(FloatingPointError, match="logits must be finite"):
        pipeline(CAPTIONS[0], output_type="latent")
    with pytest.raises(FloatingPointError, match="logits must be finite"):
        next(pipeline.stream(CAPTIONS[0], output_type="latent"))


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_pixels_that_are_not_finite_are_no_pictures(value):
    pipeline = tiny_pipeline("T2V")
    with torch.no_grad():
        pipeline.vqgan.decoder.conv_out.bias[0] = value
    with pytest.raises(FloatingPointError, match="codec's pixels must be finite"):
        pipeline(CAPTIONS[0])
    with pytest.raises(FloatingPointError, match="codec's pixels must be finite"):
        next(pipeline.stream(CAPTIONS[0]))


@pytest.mark.parametrize(("task", "name"), [("I2I", "vqgan"), ("V2V", "vqgan"), ("S2V", "sketch_vqgan")])
def test_what_is_given_is_not_encoded_by_a_codec_that_is_not_finite(task, name):
    pipeline = tiny_pipeline(task)
    with torch.no_grad():
        getattr(pipeline, name).encoder.conv_in.weight[0, 0] = float("nan")
    with pytest.raises(FloatingPointError, match="codec's latents must be finite"):
        pipeline(**tiny_inputs(task), output_type="latent")
