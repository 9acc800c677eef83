# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Measures the speed of a run: tokens, share of the GPU's peak, time spent waiting for data, memory.

Legend: B batch, N visual places, M places of a condition, D hidden size, I inner size of the feed-forward, V codebook
size.
"""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache

import torch
from accelerate.utils import gather_object

from nuwa_hf.grid import Grid
from nuwa_hf.modeling.configuration_nuwa import NuwaConfig
from nuwa_hf.nearby_attention.neighborhood import NearbyPattern
from nuwa_hf.training.nuwa.task_batches import TaskBatch


WHOLE = (None, None, None)
# Dense peaks in 1e12 floating point operations a second, from the vendors' data sheets, by a part of the GPU's name
# and by the argument `mixed_precision`. "no" is float32 outside of the matrix units, PyTorch's default.
PEAKS: tuple[tuple[str, dict[str, float]], ...] = (
    ("A100", {"bf16": 312.0, "fp16": 312.0, "no": 19.5}),
    ("H100 PCIe", {"bf16": 756.0, "fp16": 756.0, "no": 51.0}),
    ("H100", {"bf16": 989.0, "fp16": 989.0, "no": 67.0}),
    ("H200", {"bf16": 989.0, "fp16": 989.0, "no": 67.0}),
    ("B200", {"bf16": 2250.0, "fp16": 2250.0, "no": 75.0}),
    ("L4", {"bf16": 121.0, "fp16": 121.0, "no": 30.3}),
    ("T4", {"fp16": 65.0, "no": 8.1}),
    ("RTX 4090", {"bf16": 165.2, "fp16": 165.2, "no": 82.6}),
)


def peak_flops(device_name: str, mixed_precision: str) -> float | None:
    """The peak floating point operations per second of a GPU.

    Args:
        device_name (`str`): as `torch.cuda.get_device_name` gives it.
        mixed_precision (`str`): `"no"`, `"bf16"` or `"fp16"`.

    Returns:
        `float`, or None for a GPU that is not in the table, or a part of one (MIG).
    """
    for name, peaks in PEAKS:
        if re.search(rf"\b{name}\b", device_name) and "MIG" not in device_name:
            return 1e12 * peaks[mixed_precision] if mixed_precision in peaks else None
    return None


@lru_cache(maxsize=256)
def attended_pairs(query_grid: Grid, key_grid: Grid, window: tuple, causal: bool = False) -> int:
    """The number of pairs of a query and a key near it.

    The count for a grid is the product of the counts for its axes. Within one grid, nearness is mutual; a causal
    window keeps one direction of each pair, and each place with itself.

    Args:
        query_grid (`Grid`): the grid of the queries.
        key_grid (`Grid`): the grid of the keys.
        window (`tuple[int | None, int | None, int | None]`): full odd extents (t, h, w), None for all.
        causal (`bool`, defaults to `False`): whether only keys at or before the query in raster order are seen.

    Returns:
        `int`: the number of pairs.
    """
    pattern, pairs = NearbyPattern(query_grid, key_grid, window), 1
    for axis, extent in enumerate(query_grid):
        pairs *= sum(len(pattern.axis_range(axis, index)) for index in range(extent))
    return (pairs + query_grid.numel) // 2 if causal else pairs


def training_flops(config: NuwaConfig, batch: TaskBatch) -> int:
    """Floating point operations of one forward and backward pass over a batch.

    A weight of a matrix takes part in one multiply-add for each place that it is applied to, which are 2 operations
    forward and 4 backward (the gradients of its input and of itself): 6 a weight and a place. So

        6 B ( N (l (6 D^2 + 2 D I) + D V) + 2 D l pairs(N, N)
              + sum over conditions: M e (4 D^2 + 2 D I) + 2 D e pairs(M, M)
                                     + 2 D^2 l M + 2 D l pairs(N, M) )

    with l decoder and e encoder layers. The lines are: the decoder's own matrices (queries, keys, values, output;
    queries and output of the cross-attention; feed-forward; head) and its self-attention, where a pair of a query and
    a key costs D multiply-adds for the score and D for the sum of values; the encoder; cross-attention to a condition,
    whose keys and values are projected in every layer. Embeddings, norms, the softmax and what gradient checkpointing
    and the loss compute twice do not count. Frozen weights count as if they were learnt.

    Args:
        config (`NuwaConfig`): the sizes.
        batch (`TaskBatch`): its shapes count, padding included.

    Returns:
        `int`: the number of operations.
    """
    width, layers, encoder_layers = config.hidden_size, config.num_decoder_layers, config.num_encoder_layers
    layer_weights = 4 * width**2 + 2 * width * config.intermediate_size
    grid, rows = Grid(*batch.visual_tokens.shape[1:]), len(batch.visual_tokens)
    conditions = [(Grid(batch.input_ids.shape[1], 1, 1), WHOLE)]
    conditions += [
        (grid, config.condition_window) for given in (batch.sketch_tokens, batch.known_mask) if given is not None
    ]
    count = grid.numel * (layers * (layer_weights + 2 * width**2) + width * config.codebook_size)
    count += 2 * width * layers * attended_pairs(grid, grid, config.window, causal=True)
    for other, window in conditions:
        count += other.numel * encoder_layers * layer_weights
        count += 2 * width * encoder_layers * attended_pairs(other, other, window)
        count += 2 * width**2 * layers * other.numel
        count += 2 * width * layers * attended_pairs(grid, other, window)
    return 6 * rows * count


class Throughput:
    """Measures a window of steps.

    Args:
        config (`NuwaConfig`): the model's sizes.
        device (`torch.device`): the device of this process.
        mixed_precision (`str`): `"no"`, `"bf16"` or `"fp16"`.
        clock (`Callable[[], float]`, *optional*): tells the seconds; by default all time counts. That of `RunProgress`
            leaves out the pauses of a run.
    """

    # What `read` returns. These values differ between identical runs.
    NAMES = ("tokens_per_second", "data_share", "mfu", "peak_memory_gib")

    def __init__(
        self,
        config: NuwaConfig,
        device: torch.device,
        mixed_precision: str,
        clock: Callable[[], float] = time.perf_counter,
    ):
        self.config = config
        self.device = device
        self.clock = clock
        is_cuda = device.type == "cuda"
        self.peak = peak_flops(torch.cuda.get_device_name(device), mixed_precision) if is_cuda else None
        self._start_window()

    def _start_window(self) -> None:
        self._start, self._waited, self._tokens, self._flops = self.clock(), 0.0, 0, 0

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Counts the time of the block as spent waiting for data."""
        start = self.clock()
        yield
        self._waited += self.clock() - start

    def count(self, batches: dict[str, TaskBatch]) -> None:
        """Adds the batches of a pass.

        Args:
            batches (`dict[str, TaskBatch]`): task to its batch.
        """
        self._tokens += sum(batch.labels.numel() for batch in batches.values())
        self._flops += sum(training_flops(self.config, batch) for batch in batches.values())

    def read(self) -> dict[str, float]:
        """Returns the measures of the window and starts the next one.

        Call this in every process, when the device is idle, for example after reading a loss.

        Returns:
            `dict[str, float]`: `tokens_per_second` of all processes; `data_share`, the share of the time that this
            process waited for data; where the card is known `mfu`, the operations of `training_flops` as a share of
            the peak of all cards; on CUDA `peak_memory_gib`, the most memory that the process has held so far.
        """
        seconds = self.clock() - self._start
        counted = gather_object([(self._tokens, self._flops)])  # processes may have rows of other tasks
        tokens, flops = (sum(numbers) for numbers in zip(*counted, strict=True))
        values = {
            "tokens_per_second": tokens / seconds,
            "data_share": self._waited / seconds,
        }
        if self.peak is not None:
            values["mfu"] = flops / len(counted) / seconds / self.peak
        if self.device.type == "cuda":
            values["peak_memory_gib"] = torch.cuda.max_memory_allocated(self.device) / 2**30
        self._start_window()
        return values
