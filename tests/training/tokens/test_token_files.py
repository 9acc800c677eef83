# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Token files on disk: what is written is what is read, and what does not fit is refused."""

import json
import math
import os
import pickle
import re
import tracemalloc

import psutil
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from tiny import CODEBOOK_SIZE, SKETCH_CODEBOOK_SIZE, VISUAL_GRID, tiny_tokenizer, tiny_vqgan

from nuwa_hf.training.tokens.open_shard import COLUMNS
from nuwa_hf.training.tokens.shard_content import ShardContent
from nuwa_hf.training.tokens.stored_columns import MOST_OPEN, OPEN_SHARDS
from nuwa_hf.training.tokens.token_files import (
    TokenFiles,
    bounds_of,
    join_tokens,
    read_metadata,
    shard_path,
    write_metadata,
    write_shard,
)
from nuwa_hf.training.tokens.token_origin import check_tokens, fingerprints


def random_tokens(clips, seed=0, **replaced):
    generator = torch.Generator().manual_seed(seed)

    def draw(high, *shape):
        return torch.randint(high, shape, generator=generator, dtype=torch.int32)

    columns = {
        "video_tokens": draw(CODEBOOK_SIZE, clips, *VISUAL_GRID),
        "caption_ids": draw(50, clips, 7),
        "image_caption_ids": draw(50, clips, 7),
        "image_indices": draw(VISUAL_GRID[0], clips),
    }
    return TokenFiles(**{**columns, **replaced})


def random_sketches(clips):
    generator = torch.Generator().manual_seed(9)
    return torch.randint(SKETCH_CODEBOOK_SIZE, (clips, *VISUAL_GRID), generator=generator, dtype=torch.int32)


def tiny_sketch_vqgan():
    return tiny_vqgan(in_channels=5, out_channels=5, codebook_size=SKETCH_CODEBOOK_SIZE)


def write(folder, sizes, has_sketches=False):
    folder.mkdir(exist_ok=True)
    sketches = {size: {"sketch_tokens": random_sketches(size)} if has_sketches else {} for size in sizes}
    shards = [random_tokens(size, seed, **sketches[size]) for seed, size in enumerate(sizes)]
    write_metadata(folder, {"num_shards": len(sizes)})
    for index, shard in enumerate(shards):
        write_shard(folder, index, shard)
    return shards


def write_as_before(folder, index, tokens):
    """A shard of earlier versions: 32 bits a token, and nothing about them."""
    save_file({name: column for name, column in vars(tokens).items() if column is not None}, shard_path(folder, index))


def stored_types(folder, index):
    with safe_open(shard_path(folder, index), "pt") as file:
        return {name: file.get_slice(name).get_dtype() for name in file.offset_keys()}


@pytest.mark.parametrize("has_sketches", [False, True])
@pytest.mark.parametrize("sizes", [(3,), (4, 0, 5, 1)])
@pytest.mark.parametrize("are_old", [False, True])
def test_rows_are_those_of_the_shards_in_order_bit_for_bit_however_they_are_asked_for(
    tmp_path, sizes, has_sketches, are_old
):
    shards = write(tmp_path, sizes, has_sketches)
    if are_old:  # all but the last one, as where a folder was begun by an earlier version
        for index, shard in enumerate(shards[:-1] or shards):
            write_as_before(tmp_path, index, shard)
    loaded, whole = TokenFiles.load(str(tmp_path)), join_tokens(shards)
    assert len(loaded) == sum(sizes)
    assert (loaded.sketch_tokens is not None) == has_sketches
    is_kept = torch.arange(len(loaded)) % 3 != 1
    for name, expected in vars(whole).items():
        if expected is None:
            continue
        column = getattr(loaded, name)
        assert column.shape == expected.shape
        for rows in (slice(None), slice(1, 3), slice(None, None, -1), [2, 0, 2], [], torch.tensor([-1, 1]), is_kept):
            wanted = expected.flip(0) if rows == slice(None, None, -1) else expected[rows]
            assert column[rows].dtype == expected.dtype == torch.int32
            assert torch.equal(column[rows], wanted)
        assert torch.equal(column[-1], expected[-1])
        assert torch.equal(torch.cat(list(column.blocks())), expected)
        assert bounds_of(column) == bounds_of(expected)
        assert torch.equal(getattr(loaded[1:3], name), expected[1:3])
        part = getattr(loaded.where(is_kept).where(torch.tensor([False] + [True] * (int(is_kept.sum()) - 1))), name)
        assert torch.equal(part[:], expected[is_kept][1:])
        with pytest.raises(IndexError):
            column[len(loaded)]
        with pytest.raises(TypeError, match="`rows` must choose clips alone"):
            column[0, 1]


