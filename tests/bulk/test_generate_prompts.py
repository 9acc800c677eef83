# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""`nuwa-hf generate` makes of each line what its single call makes; how a folder goes on is tested with evaluation."""

import codecs
import json
from pathlib import Path

import datasets
import numpy as np
import PIL.Image
import pytest
from tiny import CAPTIONS, FRAME_RATE, VISUAL_GRID, seeded, tiny_inputs, tiny_pipeline

import nuwa_hf
from nuwa_hf.bulk.generate_prompts import main
from nuwa_hf.bulk.prompt_lines import PromptLines
from nuwa_hf.bulk.prompt_rows import check_prompts
from nuwa_hf.cli import main as nuwa_command
from nuwa_hf.media import write_mp4
from nuwa_hf.tasks import find_task


IMAGES = (
    {"prompt": CAPTIONS[0]},
    {"task": "S2I", "sketch": "sketch.png", "prompt": CAPTIONS[1], "guidance_scale": 3, "seed": 7},
    {"prompt": CAPTIONS[1], "guidance_scale": 2.5, "temperature": 0.5, "top_k": 9, "seed": 8},
    {"task": "image-completion", "image": "image.png", "mask": "mask.png", "top_p": 0.9},
    {"prompt": CAPTIONS[2], "temperature": 0, "negative_prompt": None},
)
VIDEOS = ({"task": "V2V", "video": ["image.png", "image.png"], "seed": 3}, {"task": "V2V", "video": "clip.mp4"})


@pytest.fixture(scope="module")
def given(tmp_path_factory):
    """A folder with the files that the lines name."""
    folder = tmp_path_factory.mktemp("given")
    inputs = tiny_inputs("I2I")
    PIL.Image.fromarray(inputs["image"]).save(folder / "image.png")
    PIL.Image.fromarray(inputs["mask"]).save(folder / "mask.png")
    PIL.Image.fromarray(tiny_inputs("S2I")["sketch"].astype(np.uint8), "L").save(folder / "sketch.png")
    frames = [PIL.Image.fromarray(frame) for frame in tiny_inputs("V2V")["video"]]
    write_mp4(frames, folder / "clip.mp4", fps=FRAME_RATE)
    return folder


@pytest.fixture
def generate(given, checkpoint):
    def run(lines, output_dir, *flags):
        file = given / "prompts.jsonl"
        text = "\n".join(one if isinstance(one, str) else json.dumps(one) for one in lines)
        file.write_text(text, encoding="utf-8")
        shared = ["--checkpoint", str(checkpoint), "--device", "cpu"]
        main(["--prompts", str(file), "--output_dir", str(output_dir), *shared, *flags])
        return [json.loads(line) for line in (output_dir / "metadata.jsonl").read_text().splitlines()]

    return run


def alone(line, place, given, **options):
    """What the pipeline of a line's task makes of it."""
    call = {name: value for name, value in line.items() if name not in ("task", "seed")}
    task = find_task(line.get("task", "T2I"))
    for name in call.keys() & {"image", "mask", "sketch", "video"}:
        files = call[name]
        call[name] = [[given / one for one in files]] if isinstance(files, list) else given / files
    pipeline = getattr(nuwa_hf, task.pipeline).from_pipe(tiny_pipeline())
    pipeline.set_progress_bar_config(disable=True)
    return pipeline(**call, generator=seeded(line.get("seed", place)), **options)[0][0]


def test_each_line_gives_the_image_of_its_single_call_and_the_folder_loads(given, generate, tmp_path, capsys):
    rows = generate(IMAGES, tmp_path / "out", "--task", "T2I", "--batch_size", "2", "--json")
    summary = json.loads(capsys.readouterr().out)
    assert (summary["kind"], summary["samples"], len(summary["files"])) == ("image", 5, 5)
    assert all(Path(file).is_file() for file in summary["files"])
    loaded = datasets.load_dataset(
        "imagefolder", data_dir=str(tmp_path / "out"), split="train", cache_dir=str(tmp_path / "cache")
    )
    assert loaded["text"] == [line.get("prompt") for line in IMAGES]
    assert loaded["seed"] == [0, 7, 8, 3, 4]
    assert loaded["guidance_scale"] == [1.0, 3.0, 2.5, 1.0, 1.0]
    assert rows[3]["given_mask"] == "mask.png"
    for place, line in enumerate(IMAGES):
        assert np.array_equal(loaded[place]["image"], alone(line, place, given))


