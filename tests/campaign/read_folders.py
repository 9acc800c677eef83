# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The folders that are edited, and what reads each: pipelines, judges, tokens, the checkpoints of a run."""

import logging
import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from clip_folders import write_clips
from tiny import MAX_TEXT_LENGTH, VISUAL_GRID, tiny_pipeline

import nuwa_hf
from nuwa_hf.datasets import sketch_class_names
from nuwa_hf.evaluation import ClipJudge, FrameJudge, Judges, SegmentJudge
from nuwa_hf.evaluation.judges.digit_finder import DigitFinder
from nuwa_hf.evaluation.judges.digit_reader import DIGIT_FINDER_FOLDER, DigitReader
from nuwa_hf.training.nuwa.components import Components
from nuwa_hf.training.nuwa.fine_tuning import checkpoint_learnt_weights_only
from nuwa_hf.training.nuwa.nuwa_arguments import NuwaArguments
from nuwa_hf.training.nuwa.training_tokens import check_batch, frame_rate_of_tokens, load_tokens
from nuwa_hf.training.run.averaged_weights import AveragedWeights
from nuwa_hf.training.run.run_arguments import RunArguments
from nuwa_hf.training.run.run_checkpoints import complete_checkpoints, write_file_sizes
from nuwa_hf.training.run.run_setup import build_accelerator, build_scheduler
from nuwa_hf.training.run.run_state import GeneratorState, RunState
from nuwa_hf.training.tokens import tokenize_dataset


@dataclass(frozen=True)
class Reader:
    """What reads a folder.

    Args:
        part (`str`): of all that `write_folders` wrote, the folder whose files are edited.
        read (`Callable[[Path], Any]`): takes that folder.
        is_run (`bool`, defaults to `False`): whether it is a run's, whose files' sizes may be written down anew.
    """

    part: str
    read: Callable[[Path], Any]
    is_run: bool = False


class Readers(dict[str, Reader]):
    """All readers, by name.

    Args:
        whole (`Path`): what `write_folders` wrote, which nobody edits.
    """

    def __init__(self, whole: Path):
        pipeline = nuwa_hf.NuwaTextToVideoPipeline.from_pretrained(whole / "pipeline")
        components = Components(pipeline.vqgan, pipeline.tokenizer, pipeline.sketch_vqgan)
        super().__init__(
            configuration=Reader("pipeline/transformer", nuwa_hf.NuwaConfig.from_pretrained),
            transformer=Reader("pipeline/transformer", nuwa_hf.NuwaForConditionalGeneration.from_pretrained),
            codec=Reader("pipeline/vqgan", nuwa_hf.NuwaVQGAN.from_pretrained),
            tokenizer=Reader("pipeline/tokenizer", nuwa_hf.NuwaTokenizer.from_pretrained),
            pipeline=Reader("pipeline", nuwa_hf.NuwaTextToVideoPipeline.from_pretrained),
            processor=Reader("processor", nuwa_hf.NuwaProcessor.from_pretrained),
            judges=Reader("judges", Judges.from_pretrained),
            digits=Reader("digits", DigitReader.open),
            tokens=Reader("tokens", lambda folder: train_on(folder, components)),
            tokenize=Reader("tokens", lambda folder: tokenize_dataset.main(tokenizing(whole, folder))),
            run=Reader("run", lambda folder: resume(folder, learns_all=True), is_run=True),
            adapter=Reader("adapter", lambda folder: resume(folder, learns_all=False), is_run=True),
        )


def write_folders(whole: Path) -> None:
    """Write everything that is edited.

    Args:
        whole (`Path`): where to.
    """
    pipeline = tiny_pipeline("T2V")
    pipeline.save_pretrained(whole / "pipeline")
    processor = nuwa_hf.NuwaProcessor(
        *(pipeline.tokenizer, pipeline.vqgan, pipeline.sketch_vqgan),
        **{"visual_grid": VISUAL_GRID, "frame_rate": 4.0, "max_text_length": MAX_TEXT_LENGTH},
    )
    processor.save_pretrained(whole / "processor")
    FrameJudge(["cat", "dog"], ["sky"], width=4).save_pretrained(whole / "judges" / "frame_judge")
    ClipJudge(["up", "down"], num_frames=4, width=4).save_pretrained(whole / "judges" / "clip_judge")
    SegmentJudge(list(sketch_class_names), width=4).save_pretrained(whole / "judges" / "segment_judge")
    DigitFinder(width=4).save_pretrained(whole / "digits" / DIGIT_FINDER_FOLDER)
    write_clips(whole / "clips", 7)
    tokenize_dataset.main(tokenizing(whole, whole / "tokens"))
    for name in ("run", "adapter"):
        run = Run(whole / name, learns_all=name == "run")
        run.train(2)
        run.state.save()


