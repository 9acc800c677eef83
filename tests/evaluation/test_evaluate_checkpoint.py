# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
import json
import math
import shutil
from contextlib import suppress

import pytest
import torch
from clip_folders import break_clip, pictures, save_animation, write_clips, write_metadata
from tiny import NUM_CLASSES, tiny_pipeline, tiny_vqgan
from tiny_clip import tiny_whole_clip

from nuwa_hf.evaluation import evaluate
from nuwa_hf.evaluation.evaluate_arguments import build_evaluate_parser
from nuwa_hf.evaluation.evaluate_checkpoint import main
from nuwa_hf.evaluation.measure_run import SEEDS_APART
from nuwa_hf.evaluation.samples.real_samples import RealSamples
from nuwa_hf.media import written_aside
from nuwa_hf.modeling.likelihood import token_log_likelihood
from nuwa_hf.modeling.text_ids import none_text


NUM_CLIPS = 6
# Asks for the metrics of pixels alone, so that nothing but torchmetrics is needed.
MEASURED = ("psnr", "mse")


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    """Read only."""
    return write_clips(tmp_path_factory.mktemp("real") / "clips", NUM_CLIPS, num_classes=NUM_CLASSES)


@pytest.fixture(scope="module")
def pipeline():
    return tiny_pipeline("T2V")


