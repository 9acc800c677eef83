# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Frames of a folder of images or clips, for the codec."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from clip_folders import write_metadata
from PIL import Image

from nuwa_hf import NuwaVQGAN
from nuwa_hf.media import videos, write_mp4
from nuwa_hf.training.vqgan.image_batches import image_batches
from nuwa_hf.training.vqgan.media_frames import LONG, media_frames
from nuwa_hf.training.vqgan.train_vqgan import main
from nuwa_hf.training.vqgan.vqgan_arguments import VQGANArguments


SIZE = 16


def pictures(count, size=(20, 18)):
    random = np.random.default_rng(0)
    return [Image.fromarray(random.integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)) for _ in range(count)]


@pytest.fixture(autouse=True)
def own_cache(monkeypatch, tmp_path):
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")


@pytest.fixture
def folder(tmp_path):
    """Five pictures, one of them broken, without captions."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number, picture in enumerate(pictures(5)):
        picture.save(folder / f"{number}.png")
    (folder / "2.png").write_bytes(b"no picture")
    return folder


def arguments_of(folder, **values):
    return VQGANArguments(output_dir="unused", dataset=str(folder), image_size=SIZE, discriminator_layers=1, **values)


def test_frames_are_a_pure_function_of_index_and_seed(folder):
    one, same, other = (media_frames(arguments_of(folder, seed=seed))[0] for seed in (1, 1, 2))
    for index in (0, 3, 5, 17):
        assert torch.equal(one[index]["pixels"], same[index]["pixels"])
    assert any(not torch.equal(one[index]["pixels"], other[index]["pixels"]) for index in range(5))
    assert one[0]["pixels"].shape == (3, SIZE, SIZE)
    assert one[0]["pixels"].dtype == torch.float32
    assert -1 <= one[0]["pixels"].min() < one[0]["pixels"].max() <= 1
    assert one[0]["object_mask"].all()


def test_epochs_have_every_picture_once_name_the_broken_one_and_share_none_with_the_held_out(folder, caplog):
    caplog.set_level("INFO")
    learnt, held_out = media_frames(arguments_of(folder))
    assert (len(learnt), len(held_out)) == (4, 1)
    epochs = [
        {frames[index]["pixels"].numpy().tobytes() for index in range(epoch * len(frames), (epoch + 1) * len(frames))}
        for frames in (learnt, held_out)
        for epoch in range(2)
    ]
    assert epochs[0] == epochs[1]
    assert epochs[2] == epochs[3]
    assert not epochs[0] & epochs[2]
    assert len(epochs[0] | epochs[2]) == 4
    assert "Row 2 of `dataset`, 2.png, cannot be decoded" in caplog.text
    name = held_out.name(held_out.numbers[0])
    assert f"1 of the 5 images and clips are held out, to judge the codec by: {name}." in caplog.text
    assert name in {f"{number}.png" for number in range(5)}


def test_no_row_of_a_held_out_clip_is_learnt(folder):
    (folder / "2.png").unlink()
    names = [f"{number}.png" for number in (0, 1, 3, 4)]
    write_metadata(folder, [{"file_name": name, "text": str(way)} for way in range(3) for name in names])
    for seed in range(4):
        learnt, held_out = media_frames(arguments_of(folder, seed=seed))
        assert (len(learnt), len(held_out)) == (9, 1)
        assert held_out.name(held_out.numbers[0]) not in set(map(learnt.name, learnt.numbers))


def test_the_column_can_be_named(folder):
    (folder / "2.png").unlink()
    names = [f"{number}.png" for number in (0, 1, 3, 4)]
    write_metadata(folder, [{"video": one, "image": other} for one, other in pairwise([*names, names[0]])])
    with pytest.raises(ValueError, match=r"`media_column` must name the column of images or clips, since .* name it"):
        media_frames(arguments_of(folder))
    learnt, held_out = media_frames(arguments_of(folder, media_column="image"))
    found = {frames.name(number) for frames in (learnt, held_out) for number in frames.numbers}
    assert found == set(names)
    with pytest.raises(ValueError, match=r"`media_column` must be one of the columns .* got 'clip'"):
        media_frames(arguments_of(folder, media_column="clip"))
    for dataset in (None, "moving-mnist"):
        with pytest.raises(ValueError, match="`media_column` must be left out with"):
            VQGANArguments(output_dir="unused", dataset=dataset, media_column="image")


def test_clips_give_any_of_their_frames(tmp_path):
    folder = tmp_path / "clips"
    folder.mkdir()
    first, *rest = [Image.new("RGB", (SIZE, SIZE), (40 * level, 0, 0)) for level in range(6)]
    first.save(folder / "0.gif", save_all=True, append_images=rest, duration=100)
    frames = media_frames(arguments_of(folder, held_out_split="train"))[0]
    assert len({frames[index]["pixels"].mean().item() for index in range(30)}) == 6


def test_a_long_video_is_read_through_once_and_not_for_each_sample(tmp_path, monkeypatch):
    """Of an hour of video each sample took seconds."""
    (tmp_path / "clips").mkdir()
    pictures = [Image.new("RGB", (SIZE, SIZE), (level, 0, 0)) for level in (40, 200)]
    write_mp4(pictures * (LONG // 2), tmp_path / "clips" / "0.mp4", fps=30)
    scanned, scan = [], videos.scan_packets
    monkeypatch.setattr(videos, "scan_packets", lambda *opened: scanned.append(opened) or scan(*opened))
    frames = media_frames(arguments_of(tmp_path / "clips", held_out_split="train"))[0]
    assert len({round(frames[index]["pixels"].mean().item(), 1) for index in range(9)}) == 2
    assert len(scanned) == 1
    fresh = media_frames(arguments_of(tmp_path / "clips", held_out_split="train"))[0]
    assert torch.equal(fresh[8]["pixels"], frames[8]["pixels"])


@pytest.mark.parametrize("num_workers", [0, 1])
def test_a_folder_where_nothing_can_be_read_is_an_error_of_one_line(tmp_path, num_workers):
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "0.png").write_bytes(b"no picture")
    frames = media_frames(arguments_of(tmp_path / "broken", held_out_split="train"))[0]
    with pytest.raises(ValueError, match=r"^`dataset` must hold images or clips that can be read[^\n]*$"):
        next(image_batches(frames, [[0]], num_workers))


def test_too_few_clips_to_hold_one_out_are_refused(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="`dataset` must hold at least one"):
        media_frames(arguments_of(tmp_path / "empty"))
    pictures(1)[0].save(tmp_path / "empty" / "0.png")
    with pytest.raises(ValueError, match=r"`dataset` must hold at least 2 images .* got 1; add some, or name"):
        media_frames(arguments_of(tmp_path / "empty"))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            {"target": "sketches", "discriminator_start": 1.0},
            "`target` must be 'frames' with `dataset`, got 'sketches'; .* class maps of your own are not supported",
        ),
        ({"image_size": 16}, "`discriminator_layers` must be fewer for images of 16 pixels: .* got 3; set it to 2"),
        ({"image_size": 20}, "`image_size` must be a multiple of 8, the downsampling, got 20; use 16"),
    ],
)
def test_arguments_that_do_not_fit_a_data_set_are_refused(values, message):
    with pytest.raises(ValueError, match=message):
        VQGANArguments(output_dir="unused", dataset="clips", **values)


def test_a_codec_is_trained_on_a_folder_of_pictures_and_not_further_on_others(folder, tmp_path, caplog):
    caplog.set_level("INFO")
    values = {"max_train_steps": 2, "train_batch_size": 2, "image_size": SIZE, "layers_per_block": 1, "device": "cpu"}
    values |= {"norm_num_groups": 2, "latent_channels": 4, "codebook_dim": 4, "codebook_size": 8, "num_samples": 2}
    values |= {"dataset": folder, "output_dir": tmp_path / "run", "discriminator_start": 1, "log_every": 1}
    flags = [str(part) for name, value in values.items() for part in (f"--{name}", value)]
    flags += ["--block_out_channels", "4", "4", "--mid_block_attention", "no"]
    main(flags)
    codec = NuwaVQGAN.from_pretrained(tmp_path / "run" / "vqgan")
    assert codec.config.sample_size == SIZE
    assert (tmp_path / "run" / "samples" / "step-000002.png").is_file()
    assert f"--dataset {folder} --num_frames 1 --output_dir TOKENS" in caplog.text
    main(flags)  # which has nothing to do
    (folder / "4.png").unlink()
    with pytest.raises(ValueError, match="learnt from other data: digest of the rows of `dataset`"):
        main(flags)
