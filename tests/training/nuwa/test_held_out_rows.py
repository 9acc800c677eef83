# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Which clips are held out of token files: rows of a data set, whole and the same in all folders made of it."""

import pytest
import torch
from clip_folders import pictures, write_clips, write_metadata
from tiny import VISUAL_GRID, tiny_tokenizer, tiny_vqgan

from nuwa_hf.training.nuwa.components import Components
from nuwa_hf.training.nuwa.held_out_rows import part_of, parts_of, rows_of_clips
from nuwa_hf.training.nuwa.nuwa_arguments import NuwaArguments
from nuwa_hf.training.nuwa.training_tokens import load_tokens
from nuwa_hf.training.run.sample_order import shuffled
from nuwa_hf.training.tokens import token_files
from nuwa_hf.training.tokens.clip_tokens import SkippedClip
from nuwa_hf.training.tokens.shard_content import ShardContent
from nuwa_hf.training.tokens.token_files import TokenFiles, write_shard
from nuwa_hf.training.tokens.tokenize_dataset import main as tokenize


def tokens_of(rows, **columns):
    """One clip for each row, whose still frame's number says which row it is."""
    numbers = torch.tensor(rows, dtype=torch.int32)
    texts = torch.zeros(len(numbers), 8, dtype=torch.int32)
    video = torch.zeros(len(numbers), *VISUAL_GRID, dtype=torch.int32)
    return TokenFiles(video, texts, texts.clone(), numbers, **columns)


def written(folder, skipped, num_rows, **about):
    """The folder of a data set of so many rows, some of which could not be used."""
    folder.mkdir()
    token_files.write_metadata(folder, {"num_shards": 1, **about})
    used = [row for row in range(num_rows) if row not in skipped]
    content = ShardContent(num_rows, len(used), [SkippedClip(row, str(row), "is too short") for row in skipped])
    write_shard(folder, 0, tokens_of(used), content.to_info())
    return folder


def rows_in(tokens):
    return tokens.image_indices[:].tolist()


def held_out(*folders):
    loaded = [TokenFiles.load(folder) for folder in folders]
    parts = [parts_of(folders, loaded, 0.3, 5, is_held_out=which) for which in (True, False)]
    for part, rest, whole in zip(*parts, loaded, strict=True):
        assert sorted(rows_in(part) + rows_in(rest)) == rows_in(whole)
    return [rows_in(part) for part in parts[0]]


def test_a_share_of_the_clips_is_held_out_and_every_clip_is_in_one_of_the_two_parts():
    tokens, rows = tokens_of(range(20)), torch.arange(20)
    rest, held = (part_of(tokens, rows, rows, 0.3, 5, is_held_out=which) for which in (False, True))
    assert rows_in(held) == sorted(shuffled(index, 20, 5) for index in range(6))
    assert sorted(rows_in(rest) + rows_in(held)) == list(range(20))
    assert rows_in(part_of(tokens, rows, rows, 0.3, 6, is_held_out=True)) != rows_in(held)
    with pytest.raises(ValueError, match="`validation_share` must be a share of the 20 clips of `tokens`"):
        part_of(tokens, rows, rows, 0.01, 5, is_held_out=False)


def test_all_samples_of_a_row_are_on_one_side_of_the_validation(tmp_path):
    rows = torch.tensor([0, 0, 0, 2, 2, 5, 7, 7, 8, 9], dtype=torch.int32)
    tokens = tokens_of(range(10), source_rows=rows)
    assert torch.equal(rows_of_clips(tokens, tmp_path), rows)
    rest, held = (part_of(tokens, rows, rows, 0.3, 5, is_held_out=which) for which in (False, True))
    assert len(held.source_rows.unique()) == 2
    assert not set(rest.source_rows.tolist()) & set(held.source_rows.tolist())
    assert len(rest) + len(held) == 10


@pytest.mark.parametrize(
    "about",
    [
        {"dataset": "clips", "dataset_split": "train", "dataset_digest": None},
        {"setting": "small", "sprites": "noto", "split": "train", "seed": 0},
    ],
)
def test_folders_of_one_data_set_hold_the_same_rows_out(tmp_path, about):
    whole, short = written(tmp_path / "whole", [], 20, **about), written(tmp_path / "short", [0, 3, 11], 20, **about)
    of_whole, of_short = held_out(whole, short)
    assert of_whole == held_out(whole)[0]
    assert of_short == [row for row in of_whole if row not in (0, 3, 11)]


@pytest.mark.parametrize("about", [{}, {"dataset": "clips", "dataset_split": "train"}])
def test_a_folder_of_another_data_set_is_parted_as_if_it_stood_alone(tmp_path, about):
    whole, short = written(tmp_path / "whole", [], 20), written(tmp_path / "short", [0, 3, 11], 20, **about)
    assert held_out(whole, short) == [held_out(whole)[0], held_out(short)[0]]
    (alone,) = held_out(short)
    used = [row for row in range(20) if row not in (0, 3, 11)]
    assert alone == sorted(used[shuffled(index, 17, 5)] for index in range(5))


def test_clips_held_out_of_videos_are_not_learnt_as_images(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tiny_vqgan().save_pretrained("vqgan")
    tiny_tokenizer().save_pretrained("tokenizer")
    clips = write_clips(tmp_path / "clips", 8)
    letters = "aredpltb"  # whose tokens say which clip it is
    write_metadata(clips, [{"file_name": f"clip{n}.gif", "text": letter} for n, letter in enumerate(letters)])
    for number in (1, 4):
        pictures(1, number)[0].save(clips / f"clip{number}.gif")  # too short for a video
    for name, num_frames in (("videos", "3"), ("images", "1")):
        flags = ["--num_frames", num_frames, "--max_skipped_share", "0.5", "--output_dir", name]
        tokenize(["--vqgan", "vqgan", "--tokenizer", "tokenizer", "--dataset", "clips", *flags])
    assert rows_of_clips(TokenFiles.load("videos"), tmp_path / "videos").tolist() == [0, 2, 3, 5, 6, 7]
    named = {"vqgan": "vqgan", "tokenizer": "tokenizer", "output_dir": "run", "tasks": ["T2V=1", "T2I=1"]}
    arguments = NuwaArguments(**named, tokens=["videos", "images"], validation_share=0.4, train_batch_size=2)
    components = Components(tiny_vqgan(), tiny_tokenizer())
    learnt, held = set(), set()
    for name, captions in (("tokens", learnt), ("validation_tokens", held)):
        for _, part in load_tokens(arguments, name, components).parts:
            captions |= {tuple(row) for row in part.caption_ids[:].tolist()}
    assert (len(learnt), len(held)) == (5, 3)
    assert not learnt & held