@pytest.fixture(scope="module")
def clip_network(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clip")
    for part in tiny_whole_clip():
        part.save_pretrained(folder)
    return folder


def test_what_was_generated_stands_beside_what_the_codec_reaches(pipeline, clips, tmp_path):
    path, said = tmp_path / "scores.json", []

    def look(_):
        said.append(json.loads(path.read_text(encoding="utf-8"))["complete"])

    report = evaluate(pipeline, clips, MEASURED, task="V2V", num_samples=4, output=path, on_run=look)
    saved = json.loads(path.read_text(encoding="utf-8"))
    assert saved == report.to_dict()
    assert (saved["batch_size"], saved["device"]) == (16, "cpu")  # what seconds depend on
    assert (said, saved["complete"]) == ([False], True)
    (run,) = saved["runs"]
    assert list(run["rows"]) == ["codec", "generated"]  # a real sample compared with itself would say nothing
    for row in run["rows"].values():
        assert {name: row[name]["samples"] for name in MEASURED} == dict.fromkeys(MEASURED, 4)
    assert report.scores["mse"].low <= report.scores["mse"].value <= report.scores["mse"].high
    assert report.scores["seconds"].value > 0
    assert "through the codec" in str(report)


def test_likelihood_alone_leaves_no_empty_row(pipeline, clips):
    report = evaluate(pipeline, clips, ["nats"], task="V2V", num_samples=4)
    assert list(report.runs[0].rows) == ["generated", "chance"]
    assert "Nats a token" in str(report)
    with pytest.raises(ValueError, match="`metrics` must be such as a codec has where nothing is generated, got nats"):
        evaluate(tiny_vqgan(), clips, ["nats"], task="V2V", num_samples=4)


def test_samples_that_are_there_are_neither_made_nor_read_again(pipeline, clips, tmp_path):
    def times():
        files = [*tmp_path.rglob("*.png"), *tmp_path.rglob("*.safetensors")]
        return {file: file.stat().st_mtime_ns for file in files}

    options = {"task": "text-to-video", "samples_dir": tmp_path, "batch_size": 2}
    first = evaluate(pipeline, clips, MEASURED, num_samples=4, **options)
    before = times()
    again = evaluate(pipeline, clips, MEASURED, num_samples=4, **options)
    assert times() == before
    assert again.scores["mse"] == first.scores["mse"]
    more = evaluate(pipeline, clips, MEASURED, num_samples=6, **options)
    assert times().items() > before.items()
    assert more.scores["mse"].samples == 6


def test_what_a_killed_evaluation_left_half_written_is_removed_by_the_next(pipeline, clips, tmp_path):
    def run():
        evaluate(pipeline, clips, ["mse"], task="T2I", num_samples=2, output=tmp_path / "scores.json")
        return {path for path in tmp_path.rglob("*") if path.is_file()}

    whole = run()
    for path in whole:
        with suppress(KeyboardInterrupt), written_aside(path) as aside:
            raise KeyboardInterrupt
        aside.write_bytes(b"half")  # as of a process that was killed
        if path.suffix == ".safetensors":
            path.unlink()
    assert run() == whole


def test_samples_that_were_made_anew_are_read_anew(pipeline, clips, tmp_path):
    options = {"task": "T2V", "num_samples": 2, "samples_dir": tmp_path}
    first = evaluate(pipeline, clips, ["mse"], **options).scores["mse"].value
    shutil.copyfile(*sorted(tmp_path.rglob("*.png")))
    again = evaluate(pipeline, clips, ["mse"], **options).scores["mse"].value
    alone = evaluate(pipeline, clips, ["mse"], **options, cache_dir=tmp_path / "other").scores["mse"].value
    assert again == alone != first


def test_real_samples_are_read_once_for_tasks_that_are_given_a_part_and_for_those_that_are_not(
    pipeline, clips, clip_network, tmp_path
):
    options = {"features": {"clip": str(clip_network)}, "num_samples": 3, "cache_dir": tmp_path}
    for task in ("T2V", "V2V", "TV2V"):
        evaluate(pipeline, clips, ["clipsim"], task=task, **options)
    # The real ones, and of each task those through the codec and the generated ones.
    assert len(list(tmp_path.glob("clip-*"))) == 1 + 3 * 2


def test_several_seeds_give_their_mean_and_no_two_samples_share_a_seed(pipeline, clips, tmp_path):
    options = {"task": "T2V", "num_samples": 3}
    single = [evaluate(pipeline, clips, ["mse"], seeds=[seed], **options).scores["mse"].value for seed in (0, 1)]
    both = evaluate(pipeline, clips, ["mse"], seeds=[0, 1], samples_dir=tmp_path, **options).scores["mse"]
    assert both.value == pytest.approx(sum(single) / 2)
    assert (both.interval, both.samples) == ("seeds", 3)
    lines = [line for file in tmp_path.rglob("metadata.jsonl") for line in file.read_text().splitlines()]
    assert sorted(json.loads(line)["seed"] for line in lines) == [
        0,
        1,
        2,
        *(SEEDS_APART + place for place in range(3)),
    ]


def test_likelihood_does_not_depend_on_the_seed_and_is_read_once(pipeline, clips, tmp_path):
    options = {"task": "V2V", "num_samples": 3}
    one = evaluate(pipeline, clips, ["nats"], **options).scores["nats"]
    several = evaluate(pipeline, clips, ["nats"], seeds=[0, 1], cache_dir=tmp_path, **options).scores["nats"]
    assert several == one
    assert several.interval == "bootstrap"
    assert len(list(tmp_path.glob("likelihood-*"))) == 1


def test_seed_whose_time_is_not_known_leaves_the_seconds_out(pipeline, clips, tmp_path):
    options = {"task": "T2I", "num_samples": 2, "seeds": [0, 1], "samples_dir": tmp_path}
    first = evaluate(pipeline, clips, ["mse"], **options).scores
    for file in tmp_path.rglob("seed-1/.seconds-*"):
        file.unlink()
    again = evaluate(pipeline, clips, ["mse"], **options).scores
    assert (set(first) - set(again), again["mse"]) == ({"seconds"}, first["mse"])


def test_best_of_several_by_clip_fits_the_captions_better(pipeline, clips, clip_network, tmp_path):
    options = {"task": "T2V", "features": {"clip": str(clip_network)}, "num_samples": 4}
    report = evaluate(pipeline, clips, ["clipsim"], candidates=4, scorer="clip", **options)
    assert list(report.runs[0].rows) == ["real", "codec", "best of 4 by CLIP"]
    one = evaluate(pipeline, clips, ["clipsim"], **options)
    assert report.scores["clipsim"].value > one.scores["clipsim"].value


def test_samples_are_measured_at_the_size_that_is_asked_for(pipeline, clips):
    report = evaluate(pipeline, clips, ["psnr"], task="I2I", mask="centre", num_samples=3, height=16, width=20)
    assert report.scores["psnr"].samples == 3
    (run,) = report.runs
    assert math.isfinite(run.rows["codec"]["psnr"].value)
    assert run.warnings == []


def test_another_aspect_is_said_where_no_sample_is_held_against_its_real_one(pipeline, clips, clip_network):
    options = {"task": "T2V", "features": {"clip": str(clip_network)}, "num_samples": 3}
    (warning,) = evaluate(pipeline, clips, ["clipsim"], height=16, width=16, **options).runs[0].warnings
    assert warning.startswith("Samples are made at 8x10 and cut to the aspect of 16x16, at which they are measured")


def test_another_rate_is_said_and_must_not_leave_out_other_clips(pipeline, clips, clip_network, tmp_path):
    options = {"task": "T2V", "features": {"clip": str(clip_network)}, "num_samples": 3}
    assert evaluate(pipeline, clips, ["clipsim"], **options).runs[0].warnings == []
    (warning,) = evaluate(pipeline, clips, ["clipsim"], frame_rate=2.5, **options).runs[0].warnings
    assert warning == "Samples are made at 4 frames a second, and measured by real ones at 2.5."
    shutil.copytree(clips, tmp_path / "clips")
    save_animation(pictures(2, seed=1), tmp_path / "clips" / "clip1.gif")  # long enough at 4 frames a second alone
    with pytest.raises(ValueError, match=r"`frame_rate` must be .* checkpoint's 4, got 2.5, with 1 .*clip1\.gif"):
        evaluate(pipeline, tmp_path / "clips", ["clipsim"], frame_rate=2.5, **options)


def test_sketches_are_read_where_their_column_is_named_and_must_have_classes_that_the_checkpoint_knows(
    pipeline, clips, tmp_path
):
    options = {"task": "S2V", "num_samples": 3, "sketch_column": "sketch"}
    assert evaluate(pipeline, clips, ["mse"], **options).scores["mse"].samples == 3
    others = write_clips(tmp_path / "others", 3, num_classes=NUM_CLASSES + 3)
    with pytest.raises(ValueError, match=f"`sketch_column` must have classes from 0 to {NUM_CLASSES - 1}"):
        evaluate(pipeline, others, ["mse"], **options)
    with pytest.raises(ValueError, match="`dataset` must have sketches, which sketch-to-video needs"):
        evaluate(pipeline, clips, ["mse"], task="S2V", num_samples=3)


def test_nats_of_a_sketch_task_are_those_given_the_sketch_at_any_measured_size(pipeline, clips):
    height, width = pipeline.image_size
    size = {"height": height, "width": width, "num_frames": pipeline.max_frames, "frame_rate": pipeline.frame_rate}
    read = {"num_classes": NUM_CLASSES, "sketch_column": "sketch"}
    real = RealSamples.open(clips, num_samples=3, **size, **read).read(range(3))
    tokens = pipeline.codec.encode(real.clips.transpose(1, 2).float() / 127.5 - 1).tokens
    none, sketch_tokens = none_text(pipeline.transformer.config, 3), pipeline.encode_sketch(real.sketches)
    expected = -token_log_likelihood(pipeline.transformer, tokens, none, sketch_tokens=sketch_tokens).mean().item()
    options = {"task": "S2V", "num_samples": 3, "sketch_column": "sketch"}
    for measured in ({}, {"height": height // 2, "width": width}):
        found = evaluate(pipeline, clips, ["nats"], **options, **measured).scores["nats"].value
        assert found == pytest.approx(expected)


def test_halves_of_the_real_samples_share_no_clip(pipeline, clip_network, tmp_path):
    pytest.importorskip("torch_fidelity", reason="it is an extra")
    clips = write_clips(tmp_path / "clips", 4)
    options = {"task": "T2V", "features": {"clip": str(clip_network)}}
    once = evaluate(pipeline, clips, ["frechet:clip"], num_samples=4, **options).runs[0]
    write_metadata(clips, [{"file_name": f"clip{n // 2}.gif", "text": f"caption {n}"} for n in range(8)])
    twice = evaluate(pipeline, clips, ["frechet:clip"], num_samples=8, **options).runs[0]
    distances = [run.rows["real"]["frechet:clip"].value for run in (once, twice)]
    assert 0.6 * distances[0] < distances[1] < 1.01 * distances[0]  # the covariances of twice as many rows are smaller
    assert (once.warnings, twice.warnings) == ([], ["The 8 real samples show 4 images or clips."])


def test_column_of_clips_can_be_named(clips, tmp_path):
    rows = [{"video": f"clip{n}.gif", "image": f"clip{n + 1}.gif", "text": f"a clip of {n}"} for n in range(3)]
    folder = write_clips(tmp_path / "two", 4)
    write_metadata(folder, rows)
    size = {"task": "T2V", "num_samples": 3, "height": 16, "width": 16, "num_frames": 2, "frame_rate": 2.5}
    with pytest.raises(ValueError, match="`media_column` must name the column of images or clips"):
        evaluate(tiny_vqgan(), folder, ["mse"], **size)
    digests = [
        evaluate(tiny_vqgan(), folder, ["mse"], media_column=column, **size).runs[0].data
        for column in ("video", "image")
    ]
    assert digests[0] != digests[1]
    assert build_evaluate_parser().parse_args(["--media_column", "video"]).media_column == "video"


def test_samples_of_some_classes_alone_are_said(tmp_path):
    for place, name in enumerate(("cat", "cat", "dog")):
        (tmp_path / name).mkdir(exist_ok=True)
        save_animation(pictures(4, place), tmp_path / name / f"{place}.gif")
    size = {"height": 16, "width": 16, "num_frames": 2, "frame_rate": 2.5}
    few, all_rows = (
        evaluate(tiny_vqgan(), tmp_path, ["mse"], task="T2V", num_samples=count, **size).runs[0] for count in (2, 3)
    )
    assert few.warnings == ["The real samples are the first rows, which have 1 of the data set's 2 classes."]
    assert all_rows.warnings == []


def test_codec_alone_needs_no_checkpoint(clips):
    size = {"height": 16, "width": 16, "num_frames": 2, "frame_rate": 2.5}
    report = evaluate(tiny_vqgan(), clips, MEASURED, task="T2V", num_samples=4, **size)
    assert list(report.runs[0].rows) == ["codec"]
    assert report.scores["psnr"].samples == 4
    with pytest.raises(ValueError, match="`num_frames` must be given where there is no checkpoint"):
        evaluate(tiny_vqgan(), clips, MEASURED, task="T2V", num_samples=4, **{**size, "num_frames": None})


def test_protocol_of_ones_own_has_its_published_rows_beside_ours_and_says_what_its_data_are(pipeline, clips, tmp_path):
    text = """
        title: my table
        data: six clips in a folder.
        runs:
          - {name: my run, task: T2V, num_samples: 6, metrics: [mse],
             published: [{name: others, source: a paper, scores: {mse: 0.25}}]}
    """
    (tmp_path / "mine.yaml").write_text(text, encoding="utf-8")
    report = evaluate(pipeline, clips, protocol=tmp_path / "mine.yaml", num_samples=4)
    assert "published: others" in str(report)
    assert "The protocol asks for 6 samples, these are 4." in str(report)
    with pytest.raises(ValueError, match="six clips in a folder"):
        evaluate(pipeline, tmp_path / "nothing", protocol=tmp_path / "mine.yaml")
    with pytest.raises(ValueError, match=r"`dataset` must be given, got None. six clips in a folder"):
        evaluate(pipeline, protocol=tmp_path / "mine.yaml")
    for name, value in {"height": 8, "given_frames": 0, "scorer": "likelihood"}.items():
        with pytest.raises(ValueError, match=f"`{name}` must be left out with `protocol`, which .*, got {value}"):
            evaluate(pipeline, clips, protocol=tmp_path / "mine.yaml", **{name: value})


def test_report_says_the_setting_and_the_split_of_the_data_that_were_measured(clips, make_dataset):
    def said(dataset, **options):
        report = evaluate(tiny_vqgan(), dataset, ["mse"], task="T2V", num_samples=2, **options)
        return report.settings["setting"], report.settings["split"]

    world = make_dataset("train", length=4, size=16, num_frames=3, sprite_size=8)
    size = {"height": 16, "width": 16, "num_frames": 2, "frame_rate": 2.5}
    assert said(world) == (None, "train")
    assert said("emoji-motion", setting="small") == ("small", "val")
    assert said(clips, **size) == (None, None)
    assert said(clips, split="train[:4]", **size) == (None, "train[:4]")


def test_split_that_runs_of_a_protocol_name_cannot_be_asked_for_beside_it(pipeline, clips, tmp_path):
    run = "{name: my run, task: T2V, split: 'train[:4]', num_samples: 4, metrics: [mse]}"
    (tmp_path / "mine.yaml").write_text(f"{{title: t, runs: [{run}]}}", encoding="utf-8")
    with pytest.raises(ValueError, match="`split` must be left out of mine, whose runs name theirs, got 'val'; drop"):
        evaluate(pipeline, clips, protocol=tmp_path / "mine.yaml", split="val")


class MeanOfEighths(torch.nn.Module):
    """Called as the I3D of FVD is."""

    def forward(
        self, x: torch.Tensor, rescale: bool = True, resize: bool = True, return_features: bool = False
    ) -> torch.Tensor:
        return x.flatten(1).unflatten(1, (8, -1)).mean(2)


@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated:DeprecationWarning")
def test_distance_on_other_weights_than_papers_use_is_not_called_by_its_name(pipeline, tmp_path):
    pytest.importorskip("torch_fidelity", reason="it is an extra")
    torch.jit.script(MeanOfEighths()).save(tmp_path / "other.pt")
    clips = write_clips(tmp_path / "clips", 4, num_frames=8)
    options = {"task": "V2V", "num_samples": 4, "num_frames": 10, "features": {"i3d": str(tmp_path / "other.pt")}}
    report = evaluate(pipeline, clips, ["fvd"], **options)
    assert report.to_dict()["columns"]["fvd"]["title"].startswith("Frechet distance (I3D, weights other.pt")
    assert "FVD" not in str(report)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"metrics": ["psnrr"]}, "did you mean 'psnr'"),
        ({"metrics": []}, "`metrics` must be given"),
        ({"metrics": ["clipsim"]}, "`features` must have a path for 'clip', got none; write clip=FOLDER"),
        ({"metrics": ["accuracy"], "features": ["classifier=nowhere/at/all"]}, "`features` must name a folder"),
        ({"metrics": ["kept"]}, "`kept` needs hidden"),
        ({"metrics": ["frechet:pixels"]}, "`metrics` must read an output that 'pixels' has"),
        ({"task": "T2X"}, "`task` must be one of text-to-image"),
        ({"num_samples": NUM_CLIPS + 1}, f"`num_samples` must be at most {NUM_CLIPS}"),
        ({"num_samples": 1}, "`num_samples` must be a whole number, at least 2, got 1"),
        ({"task": "V2V", "given_frames": 9}, "`given_frames` must be from 1 to"),
        ({"task": "V2V", "frame_rate": 25}, "`frame_rate` must be that of the checkpoint for video-prediction"),
        ({"task": "I2I", "frame_rate": 2}, "`frame_rate` must be that of the checkpoint for image-completion, 4"),
        ({"metrics": ["mse"], "frame_rate": 2}, "`frame_rate` must be that of the checkpoint for mse, 4, got 2"),
        ({"metrics": ["nats"], "num_frames": 5}, "`num_frames` must be at most the checkpoint's 3 for nats, got 5"),
        (
            {"task": "I2I", "metrics": ["psnr", "kept", "seam"], "height": 16, "width": 16},
            "`height` and `width` must be those of the checkpoint for kept, seam, 8x10, got 16x16",
        ),
        (
            {"metrics": ["psnr", "nats", "ssim"], "task": "V2V", "height": 12, "width": 16},
            "`height` and `width` must have the aspect of the checkpoint's 8x10 for psnr, ssim, got 12x16",
        ),
        (
            {"metrics": ["mse"], "height": 16, "width": 16},
            "`height` and `width` must have the aspect of the checkpoint's 8x10 for mse, got 16x16",
        ),
        ({"task": "V2V", "candidates": 2}, "`candidates` must be left out of video-prediction"),
        ({"scorer": "clip"}, "`candidates` must be 2 or more with a `scorer`"),
        ({"candidates": 0}, "`candidates` must be at least 1, got 0"),
        ({"candidates": -4, "scorer": "clip"}, "`candidates` must be at least 1, got -4"),
        ({"dataset": "nowhere"}, "`dataset` must be a folder"),
        ({"metrics": ["whole"], "features": ["judges=nowhere/x"]}, "`judges` must be a directory that holds"),
        ({"seeds": [0, 0]}, "`seeds` must be at least one and none twice"),
        ({"seeds": [-1]}, "`seeds` must be at least 0"),
        ({"seeds": [0, 20261130150733]}, "`seeds` must be at most 9223372036853, got 20261130150733"),
        ({"dataset": "nowhere", "batch_size": 0}, "`batch_size` must be at least 1, got 0"),
        ({"task": "S2V", "num_samples": 4, "sketch_column": "maps"}, "`sketch_column`"),
        ({"require": {"psnr": 20}}, "`require` must be among the metrics of the first run, mse, got 'psnr'"),
        ({"temperature": 0, "top_k": -1}, "`top_k`"),
        (
            {"task": ["I2I", "V2V"], "guidance_scale": 3.0},
            r"`guidance_scale` must be left out of image-completion, video-prediction, .* got 3.0; drop it",
        ),
    ],
)
def test_what_is_missing_or_does_not_fit_is_said_before_anything_is_generated(
    changes, message, pipeline, clips, tmp_path
):
    options = {"dataset": clips, "metrics": ["mse"], "task": "T2V", "num_samples": 4, **changes}
    if options["metrics"] == ["frechet:pixels"]:
        pytest.importorskip("torch_fidelity", reason="it is an extra")
    with pytest.raises(ValueError, match=message):
        evaluate(pipeline, options.pop("dataset"), options.pop("metrics"), samples_dir=tmp_path / "samples", **options)
    assert not list(tmp_path.rglob("0*.png"))


