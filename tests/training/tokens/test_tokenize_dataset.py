# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""`nuwa-hf tokenize` on drawn shapes: tokens are the codec's, and a stopped run goes on to the same bytes."""

import multiprocessing
import sys
from types import SimpleNamespace

import pytest
import torch
from tiny import SKETCH_CODEBOOK_SIZE, tiny_tokenizer, tiny_vqgan, tiny_vqmodel

from nuwa_hf.datasets import EmojiMotion, SpritePack, sketch_class_names
from nuwa_hf.modeling.class_maps import class_maps_to_pixels
from nuwa_hf.training.tokens import tokenize_dataset, tokenize_processes
from nuwa_hf.training.tokens.clip_sources import name_of_dataset
from nuwa_hf.training.tokens.clip_tokens import Encoders, tokenize_clips
from nuwa_hf.training.tokens.ray_engine import ShardWorker
from nuwa_hf.training.tokens.shard_job import ShardJob, ShardRules
from nuwa_hf.training.tokens.token_files import TokenFiles, read_metadata, shard_path, write_metadata
from nuwa_hf.training.tokens.token_folder import TokenFolder
from nuwa_hf.training.tokens.tokenize_dataset import main
from nuwa_hf.training.tokens.tokenize_processes import threads_of_each


CLASSES = len(sketch_class_names)


def tiny_sketch_vqgan(classes=CLASSES, levels=4):
    return tiny_vqgan(
        in_channels=classes,
        out_channels=classes,
        codebook_size=SKETCH_CODEBOOK_SIZE,
        block_out_channels=(8,) * levels,
        sample_size=64,
    )


@pytest.fixture(scope="module")
def components(tmp_path_factory):
    """Folders of a codec of factor 8 and of a text tokenizer."""
    folder = tmp_path_factory.mktemp("components")
    tiny_vqgan(block_out_channels=(8, 8, 8, 8), sample_size=64).save_pretrained(folder / "vqgan")
    tiny_tokenizer().save_pretrained(folder / "tokenizer")
    return [
        "--vqgan",
        str(folder / "vqgan"),
        "--tokenizer",
        str(folder / "tokenizer"),
        "--sprites",
        "shapes",
        "--setting",
        "small",
    ]


@pytest.fixture
def small_shards(monkeypatch):
    monkeypatch.setattr(tokenize_dataset, "CLIPS_PER_SHARD", 4)
    monkeypatch.setattr(tokenize_dataset, "CLIPS_PER_BATCH", 3)


class Clips:
    """Two clips with made-up content."""

    def __init__(self):
        dataset = EmojiMotion(SpritePack.drawn_shapes(), setting="large")
        self.samples = [dataset[index] for index in (3, 8)]

    def __getitem__(self, index):
        return self.samples[index]


def test_tokens_are_the_codecs_of_each_frame_and_the_tokenizers_of_each_caption():
    vqgan, tokenizer, clips = tiny_vqgan(block_out_channels=(8, 8, 8), sample_size=64), tiny_tokenizer(), Clips()
    tokens = tokenize_clips(clips, [1, 0], vqgan, tokenizer)
    assert tokens.video_tokens.shape == (2, 8, 16, 16)
    assert tokens.caption_ids.shape == (2, tokenizer.model_max_length)
    for row, sample in enumerate(clips.samples[::-1]):
        for frame, picture in enumerate(sample["video"]):
            pixels = torch.from_numpy(picture).permute(2, 0, 1)[None].float() / 127.5 - 1
            assert torch.equal(tokens.video_tokens[row, frame].long(), vqgan.encode(pixels).tokens[0])
        for column, key in (("caption_ids", "caption"), ("image_caption_ids", "image_caption")):
            expected = tokenizer(sample[key]).input_ids
            ids = getattr(tokens, column)[row].tolist()
            assert ids[: len(expected)] == expected
            assert set(ids[len(expected) :]) <= {tokenizer.pad_token_id}
        assert tokens.image_indices[row] == sample["image_index"]


