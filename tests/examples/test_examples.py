# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Every example runs, with a tiny checkpoint and with the embedded one; inputs and gallery are what they say."""

import logging
import re
import sys
from importlib import import_module
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
from tiny import (
    CODEBOOK_SIZE,
    FRAME_RATE,
    FRAME_SIZE,
    SKETCH_CODEBOOK_SIZE,
    VISUAL_GRID,
    tiny_tokenizer,
    tiny_transformer,
    tiny_vqgan,
)
from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel, CLIPProcessor, CLIPTokenizer

from nuwa_hf import DEMO_CHECKPOINT, TASKS, EmojiMotion, NuwaTextToImagePipeline
from nuwa_hf.datasets.class_map import sketch_class_names
from nuwa_hf.media.sources import open_media
from nuwa_hf.pipelines.clip_sampling import ClipSampler
from nuwa_hf.pipelines.image_input import prepare_images
from nuwa_hf.pipelines.mask_input import prepare_masks
from nuwa_hf.pipelines.video_input import prepare_videos


ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
INPUTS = EXAMPLES / "inputs"
GALLERY = ROOT / "docs" / "images" / "gallery"
ENLARGED = 2  # every example enlarges its clips by it

# The arguments of each example, and the frames of each clip that it writes; None is as many as the checkpoint has.
ARGUMENTS = {"candidates": ["--num_candidates", "2"]}
CLIPS = {
    "text_to_video": {"text_to_video.gif": None, "text_to_video.mp4": None},
    "sketch_to_video": {"sketch_to_video.gif": 6, "sketch_and_text_to_video.gif": 6},
    "video_prediction": {"video_prediction.gif": 6},
    "video_manipulation": {"video_manipulation.gif": None},  # the tiny model has fewer positions
    "long_video": {"long_video.gif": 12, "continued_video.gif": 12},
    "streaming": {"streaming.gif": 24},
    "candidates": {"best_of_1.gif": None, "best_of_2.gif": None},
}
# The pictures, and the mask outside of which a picture is image.png.
PICTURES = {
    "text_to_image": {"text_to_image.png": None},
    "sketch_to_image": {"sketch_to_image.png": None, "sketch_and_text_to_image.png": None},
    "image_completion": {
        "completed.png": "mask_upper_half.png",
        "completed_in_raster_order.png": "mask_upper_half.png",
    },
    "image_manipulation": {"image_manipulation.png": "mask_centre.png"},
}
TRAINING = ("plain_pytorch_loop", "transformers_trainer")  # tests/examples/test_training_examples.py
NAMES = sorted({*CLIPS, *PICTURES, "from_pipe"})


@pytest.fixture(autouse=True)
def examples_can_be_imported(monkeypatch):
    monkeypatch.syspath_prepend(EXAMPLES)
    monkeypatch.delitem(sys.modules, "streaming", raising=False)  # a benchmark has the same name


@pytest.fixture(scope="module")
def tiny_checkpoint(tmp_path_factory):
    """A tiny checkpoint with a codec for the classes of EmojiMotion's sketches; read only."""
    classes = len(sketch_class_names)
    sketch_vqgan = tiny_vqgan(in_channels=classes, out_channels=classes, codebook_size=SKETCH_CODEBOOK_SIZE)
    pipeline = NuwaTextToImagePipeline(tiny_vqgan(), tiny_transformer(), tiny_tokenizer(), sketch_vqgan)
    folder = tmp_path_factory.mktemp("checkpoint")
    pipeline.save_pretrained(folder)
    return folder


@pytest.mark.parametrize(
    ("folder", "judge", "judged"),
    [("fine_tuning", "judge_directions", "--checkpoints"), ("your_data", "judge_shapes", "--checkpoint")],
)
def test_a_judge_makes_the_folder_of_its_result(folder, judge, judged, tiny_checkpoint, tmp_path, monkeypatch):
    """It ended in an error once all clips had been drawn."""
    monkeypatch.syspath_prepend(EXAMPLES / folder)
    result = tmp_path / "results" / "judged.json"
    import_module(judge).main([judged, str(tiny_checkpoint), "--num_clips", "1", "--output", str(result)])
    assert result.is_file()
    assert result.with_suffix(".png").is_file()


