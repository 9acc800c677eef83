# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Token files at a URL, and shards as work that can be done anywhere: the bytes are those of a local folder."""

import json
import shutil
import sys

import fsspec
import psutil
import pytest
import torch
from clip_folders import break_clip, write_clips
from tiny import tiny_tokenizer, tiny_vqgan

from nuwa_hf.datasets.captioned_media import CaptionedMedia
from nuwa_hf.datasets.open_dataset import open_dataset
from nuwa_hf.datasets.stream_parts import count_part, num_parts
from nuwa_hf.training.tokens.clip_tokens import Encoders
from nuwa_hf.training.tokens.ray_engine import check_address
from nuwa_hf.training.tokens.shard_content import ShardContent
from nuwa_hf.training.tokens.shard_job import ShardJob, ShardRules
from nuwa_hf.training.tokens.token_files import TokenFiles, read_shard_infos, shard_path, write_metadata
from nuwa_hf.training.tokens.token_folder import TokenFolder
from nuwa_hf.training.tokens.token_mixture import parse_token_sources
from nuwa_hf.training.tokens.token_url import token_folder
from nuwa_hf.training.tokens.tokenize_dataset import main


@pytest.fixture(scope="module")
def made_with(tmp_path_factory):
    """Five clips of which one is broken, a codec and a tokenizer, and the tokens of the clips in a folder."""
    folder = tmp_path_factory.mktemp("made_with")
    break_clip(write_clips(folder / "clips", 5), 2)
    tiny_vqgan().save_pretrained(folder / "vqgan")
    tiny_tokenizer().save_pretrained(folder / "tokenizer")
    main(flags(folder, folder / "tokens"))
    return folder


def flags(folder, output, *others):
    parts = ["--vqgan", str(folder / "vqgan"), "--tokenizer", str(folder / "tokenizer")]
    cut = ["--num_frames", "3", "--clips_per_shard", "2", "--max_skipped_share", "0.3"]
    return [*parts, "--dataset", str(folder / "clips"), "--output_dir", str(output), *cut, *others]


@pytest.fixture
def memory():
    """An empty store that `memory://` URLs name."""
    store = fsspec.filesystem("memory")
    store.store.clear()
    yield store
    store.store.clear()


def files_at(store, root):
    return {path.rpartition("/")[2]: store.cat_file(path) for path in store.find(root)}


def test_a_url_gets_the_files_of_a_folder_and_a_run_goes_on_there(made_with, memory):
    command = flags(made_with, "memory://bucket/tokens")
    expected = {path.name: path.read_bytes() for path in (made_with / "tokens").iterdir()}
    main(command)
    assert files_at(memory, "/bucket/tokens") == expected
    kept = memory.modified("/bucket/tokens/tokens-00000.safetensors")
    memory.rm_file("/bucket/tokens/tokens-00001.safetensors")
    memory.pipe_file("/bucket/tokens/.tokens-00001.safetensors.ab12.part", b"half of it, from a run that was killed")
    main(command)
    assert files_at(memory, "/bucket/tokens") == expected
    assert memory.modified("/bucket/tokens/tokens-00000.safetensors") == kept


def test_damaged_shards_at_a_url_and_long_heads_are_told_apart(made_with, memory):
    path = "/bucket/tokens/tokens-00001.safetensors"
    main(flags(made_with, "memory://bucket/tokens"))
    folder = token_folder("memory://bucket/tokens")
    folder_infos = read_shard_infos(made_with / "tokens")
    assert folder.shard_infos() == folder_infos
    shard = memory.cat_file(path)
    for bad in (shard[:-1], shard[:6], b"\0" * 40):
        memory.pipe_file(path, bad)
        with pytest.raises(ValueError, match=r"got 'memory://.*/tokens-00001\.safetensors', which .*; delete"):
            folder.shard_infos()
    length = int.from_bytes(shard[:8], "little")
    header = json.loads(shard[8 : 8 + length])
    info = {**folder_infos[1], "more": "x" * 100_000}
    head = json.dumps({**header, "__metadata__": {"info": json.dumps(info)}}).encode()
    memory.pipe_file(path, len(head).to_bytes(8, "little") + head + shard[8 + length :])
    assert folder.shard_infos()[1] == info


