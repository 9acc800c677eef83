# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The engine of many machines: actors of Ray write one shard after another, each on its own.

Why actors of Ray Core and not Ray Data: a shard is a fixed range of rows in the order of the data set, which Ray
Data's readers do not number, and rows need not travel. An actor gets the number of a shard, reads its rows where they
lie by the code of the other engine, and returns a few counts, so there is nothing for Ray Data to stream. Tried with
ray 2.60, an actor pool of Ray Data ended with an error when one of three nodes was killed. Here a machine that dies
takes with it the shards that its actors had begun, and these go back into the queue.
"""

import logging
import os
import platform
import socket
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from types import ModuleType
from typing import Any

import datasets
import torch

from nuwa_hf.datasets.stream_parts import count_part, num_parts
from nuwa_hf.training.run.freed_memory import keep_freed_memory
from nuwa_hf.training.tokens.float32_convolutions import keep_float32
from nuwa_hf.training.tokens.shard_content import ShardContent
from nuwa_hf.training.tokens.shard_job import ShardJob


logger = logging.getLogger(__name__)

MOST_LOSSES = 3  # machines or processes that one shard may end, before it is taken for the cause
ANSWER_SECONDS = 10  # that a cluster has to answer
WAIT_SECONDS = 60  # for a free CPU or GPU, before a word is said about it


def import_ray() -> ModuleType:
    """Ray, which only this engine needs.

    Raises:
        ValueError: If it is not installed.
    """
    try:
        import ray
    except ImportError as error:
        raise ValueError(
            "`engine` must be 'local' without Ray, got 'ray', which is not installed; install it on every machine "
            'with `pip install "nuwa_hf[ray]"`.'
        ) from error
    return ray


class ShardWorker:
    """Holds the codecs on a CPU or a GPU, and writes any shard. It is an actor of Ray.

    Args:
        job (`list`): with the reference of the `ShardJob`, which is fetched once it is asked for.
        device (`str`): where the codecs run.
    """

    def __init__(self, job: list[Any], device: str):
        self._job, self._device = job[0], device

    def load(self) -> None:
        """Fetch the job, look whether its folder is here, and put its codecs on the device."""
        torch.set_num_threads(1)
        keep_float32()
        if self._device == "cpu":
            keep_freed_memory()
        job: ShardJob = import_ray().get(self._job)
        if not job.rules.folder.has_metadata():
            raise ValueError(
                f"`output_dir` must be a URL or a folder that all machines share, got {str(job.rules.folder)!r}, "
                f"which is not there on {platform.node()}; mount it there, or give a URL."
            )
        self._job = replace(job, encoders=job.encoders.to(self._device))

    def write(self, index: int) -> dict[str, Any]:
        """Write a shard, and tell of it as `ShardContent.to_info` does."""
        return self._job.write(index).to_info()


@contextmanager
def ray_cluster() -> Iterator[ModuleType]:
    """The cluster that `RAY_ADDRESS` names or this machine belongs to, else one of this machine alone.

    Yields:
        `ModuleType`: ray, connected while the block runs.

    Raises:
        ValueError: If Ray is not installed, or no cluster is at that address.
    """
    ray = import_ray()
    if ray.is_initialized():
        yield ray
        return
    check_address(os.environ.get("RAY_ADDRESS", ""))
    try:
        ray.init(log_to_driver=False, logging_level=logging.WARNING)
    except (ConnectionError, ValueError) as error:
        raise _no_cluster(os.environ.get("RAY_ADDRESS", ""), error) from error
    try:
        yield ray
    finally:
        ray.shutdown()


def write_shards_on_ray(
    ray: ModuleType, job: ShardJob, device: str, num_proc: int | None, shards: dict[int, ShardContent]
) -> Iterator[tuple[int, ShardContent]]:
    """Write the missing shards on all machines of a cluster.

    Args:
        ray (`ModuleType`): ray, connected.
        job (`ShardJob`): what each actor needs; its codecs are on the CPU.
        device (`str`): "cpu" or "cuda".
        num_proc (`int`, *optional*): actors; by default one for each CPU, or each GPU, of the cluster.
        shards (`dict[int, ShardContent]`): what is known of the shards that exist.

    Yields:
        `tuple[int, ShardContent]`: a shard's number and what it holds, in the order in which they are done.

    Raises:
        MemoryError: If a shard ended its process again and again.
        OSError: If rows cannot be reached or a shard cannot be written.
        ValueError: If the cluster has no such device, or a row breaks a rule that more than the row depends on.
    """
    num_rows = job.source.num_rows
    if num_rows is None:
        counts = _count_parts(ray, job.source.stream)
        num_rows = sum(map(sum, counts))
        job = replace(job, source=job.source.counted(counts))
    num_shards = -(-num_rows // job.rules.rows_per_shard)
    waiting = deque(index for index in range(num_shards) if index not in shards)
    if waiting:
        yield from _Pool(ray, job, device, num_proc, waiting).contents()


def _count_parts(ray: ModuleType, stream: datasets.IterableDataset) -> list[tuple[int, ...]]:
    """The rows of all parts of a stream, counted by all machines together."""
    shared, count = ray.put(stream), ray.remote(num_cpus=1)(count_part)
    calls = [count.remote(shared, part) for part in range(num_parts(stream))]
    try:
        with plain_errors(ray):
            return ray.get(calls)
    except (ray.exceptions.WorkerCrashedError, ray.exceptions.OutOfMemoryError) as error:
        raise MemoryError(
            f"A process that counts rows ended again and again, perhaps for want of memory; use smaller files, or "
            f"larger machines. Ray says: {error}"
        ) from error


class _Pool:
    """Actors that come and go with their machines, and the shards that they write."""

    def __init__(self, ray: ModuleType, job: ShardJob, device: str, num_proc: int | None, waiting: deque[int]):
        self.ray, self.device, self.waiting = ray, device, waiting
        found = ray.cluster_resources()
        units = int(found.get("GPU" if device == "cuda" else "CPU", 0))
        if units == 0:
            raise ValueError(
                f"`device` must be one that the cluster has, got {device!r} where Ray knows of {dict(found)}; start "
                "its machines with GPUs, or use 'cpu'."
            )
        wanted = num_proc or units
        self.size = min(wanted, len(waiting))
        shared_by = -(-wanted // units)  # actors of one GPU; Ray counts in steps of 0.0001
        gpus = int(10_000 / shared_by) / 10_000 if device == "cuda" else 0
        self.worker = ray.remote(num_cpus=1, num_gpus=gpus)(ShardWorker)
        self.job = ray.put(job)
        self.running: dict[Any, tuple[Any, int | None]] = {}  # call to actor and shard, or None while it starts
        errors = ray.exceptions
        self.lost = (errors.RayActorError, errors.OutOfMemoryError, errors.ObjectLostError)
        self.losses: Counter[int | None] = Counter()

    def contents(self) -> Iterator[tuple[int, ShardContent]]:
        try:
            for _ in range(self.size):
                self._start()
            while self.waiting or any(index is not None for _, index in self.running.values()):
                done, _ = self.ray.wait(list(self.running), num_returns=1, timeout=WAIT_SECONDS)
                if not done and all(index is None for _, index in self.running.values()):
                    logger.warning("Waiting for a free %s of the cluster.", "GPU" if self.device == "cuda" else "CPU")
                for call in done:
                    yield from self._finish(call)
        finally:
            for actor, _ in self.running.values():
                self.ray.kill(actor)

    def _start(self) -> None:
        actor = self.worker.remote([self.job], self.device)
        self.running[actor.load.remote()] = (actor, None)

    def _finish(self, call: Any) -> Iterator[tuple[int, ShardContent]]:
        """What a call that has ended wrote; its actor goes on with another shard, or is replaced if it died."""
        actor, index = self.running.pop(call)
        try:
            with plain_errors(self.ray):
                info = self.ray.get(call)
        except self.lost as error:
            self._lose(actor, index, error)
            return
        self.losses[None] = 0
        if self.waiting:
            following = self.waiting.popleft()
            self.running[actor.write.remote(following)] = (actor, following)
        else:
            self.ray.kill(actor)
        if index is not None:
            yield index, ShardContent.from_info(info)

    def _lose(self, actor: Any, index: int | None, error: Exception) -> None:
        self.ray.kill(actor)  # it may be out of reach only, and would write the same shard as another
        self.losses[index] += 1
        if index is not None:
            logger.warning("The process of shard %d is gone; the shard is begun again elsewhere.", index)
            self.waiting.appendleft(index)
        if self.losses[index] > (MOST_LOSSES * self.size if index is None else MOST_LOSSES):
            what = "No process of `num_proc` could start" if index is None else f"Shard {index} ended its process"
            times = self.losses[index]
            raise MemoryError(
                f"{what}, {times} times in a row, perhaps for want of memory. The shards that are whole are kept: run "
                f"the same command again with a smaller `num_proc` or on larger machines. Ray says: {error}"
            ) from error
        self._start()


def check_address(address: str) -> None:
    """Looks whether anything answers at the address of a cluster. Ray itself would try for minutes.

    Args:
        address (`str`): as in `RAY_ADDRESS`; only one of a machine and a port is tried.

    Raises:
        ValueError: If nothing answers.
    """
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not host or not port.isdecimal():
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), ANSWER_SECONDS).close()
    except (OSError, OverflowError) as error:
        raise _no_cluster(address, error) from error


def _no_cluster(address: str, error: Exception) -> ValueError:
    return ValueError(
        f"`RAY_ADDRESS` must be the address of a cluster that runs, got {address!r}: {error}; start one with "
        "`ray start --head`, or unset it."
    )


@contextmanager
def plain_errors(ray: ModuleType) -> Iterator[None]:
    """Raises the error of a remote call as if it had been raised here; what Ray says of lost machines stays.

    Args:
        ray (`ModuleType`): ray.

    Yields:
        Nothing.
    """
    try:
        yield
    except ray.exceptions.RayTaskError as error:
        raise error.cause from None
