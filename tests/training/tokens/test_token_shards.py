# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""`nuwa-hf tokenize --dataset`: from captioned media to token files, with stops, broken clips, several processes."""

import contextlib
import json
import logging
import re
import shlex
import signal
import time
from dataclasses import replace
from pathlib import Path

import datasets
import psutil
import pytest
import torch
from clip_folders import break_clip, pictures, write_clips, write_metadata
from tiny import tiny_sketch_vqgan, tiny_tokenizer, tiny_vqgan, with_spread_codes
from warm_processes import run_module

from nuwa_hf import cli
from nuwa_hf.datasets.captioned_media import CaptionedMedia
from nuwa_hf.datasets.open_dataset import open_dataset
from nuwa_hf.datasets.random_crops import RandomCrops
from nuwa_hf.exit_status import INTERRUPTED
from nuwa_hf.modeling.class_maps import class_maps_to_pixels
from nuwa_hf.training.nuwa.held_out_rows import parts_of
from nuwa_hf.training.tokens import tokenize_dataset
from nuwa_hf.training.tokens.clip_tokens import tokenize_clips
from nuwa_hf.training.tokens.token_files import (
    TokenFiles,
    read_metadata,
    read_shard_infos,
    shard_path,
    write_shard,
)
from nuwa_hf.training.tokens.token_files import write_metadata as write_metadata_of
from nuwa_hf.training.tokens.tokenize_dataset import main


PAGE = (Path(__file__).parents[3] / "docs" / "data.md").read_text(encoding="utf-8")
NUM_CLASSES = 5
FRAMES = ["--num_frames", "3"]


@pytest.fixture(scope="module")
def workplace(tmp_path_factory):
    """The folders that docs/data.md starts from: codecs of 8x8 frames that tell pictures apart, and a tokenizer."""
    folder = tmp_path_factory.mktemp("workplace")
    generator = torch.Generator().manual_seed(0)
    pixels = torch.rand(8, 3, 8, 8, generator=generator) * 2 - 1
    classes = class_maps_to_pixels(torch.randint(NUM_CLASSES, (8, 8, 8), generator=generator), NUM_CLASSES)
    sketch_vqgan = tiny_sketch_vqgan(in_channels=NUM_CLASSES, out_channels=NUM_CLASSES)
    with_spread_codes(tiny_vqgan(), pixels).save_pretrained(folder / "runs" / "vqgan" / "vqgan")
    with_spread_codes(sketch_vqgan, classes).save_pretrained(folder / "runs" / "sketch_vqgan" / "vqgan")
    tiny_tokenizer().save_pretrained(folder / "runs" / "tokenizer")
    return folder