def test_folder_goes_on_with_what_is_missing_or_new_and_refuses_other_lines(generate, tmp_path):
    folder = tmp_path / "out"
    lines = [{"prompt": prompt} for prompt in CAPTIONS]
    generate(lines[:2], folder, "--task", "T2I", "--seed", "4")
    before = {path.name: path.read_bytes() for path in folder.glob("*.png")}
    (folder / "000000.png").unlink()
    assert [row["seed"] for row in generate(lines, folder, "--task", "T2I", "--seed", "4")] == [4, 5, 6]
    after = {path.name: path.read_bytes() for path in folder.glob("*.png")}
    assert len(after) == 3
    assert before.items() <= after.items()
    with pytest.raises(ValueError, match=r"with samples of other texts, seeds, settings or files than"):
        generate([{"prompt": CAPTIONS[0], "top_k": 3}, *lines[1:]], folder, "--task", "T2I", "--seed", "4")


def test_batches_may_be_larger_than_what_waits_in_a_server(generate, tmp_path):
    rows = generate([{"prompt": CAPTIONS[0]}] * 260, tmp_path, "--task", "T2I", "--batch_size", "257")
    assert [row["seed"] for row in rows] == list(range(260))
    assert len(list(tmp_path.glob("*.png"))) == 260


def test_videos_are_clips_at_the_checkpoints_rate(given, generate, tmp_path):
    rows = generate(VIDEOS, tmp_path / "out")
    assert [row["num_frames"] for row in rows] == [VISUAL_GRID[0]] * 2
    for place, line in enumerate(VIDEOS):
        write_mp4(alone(line, place, given), tmp_path / "alone.mp4", fps=FRAME_RATE)
        assert (tmp_path / "out" / f"{place:06d}.mp4").read_bytes() == (tmp_path / "alone.mp4").read_bytes()


WRONG = {
    "{": "a line must be a JSON object",
    "[1]": "a line must be a JSON object",
    '{"prompt": "a cat", "task": "T2X"}': "`task` must be one of",
    '{"prompt": "a cat", "task": "T2V"}': "`task` must have images as its output, as that of line 1",
    '{"prompt": "a cat", "guidance": 2}': "text-to-image takes no `guidance`; did you mean `guidance_scale`?",
    '{"prompt": "a cat", "num_steps": 50}': "takes no `num_steps`: the number of steps follows from the size of the",
    '{"mask_image": "mask.png", "task": "I2I"}': "takes no `mask_image`; did you mean `mask`?",
    '{"video": "clip.mp4", "task": "V2V", "fps": 8}': "video-prediction takes no `fps`; did you mean `frame_rate`?",
    '{"prompt": "a cat", "output_type": "np"}': "text-to-image takes no `output_type`",
    '{"prompt": "a cat", "guidance_scale": 0.5}': "`guidance_scale` must be a finite number of at least 1, got 0.5",
    '{"prompt": "a cat", "seed": -1}': "`seed` must be a whole number of at least 0",
    '{"prompt": ["a cat", "a dog"]}': "a line must describe one image, so `prompt` is one value",
    '{"prompt": ["a cat"]}': "a line must describe one image, so `prompt` is one value",
    '{"prompt": "a cat", "prompt": "a dog"}': "`prompt` must be given once, got it 2 times",
    "[" * 2000: "a line must be a JSON object",
    f'{{"prompt": "a cat", "guidance_scale": 1{"0" * 400}}}': "`guidance_scale` must be a finite number",
    f'{{"video": "clip.mp4", "task": "V2V", "frame_rate": 1{"0" * 400}}}': "`frame_rate` must be",
    '{"task": "S2I"}': "sketch-to-image needs `sketch`",
    '{"task": "I2I", "image": "none.png", "mask": "mask.png"}': "`image` must be a file that is there",
    r'{"task": "I2I", "image": "caf\udce9.png", "mask": "mask.png"}': r"must hold whole characters, got '\udce9'",
    '{"task": "I2I", "image": "image.png", "mask": "sketch.png"}': "mask",
    '{"task": "I2I", "image": "image.png", "mask": "mask.png", "composite": 1}': "`composite` must be true or false",
}


