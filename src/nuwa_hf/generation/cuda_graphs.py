# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Steps recorded as CUDA graphs, each of which the host starts with one launch."""

from collections.abc import Callable
from threading import Lock

import torch


# One recording at a time in a process: each begins by waiting for the whole device, which breaks one that is underway
# in another thread. Older versions of torch also refuse draws from CUDA's global generator meanwhile. A fork may leave
# it locked in the child, but CUDA cannot be used there, and only what uses CUDA waits for it.
RECORDING = Lock()


class CudaGraphs:
    """Records programs that read and write fixed tensors.

    Programs recorded by the same object never run at once, so they share the memory of what they compute in between.

    Args:
        device (`torch.device`): a CUDA device.
    """

    def __init__(self, device: torch.device):
        self.device = device
        self._stream = self._pool = None

    def __call__(self, program: Callable[[], None]) -> Callable[[], None]:
        """Run a program, and record it.

        Args:
            program (`Callable`): launches kernels and reads nothing back. It has run before, so that libraries have
                what they set up once.

        Returns:
            `Callable`: runs the same kernels on the same tensors again, on the current stream.
        """
        graph = torch.cuda.CUDAGraph()
        if self._stream is None:  # torch's own is on the device of the process's first recording
            self._stream = torch.cuda.Stream(self.device)
        # Other threads may use the device meanwhile, so only this one's calls are checked.
        how = {"pool": self._pool, "stream": self._stream, "capture_error_mode": "thread_local"}
        with RECORDING, torch.cuda.device(self.device), torch.cuda.graph(graph, **how):
            program()
        self._pool = graph.pool()
        graph.replay()  # recording alone computes nothing
        return graph.replay