@pytest.fixture(autouse=True)
def here(workplace, tmp_path, monkeypatch):
    """In an empty folder that has the codecs, with a cache of its own."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs").mkdir()
    for part in (workplace / "runs").iterdir():
        (tmp_path / "runs" / part.name).symlink_to(part)
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "cache"))
    datasets.disable_progress_bars()


def flags(dataset, output, *others):
    made_with = ["--vqgan", "runs/vqgan/vqgan", "--tokenizer", "runs/tokenizer"]
    return [*made_with, "--dataset", str(dataset), "--output_dir", str(output), *FRAMES, *others]


def shards(folder):
    return {path.name: path.read_bytes() for path in Path(folder).glob("tokens-*")}


def commands_of_the_page():
    blocks = re.findall(r"^```bash\n(.*?)^```$", PAGE, flags=re.MULTILINE | re.DOTALL)
    return [shlex.split(block.replace("\\\n", " "))[1:] for block in blocks]


def make_the_pages_data():
    write_clips(Path("clips"), 3)
    write_clips(Path("sketched"), 2, num_classes=NUM_CLASSES)
    Path("photos").mkdir()
    Path("rows").mkdir()
    for number, picture in enumerate(pictures(3, 0)):
        picture.save(f"photos/{number}.png")
    write_metadata(Path("photos"), [{"file_name": f"{n}.png", "text": f"photo {n}"} for n in range(3)])
    rows = {
        "video": [{"bytes": Path(f"clips/clip{n}.gif").read_bytes(), "path": None} for n in range(3)],
        "caption": [f"a clip of {n} things" for n in range(3)],
    }
    datasets.Dataset.from_dict(rows).to_parquet("rows/train.parquet")


def test_every_command_of_the_page_makes_the_tokens_that_it_says(capsys):
    make_the_pages_data()
    tokens = {}
    for words in commands_of_the_page():
        if "user/captioned-clips" in words or "moving-mnist" in words:  # test_moving_mnist_commands.py has these
            continue
        assert cli.main(words) == 0
        if words[0] == "tokenize":
            folder = words[words.index("--output_dir") + 1]
            tokens[folder.rpartition("/")[2]] = TokenFiles.load(folder)[:]
    assert len(tokens) == 5
    assert "Next:\n  nuwa-hf train-vqgan --dataset clips" in capsys.readouterr().out
    assert Path("runs/own_tokenizer/tokenizer.json").is_file()
    assert tokens["clips"].video_tokens.shape == (3, 4, 4, 4)
    assert tokens["photos"].video_tokens.shape == (3, 1, 4, 4)
    assert tokens["sketched"].sketch_tokens.shape == (2, 4, 4, 4)
    assert tokens["sketched"].sketch_tokens.unique().numel() > 2
    for name in ("streamed", "rows"):
        for column in ("video_tokens", "caption_ids", "image_caption_ids", "image_indices"):
            assert torch.equal(getattr(tokens[name], column), getattr(tokens["clips"], column))
    assert shards("runs/tokens/streamed") == shards("runs/tokens/clips")


def test_python_of_the_page_runs():
    make_the_pages_data()
    (block,) = re.findall(r"^```python\n(.*?)^```$", PAGE, flags=re.MULTILINE | re.DOTALL)
    names = {}
    exec(compile(block, "docs/data.md", "exec"), names)
    assert names["sample"]["video"].shape == (4, 64, 64, 3)


@pytest.mark.parametrize("crops", [1, 2])
def test_tokens_are_the_codecs_of_the_samples_and_the_metadata_say_what_of(crops):
    folder = write_clips(Path("clips"), 5, num_classes=NUM_CLASSES)
    main(
        flags(
            folder,
            "out",
            "--sketch_vqgan",
            "runs/sketch_vqgan/vqgan",
            "--clips_per_shard",
            "2",
            "--crops_per_clip",
            str(crops),
        )
    )
    sampling = {"height": 8, "width": 8, "num_frames": 3, "crops": RandomCrops(crops)}
    media = CaptionedMedia(open_dataset(folder), sketch_column="sketch", **sampling)
    samples = [sample for number, row in media.rows(0) for sample in media.reader.read(number, row)]
    encoders = tokenize_dataset.Encoders.load("runs/vqgan/vqgan", "runs/tokenizer", "runs/sketch_vqgan/vqgan", "cpu")
    expected, found = tokenize_clips(samples, range(5 * crops), **vars(encoders)), TokenFiles.load("out")[:]
    for name in ("video_tokens", "caption_ids", "image_caption_ids", "image_indices", "sketch_tokens"):
        assert torch.equal(getattr(found, name), getattr(expected, name))
    assert len(found.video_tokens.unique(dim=0)) == 5 * crops
    assert found.source_rows is None if crops == 1 else found.source_rows.tolist() == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]
    metadata = read_metadata(Path("out"))
    assert metadata["num_shards"] == 3
    assert (metadata["num_clips"], metadata["num_rows"]) == (5 * crops, 5)
    assert not Path("out/skipped.jsonl").exists()


@pytest.mark.parametrize("streaming", [(), ("--streaming",)])
def test_a_deleted_shard_is_written_again_with_the_same_bytes_and_the_others_stay(streaming):
    folder = write_clips(Path("clips"), 7)
    break_clip(folder, 3)
    command = flags(folder, "out", "--clips_per_shard", "2", "--max_skipped_share", "0.2", *streaming)
    main(command)
    before, metadata = shards("out"), read_metadata(Path("out"))
    times = {name: Path("out", name).stat().st_mtime_ns for name in before}
    for gone in ([1], [0, 3], [3]):
        for index in gone:
            shard_path(Path("out"), index).unlink()
        main(command)
        assert shards("out") == before
        assert read_metadata(Path("out")) == metadata
        assert (Path("out") / "skipped.jsonl").read_text().count("\n") == 1
    assert Path("out", "tokens-00002.safetensors").stat().st_mtime_ns == times["tokens-00002.safetensors"]


def test_broken_clips_are_left_out_counted_and_named(caplog):
    folder = write_clips(Path("clips"), 6)
    main(flags(folder, "whole"))
    break_clip(folder, 1)
    break_clip(folder, 4)
    with caplog.at_level(logging.INFO, logger="nuwa_hf"):
        main(flags(folder, "out", "--max_skipped_share", "0.34", "--clips_per_shard", "1"))
    kept = [0, 2, 3, 5]
    assert torch.equal(TokenFiles.load("out").video_tokens[:], TokenFiles.load("whole").video_tokens[kept])
    assert torch.equal(TokenFiles.load("out").image_indices[:], TokenFiles.load("whole").image_indices[:][kept])
    skipped = [json.loads(line) for line in Path("out/skipped.jsonl").read_text().splitlines()]
    assert [(clip["row"], clip["name"]) for clip in skipped] == [(1, "clip1.gif"), (4, "clip4.gif")]
    assert all("cannot be decoded" in clip["reason"] for clip in skipped)
    assert [message for message in caplog.messages if "clip4.gif" in message and "row 4" in message]
    assert any(message.startswith("4 samples of 4 clips in out") for message in caplog.messages)
    assert read_metadata(Path("out"))["num_clips"] == 4


@pytest.mark.parametrize("streaming", [(), ("--streaming",)])
def test_more_broken_clips_than_the_share_are_an_error_and_a_larger_share_goes_on(streaming):
    folder = write_clips(Path("clips"), 4)
    break_clip(folder, 1)
    command = flags(folder, "out", "--clips_per_shard", "1", *streaming)
    with pytest.raises(
        ValueError,
        match=r"must be at least 0\.25, got 0\.05: 1 of 4 clips cannot be used, clip1\.gif cannot be decoded",
    ):
        main(command)
    assert json.loads(Path("out/skipped.jsonl").read_text())["name"] == "clip1.gif"
    # What is known before the end ends a run before it; a stream has no known end.
    assert len(shards("out")) == (4 if streaming else 1)
    with pytest.raises(ValueError, match="whose data set was not read to its end"):
        TokenFiles.load("out")
    main([*command, "--max_skipped_share", "0.25"])
    assert len(TokenFiles.load("out")) == 3
    for index in (0, 2, 3):
        break_clip(folder, index)
    with pytest.raises(ValueError, match="`dataset` must hold a clip that can be used, got none"):
        main(flags(folder, "none", "--max_skipped_share", "1"))
    with pytest.raises(
        ValueError, match=r"must hold clips that can be used, got none: 4 clips .*skipped\.jsonl; mend them; "
    ):
        main(flags(folder, "all", *streaming))


@pytest.mark.processes
def test_a_killed_run_of_two_processes_goes_on_to_the_bytes_of_an_undisturbed_one(processes):
    """A real run on two processes, killed with SIGKILL after its first shard; its shards stay, one process ends it."""
    folder = write_clips(Path("clips"), 60)
    break_clip(folder, 7)
    command = flags(folder, "killed", "--clips_per_shard", "1")
    main([*flags(folder, "one"), "--clips_per_shard", "1"])
    run = processes.start(main, [*command, "--num_proc", "2"])
    while not shards("killed"):
        assert run.is_alive(), "the run ended without a shard"
        time.sleep(0.01)
    workers = psutil.Process(run.pid).children(recursive=True)
    run.kill()
    run.join()
    kept = shards("killed")
    assert 0 < len(kept) < 60
    assert psutil.wait_procs(workers, timeout=60)[1] == [], "a killed run must not leave its workers"
    with pytest.raises(ValueError, match="not read to its end"):
        TokenFiles.load("killed")
    main(command)
    assert kept.items() <= shards("one").items()
    assert shards("killed") == shards("one")
    assert read_metadata(Path("killed")) == read_metadata(Path("one"))
    assert Path("killed/skipped.jsonl").read_text() == Path("one/skipped.jsonl").read_text()


def is_worker(process):
    try:
        return "spawn_main" in " ".join(process.cmdline())
    except psutil.Error:  # it has ended
        return False


@pytest.mark.processes
def test_ctrl_c_while_the_processes_start_is_one_line(processes):
    """Ctrl-C reaches all processes of a terminal; each that was still importing ended in a traceback, the second time
    for want of what its parent had taken away."""
    command = flags(write_clips(Path("clips"), 4), "interrupted")
    run = processes.start(run_module, "nuwa_hf.cli", "tokenize", *command, "--num_proc", "2")
    parent, workers = psutil.Process(run.pid), []
    while not workers:
        assert run.is_alive(), run.errors.read_text()
        workers = [one for one in parent.children() if is_worker(one)]
        time.sleep(0.01)
    time.sleep(0.5)  # they import
    for seconds in (0.0, 0.05):  # again, out of impatience
        time.sleep(seconds)
        for process in (*workers, parent):
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGINT)
    run.join(120)
    psutil.wait_procs(workers, timeout=60)
    errors = run.errors.read_text()
    assert run.exitcode == INTERRUPTED, errors
    assert "interrupted;" in errors
    assert "Traceback" not in errors


def test_a_class_beyond_the_sketch_codec_ends_the_run_and_names_the_clip():
    folder = write_clips(Path("clips"), 2, num_classes=NUM_CLASSES + 1)
    with pytest.raises(ValueError, match=r"classes from 0 to 4.* got 5 in clip0\.gif"):
        main(flags(folder, "out", "--sketch_vqgan", "runs/sketch_vqgan/vqgan"))


def test_wrong_data_sets_and_columns_are_refused_before_anything_is_written():
    folder = write_clips(Path("clips"), 2)
    Path("empty").mkdir()
    write_clips(Path("silent"), 2)
    write_metadata(Path("silent"), [{"file_name": f"clip{n}.gif", "title": "a"} for n in range(2)])
    sketches = ("--sketch_vqgan", "runs/sketch_vqgan/vqgan")
    for dataset, others, message in (
        ("empty", (), "an empty folder"),
        ("silent", (), "`caption_column` must name the column of captions"),
        (folder, ("--caption_column", "title"), "`caption_column` must be one of the columns"),
        (folder, sketches, "`sketch_column` must be one of the columns"),
        (folder, ("--dataset_split", "test"), "test"),
    ):
        with pytest.raises(ValueError, match=message):
            main(flags(dataset, "out", *others))
    assert not Path("out").exists()


def test_a_folder_of_other_arguments_is_refused():
    folder = write_clips(Path("clips"), 2)
    main(flags(folder, "out"))
    for others, message in (
        (("--frame_rate", "2"), "whose frame_rate differ"),
        (("--clips_per_shard", "1"), "whose clips_per_shard differ"),
        (("--streaming",), "whose num_rows, streaming differ"),
    ):
        with pytest.raises(ValueError, match=message):
            main(flags(folder, "out", *others))


def several_captions(folder, count, each):
    """Clips with several captions, as the rows of MSR-VTT have them."""
    write_clips(folder, count)
    texts = [(n, f"a clip of {n}, {way}") for way in range(each) for n in range(count)]
    write_metadata(folder, [{"file_name": f"clip{n}.gif", "text": text} for n, text in texts])
    return folder


@pytest.mark.parametrize("others", [(), ("--streaming",), ("--crops_per_clip", "2")])
def test_all_rows_of_a_clip_have_its_first_row_as_their_source(others):
    folder = several_captions(Path("clips"), 4, 3)
    main(flags(folder, "out", "--clips_per_shard", "5", *others))
    tokens, crops = TokenFiles.load("out"), 2 if "--crops_per_clip" in others else 1
    assert tokens.source_rows[:].tolist() == [row % 4 for row in range(12) for _ in range(crops)]
    held_out, learnt = (parts_of(["out"], [tokens], 0.25, 0, is_held_out=which)[0] for which in (True, False))
    assert len(held_out) == 3 * crops
    shown = [{one.numpy().tobytes() for one in part.video_tokens[:]} for part in (held_out, learnt)]
    assert not shown[0] & shown[1]


def test_a_folder_that_an_earlier_version_began_goes_on_without_sources():
    folder = several_captions(Path("clips"), 2, 2)
    command = flags(folder, "out", "--clips_per_shard", "2")
    main(command)
    new = shards("out")
    tokens, about = TokenFiles.load("out")[:], read_metadata(Path("out"))
    for index in range(2):
        info, part = read_shard_infos(Path("out"))[index], tokens[2 * index : 2 * index + 2]
        write_shard(Path("out"), index, replace(part, source_rows=None), info)
    write_metadata_of(Path("out"), {name: value for name, value in about.items() if name != "repeats_media"})
    old = shards("out")
    assert old.keys() == new.keys()
    shard_path(Path("out"), 1).unlink()
    main(command)
    assert shards("out") == old
    assert TokenFiles.load("out").source_rows is None