def test_rows_are_the_same_where_reading_moves_a_position_in_the_file(tmp_path, monkeypatch):
    """No token file could be read where `os` has no `preadv`, as on Windows."""
    monkeypatch.delattr(os, "preadv")
    test_rows_are_those_of_the_shards_in_order_bit_for_bit_however_they_are_asked_for(
        tmp_path, (4, 0, 5, 1), has_sketches=True, are_old=True
    )


def test_a_column_takes_16_bits_where_its_numbers_fit(tmp_path):
    captions = torch.tensor([[0, 65535]], dtype=torch.int32)
    tokens = random_tokens(1, caption_ids=captions, image_caption_ids=captions + 1)
    write_metadata(tmp_path, {"num_shards": 1})
    write_shard(tmp_path, 0, tokens)
    loaded = TokenFiles.load(tmp_path)
    assert torch.equal(loaded.caption_ids[:], captions)
    assert torch.equal(loaded.image_caption_ids[:], captions + 1)
    assert {name for name, kind in stored_types(tmp_path, 0).items() if kind != "U16"} == {"image_caption_ids"}


def test_shards_are_opened_when_they_are_read_and_few_at_a_time_in_every_process(tmp_path):
    shards = write(tmp_path, [1] * (2 * OPEN_SHARDS))
    before = psutil.Process().num_fds()
    loaded = TokenFiles.load(tmp_path)
    assert psutil.Process().num_fds() == before
    shard_path(tmp_path, 5).unlink()
    others = [row for row in range(len(loaded)) if row != 5]
    for tokens in (loaded, pickle.loads(pickle.dumps(loaded))):
        assert torch.equal(tokens.video_tokens[others], join_tokens([shards[row] for row in others]).video_tokens)
        with pytest.raises(FileNotFoundError, match="tokens-00005"):
            tokens.video_tokens[5]
    assert psutil.Process().num_fds() <= before + 2 * OPEN_SHARDS
    del loaded, tokens
    assert psutil.Process().num_fds() == before