@pytest.mark.parametrize(("levels", "kept"), [(3, slice(None)), (2, slice(1, None, 2))])
def test_sketch_tokens_are_the_sketch_codecs_of_each_frame_at_its_size(levels, kept):
    vqgan, tokenizer, clips = tiny_vqgan(block_out_channels=(8, 8, 8), sample_size=64), tiny_tokenizer(), Clips()
    sketch_vqgan = tiny_sketch_vqgan(levels=levels)
    tokens = tokenize_clips(clips, [1, 0], vqgan, tokenizer, sketch_vqgan)
    assert tokens.sketch_tokens.shape == tokens.video_tokens.shape
    assert tokens.sketch_tokens.dtype == torch.int32
    for row, sample in enumerate(clips.samples[::-1]):
        for frame, class_map in enumerate(sample["sketch"]):
            pixels = class_maps_to_pixels(torch.from_numpy(class_map)[None, kept, kept].long(), CLASSES)
            assert torch.equal(tokens.sketch_tokens[row, frame].long(), sketch_vqgan.encode(pixels).tokens[0])
    without = tokenize_clips(clips, [1, 0], vqgan, tokenizer)
    assert without.sketch_tokens is None
    assert torch.equal(without.video_tokens, tokens.video_tokens)


@pytest.mark.parametrize("name", ["vqgan", "sketch_vqgan"])
@torch.no_grad()
def test_codec_that_is_not_finite_makes_no_tokens(components, name, tmp_path):
    vqgan = tiny_vqgan(block_out_channels=(8, 8, 8, 8), sample_size=64)
    codecs = {"vqgan": vqgan, "sketch_vqgan": tiny_sketch_vqgan()}
    codecs[name].encoder.conv_in.weight[0, 0] = float("nan")
    with pytest.raises(FloatingPointError, match="codec's latents must be finite"):
        tokenize_clips(Clips(), [0], tokenizer=tiny_tokenizer(), **codecs)
    folders = []
    for part, codec in codecs.items():
        codec.save_pretrained(tmp_path / part)
        folders += [f"--{part}", str(tmp_path / part)]
    message = rf"`{name}` must have finite weights, .* `encoder\.conv_in\.weight` holds"
    with pytest.raises(FloatingPointError, match=message):
        main([*components, *folders, "--output_dir", str(tmp_path / "out"), "--num_clips", "5"])
    assert not (tmp_path / "out").exists()


def test_sketches_are_written_and_a_folder_without_them_is_refused(components, small_shards, tmp_path):
    sketch_vqgan = tiny_sketch_vqgan()
    sketch_vqgan.save_pretrained(tmp_path / "sketch_vqgan")
    sketches = ["--sketch_vqgan", str(tmp_path / "sketch_vqgan")]
    output = ["--output_dir", str(tmp_path / "tokens"), "--num_clips", "5"]
    main([*components, *sketches, *output])
    tokens = TokenFiles.load(tmp_path / "tokens")
    assert tokens.sketch_tokens.shape == tokens.video_tokens.shape == (5, 6, 8, 8)
    with pytest.raises(ValueError, match="whose sketch_codec differ"):
        main([*components, *output])
    main([*components, "--output_dir", str(tmp_path / "without"), "--num_clips", "5"])
    assert TokenFiles.load(tmp_path / "without").sketch_tokens is None
    with pytest.raises(ValueError, match="whose sketch_codec differ"):
        main([*components, *sketches, "--output_dir", str(tmp_path / "without"), "--num_clips", "5"])