def run(name, checkpoint, folder):
    argv = ["--checkpoint", str(checkpoint), "--output_dir", str(folder), *ARGUMENTS.get(name, [])]
    import_module(name).main(argv)


def check_outputs(name, folder, *, frame_size, num_frames):
    width, height = frame_size
    for file, count in CLIPS.get(name, {}).items():
        sampler = ClipSampler(FRAME_RATE)
        clip = prepare_videos(folder / file, height=height * ENLARGED, width=width * ENLARGED, sampler=sampler)
        assert clip.sizes == [(height * ENLARGED, width * ENLARGED)]
        assert clip.pixels.shape[1] == (count or num_frames)
    for file, mask in PICTURES.get(name, {}).items():
        with PIL.Image.open(folder / file) as picture:
            assert (picture.size, picture.mode) == (frame_size, "RGB")
            drawn = np.array(picture)
        if mask is not None:
            given = prepare_images(INPUTS / "image.png", height=height, width=width)
            masks = prepare_masks(INPUTS / mask, sizes=given.sizes, height=height, width=width)
            kept = ~masks[0].numpy()
            assert 0 < kept.sum() < kept.size
            expected = (given.pixels[0].permute(1, 2, 0).numpy() * 255).round().astype(np.uint8)
            assert np.array_equal(drawn[kept], expected[kept])


def test_there_is_an_example_for_every_task():
    assert {task.name.replace("-", "_") for task in TASKS} <= set(NAMES)
    assert {path.stem for path in EXAMPLES.glob("*.py")} == {*NAMES, "make_inputs", *TRAINING}


def says_when_each_frame_came(text):
    said = re.findall(r"^frame (\d+) after ([\d.]+) s$", text, flags=re.MULTILINE)
    assert [int(number) for number, _ in said] == list(range(1, 25))
    assert [float(seconds) for _, seconds in said] == sorted(float(seconds) for _, seconds in said)


def says_that_eight_pipelines_hold_the_parameters_of_one(text):
    one, eight = re.search(r"holds (\d+) parameters, eight hold (\d+)", text).groups()
    assert int(one) == int(eight) > CODEBOOK_SIZE


SAID = {"streaming": says_when_each_frame_came, "from_pipe": says_that_eight_pipelines_hold_the_parameters_of_one}


@pytest.mark.parametrize("name", NAMES)
def test_example_runs_with_a_tiny_checkpoint(name, tiny_checkpoint, tmp_path, capsys):
    run(name, tiny_checkpoint, tmp_path)
    if name in SAID:
        SAID[name](capsys.readouterr().out)
    check_outputs(name, tmp_path, frame_size=FRAME_SIZE, num_frames=VISUAL_GRID[0])
    expected = {*CLIPS.get(name, {}), *PICTURES.get(name, {})} or {"eight_tasks.png"}
    assert {path.name for path in tmp_path.iterdir()} == expected


@pytest.mark.parametrize("name", NAMES)
def test_docstring_says_the_command_and_what_is_written(name):
    text = import_module(name).__doc__
    assert f"python examples/{name}.py" in text
    for file in {**CLIPS.get(name, {}), **PICTURES.get(name, {})} or {"eight_tasks.png": None}:
        assert file.replace("best_of_2", "best_of_8") in text


