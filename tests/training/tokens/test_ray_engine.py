# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""`nuwa-hf tokenize --engine ray` on a real cluster: nodes and drivers die, shards are those of one machine."""

import io
import os
import signal
import subprocess
import sys
import tarfile
import threading
import time
from pathlib import Path

import datasets
import numpy as np
import pytest
from clip_folders import break_clip, write_clips
from tiny import tiny_tokenizer, tiny_vqgan

from nuwa_hf.datasets.indexed_clips import IndexedClips
from nuwa_hf.training.tokens.clip_tokens import Encoders
from nuwa_hf.training.tokens.ray_engine import write_shards_on_ray
from nuwa_hf.training.tokens.shard_job import ShardJob, ShardRules
from nuwa_hf.training.tokens.token_files import TokenFiles, read_metadata, write_metadata
from nuwa_hf.training.tokens.token_folder import TokenFolder
from nuwa_hf.training.tokens.tokenize_dataset import main


pytestmark = pytest.mark.ray
NUM_CLIPS = 36


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    """Clips of which one is broken, as a folder, as .parquet files, as .tar files; and the codec and tokenizer."""
    folder = tmp_path_factory.mktemp("ray")
    source = write_clips(folder / "clips", NUM_CLIPS)
    break_clip(source, 7)
    rows = [(f"clip{index}", (source / f"clip{index}.gif").read_bytes()) for index in range(NUM_CLIPS)]
    for part in range(4):
        some = list(enumerate(rows))[part * 9 : part * 9 + 9]
        columns = {
            "video": [{"bytes": data, "path": f"{name}.gif"} for _, (name, data) in some],
            "text": [f"a clip of {index} things" for index, _ in some],
        }
        (folder / "parquet").mkdir(exist_ok=True)
        datasets.Dataset.from_dict(columns).to_parquet(folder / "parquet" / f"{part}.parquet", batch_size=4)
        (folder / "tars").mkdir(exist_ok=True)
        with tarfile.open(folder / "tars" / f"{part}.tar", "w") as archive:
            for index, (name, data) in some:
                for ending, content in (("gif", data), ("txt", f"a clip of {index} things".encode())):
                    entry = tarfile.TarInfo(f"{name}.{ending}")
                    entry.size = len(content)
                    archive.addfile(entry, io.BytesIO(content))
    tiny_vqgan().save_pretrained(folder / "vqgan")
    tiny_tokenizer().save_pretrained(folder / "tokenizer")
    return folder


@pytest.fixture(scope="module")
def cluster():
    """Three nodes of one CPU each, and a head that only keeps account."""
    ray = pytest.importorskip("ray", reason='needs `pip install "nuwa_hf[ray]"`')
    from ray.cluster_utils import Cluster

    small = {"object_store_memory": 100 * 2**20}
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, **small})
    for _ in range(3):
        cluster.add_node(num_cpus=1, **small)
    ray.init(address=cluster.address, log_to_driver=False)
    yield cluster
    ray.shutdown()
    cluster.shutdown()


def flags(clips, dataset, output, *others):
    made_with = ["--vqgan", str(clips / "vqgan"), "--tokenizer", str(clips / "tokenizer"), "--num_frames", "3"]
    return [*made_with, "--dataset", str(dataset), "--output_dir", str(output), "--clips_per_shard", "2", *others]


def shards(folder):
    return {path.name: path.read_bytes() for path in Path(folder).glob("tokens-*")}


def assert_same(folder, other):
    assert shards(folder) == shards(other)
    assert read_metadata(Path(folder)) == read_metadata(Path(other))
    assert len(TokenFiles.load(folder)) == NUM_CLIPS - 1
    for name in ("skipped.jsonl", "report.json"):
        assert Path(folder, name).read_bytes() == Path(other, name).read_bytes()
    assert not list(Path(folder).glob(".*"))


def wait_for_shards(folder, count):
    for _ in range(30000):  # starting Python takes long on a busy machine
        if len(shards(folder)) >= count:
            return
        time.sleep(0.01)
    raise TimeoutError(f"no {count} shards in {folder} after five minutes")


