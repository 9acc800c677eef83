# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Token files on disk: what is written is what is read, and what does not fit is refused."""

import pytest
import torch
from tiny import CODEBOOK_SIZE, SKETCH_CODEBOOK_SIZE, VISUAL_GRID, tiny_tokenizer, tiny_vqgan

from nuwa_hf.training.tokens.token_files import (
    TokenFiles,
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


@pytest.mark.parametrize("has_sketches", [False, True])
@pytest.mark.parametrize("sizes", [(3,), (4, 4, 1)])
def test_loading_gives_the_shards_in_order_bit_for_bit(tmp_path, sizes, has_sketches):
    shards = write(tmp_path, sizes, has_sketches)
    loaded = TokenFiles.load(str(tmp_path))
    assert len(loaded) == sum(sizes)
    assert (loaded.sketch_tokens is not None) == has_sketches
    for name, tensor in vars(loaded).items():
        if tensor is None:
            continue
        written = torch.cat([getattr(shard, name) for shard in shards])
        assert tensor.dtype == written.dtype
        assert torch.equal(tensor, written)


def test_tokens_of_a_large_codebook_and_vocabulary_survive(tmp_path):
    """Sixteen bits would not hold the paper's vocabulary of 49408."""
    tokens = random_tokens(1, caption_ids=torch.tensor([[49407]], dtype=torch.int32))
    write_metadata(tmp_path, {"num_shards": 1})
    write_shard(tmp_path, 0, tokens)
    assert TokenFiles.load(tmp_path).caption_ids.item() == 49407


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
    with pytest.raises(ValueError, match=r"all of their 3 shards, got 2 .* run `nuwa-hf tokenize` again"):
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
