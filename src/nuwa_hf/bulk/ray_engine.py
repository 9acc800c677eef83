# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The engine of many machines: actors of Ray, each with a sampler of its own, make batches; who asked writes them."""

import os
from collections import deque
from collections.abc import Iterable, Iterator
from types import ModuleType
from typing import Any

import torch
from torch import Tensor

from nuwa_hf.bulk.clips_of_rows import clips_of_rows
from nuwa_hf.bulk.prompt_rows import PromptRows
from nuwa_hf.bulk.shared_work import Places
from nuwa_hf.pipelines import NuwaTextToVideoPipeline
from nuwa_hf.serving import NuwaSampler
from nuwa_hf.storage.find_checkpoint import EMBEDDED, find_checkpoint
from nuwa_hf.storage.local_checkpoint import is_local_path
from nuwa_hf.training.tokens.ray_engine import plain_errors


BATCHES_EACH = 2  # that an actor is given at a time: one that it makes, and one that waits for it
MOST_LOSSES = 3  # of an actor, or of what it was making, until the command ends


class ClipWorker:
    """Holds a sampler on a CPU or a GPU, and makes any batch. It is an actor of Ray.

    Args:
        checkpoint (`str`): a whole path that every machine has, a Hub id, or `"embedded"`.
        rows (`PromptRows`): the lines; the files that they name lie under the same names on every machine.
        batch_size (`int`): lines of a batch, at most.
        device (`str`): where the models are.
        num_threads (`int`): of torch.
    """

    def __init__(self, checkpoint: str, rows: PromptRows, batch_size: int, device: str, num_threads: int):
        torch.set_num_threads(num_threads)
        self._rows = rows
        pipeline = NuwaTextToVideoPipeline.from_pretrained(find_checkpoint(checkpoint)).to(device)
        self._sampler = NuwaSampler(pipeline, max_batch_size=batch_size, max_waiting=batch_size)

    def make(self, places: Places) -> list[Tensor]:
        """The clips of a batch, as `clips_of_rows` makes them."""
        ((_, clips),) = clips_of_rows(self._sampler, self._rows, [places])
        return clips


def clips_on_ray(
    ray: ModuleType,
    checkpoint: str,
    rows: PromptRows,
    batches: Iterable[Places],
    *,
    batch_size: int,
    on_cpu: bool,
    num_proc: int | None,
) -> Iterator[tuple[Places, list[Tensor]]]:
    """Make the clips of batches on all machines of a cluster. An actor whose machine dies starts again on another.

    Args:
        ray (`ModuleType`): ray, connected.
        checkpoint (`str`): a folder that all machines have under the same name, a Hub id, or `"embedded"`.
        rows (`PromptRows`): the lines.
        batches (`Iterable[Sequence[int]]`): places of lines.
        batch_size (`int`): lines of a batch, at most.
        on_cpu (`bool`): whether GPUs are left alone.
        num_proc (`int`, *optional*): actors; by default one for each GPU of the cluster, or one.

    Yields:
        `tuple`: places of a batch and their clips, in the order in which they are done.

    Raises:
        ValueError: If something that a line names has changed since it was checked.
    """
    if checkpoint != EMBEDDED and is_local_path(checkpoint):
        checkpoint = os.path.abspath(checkpoint)  # actors have another working directory
    waiting = deque(batches)
    found = ray.cluster_resources()
    num_gpus = 0 if on_cpu else int(found.get("GPU", 0))
    size = min(num_proc or num_gpus or 1, len(waiting))
    if not size:
        return
    num_cpus = 1 if num_gpus else max(1, int(found.get("CPU", 1)) // size)
    worker = ray.remote(
        num_cpus=num_cpus,
        num_gpus=min(1, num_gpus / size),
        max_restarts=MOST_LOSSES,
        max_task_retries=MOST_LOSSES,
    )(ClipWorker)
    given = (checkpoint, ray.put(rows), batch_size, "cuda" if num_gpus else "cpu", num_cpus)
    actors = [worker.remote(*given) for _ in range(size)]
    running: dict[Any, tuple[Any, Places]] = {}
    try:
        free = deque(actors * BATCHES_EACH)
        while waiting or running:
            while waiting and free:
                actor, places = free.popleft(), waiting.popleft()
                running[actor.make.remote(places)] = (actor, places)
            (call,), _ = ray.wait(list(running), num_returns=1)
            actor, places = running.pop(call)
            with plain_errors(ray):
                yield places, ray.get(call)
            free.append(actor)
    finally:
        for actor in actors:
            ray.kill(actor)
