# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""A checkpoint that serves all visitors."""

import os
from dataclasses import dataclass
from typing import Self

import torch

from nuwa_hf import DEMO_CHECKPOINT
from nuwa_hf.app.limits import AppLimits
from nuwa_hf.app.sketch_classes import SketchClasses
from nuwa_hf.pipelines import NuwaPipelineBase, NuwaTextToVideoPipeline
from nuwa_hf.pipelines.learnt import is_unlearnt
from nuwa_hf.serving import NuwaSampler
from nuwa_hf.storage.find_checkpoint import find_checkpoint
from nuwa_hf.tasks import Task


@dataclass(frozen=True, eq=False)
class LoadedCheckpoint:
    """A checkpoint that serves all visitors, with one copy of its weights.

    Args:
        name (`str`): what to load it by, a folder or Hub id.
        sampler (`NuwaSampler`): answers the requests, each alone: so a result is, bit for bit, that of the single
            call, whoever else asks.
        device (`torch.device`): where it draws.
    """

    name: str
    sampler: NuwaSampler
    device: torch.device

    @classmethod
    def load(cls, name: str | os.PathLike, limits: AppLimits, device: torch.device) -> Self:
        """Load a checkpoint.

        Args:
            name (`str` or `os.PathLike`): a folder, a Hub id, or `"embedded"`.
            limits (`AppLimits`): how many may wait.
            device (`torch.device`): where to.

        Returns:
            `LoadedCheckpoint`: it; close its sampler when it is no longer needed.

        Raises:
            OSError: If there is no such checkpoint, or it is incomplete.
        """
        found = find_checkpoint(name) if isinstance(name, str) else name
        pipeline = NuwaTextToVideoPipeline.from_pretrained(found).to(device)
        sampler = NuwaSampler(pipeline, max_batch_size=1, max_wait=0.0, max_waiting=limits.max_waiting)
        return cls(os.fspath(found), sampler, device)

    def pipeline(self, task: str) -> NuwaPipelineBase:
        """The pipeline of a task.

        Args:
            task (`str`): its name.

        Returns:
            `NuwaPipelineBase`: with the components of this checkpoint.
        """
        return self.sampler.pipeline(task)

    def has_learnt(self, task: Task) -> bool:
        """Whether it learnt a task, as far as it says so.

        Args:
            task (`Task`): the task.

        Returns:
            `bool`: True where nothing can be said.
        """
        return not is_unlearnt(task, self.pipeline(task.name).transformer)

    @property
    def title(self) -> str:
        """What visitors call it."""
        return "the embedded checkpoint" if self.name == str(DEMO_CHECKPOINT) else self.name

    @property
    def summary(self) -> str:
        """What it draws, in a line."""
        pipeline, (height, width) = self.pipeline("T2V"), self.size
        rate = "" if pipeline.frame_rate is None else f", {pipeline.frame_rate:g} frames a second"
        return f"On {self.title}: {width} x {height} pixels, videos of {pipeline.max_frames} frames or longer{rate}."

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of its pictures."""
        return self.pipeline("T2V").image_size

    @property
    def classes(self) -> SketchClasses | None:
        """The classes of its sketches; None if it knows no sketches."""
        codec = self.pipeline("T2V").sketch_vqgan
        return None if codec is None else SketchClasses.of_count(codec.config.in_channels)