def test_same_weights_in_diffusers_own_class_give_the_same_tokens(components, tmp_path):
    blocks = {"block_out_channels": (8,) * 4, "down_block_types": ("DownEncoderBlock2D",) * 4}
    model = tiny_vqmodel(**blocks, up_block_types=("UpDecoderBlock2D",) * 4, sample_size=64)
    model.load_state_dict(tiny_vqgan(block_out_channels=(8, 8, 8, 8), sample_size=64).state_dict())
    model.save_pretrained(tmp_path / "vqmodel")
    for name, flags in (("ours", []), ("theirs", ["--vqgan", str(tmp_path / "vqmodel")])):
        main([*components, *flags, "--output_dir", str(tmp_path / name), "--num_clips", "2"])
    ours, theirs = (TokenFiles.load(tmp_path / name)[:] for name in ("ours", "theirs"))
    assert torch.equal(theirs.video_tokens, ours.video_tokens)


def test_a_sketch_codec_of_other_classes_is_refused_before_anything_is_written(components, tmp_path):
    tiny_sketch_vqgan(classes=3).save_pretrained(tmp_path / "sketch_vqgan")
    flags = ["--sketch_vqgan", str(tmp_path / "sketch_vqgan"), "--output_dir", str(tmp_path / "out")]
    with pytest.raises(ValueError, match=f"`sketch_vqgan` must be a codec of the {CLASSES} classes"):
        main([*components, *flags])
    assert not (tmp_path / "out").exists()


def test_a_deleted_shard_is_written_again_with_the_same_bytes_and_the_others_stay(components, small_shards, tmp_path):
    command = [*components, "--output_dir", str(tmp_path), "--num_clips", "10"]
    main(command)
    paths = [shard_path(tmp_path, index) for index in range(3)]
    before, times = [path.read_bytes() for path in paths], [path.stat().st_mtime_ns for path in paths]
    assert len(TokenFiles.load(tmp_path)) == 10
    paths[1].unlink()
    main(command)
    assert [path.read_bytes() for path in paths] == before
    assert [path.stat().st_mtime_ns for path in paths[::2]] == times[::2]


def test_splits_and_seeds_differ_and_one_shard_holds_the_same_clips_as_many(components, tmp_path, monkeypatch):
    def run(name, *flags):
        main([*components, "--output_dir", str(tmp_path / name), "--num_clips", "5", *flags])
        return TokenFiles.load(tmp_path / name)[:]

    whole, held_out, seeded = run("whole"), run("val", "--split", "val"), run("seed", "--seed", "1")
    monkeypatch.setattr(tokenize_dataset, "CLIPS_PER_SHARD", 2)
    cut = run("cut")
    assert torch.equal(whole.video_tokens, cut.video_tokens)
    assert torch.equal(whole.caption_ids, cut.caption_ids)
    assert not torch.equal(whole.video_tokens, held_out.video_tokens)
    assert not torch.equal(whole.video_tokens, seeded.video_tokens)


def test_a_folder_of_other_arguments_or_another_codec_is_refused_and_left_alone(components, small_shards, tmp_path):
    output = ["--output_dir", str(tmp_path / "tokens")]
    main([*components, *output, "--num_clips", "4"])
    before = {path: path.read_bytes() for path in (tmp_path / "tokens").iterdir()}
    with pytest.raises(ValueError, match="whose num_clips, num_shards differ; use another"):
        main([*components, *output, "--num_clips", "6"])
    vqgan = tiny_vqgan(block_out_channels=(8, 8, 8, 8), sample_size=64)
    with torch.no_grad():
        vqgan.quant_conv.weight.mul_(-1.0)
    vqgan.save_pretrained(tmp_path / "other")
    with pytest.raises(ValueError, match="whose codec differ"):
        main([*components, "--vqgan", str(tmp_path / "other"), *output, "--num_clips", "4"])
    assert {path: path.read_bytes() for path in (tmp_path / "tokens").iterdir()} == before


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--num_clips", "0"], "`num_clips` must be at least 1"),
        (["--seed", "-1"], "`seed` must be at least 0"),
        (["--clips", "3"], "the closest valid one is `num_clips`"),
        (["--device", "abacus"], "`--device` must be one of cpu"),
    ],
)
def test_wrong_arguments_are_refused_before_anything_is_written(components, tmp_path, flags, message):
    with pytest.raises(ValueError, match=message):
        main([*components, "--output_dir", str(tmp_path / "out"), *flags])
    assert not (tmp_path / "out").exists()


