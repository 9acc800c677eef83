# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
import logging

import pytest
import torch
from tiny import CODEBOOK_SIZE, VISUAL_GRID, tiny_fsq_vqgan, tiny_transformer, tiny_vqgan
from torch.utils._python_dispatch import TorchDispatchMode

from nuwa_hf import NuwaInt8Config
from nuwa_hf.modeling.codec.digest import codec_digest
from nuwa_hf.training.tokens.token_files import TokenFiles, write_metadata, write_shard
from nuwa_hf.training.tokens.token_origin import codec_fingerprint
from nuwa_hf.training.vqgan.merge_codes import average_linkage, cluster_means, main, merge_transformer, merge_vqgan


def as_sets(clusters):
    return {frozenset(torch.nonzero(clusters == one).flatten().tolist()) for one in clusters.unique()}


def naive_average_linkage(codes, num_clusters):
    """By the definition: join the two clusters whose members are nearest on average."""
    clusters = [{place} for place in range(len(codes))]
    distances = torch.cdist(codes, codes)
    while len(clusters) > num_clusters:
        pairs = [(a, b) for a in range(len(clusters)) for b in range(a)]
        a, b = min(pairs, key=lambda pair: distances[list(clusters[pair[0]])][:, list(clusters[pair[1]])].mean())
        clusters[b] |= clusters.pop(a)
    return {frozenset(cluster) for cluster in clusters}