def test_many_folders_together_keep_few_files_open(tmp_path):
    """Sixteen of each folder were too many for a process from 64 folders on, or from 16 on macOS."""
    write(tmp_path, [1] * OPEN_SHARDS)
    before = psutil.Process().num_fds()
    folders = [TokenFiles.load(tmp_path) for _ in range(2 * MOST_OPEN // OPEN_SHARDS)]
    for _ in range(2):
        for tokens in folders:
            assert len(tokens.video_tokens[list(range(OPEN_SHARDS))]) == OPEN_SHARDS
    assert before < psutil.Process().num_fds() <= before + MOST_OPEN


@pytest.mark.parametrize("clips", [(0, 3), (3, 0, 2), (0, 0)])
def test_a_shard_of_unusable_rows_alone_need_not_have_the_columns_of_the_others(tmp_path, clips):
    write(tmp_path, clips)
    rows = torch.arange(sum(clips), dtype=torch.int32)
    for index, count in enumerate(clips):
        if count:
            write_shard(tmp_path, index, random_tokens(count, source_rows=rows[:count]))
    loaded = TokenFiles.load(tmp_path)
    assert len(loaded) == sum(clips)
    assert (loaded.source_rows is not None) == any(clips)
    assert torch.equal(loaded.video_tokens[:], torch.cat([random_tokens(count).video_tokens for count in clips]))


def test_memory_does_not_grow_with_the_clips(tmp_path):
    peaks, sizes = [], []
    for shards in (2, 20):
        folder = tmp_path / str(shards)
        write(folder, [200] * shards)
        sizes.append(sum(path.stat().st_size for path in folder.glob("*.safetensors")))
        tracemalloc.start()
        tokens = TokenFiles.load(folder)
        check_tokens(tokens, {}, "tokens", tiny_vqgan(), tiny_tokenizer())
        for row in range(0, len(tokens), 7):
            tokens.video_tokens[row]
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] - peaks[0] < (sizes[1] - sizes[0]) / 10


def test_a_shard_that_is_damaged_is_refused_by_name_before_or_while_it_is_read(tmp_path):
    def refused(words):
        return pytest.raises(ValueError, match=rf"tokens-00001.*{words}.*delete that file and run `nuwa-hf tokenize`")

    write(tmp_path, (2, 2, 2))
    path, fresh = shard_path(tmp_path, 1), TokenFiles.load(tmp_path)
    content = path.read_bytes()
    path.write_bytes(content[:-1])
    with refused("cannot be read"):
        TokenFiles.load(tmp_path)
    path.write_bytes(content[:-2] + b"\xff\xff")  # a whole file with another number in its last column
    with refused("values in video_tokens that are not between"):
        fresh.video_tokens[3]
    path.write_bytes(content)
    opened = TokenFiles.load(tmp_path)
    opened.video_tokens[3]
    os.truncate(path, len(content) - 1)
    with refused("ends within video_tokens"):
        opened.video_tokens[3]
    write_shard(tmp_path, 1, random_tokens(3))
    with refused("another one than when the run began"):
        pickle.loads(pickle.dumps(opened)).video_tokens[2]
    for other in (random_tokens(2, sketch_tokens=random_sketches(2)), random_tokens(2, caption_ids=torch.zeros(2, 8))):
        write_as_before(tmp_path, 1, other)
        with refused("holds"):
            TokenFiles.load(tmp_path)


def with_info(path, text):
    save_file(load_file(path), path, metadata={"info": text})


def with_columns(path, change):
    columns = load_file(path)
    change(columns)
    save_file(columns, path)


SHARD_EDITS = [
    (lambda path: with_info(path, "["), "says about itself what is no JSON"),
    (lambda path: with_info(path, "[" * 10**5), "says about itself what is no JSON"),
    (lambda path: with_info(path, "7"), "says about itself 7, where names"),
    (lambda path: with_info(path, '{"bounds": {}}'), "names the bounds {}"),
    (
        lambda path: with_info(path, json.dumps({"bounds": {name: ["0", "9"] for name in COLUMNS}})),
        "two whole numbers",
    ),
    (lambda path: with_columns(path, lambda columns: columns.pop("caption_ids")), "not the columns of tokens"),
    (lambda path: with_columns(path, lambda columns: columns.clear()), "holds nothing, not the columns"),
    (lambda path: with_columns(path, lambda columns: columns.update(more=torch.ones(2).int())), "not the columns"),
    (lambda path: with_columns(path, lambda columns: columns.update(video_tokens=torch.ones(2).int())), "not the col"),
    (lambda path: (path.unlink(), path.symlink_to("/proc/self")), "must hold all of their 2 shards"),
]


@pytest.mark.parametrize(("edit", "words"), SHARD_EDITS)
def test_a_shard_that_a_stranger_edited_is_refused_by_name(tmp_path, edit, words):
    write(tmp_path, (2, 2))
    edit(shard_path(tmp_path, 1))
    with pytest.raises(
        ValueError, match=rf"`tokens` must.*tokens-00001.*{re.escape(words)}|{re.escape(words)}.*00001"
    ):
        TokenFiles.load(tmp_path)


WRONG = [
    (name, value) for name in ("num_shards", "frame_rate", "num_frames") for value in ("x", [], True, -1, math.nan)
]


@pytest.mark.parametrize(("name", "value"), [*WRONG, ("num_shards", 10**30)])
def test_metadata_that_a_stranger_edited_is_refused_before_anything_is_read(tmp_path, name, value):
    write(tmp_path, (1,))
    write_metadata(tmp_path, {"num_shards": 1, name: value})
    with pytest.raises(ValueError, match=rf"`{name}`|must hold all of their {10**30} shards, got 1"):
        TokenFiles.load(tmp_path)


@pytest.mark.parametrize(
    "info",
    [
        {"num_rows": "x", "skipped": []},
        {"num_rows": -1, "skipped": []},
        {"skipped": []},
        {"num_rows": 1, "skipped": [7]},
        {"num_rows": 1, "skipped": [{"row": 0, "name": 1, "reason": ""}]},
        {"num_rows": 1, "skipped": [], "captions": {"clips": None}},
        {"num_rows": 1, "skipped": [], "captions": {"open": 1}},
        {"num_rows": 1, "skipped": [], "used_codes": 3},
        {"num_rows": 1, "skipped": [], "used_codes": "many"},
        {"num_rows": 1, "skipped": [], "used_codes": "-0x1"},
    ],
)
def test_what_a_shard_says_it_stands_for_is_looked_at(info):
    with pytest.raises(ValueError, match=r"does not say what it holds|less than nothing"):
        ShardContent.from_info(info)


def test_nothing_half_written_is_left(tmp_path):
    write(tmp_path, (2, 2))
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "token_files.json",
        "tokens-00000.safetensors",
        "tokens-00001.safetensors",
    ]
    assert read_metadata(tmp_path) == {"num_shards": 2}


def test_a_missing_shard_and_a_missing_folder_are_refused_with_the_remedy(tmp_path):
    write(tmp_path / "tokens", (2, 2, 2))
    shard_path(tmp_path / "tokens", 1).unlink()
    with pytest.raises(
        ValueError, match=r"all of their 3 .* without tokens-00001\.safetensors; run `nuwa-hf tokenize` again"
    ):
        TokenFiles.load(tmp_path / "tokens")
    with pytest.raises(ValueError, match=r"`tokens` must be a folder written by `nuwa-hf tokenize`, got .*absent"):
        TokenFiles.load(tmp_path / "absent")