def test_data_without_captions_cannot_be_asked_for(pipeline, clips, clip_network, tmp_path):
    folder = tmp_path / "bare"
    shutil.copytree(clips, folder)
    (folder / "metadata.jsonl").unlink()
    for file in folder.glob("sketch*"):
        file.unlink()
    with pytest.raises(ValueError, match="`dataset` must have captions, which text-to-video needs"):
        evaluate(pipeline, folder, ["mse"], task="T2V", num_samples=4)
    with pytest.raises(ValueError, match="`clipsim` needs captions"):
        evaluate(pipeline, folder, ["clipsim"], task="V2V", features={"clip": str(clip_network)}, num_samples=4)
    assert evaluate(pipeline, folder, ["mse"], task="V2V", num_samples=4).scores["mse"].samples == 4


def test_broken_clip_is_named_and_the_next_one_takes_its_place(pipeline, clips, tmp_path, caplog):
    shutil.copytree(clips, tmp_path / "clips")
    break_clip(tmp_path / "clips", 1)
    report = evaluate(pipeline, tmp_path / "clips", ["mse"], task="V2V", num_samples=5)
    assert report.scores["mse"].samples == 5
    assert "Left out" in caplog.text
    assert "clip1.gif" in caplog.text
    with pytest.raises(ValueError, match=r"`num_samples` must be at most 5.*clip1\.gif"):
        evaluate(pipeline, tmp_path / "clips", ["mse"], task="V2V", num_samples=6)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("seeds", [0, 1]),
        ("candidates", 4),
        ("guidance_scale", 3.0),
        ("temperature", 0.5),
        ("top_k", 3),
        ("top_p", 0.5),
        ("min_p", 0.1),
        ("mask", "half"),
        ("given_frames", 2),
    ],
)
def test_options_of_generating_are_refused_with_a_codec_alone(name, value, clips):
    with pytest.raises(ValueError, match=f"`{name}` must be left out where nothing is generated, got .*; drop it"):
        evaluate(tiny_vqgan(), clips, ["mse"], task="T2V", num_samples=4, **{name: value})