def test_a_clip_model_can_judge_the_candidates(tiny_checkpoint, tmp_path):
    letters = [*"abcdefghijklmnopqrstuvwxyz"]
    words = [*letters, *(f"{letter}</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    tokenizer = CLIPTokenizer(vocab={word: place for place, word in enumerate(words)}, merges=[], model_max_length=16)
    size = {"hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = CLIPConfig(
        text_config=size | {"vocab_size": len(words), "max_position_embeddings": 16, "eos_token_id": len(words) - 1},
        vision_config=size | {"image_size": 8, "patch_size": 4},
        projection_dim=8,
    )
    CLIPModel(config).save_pretrained(tmp_path / "clip")
    pictures = CLIPImageProcessor(size={"shortest_edge": 8}, crop_size={"height": 8, "width": 8})
    CLIPProcessor(image_processor=pictures, tokenizer=tokenizer).save_pretrained(tmp_path / "clip")
    argv = ["--checkpoint", str(tiny_checkpoint), "--output_dir", str(tmp_path), "--num_candidates", "3"]
    import_module("candidates").main([*argv, "--clip", str(tmp_path / "clip")])
    assert (tmp_path / "best_of_3.gif").is_file()


@pytest.mark.pages
def test_every_example_runs_with_the_embedded_checkpoint(tmp_path, caplog):
    with caplog.at_level(logging.WARNING, logger="nuwa_hf"):
        for name in NAMES:
            run(name, DEMO_CHECKPOINT, tmp_path)
            check_outputs(name, tmp_path, frame_size=(128, 128), num_frames=6)
    assert not caplog.records, "an input does not fit the checkpoint, or a word is not known to it"


def test_inputs_are_what_their_script_makes(tmp_path):
    import_module("make_inputs").main(["--output_dir", str(tmp_path)])
    assert {path.name for path in tmp_path.iterdir()} == {path.name for path in INPUTS.iterdir()}
    for made in sorted(tmp_path.iterdir()):
        is_drawn = made.suffix in {".gif", ".mp4"} or made.stem in {"image", "first_frame"}
        if made.suffix == ".png":
            with PIL.Image.open(INPUTS / made.name) as kept, PIL.Image.open(made) as new:
                assert (kept.mode, kept.getpalette()) == (new.mode, new.getpalette())
        with open_media(INPUTS / made.name) as kept, open_media(made) as new:
            for frame, new_frame in zip(kept.frames(), new.frames(), strict=True):
                assert (frame.time, frame.duration) == (new_frame.time, new_frame.duration)
                pictures = [one.picture().convert("RGB") if is_drawn else one.picture() for one in (frame, new_frame)]
                kept_values, new_values = (np.array(picture).astype(int) for picture in pictures)
                # Pillow 13 scales sprites a little otherwise than 12, and encoders have versions too.
                assert abs(kept_values - new_values).mean() <= (1 if is_drawn else 0)


def test_inputs_are_small_and_of_the_embedded_size():
    assert sum(path.stat().st_size for path in INPUTS.iterdir()) < 50_000
    for path in INPUTS.glob("*.png"):
        with PIL.Image.open(path) as picture:
            assert picture.size == (128, 128)
            assert picture.mode == {"sketch": "P", "mask_u": "L", "mask_c": "L"}.get(path.stem[:6], "RGB")


def test_gallery_shows_every_picture_and_no_other():
    page = (ROOT / "docs" / "gallery.md").read_text(encoding="utf-8")
    pictures = {path.name for path in GALLERY.iterdir()}
    assert set(re.findall(r"images/gallery/([\w.]+)", page)) == pictures
    assert sum(path.stat().st_size for path in GALLERY.iterdir()) < 1_500_000


def test_page_of_the_tasks_names_every_class_and_says_which_the_embedded_checkpoint_has_seen():
    page = (ROOT / "docs" / "tasks.md").read_text(encoding="utf-8")
    listed = re.findall(r"(\d+) ([a-z ]+)", page.split("> 0 background")[1].split("24 dusk")[0].replace("\n> ", " "))
    assert ["background", *(name for _, name in listed), "dusk"] == list(sketch_class_names)
    assert [int(number) for number, _ in listed] == list(range(1, len(sketch_class_names) - 1))
    clips = EmojiMotion(split="val")
    seen = {int(value) for place in range(150) for value in np.unique(clips[place]["sketch"])}
    said = re.search(r"shows only some of them:\n([\d, toand]+)\.", page)[1].replace(" and ", ", ").split(", ")
    spans = [[int(end) for end in span.split(" to ")] for span in said]
    assert {number for span in spans for number in range(span[0], span[-1] + 1)} == seen


@pytest.mark.slow
def test_gallery_is_what_its_script_makes(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "docs" / "images")
    import_module("make_gallery").main(["--output_dir", str(tmp_path)])
    assert {path.name for path in tmp_path.iterdir()} == {path.name for path in GALLERY.iterdir()}
