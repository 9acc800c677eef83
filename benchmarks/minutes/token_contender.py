# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Contenders that learn the tokens of this package's codec."""

from abc import abstractmethod
from pathlib import Path

from benchmarks.minutes.contender import Contender
from benchmarks.minutes.rows import begun_here
from benchmarks.minutes.timed_training import done_once
from benchmarks.minutes.visual_tokens import VisualTokens, make_visual_tokens


class TokenContender(Contender):
    """A contender whose budget first pays for the codec and its tokens, made once for each budget and seed."""

    def check(self) -> None:
        """It needs nothing else."""

    def train(self, minutes: float, seed: int, work_dir: Path) -> None:
        """Codec, tokens, and what learns them; see `Contender.train`."""
        folder = work_dir.with_name(f"codec-{minutes:g}-{seed}")
        begun_here(folder)  # another row may have begun it
        tokens = make_visual_tokens(self.size, minutes, seed, folder)
        done_once(work_dir, lambda: self._train(tokens, minutes, seed, work_dir))

    @abstractmethod
    def _train(self, tokens: VisualTokens, minutes: float, seed: int, work_dir: Path) -> dict[str, float]:
        """Learn the tokens in the time that is left."""