def test_a_fetched_shard_is_closed_before_it_is_deleted(made_with, memory, monkeypatch):
    """Windows deletes no open file."""

    def rmtree(folder, **how):
        left_open.append([file.path for file in psutil.Process().open_files() if file.path.startswith(str(folder))])
        remove(folder, **how)

    remove, left_open = shutil.rmtree, []
    shards = sorted((made_with / "tokens").glob("tokens-*"))
    for path in shards:
        memory.pipe_file(f"/bucket/tokens/{path.name}", path.read_bytes())
    monkeypatch.setattr(shutil, "rmtree", rmtree)
    blocks = list(token_folder("memory://bucket/tokens").read_video_tokens())
    assert left_open == [[]] * len(shards)
    assert torch.equal(torch.cat(blocks), TokenFiles.load(made_with / "tokens").video_tokens[:])


@pytest.mark.parametrize(
    ("place", "error", "message"),
    [
        ("hf://datasets/user/tokens", ValueError, "`output_dir` must be .* where each file is a commit"),
        ("nowhere://bucket/tokens", ValueError, "`output_dir` must be a URL that an installed package opens"),
        ("file:///proc/nuwa/tokens", OSError, "`output_dir` must be a URL that can be reached"),
    ],
)
def test_urls_that_cannot_be_written_to_are_refused(made_with, place, error, message):
    with pytest.raises(error, match=message):
        main(flags(made_with, place))


def test_tokens_at_a_url_are_refused_for_training_with_the_remedy():
    with pytest.raises(ValueError, match=r"`tokens` must be folders of this machine, got 's3://bucket/a'; copy"):
        parse_token_sources(["tokens", "s3://bucket/a=2"], ["T2V"])


def test_a_shard_of_another_codec_is_named(made_with, tmp_path):
    main(flags(made_with, tmp_path / "tokens"))
    infos = read_shard_infos(tmp_path / "tokens")
    rules = ShardRules(TokenFolder(str(tmp_path / "tokens")), 2, 2, "another")
    job = ShardJob(rules, _source(made_with), _encoders(made_with))
    job.write(1)
    assert read_shard_infos(tmp_path / "tokens")[1] == {**infos[1], "codec": "another"}
    with pytest.raises(ValueError, match=r"shards of the given codec, got .*tokens-00001\.safetensors' of another"):
        main(flags(made_with, tmp_path / "tokens"))


def test_ray_that_is_not_installed_is_named_with_its_extra_and_nothing_is_written(made_with, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)  # what an import finds where it is not installed
    with pytest.raises(ValueError, match=r"`engine` must be 'local' without Ray.*pip install \"nuwa_hf\[ray\]\""):
        main(flags(made_with, tmp_path / "tokens", "--engine", "ray"))
    assert not (tmp_path / "tokens").exists()


def test_an_address_where_no_cluster_answers_is_named():
    with pytest.raises(ValueError, match="`RAY_ADDRESS` must be the address of a cluster that runs"):
        check_address("127.0.0.1:1")


def _encoders(folder):
    return Encoders.load(str(folder / "vqgan"), str(folder / "tokenizer"), None, "cpu")


def _source(folder, streaming=False):
    rows = open_dataset(folder / "clips", streaming=streaming)
    return CaptionedMedia(rows, height=8, width=8, num_frames=3)


@pytest.mark.parametrize("streaming", [False, True])
def test_shards_are_work_that_is_done_in_any_order_with_the_same_bytes(made_with, tmp_path, streaming):
    source = _source(made_with, streaming)
    if streaming:
        source = source.counted([count_part(source.stream, part) for part in range(num_parts(source.stream))])
    infos = read_shard_infos(made_with / "tokens")
    rules = ShardRules(TokenFolder(str(tmp_path)), 2, 32, infos[0]["codec"])
    write_metadata(tmp_path, {"num_shards": 3})
    job = ShardJob(rules, source, _encoders(made_with))
    for index in (2, 0, 1, 0):
        assert job.write(index) == ShardContent.from_info(infos[index])
    for index in range(3):
        assert shard_path(tmp_path, index).read_bytes() == shard_path(made_with / "tokens", index).read_bytes()