@pytest.mark.parametrize("name", ["media_column", "caption_column", "label_column", "sketch_column"])
def test_columns_of_clips_that_are_drawn_cannot_be_chosen(name):
    options = {"task": "T2V", "num_samples": 2, name: "text"}
    with pytest.raises(ValueError, match=f"`{name}` must be left out of EmojiMotion, which has no columns"):
        evaluate(tiny_vqgan(), "emoji-motion", ["mse"], setting="small", **options)


def test_guidance_is_for_the_runs_that_have_it(pipeline, clips):
    report = evaluate(pipeline, clips, ["mse"], task=["I2I", "T2I"], num_samples=2, guidance_scale=3.0)
    assert report.settings["sampling"] == {"guidance_scale": 3.0}


def test_unknown_option_is_a_type_error(pipeline, clips):
    with pytest.raises(TypeError, match="`evaluate` has no option 'guidance'"):
        evaluate(pipeline, clips, ["mse"], task="T2V", num_samples=4, guidance=3)


def test_command_prints_the_table_and_fails_where_a_requirement_is_not_met(checkpoint, clips, tmp_path, capsys):
    options = ["--checkpoint", str(checkpoint), "--dataset", str(clips), "--task", "V2V", "--metrics", "mse", "psnr"]
    options += ["--num_samples", "4", "--output", str(tmp_path / "scores.json"), "--device", "cpu"]
    assert main([*options, "--markdown", str(tmp_path / "scores.md"), "--require", "mse=1"]) == 0
    assert "PSNR (dB) ↑" in capsys.readouterr().out
    assert "| generated | 4 |" in (tmp_path / "scores.md").read_text(encoding="utf-8")
    assert len(list((tmp_path / "scores-samples").rglob("0*.png"))) == 4
    assert main([*options, "--json", "--require", "mse=0", "psnr=1000"]) == 1
    said = capsys.readouterr()
    assert json.loads(said.out) == json.loads((tmp_path / "scores.json").read_text(encoding="utf-8"))
    message = said.err.splitlines()[-1]
    assert message.startswith("required of generated in video prediction, not met: mse 0.")
    assert "psnr" in message


