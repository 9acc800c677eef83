# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
import json
import shutil

import pytest
import torch
from clip_folders import break_clip, pictures, save_animation, write_clips, write_metadata
from tiny_classifiers import tiny_efficientnet_lite_state
from tiny_samples import TinySamples, random_clips
from tiny_video_models import tiny_videomae_processor, tiny_videomae_sizes
from transformers import VideoMAEConfig, VideoMAEForVideoClassification

from nuwa_hf.evaluation import compare
from nuwa_hf.evaluation.compare_folders import main
from nuwa_hf.media import write_apng


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Two folders of clips, of which the second has two more; read only."""
    folder = tmp_path_factory.mktemp("folders")
    return write_clips(folder / "few", 4), write_clips(folder / "many", 6)


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    """A tiny network of the kind efficientnet, as `--features` names it, for distances between sets."""
    pytest.importorskip("torch_fidelity", reason="it is an extra")
    file = tmp_path_factory.mktemp("network") / "network.pth"
    torch.save(tiny_efficientnet_lite_state(), file)
    return f"efficientnet={file}"


def test_folder_has_no_distance_from_itself(folders, network):
    few, many = folders
    metrics = ["frechet:efficientnet", "psnr"]
    same = compare(few, few, metrics, features=[network])
    assert same.scores["frechet:efficientnet"].value == pytest.approx(0, abs=1e-3)
    assert same.scores["psnr"].value == 100
    json.dumps(same.to_dict(), allow_nan=False)
    other = compare(few, many, metrics[:1], features=[network])
    assert other.scores["frechet:efficientnet"].value > same.scores["frechet:efficientnet"].value
    assert "between two halves of the real samples" in str(other)


def test_each_set_is_read_once_by_a_network(network):
    sets = [TinySamples(random_clips(4, seed=seed), digest=str(seed)) for seed in (0, 1)]
    report = compare(*sets, ["frechet:efficientnet", "recall:efficientnet"], features=[network])
    assert set(report.runs[0].rows["real"]) == {"frechet:efficientnet"}
    assert [samples.times_read for samples in sets] == [1, 1]


def test_folders_are_compared_one_by_one_only_if_they_hold_as_much(folders):
    with pytest.raises(ValueError, match=r"`real` must have as many samples as `generated`.*got 6 for 4"):
        compare(*folders, ["psnr"])


def test_pairs_that_a_broken_file_would_shift_are_refused(folders, tmp_path):
    few, _ = folders
    for name, place in (("left", 1), ("right", 2)):
        shutil.copytree(few, tmp_path / name)
        break_clip(tmp_path / name, place)
    with pytest.raises(ValueError, match=r"`generated` must have no broken file .*got 1 \(clip1.gif"):
        compare(tmp_path / "left", tmp_path / "right", ["mse"])
    with pytest.raises(ValueError, match=r"`real` must have no broken file .*got 1 \(clip2.gif"):
        compare(few, tmp_path / "right", ["mse"])


def test_clips_of_two_rates_are_compared_at_one_and_without_it_a_warning_names_both(tmp_path, caplog):
    for name in ("slow", "fast"):
        (tmp_path / name).mkdir()
    for place in range(2):
        slow = pictures(4, place)
        fast = [frame for pair in zip(slow, pictures(4, place + 10), strict=True) for frame in pair]
        write_apng(slow, tmp_path / "slow" / f"{place}.png", fps=2.5)
        write_apng(fast, tmp_path / "fast" / f"{place}.png", fps=5)
    sides = (tmp_path / "slow", tmp_path / "fast")
    other = compare(*sides, ["mse"], num_frames=4)
    (warning,) = other.runs[0].warnings
    assert "have 2.5 and 5 frames a second" in warning
    assert warning in caplog.text
    assert warning in str(other)
    caplog.clear()
    same = compare(*sides, ["mse"], num_frames=4, frame_rate=2.5)
    assert (same.scores["mse"].value, same.runs[0].warnings, caplog.text) == (0, [], "")
    assert other.scores["mse"].value > 0
    assert compare(*sides, ["mse"], num_frames=1).runs[0].warnings == []
    options = [*map(str, sides), "--metrics", "mse", "--num_frames", "4", "--require", "mse=0"]
    assert [main([*options, *rate]) for rate in ([], ["--frame_rate", "2.5"])] == [1, 0]


def test_batch_of_no_samples_is_refused_before_a_folder_is_opened(folders):
    with pytest.raises(ValueError, match="`batch_size` must be at least 1, got 0; use for example 16"):
        compare("nowhere", "nowhere", ["mse"], batch_size=0)
    with pytest.raises(ValueError, match="`batch_size` must be at least 1, got -1"):
        main([*map(str, folders), "--metrics", "mse", "--batch_size", "-1"])


def test_a_device_that_there_is_not_is_refused_before_a_folder_is_opened():
    with pytest.raises(ValueError, match=r"`--device` must be one of cpu.*, got 'abacus'"):
        main(["nowhere", "nowhere", "--metrics", "mse", "--device", "abacus"])


def test_a_metric_that_asks_a_checkpoint_is_refused(folders):
    few, _ = folders
    with pytest.raises(ValueError, match="`metrics` must be such as two folders have, got 'nats'"):
        compare(few, few, ["psnr", "nats"])


def test_classes_are_read_beside_metrics_that_compare_one_by_one(tmp_path):
    clips, network, names = tmp_path / "clips", tmp_path / "network", ("cat", "dog")
    for place, name in enumerate(names):
        (clips / name).mkdir(parents=True)
        save_animation(pictures(4, place), clips / name / f"{name}.gif")
    classes = {"id2label": dict(enumerate(names)), "label2id": {name: place for place, name in enumerate(names)}}
    VideoMAEForVideoClassification(VideoMAEConfig(**tiny_videomae_sizes(), **classes)).save_pretrained(network)
    tiny_videomae_processor().save_pretrained(network)
    options = {"features": {"classifier": str(network)}}
    alone = compare(clips, clips, ["accuracy"], **options).scores
    both = compare(clips, clips, ["accuracy", "mse"], **options).scores
    assert (both["accuracy"], both["mse"].value) == (alone["accuracy"], 0)
    shutil.copytree(clips, tmp_path / "others")
    (tmp_path / "others" / "dog").rename(tmp_path / "others" / "fog")
    with pytest.raises(ValueError, match=r"`labels` must be classes of .*, got \['fog'\]"):
        compare(tmp_path / "others", clips, ["accuracy", "mse"], **options)
    with pytest.raises(ValueError, match=r"`labels` must be classes of .*, got \['fog'\]"):
        compare(clips, tmp_path / "others", ["accuracy"], **options, cache_dir=tmp_path / "features")
    assert not (tmp_path / "features").exists()


def test_frames_of_two_sizes_are_compared_at_one(folders, tmp_path):
    few, _ = folders
    large = tmp_path / "large"
    shutil.copytree(few, large)
    for number in range(4):
        with (large / f"clip{number}.gif").open("rb") as file:
            enlarge(file, large / f"clip{number}.gif")
    with pytest.raises(ValueError, match="must have one size and one number of frames, got 4 of 24x32 and 4 of 12x16"):
        compare(large, few, ["mse"])
    assert compare(large, few, ["mse"], height=12, width=16).scores["mse"].value < 0.01


def enlarge(file, path):
    from PIL import Image, ImageSequence

    with Image.open(file) as picture:
        frames = [
            frame.convert("RGB").resize((32, 24), Image.Resampling.NEAREST)
            for frame in ImageSequence.Iterator(picture)
        ]
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=400, loop=0)


def test_halves_of_the_real_folder_share_no_clip(network, tmp_path):
    clips = write_clips(tmp_path / "clips", 4)
    once = compare(clips, clips, ["frechet:efficientnet"], features=[network]).runs[0]
    write_metadata(clips, [{"file_name": f"clip{n // 2}.gif", "text": f"caption {n}"} for n in range(8)])
    twice = compare(clips, clips, ["frechet:efficientnet"], features=[network]).runs[0]
    distances = [run.rows["real"]["frechet:efficientnet"].value for run in (once, twice)]
    assert 0.6 * distances[0] < distances[1] < 1.01 * distances[0]  # the covariances of twice as many rows are smaller
    assert (once.warnings, twice.warnings) == ([], ["The 8 real samples show 4 images or clips."])


def test_broken_file_is_counted_and_named(folders, network, tmp_path, caplog):
    shutil.copytree(folders[1], tmp_path / "clips")
    break_clip(tmp_path / "clips", 3)
    report = compare(tmp_path / "clips", folders[0], ["frechet:efficientnet"], features=[network])
    assert report.scores["frechet:efficientnet"].samples == 4
    assert "(1)" in caplog.text
    assert "clip3.gif" in caplog.text


def test_command_writes_what_it_prints_and_fails_where_a_requirement_is_not_met(folders, network, tmp_path, capsys):
    options = [*map(str, folders), "--metrics", "frechet:efficientnet", "--features", network]
    assert main([*options, "--output", str(tmp_path / "c.json"), "--markdown", str(tmp_path / "c.md")]) == 0
    assert "generated against real" in capsys.readouterr().out
    saved = json.loads((tmp_path / "c.json").read_text(encoding="utf-8"))
    assert saved["runs"][0]["rows"]["generated"]["frechet:efficientnet"]["value"] > 0
    assert saved["features"]["efficientnet"]["digest"]
    assert main([*options, "--json", "--require", "frechet:efficientnet=0"]) == 1
    assert json.loads((said := capsys.readouterr()).out) == saved
    assert "not met: frechet:efficientnet" in said.err
    with pytest.raises(ValueError, match="`require` must be among the metrics"):
        main([*options, "--require", "fid=3"])


@pytest.mark.parametrize("option", ["--output", "--markdown"])
def test_report_that_cannot_be_written_is_refused_at_once_and_folders_above_it_are_made(folders, tmp_path, option):
    few, _ = map(str, folders)
    with pytest.raises(OSError, match="it is a directory; name a file in it"):
        main(["nowhere", few, "--metrics", "mse", option, str(tmp_path)])
    assert main([few, few, "--metrics", "mse", option, str(tmp_path / "new" / "report")]) == 0
    assert (tmp_path / "new" / "report").is_file()
