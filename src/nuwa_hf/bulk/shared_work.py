# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Make what is missing in a folder, on as many processes as `accelerate launch` started.

Processes do not talk to each other: each makes every n-th batch, as far as it is missing, and then waits for the files
of the others. So any of them can be killed, and the same command goes on with what is missing.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence

from accelerate import PartialState
from torch import Tensor
from tqdm.auto import tqdm

from nuwa_hf.bulk.run_folder import RunFolder


SECONDS_TO_LOOK = 0.5  # from one look for another process's file to the next
Places = Sequence[int]
# Makes batches in their order: for each its places, and of each of these a clip (T, 3, Y, X), as bytes.
Make = Callable[[Iterable[Places]], Iterator[tuple[Places, Sequence[Tensor]]]]


def batches_of(places: Sequence[int], batch_size: int) -> list[Sequence[int]]:
    """Cut places into batches.

    Args:
        places (`Sequence[int]`): the places.
        batch_size (`int`): of how many; the last batch may be smaller.

    Returns:
        `list[Sequence[int]]`: in order.
    """
    return [places[start : start + batch_size] for start in range(0, len(places), batch_size)]


def make_missing(
    run: RunFolder, batches: Sequence[Places], make: Make, *, frame_rate: float, state: PartialState, description: str
) -> None:
    """Make the samples that are not there yet, and return when those of all processes are.

    A batch of which some are missing is made again as a whole, so that what was killed ends with the same files as
    what was not.

    Args:
        run (`RunFolder`): where they go; it has begun.
        batches (`Sequence[Sequence[int]]`): all of them, the same in every process.
        make (`Callable`): makes batches.
        frame_rate (`float`): frames a second of clips.
        state (`PartialState`): which of the processes this is.
        description (`str`): of the progress bar.
    """
    missing = run.missing()
    own = [places for places in batches[state.process_index :: state.num_processes] if missing.intersection(places)]
    with tqdm(total=sum(map(len, own)), desc=description, disable=not state.is_main_process) as progress:
        start = time.perf_counter()
        for places, clips in make(own):
            for place, clip in zip(places, clips, strict=True):
                if place in missing:
                    run.write(place, clip, frame_rate)
            run.add_seconds(state.process_index, len(places), time.perf_counter() - start)
            progress.update(len(places))
            start = time.perf_counter()
    # No barrier, which has a time limit. The folder may hold very many files and is listed once; then it is asked for
    # one after the other of those that are not there yet.
    for place in sorted(run.missing()):
        while not run.path(place).exists():
            time.sleep(SECONDS_TO_LOOK)