def test_tokens_say_the_name_of_their_data_set_and_earlier_ones_go_on(components, tmp_path):
    flags = [*components, "--num_clips", "2", "--output_dir", str(tmp_path)]
    main(flags)
    metadata = read_metadata(tmp_path)
    assert metadata.pop("dataset_name") == "EmojiMotion (small)"
    write_metadata(tmp_path, metadata)
    main(flags)


def test_a_data_set_has_a_name_for_others(tmp_path, monkeypatch):
    (tmp_path / "data" / "clips").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    names = {
        **{
            "user/clips": "user/clips",
            "hf://datasets/user/clips@main/part": "user/clips",
            "moving-mnist": "moving-mnist",
        },
        **{"data/clips": "clips", ".": tmp_path.name, str(tmp_path / "rows.csv"): "rows.csv"},
        "https://me:secret@site.org/a.tar?key=secret": "https://site.org/a.tar",
        "s3://bucket/clips/*.tar": "s3://bucket/clips/*.tar",
    }
    assert {dataset: name_of_dataset(dataset, "small") for dataset in names} == names


def test_processes_share_the_threads_that_torch_takes_alone():
    """They shared the cores of the machine, of which a job of a cluster has a few."""
    before = torch.get_num_threads()
    torch.set_num_threads(6)
    try:
        assert [threads_of_each(num_proc) for num_proc in (1, 2, 4, 8)] == [6, 3, 1, 1]
    finally:
        torch.set_num_threads(before)


def tokenize_and_print_precisions(engine, command, folder):
    """In a process of its own: what tokenises there, and then what convolutions are rounded to."""
    assert torch.backends.cudnn.allow_tf32, "torch rounds to TF32 by itself"
    folders = {"vqgan": command[1], "tokenizer": command[3], "sketch_vqgan": None}
    if engine == "this process":
        main([*command, "--output_dir", str(folder / "tokens"), "--num_clips", "1"])
    elif engine == "a process":
        places = multiprocessing.SimpleQueue()
        places.put(0)
        tokenize_processes._start_worker(places, 1, None, folders, "cpu")
    else:
        sys.modules["ray"] = SimpleNamespace(get=lambda reference: reference)  # which needs a cluster
        write_metadata(folder, {})
        rules, encoders = ShardRules(TokenFolder(str(folder)), 1, 1, "codec"), Encoders.load(**folders, device="cpu")
        ShardWorker([ShardJob(rules, None, encoders)], "cpu").load()
    print("TF32:", torch.backends.cudnn.allow_tf32, torch.backends.cudnn.conv.fp32_precision == "tf32")


@pytest.mark.parametrize("engine", ["this process", "a process", "an actor of Ray"])
def test_whatever_tokenises_does_not_round_to_tf32(components, processes, tmp_path, engine):
    """On a GPU convolutions were rounded to ten bits, where float32 is promised."""
    done = processes.run(tokenize_and_print_precisions, engine, components, tmp_path)
    assert done.returncode == 0, done.stderr
    assert "TF32: False False" in done.stdout


@pytest.mark.slow
def test_two_processes_and_shards_of_a_given_size_hold_the_same_clips(components, tmp_path):
    command = [*components, "--num_clips", "7", "--clips_per_shard", "3", "--output_dir"]
    for name, num_proc in (("one", "1"), ("two", "2")):
        main([*command, str(tmp_path / name), "--num_proc", num_proc])
    for index in range(3):
        assert shard_path(tmp_path / "one", index).read_bytes() == shard_path(tmp_path / "two", index).read_bytes()
    assert len(TokenFiles.load(tmp_path / "two")) == 7