def test_a_node_that_dies_in_the_middle_loses_no_clip_and_doubles_none(clips, cluster, tmp_path):
    main(flags(clips, clips / "clips", tmp_path / "local"))
    dying = sorted(cluster.worker_nodes, key=lambda node: node.node_id)[0]
    left = []

    def kill_a_node():
        wait_for_shards(tmp_path / "ray", 3)
        left.append(NUM_CLIPS // 2 - len(shards(tmp_path / "ray")))
        cluster.remove_node(dying, allow_graceful=False)

    killer = threading.Thread(target=kill_a_node)
    killer.start()
    main(flags(clips, clips / "clips", tmp_path / "ray", "--engine", "ray"))
    killer.join()
    assert left[0] > 0, "the node must die before the end"
    assert_same(tmp_path / "ray", tmp_path / "local")
    cluster.add_node(num_cpus=1, object_store_memory=100 * 2**20)


def test_a_driver_that_dies_is_followed_by_one_that_goes_on_to_the_same_bytes(clips, cluster, tmp_path):
    """The rows are those of tars, whose number nobody knows before they are counted; the shards go to a URL."""
    main(flags(clips, clips / "tars", tmp_path / "local", "--streaming"))
    command = flags(clips, clips / "tars", (tmp_path / "ray").as_uri(), "--streaming", "--engine", "ray")
    module = "nuwa_hf.training.tokens.tokenize_dataset"
    environment = {**os.environ, "RAY_ADDRESS": cluster.address}
    driver = subprocess.Popen([sys.executable, "-m", module, *command], env=environment, start_new_session=True)
    wait_for_shards(tmp_path / "ray", 2)
    os.killpg(driver.pid, signal.SIGKILL)
    driver.wait()
    kept = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "ray").glob("tokens-*")}
    assert len(kept) < NUM_CLIPS // 2, "the driver must die before the end"
    with pytest.raises(ValueError, match="not read to its end"):
        TokenFiles.load(tmp_path / "ray")
    main(command)
    assert_same(tmp_path / "ray", tmp_path / "local")
    assert kept.items() <= {path.name: path.stat().st_mtime_ns for path in (tmp_path / "ray").glob("tokens-*")}.items()


def test_streamed_rows_of_parquet_files_give_the_shards_of_one_machine(clips, cluster, tmp_path):
    pattern = f"{(clips / 'parquet').as_uri()}/*.parquet"
    for name, engine in (("local", ()), ("ray", ("--engine", "ray", "--num_proc", "2"))):
        main(flags(clips, pattern, tmp_path / name, "--streaming", *engine))
    assert_same(tmp_path / "ray", tmp_path / "local")


class DeadlyClips(IndexedClips):
    """Clips whose third one takes all memory, so that the system ends the process that reads it."""

    num_rows = 4

    def read(self, number, row):
        if number == 2:
            os.kill(os.getpid(), signal.SIGKILL)
        return [{"video": np.zeros((1, 8, 8, 3), np.uint8), "caption": None, "image_caption": None, "image_index": 0}]


def test_a_shard_that_ends_every_process_is_named_and_the_others_are_written(clips, cluster, tmp_path):
    ray = pytest.importorskip("ray")
    ray.cloudpickle.register_pickle_by_value(sys.modules[__name__])
    write_metadata(tmp_path, {"num_shards": 4})
    encoders = Encoders.load(str(clips / "vqgan"), str(clips / "tokenizer"), None, "cpu")
    job = ShardJob(ShardRules(TokenFolder(str(tmp_path)), 1, 1, "codec"), DeadlyClips([None] * 4), encoders)
    found = []
    with pytest.raises(MemoryError, match=r"Shard 2 ended its process, 4 times in a row.* smaller `num_proc`"):
        found.extend(index for index, _ in write_shards_on_ray(ray, job, "cpu", 1, {}))
    assert sorted(path.name[7:12] for path in tmp_path.glob("*tokens-*")) == ["00000", "00001"]
    with pytest.raises(ValueError, match="`device` must be one that the cluster has, got 'cuda'"):
        next(write_shards_on_ray(ray, job, "cuda", None, {}))