@pytest.mark.parametrize("option", ["--output", "--markdown"])
def test_report_that_cannot_be_written_is_refused_before_the_checkpoint_is_read(option, tmp_path):
    (tmp_path / "file").touch()
    options = ["--checkpoint", "./nowhere", "--dataset", "clips", "--task", "V2V", "--metrics", "mse", option]
    with pytest.raises(OSError, match="it is a directory; name a file in it"):
        main([*options, str(tmp_path)])
    with pytest.raises(OSError, match="file: Not a directory; choose another folder"):
        main([*options, str(tmp_path / "file" / "scores.json")])


def test_folders_above_the_report_are_made(pipeline, clips, tmp_path):
    kept = {"samples_dir": tmp_path / "samples", "cache_dir": tmp_path / "features"}
    path = tmp_path / "new" / "folder" / "scores.json"
    report = evaluate(pipeline, clips, ["mse"], task="T2I", num_samples=2, output=path, **kept)
    report.save_markdown(tmp_path / "other" / "scores.md")
    assert json.loads(path.read_text(encoding="utf-8"))["complete"]
    assert (tmp_path / "other" / "scores.md").is_file()
    with pytest.raises(OSError, match="it is a directory"):
        evaluate(pipeline, clips, ["mse"], task="T2I", num_samples=2, output=tmp_path)


