# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The engine of one machine: the main process reads rows and writes shards, itself or other processes encode."""

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from itertools import count
from typing import Any

import torch

from nuwa_hf.command_logs import start_worker_logs
from nuwa_hf.datasets.row_source import RowSource
from nuwa_hf.training.run.freed_memory import keep_freed_memory
from nuwa_hf.training.tokens.clip_tokens import Encoders, Rows, SampleReader, TokenizedRows, tokenize_rows
from nuwa_hf.training.tokens.float32_convolutions import keep_float32
from nuwa_hf.training.tokens.shard_content import ShardContent
from nuwa_hf.training.tokens.shard_job import ShardRules


BATCHES_AHEAD = 2  # batches queued for each process, so that none waits

_worker: dict[str, Any] = {}  # what `_start_worker` loaded; set in workers only


def write_shards_here(
    rules: ShardRules,
    source: RowSource,
    tokenize: Callable[[Iterable[Rows]], Iterator[TokenizedRows]],
    shards: dict[int, ShardContent],
) -> Iterator[tuple[int, ShardContent]]:
    """Write the missing shards one after another.

    Args:
        rules (`ShardRules`): how shards are cut.
        source (`RowSource`): the data set.
        tokenize (`Callable`): makes tokens from batches of rows and keeps their order.
        shards (`dict[int, ShardContent]`): what is known of the shards that exist.

    Yields:
        `tuple[int, ShardContent]`: a shard's number and what the next batch adds to it.

    Raises:
        OSError: If a file cannot be written.
        ValueError: If a row breaks a rule that more than the row depends on.
    """
    missing = (index for index in count() if index not in shards)
    index, content, tokens = next(missing), ShardContent(), []
    for part in tokenize(_missing_batches(rules, source, shards)):
        added = ShardContent.of(part)
        content.add(added)
        yield index, added
        if part.tokens is not None:
            tokens.append(part.tokens)
        if content.num_rows == rules.rows_per_shard:
            rules.write(index, tokens, content)
            index, content, tokens = next(missing), ShardContent(), []
    if content.num_rows:
        rules.write(index, tokens, content)


def _missing_batches(rules: ShardRules, source: RowSource, shards: dict[int, ShardContent]) -> Iterator[Rows]:
    """The rows of the missing shards."""
    rows = None
    for index in count():
        if index in shards:
            if shards[index].num_rows < rules.rows_per_shard:  # the last one
                return
            rows = None
            continue
        rows = source.rows(index * rules.rows_per_shard) if rows is None else rows
        num_rows = 0
        for batch in rules.batches(rows):
            num_rows += len(batch)
            yield batch
        if num_rows < rules.rows_per_shard:
            return


def tokenize_on_processes(
    batches: Iterable[Rows], reader: SampleReader, *, folders: dict[str, str | None], device: str, num_proc: int
) -> Iterator[TokenizedRows]:
    """Encode batches of rows on several processes. The results come in the order of the batches.

    Args:
        batches (`Iterable[Rows]`): read in this process, a few ahead.
        reader (`SampleReader`): makes samples from rows; a copy goes to every process.
        folders (`dict[str, str]`): `vqgan`, `tokenizer` and `sketch_vqgan`, as `Encoders.load` takes them.
        device (`str`): where the codecs run; "cuda" assigns the GPUs to the processes in turn.
        num_proc (`int`): how many processes.

    Yields:
        `TokenizedRows`: one for each batch.

    Raises:
        MemoryError: If a process was killed, for example because memory ran out.
    """
    context = multiprocessing.get_context("spawn")
    places = context.SimpleQueue()
    for place in range(num_proc):
        places.put(place)
    others = set(multiprocessing.active_children())
    pool = ProcessPoolExecutor(num_proc, context, _start_worker, (places, num_proc, reader, folders, device))
    waiting, is_done = deque(), False
    try:
        for batch in batches:
            with _ctrl_c_waits():  # for it may start a process
                waiting.append(pool.submit(_tokenize, batch))
            if len(waiting) >= BATCHES_AHEAD * num_proc:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
        is_done = True
    except BrokenProcessPool as error:
        raise MemoryError(
            "A process of `num_proc` ended before its work was done, perhaps for want of memory. The shards that are "
            "whole are kept: run the same command again, with a smaller `num_proc`."
        ) from error
    finally:
        if not is_done:  # nobody wants what they are making, and some may still import
            with _ctrl_c_waits():
                for process in set(multiprocessing.active_children()) - others:
                    process.terminate()
        pool.shutdown(cancel_futures=True)


@contextmanager
def _ctrl_c_waits() -> Iterator[None]:
    """Within the block Ctrl-C waits, and so it does in the processes that are started: they import for seconds before
    `_start_worker`, and Ctrl-C reaches all processes of a terminal.
    """
    if hasattr(signal, "pthread_sigmask"):  # Windows has none
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            yield
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
    else:
        yield


def _start_worker(places, num_proc: int, reader: SampleReader, folders: dict[str, str | None], device: str) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C ends the parent, which ends its workers
    threading.Thread(target=_end_with_parent, daemon=True).start()
    start_worker_logs()
    torch.set_num_threads(threads_of_each(num_proc))
    keep_float32()
    place = places.get()
    if device == "cpu":
        keep_freed_memory()
    elif device == "cuda":
        device = f"cuda:{place % torch.cuda.device_count()}"
    _worker.update(encoders=Encoders.load(**folders, device=device), reader=reader)


def threads_of_each(num_proc: int) -> int:
    """How many threads a new process takes beside others: its share of those that torch takes alone, which knows the
    cores that the process may use, and `OMP_NUM_THREADS`.

    Args:
        num_proc (`int`): how many processes there are.

    Returns:
        `int`: at least 1.
    """
    return max(1, torch.get_num_threads() // num_proc)


def _end_with_parent() -> None:
    """Ends this worker when its parent is gone. A killed parent cannot end its workers, and they would wait
    forever.
    """
    multiprocessing.parent_process().join()
    os._exit(1)


def _tokenize(rows: Rows) -> TokenizedRows:
    return tokenize_rows(_worker["encoders"], _worker["reader"], rows)