def test_tokens_of_the_right_codec_and_tokenizer_pass_with_and_without_fingerprints():
    vqgan, tokenizer, tokens = tiny_vqgan(), tiny_tokenizer(), random_tokens(3)
    check_tokens(tokens, {}, "tokens", vqgan, tokenizer)
    check_tokens(tokens, fingerprints(vqgan, tokenizer), "tokens", vqgan, tokenizer)


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("video_tokens", CODEBOOK_SIZE, f"visual token {CODEBOOK_SIZE} where only 0 to {CODEBOOK_SIZE - 1}"),
        ("video_tokens", -1, "visual token -1"),
        ("caption_ids", 5000, "text token 5000"),
        ("image_caption_ids", 5000, "text token 5000"),
        ("image_indices", VISUAL_GRID[0], f"frame {VISUAL_GRID[0]}"),
    ],
)
def test_a_token_out_of_range_is_refused(column, value, message):
    wrong = getattr(random_tokens(3), column).clone()
    wrong.view(-1)[-1] = value
    with pytest.raises(ValueError, match=f"`validation_tokens` must be made by .*{message}"):
        check_tokens(random_tokens(3, **{column: wrong}), {}, "validation_tokens", tiny_vqgan(), tiny_tokenizer())


def test_tokens_of_another_codec_are_refused_but_a_retrained_decoder_is_not():
    vqgan, tokenizer = tiny_vqgan(), tiny_tokenizer()
    metadata = fingerprints(vqgan, tokenizer)
    with torch.no_grad():
        vqgan.last_layer.add_(1.0)
    check_tokens(random_tokens(3), metadata, "tokens", vqgan, tokenizer)
    with torch.no_grad():
        vqgan.quant_conv.weight.add_(1.0)
    with pytest.raises(ValueError, match="files of another codec"):
        check_tokens(random_tokens(3), metadata, "tokens", vqgan, tokenizer)


def test_sketches_of_the_right_codec_pass_and_others_are_refused():
    vqgan, tokenizer, sketch_vqgan = tiny_vqgan(), tiny_tokenizer(), tiny_sketch_vqgan()
    tokens = random_tokens(3, sketch_tokens=random_sketches(3))
    metadata = fingerprints(vqgan, tokenizer, sketch_vqgan)
    assert metadata == {**fingerprints(vqgan, tokenizer), "sketch_codec": metadata["sketch_codec"]}

    def check(tokens=tokens):
        check_tokens(tokens, metadata, "tokens", vqgan, tokenizer, sketch_vqgan, needs_sketches=True)

    check()
    check_tokens(tokens, metadata, "tokens", vqgan, tokenizer)  # nobody asks for the sketches
    for value in (-1, SKETCH_CODEBOOK_SIZE):
        wrong = tokens.sketch_tokens.clone()
        wrong[-1, -1, -1, -1] = value
        with pytest.raises(ValueError, match=f"sketch token {value} where only 0 to {SKETCH_CODEBOOK_SIZE - 1}"):
            check(random_tokens(3, sketch_tokens=wrong))
    with pytest.raises(ValueError, match=r"sketches on the grid of its clips, \(3, 4, 5\), got \(3, 4, 4\)"):
        check(random_tokens(3, sketch_tokens=tokens.sketch_tokens[..., :4]))
    with torch.no_grad():
        sketch_vqgan.quant_conv.weight.add_(1.0)
    with pytest.raises(ValueError, match="files of another sketch_codec"):
        check()


def test_a_task_that_needs_sketches_is_refused_without_them_or_without_their_codec():
    vqgan, tokenizer, sketch_vqgan = tiny_vqgan(), tiny_tokenizer(), tiny_sketch_vqgan()
    check_tokens(random_tokens(3), {}, "tokens", vqgan, tokenizer, sketch_vqgan)
    with pytest.raises(ValueError, match=r"`tokens` must hold sketches .* with `--sketch_vqgan`"):
        check_tokens(random_tokens(3), {}, "tokens", vqgan, tokenizer, sketch_vqgan, needs_sketches=True)
    tokens = random_tokens(3, sketch_tokens=random_sketches(3))
    with pytest.raises(ValueError, match="`sketch_vqgan` must be given"):
        check_tokens(tokens, {}, "tokens", vqgan, tokenizer, needs_sketches=True)


def test_using_and_saving_a_tokenizer_does_not_change_its_fingerprint(tmp_path):
    vqgan, tokenizer = tiny_vqgan(), tiny_tokenizer()
    before = fingerprints(vqgan, tokenizer)
    tokenizer(["a red apple", "two"], padding="max_length", truncation=True)
    tokenizer.save_pretrained(tmp_path)
    assert fingerprints(vqgan, tokenizer) == before
    assert fingerprints(vqgan, type(tokenizer).from_pretrained(tmp_path)) == before