def tokenizing(whole: Path, folder: Path) -> list[str]:
    """The arguments of `nuwa-hf tokenize`, which goes on where it was stopped."""
    parts = {name: str(whole / "pipeline" / name) for name in ("vqgan", "tokenizer")}
    given = {**parts, "dataset": str(whole / "clips"), "output_dir": str(folder), "device": "cpu"}
    sizes = {"num_frames": 3, "clips_per_shard": 3}
    return [word for name, value in {**given, **sizes}.items() for word in (f"--{name}", str(value))]


def train_on(folder: Path, components: Components) -> None:
    """Reads token files as a training does, and every row of them."""
    named = dict.fromkeys(("vqgan", "tokenizer"), "components")
    arguments = NuwaArguments(**named, output_dir="run", tokens=[str(folder)], tasks=["T2V=1"], train_batch_size=2)
    tokens = load_tokens(arguments, "tokens", components)
    check_batch(arguments, tokens, None)
    frame_rate_of_tokens(arguments)
    for column in vars(tokens).values():
        _ = None if column is None else column[:]


class Run:
    """A small model that is trained as ours are: two optimisers, schedules, an average, a generator.

    Args:
        folder (`Path`): of its checkpoints.
        learns_all (`bool`): or half of its weights.
    """

    def __init__(self, folder: Path, *, learns_all: bool):
        logging.disable(logging.ERROR)
        self.arguments = RunArguments(output_dir=str(folder), device="cpu", max_train_steps=8)
        self.accelerator = build_accelerator(self.arguments)
        self.state = RunState(self.arguments, self.accelerator, {"`codec` of tokens[0]": "c0dec", "clips": 7})
        model = torch.nn.Sequential(torch.nn.Linear(6, 6), torch.nn.Linear(6, 6))
        model[1].requires_grad_(learns_all)
        optimizers = [
            torch.optim.AdamW(model[0].parameters(), lr=0.1),
            *([torch.optim.Muon([model[1].weight], lr=0.1)] if learns_all else []),
        ]
        self.schedulers = [build_scheduler(self.arguments, optimizer) for optimizer in optimizers]
        if not learns_all:
            checkpoint_learnt_weights_only(self.accelerator)
        self.model, *self.optimizers = self.accelerator.prepare(model, *optimizers)
        self.average = AveragedWeights(self.model, 0.99)
        self.generator = torch.Generator().manual_seed(0)
        self.state.register(self.average, *self.schedulers, GeneratorState(self.generator))
        self.state.watch(self.model)

    def train(self, steps: int) -> None:
        """Some steps."""
        for _ in range(steps):
            noise = torch.randn(6) * random.random() + torch.randn(6, generator=self.generator)
            self.accelerator.backward(self.model(noise).square().sum())
            for one in (*self.optimizers, *self.schedulers):
                one.step()
            self.model.zero_grad()
            self.state.step += 1
            self.state.check_weights()
            self.average.update()
            self.state.log({"loss": 1.0})


def resume(folder: Path, *, learns_all: bool) -> None:
    """Goes on with a run, and writes a checkpoint."""
    run = Run(folder, learns_all=learns_all)
    if run.state.resume() is None:
        raise RuntimeError("a run that is there was not found, and would have been begun anew")
    run.train(2)
    with run.average.in_place():
        run.state.check_weights()
    run.state.save()


def write_sizes_anew(folder: Path) -> None:
    """Writes down the sizes of a run's files as they are after an edit."""
    for checkpoint in complete_checkpoints(folder):
        sizes = checkpoint / "file_sizes.json"
        if sizes.is_file() and not sizes.is_symlink():
            sizes.unlink()
            write_file_sizes(checkpoint)