FEW_CLIPS = ["--task", "V2V", "--num_samples", "2"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "`checkpoint` must name the pipeline to measure"),
        (["--checkpoint", "a", "--vqgan", "b"], "give one of the two"),
        (["--checkpoint", "a", "--require", "mse"], "`require` must be a metric and its limit"),
        (["--checkpoint", "a", "--batch_size", "0"], "`batch_size` must be at least 1"),
        (["--checkpoint", "./nowhere", "--device", "abacus"], "`--device` must be one of cpu"),
        (["--checkpoint", "./nowhere", *FEW_CLIPS], "`metrics` must be given"),
        (["--checkpoint", "./nowhere", *FEW_CLIPS, "--dataset", "clips", "--metrics", "psnrr"], "did you mean 'psnr'"),
        (["--checkpoint", "./nowhere", *FEW_CLIPS, "--metrics", "mse"], "`dataset` must be given, got None"),
        (["--vqgan", "./nowhere", *FEW_CLIPS, "--metrics", "mse", "--top_k", "4"], "`top_k` must be left out where"),
    ],
)
def test_command_refuses_options_that_do_not_fit_before_it_reads_a_checkpoint(options, message):
    with pytest.raises(ValueError, match=message):
        main(options)


def test_report_is_the_same_on_any_number_of_samples_at_once(pipeline, clips):
    one, many = (
        evaluate(pipeline, clips, MEASURED, task="V2V", num_samples=4, batch_size=size).scores for size in (1, 4)
    )
    assert one["mse"].value == pytest.approx(many["mse"].value, rel=1e-4)  # sums are rounded in another order