@pytest.mark.parametrize("num_clusters", [1, 2, 5, 11, 16])
def test_clusters_are_those_of_the_definition(num_clusters):
    codes = torch.randn(16, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    clusters = average_linkage(codes, num_clusters)
    assert clusters.unique().tolist() == list(range(num_clusters))
    assert as_sets(clusters) == naive_average_linkage(codes, num_clusters)


class CountingReductions(TorchDispatchMode):
    """Counts the numbers that smallest ones are sought among."""

    def __init__(self):
        super().__init__()
        self.numbers = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        if func.overloadpacket in (torch.ops.aten.argmin, torch.ops.aten.amin, torch.ops.aten.min):
            self.numbers += args[0].numel()
        return func(*args, **(kwargs or {}))


def test_merging_looks_at_each_distance_a_few_times():
    """It looked at all of them before each merge, which took some 45 minutes for 12,288 codes."""
    codes = torch.randn(96, 3, generator=torch.Generator().manual_seed(0))
    with CountingReductions() as counting:
        average_linkage(codes, 4)
    assert counting.numbers < 10 * len(codes) ** 2


def test_a_rare_code_that_is_unlike_all_others_stays():
    codes = torch.cat([torch.randn(20, 2) * 0.01, torch.tensor([[9.0, 9.0]])])
    clusters = average_linkage(codes, 2)
    counts = torch.tensor([1000] * 20 + [0])
    torch.testing.assert_close(cluster_means(codes, clusters, counts)[clusters[20]], codes[20])


def test_means_are_weighted_by_use_plus_one():
    means = cluster_means(torch.tensor([[0.0], [4.0], [7.0]]), torch.tensor([0, 0, 1]), torch.tensor([2, 0, 5]))
    torch.testing.assert_close(means, torch.tensor([[1.0], [7.0]]))


def test_with_as_many_clusters_as_codes_nothing_changes():
    vqgan, transformer = tiny_vqgan(), tiny_transformer()
    clusters, counts = average_linkage(vqgan.quantize.codebook(), CODEBOOK_SIZE), torch.arange(CODEBOOK_SIZE)
    pixels = torch.rand(2, 3, 8, 8) * 2 - 1
    merged = merge_vqgan(vqgan, clusters, counts)
    assert torch.equal(merged.encode(pixels).tokens, vqgan.encode(pixels).tokens)
    inputs = {"input_ids": torch.tensor([[2, 9, 3]]), "visual_tokens": torch.zeros(1, *VISUAL_GRID).long()}
    assert torch.equal(merge_transformer(transformer, clusters, counts)(**inputs).logits, transformer(**inputs).logits)


def save_tokens(folder, tokens, **metadata):
    texts = torch.zeros(len(tokens), 12, dtype=torch.int32)
    folder.mkdir()
    write_metadata(folder, {"num_shards": 1, **metadata})
    write_shard(folder, 0, TokenFiles(tokens, texts, texts.clone(), torch.zeros(len(tokens), dtype=torch.int32)))


def test_codec_and_transformer_are_written_with_fewer_codes_and_only_the_codes_changed(tmp_path, caplog):
    vqgan, transformer = tiny_vqgan(), tiny_transformer()
    vqgan.save_pretrained(tmp_path / "vqgan")
    transformer.save_pretrained(tmp_path / "transformer")
    tokens = torch.randint(0, CODEBOOK_SIZE, (4, *VISUAL_GRID), dtype=torch.int32)
    save_tokens(tmp_path / "tokens", tokens, dataset="my clips", dataset_split="train")
    flags = {name: str(tmp_path / name) for name in ("vqgan", "transformer", "tokens")} | {"codebook_size": "7"}
    words = [word for name, value in flags.items() for word in (f"--{name}", value)]
    with caplog.at_level(logging.INFO, logger="nuwa_hf"):
        main([*words, "--output_dir", str(tmp_path / "out")])
    assert f"7 of {CODEBOOK_SIZE} codes are left; the result is in {tmp_path / 'out'}." in caplog.messages
    folder = tmp_path / "out" / "vqgan"
    assert f"tokenize --vqgan {folder} --tokenizer TOKENIZER --dataset 'my clips' --output_dir" in caplog.text
    merged = type(vqgan).from_pretrained(tmp_path / "out" / "vqgan")
    assert merged.config.codebook_size == 7
    kept = {name: tensor for name, tensor in vqgan.state_dict().items() if not name.startswith("quantize.")}
    assert all(torch.equal(merged.state_dict()[name], tensor) for name, tensor in kept.items())
    assert type(transformer).from_pretrained(tmp_path / "out" / "transformer").config.codebook_size == 7
    quantised = type(transformer).from_pretrained(tmp_path / "transformer", quantization_config=NuwaInt8Config())
    quantised.save_pretrained(tmp_path / "transformer")
    with pytest.raises(ValueError, match="`transformer` must be one with weights in floating point"):
        main([*words, "--output_dir", str(tmp_path / "int8")])
    assert not (tmp_path / "int8").exists()


def test_tokens_and_a_transformer_of_another_codec_are_refused(tmp_path):
    vqgan, other, transformer = tiny_vqgan(), tiny_vqgan(), tiny_transformer()
    with torch.no_grad():
        other.quantize.embedding.weight += 1.0
    transformer.config.vqgan_digest = codec_digest(vqgan)
    for name, model in (("vqgan", vqgan), ("other", other), ("transformer", transformer)):
        model.save_pretrained(tmp_path / name)
    tokens = torch.zeros(4, *VISUAL_GRID, dtype=torch.int32)
    save_tokens(tmp_path / "tokens", tokens, codec=codec_fingerprint(vqgan))

    def merge(codec):
        flags = {"vqgan": codec, "tokens": "tokens", "transformer": "transformer", "output_dir": "out"}
        words = [word for name, value in flags.items() for word in (f"--{name}", str(tmp_path / value))]
        main([*words, "--codebook_size", "7"])

    with pytest.raises(ValueError, match="`tokens` must be made with `vqgan`, got 'tokens of another codec'"):
        merge("other")
    write_metadata(tmp_path / "tokens", {"num_shards": 1})  # which do not say whose they are
    with pytest.raises(ValueError, match="`transformer` must be one that learnt the tokens of `vqgan`, got 'one of"):
        merge("other")
    assert not (tmp_path / "out").exists()
    write_metadata(tmp_path / "tokens", {"num_shards": 1, "codec": codec_fingerprint(vqgan)})
    merge("vqgan")
    merged = type(vqgan).from_pretrained(tmp_path / "out" / "vqgan")
    learnt = type(transformer).from_pretrained(tmp_path / "out" / "transformer").config.vqgan_digest
    assert learnt == codec_digest(merged)


def test_means_of_a_transformer_saved_in_16_bits_are_not_rounded_to_them(tmp_path):
    vqgan, transformer = tiny_vqgan(), tiny_transformer().bfloat16()
    vqgan.save_pretrained(tmp_path / "vqgan")
    transformer.save_pretrained(tmp_path / "transformer")
    tokens = torch.zeros(4, *VISUAL_GRID, dtype=torch.int32)
    save_tokens(tmp_path / "tokens", tokens)
    flags = {name: str(tmp_path / name) for name in ("vqgan", "transformer", "tokens")} | {"codebook_size": "7"}
    words = [word for name, value in flags.items() for word in (f"--{name}", value)]
    main([*words, "--output_dir", str(tmp_path / "out")])
    merged = type(transformer).from_pretrained(tmp_path / "out" / "transformer")
    counts = torch.bincount(tokens.flatten(), minlength=CODEBOOK_SIZE)
    clusters = average_linkage(vqgan.quantize.codebook(), 7)
    expected = cluster_means(transformer.head.weight.float(), clusters, counts)
    assert merged.dtype == torch.float32
    assert torch.equal(merged.head.weight, expected)
    assert not torch.equal(expected, expected.bfloat16().float())


def test_codes_that_nobody_learnt_are_not_merged(tmp_path):
    tiny_fsq_vqgan().save_pretrained(tmp_path / "vqgan")
    flags = ["--vqgan", str(tmp_path / "vqgan"), "--tokens", str(tmp_path), "--output_dir", str(tmp_path / "out")]
    with pytest.raises(ValueError, match="`vqgan` must be one with the quantizer 'nearest', got 'fsq'; only learnt"):
        main([*flags, "--codebook_size", "8"])
    assert not (tmp_path / "out").exists()


def test_more_codes_than_there_are_is_refused(tmp_path):
    tiny_vqgan().save_pretrained(tmp_path / "vqgan")
    flags = ["--vqgan", str(tmp_path / "vqgan"), "--tokens", str(tmp_path), "--output_dir", str(tmp_path / "out")]
    with pytest.raises(ValueError, match=f"`codebook_size` must be at most {CODEBOOK_SIZE}, got 33"):
        main([*flags, "--codebook_size", "33"])
    assert not (tmp_path / "out").exists()