@pytest.fixture(scope="module")
def pipeline_of():
    pipeline = tiny_pipeline()
    return lambda task: getattr(nuwa_hf, find_task(task).pipeline).from_pipe(pipeline)


def test_digest_of_lines_holds_whether_tokens_are_drawn(given):
    file, pipeline = given / "drawn.jsonl", nuwa_hf.NuwaTextToImagePipeline.from_pipe(tiny_pipeline())
    file.write_text(json.dumps({"prompt": "a cat"}))
    digests = set()
    for do_sample in (True, False, True):
        pipeline.transformer.generation_config.do_sample = do_sample
        digests.add(check_prompts(PromptLines.read(file), lambda task: pipeline, task="T2I").digest_of(1))
    assert len(digests) == 2


def test_lines_are_those_of_json_and_a_byte_order_mark_is_no_part_of_them(given, pipeline_of):
    file = given / "marks.jsonl"
    prompts = ["a cat\x85and", "a\u2028dog", "a\u2029bird"]
    lines = [json.dumps({"prompt": prompt}, ensure_ascii=False) for prompt in prompts]
    file.write_bytes(codecs.BOM_UTF8 + "\r\n".join(lines).encode())
    found = check_prompts(PromptLines.read(file), pipeline_of, task="T2I")
    assert [row.arguments["prompt"] for row in found.rows] == prompts
    file.write_bytes(json.dumps(IMAGES[0]).encode("utf-16-le"))
    with pytest.raises(ValueError, match=r"`prompts` must be a text in UTF-8, got .* which looks like UTF-16"):
        PromptLines.read(file)


@pytest.mark.parametrize("line", WRONG)
def test_broken_line_is_named_with_its_rule(given, pipeline_of, line):
    file = given / "wrong.jsonl"
    file.write_text("\n".join([json.dumps(IMAGES[0]), "", line]))
    with pytest.raises(ValueError, match=r"^wrong\.jsonl, line 3: .*Nothing was made\.$") as raised:
        check_prompts(PromptLines.read(file), pipeline_of, task="T2I")
    assert WRONG[line] in str(raised.value)


@pytest.mark.parametrize(
    ("line", "faults"),
    [
        ({}, {"prompt": ["a cat"], "negative_prompt": ["a dog"]}),
        ({"task": "I2I"}, {"image": "none.png", "mask": "none.png"}),
        ({"task": "I2I", "image": "image.png", "mask": "mask.png"}, {"condition_on_known": 1, "composite": 1}),
    ],
)
def test_of_several_faults_the_first_in_the_line_is_named(given, pipeline_of, line, faults):
    file = given / "faults.jsonl"
    for ordered in (faults, dict(reversed(faults.items()))):
        file.write_text(json.dumps(line | ordered))
        with pytest.raises(ValueError, match=f"`{next(iter(ordered))}`"):
            check_prompts(PromptLines.read(file), pipeline_of, task="T2I")


def test_nothing_is_made_of_a_file_with_broken_lines_or_without_any(given, generate, tmp_path, capsys):
    with pytest.raises(ValueError, match=r"line 2: `task` must be named.* 2 more lines are wrong too\. Nothing"):
        generate([IMAGES[1], "{}", "{", "3"], tmp_path / "out")
    with pytest.raises(ValueError, match="which is empty"):
        generate([], tmp_path / "out")
    with pytest.raises(FileNotFoundError, match=r"`prompts` must be a file that can be read, got .*; check the path"):
        main(["--prompts", str(tmp_path / "none"), "--output_dir", str(tmp_path / "out"), "--checkpoint", "./nowhere"])
    with pytest.raises(FileExistsError, match=r"`folder` must be a folder, or one that can be made, got .*prompts"):
        generate(IMAGES[1:2], given / "prompts.jsonl")
    with pytest.raises(ValueError, match="`num_proc` must be left out without Ray"):
        generate(IMAGES, tmp_path / "out", "--num_proc", "2")
    assert nuwa_command(["generate", "--prompts", str(given), "--output_dir", str(tmp_path / "out")]) == 2
    assert not (tmp_path / "out").exists()
    assert str(given) in capsys.readouterr().err
