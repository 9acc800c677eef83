# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""An image or a video for each line of a file: `nuwa-hf generate`."""

import logging
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import torch
from accelerate import PartialState
from diffusers.utils import logging as diffusers_logging
from torch import Tensor

from nuwa_hf.bulk.digests import checkpoint_digest
from nuwa_hf.bulk.generate_arguments import GenerateArguments
from nuwa_hf.bulk.prompts_file import PromptRow, PromptRows, read_prompts
from nuwa_hf.bulk.run_folder import RunFolder
from nuwa_hf.bulk.shared_work import Places, make_missing
from nuwa_hf.exit_status import exit_status
from nuwa_hf.pipelines import NuwaTextToVideoPipeline
from nuwa_hf.serving import NuwaSampler
from nuwa_hf.storage.find_checkpoint import find_checkpoint
from nuwa_hf.training.run.run_arguments import parse_arguments


logger = logging.getLogger(__name__)
SUFFIXES = {"image": ".png", "video": ".mp4"}


def main(argv: Sequence[str] | None = None) -> None:
    """Make what is missing of the images or videos that a file describes, and their `metadata.jsonl`.

    Args:
        argv (`Sequence[str]`, *optional*): flags of `GenerateArguments`; by default those of the process.

    Raises:
        OSError: If a file cannot be read or written.
        ValueError: If an argument or a line of the file is wrong, or the folder holds something else. Nothing has been
            made then.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s: %(message)s")
    diffusers_logging.set_verbosity_error()
    arguments = parse_arguments(GenerateArguments, argv)
    state = PartialState(cpu=arguments.device == "cpu")
    pipeline = NuwaTextToVideoPipeline.from_pretrained(find_checkpoint(arguments.checkpoint)).to(state.device)
    with NuwaSampler(pipeline, max_batch_size=arguments.batch_size) as sampler:
        rows = read_prompts(Path(arguments.prompts), sampler.pipeline, task=arguments.task, seed=arguments.seed)
        settings = {"checkpoint": checkpoint_digest(pipeline)}
        run = RunFolder(Path(arguments.output_dir), rows, settings, SUFFIXES[rows.output])
        run.begin()
        try:
            make_missing(
                run,
                rows.batches(arguments.batch_size),
                lambda batches: _made(sampler, rows, batches),
                frame_rate=pipeline.frame_rate,
                state=state,
                description=f"{rows.output}s",
            )
        except KeyboardInterrupt:
            there = len(rows) - len(run.missing())
            raise KeyboardInterrupt(f"{there} of {len(rows)} are there; the same command goes on.") from None
    if state.is_main_process:
        run.finish(row.metadata for row in rows.rows)
        logger.info("%d %ss and metadata.jsonl are in %s.", len(rows), rows.output, run.folder)


def _made(sampler: NuwaSampler, rows: PromptRows, batches: Iterable[Places]) -> Iterator[tuple[Places, list[Tensor]]]:
    """The clips of each batch; while it is sampled, the files of the next are read, and those of the last written."""
    running: deque[tuple[Places, list[Future]]] = deque()
    for places in batches:
        calls = [(row.task.name, _arguments(row)) for row in (rows.rows[place] for place in places)]
        running.append((places, sampler.submit_many(calls)))
        if len(running) > 1:
            yield _clips(*running.popleft(), rows)
    while running:
        yield _clips(*running.popleft(), rows)


def _arguments(row: PromptRow) -> dict[str, Any]:
    return {**row.arguments, "generator": torch.Generator().manual_seed(row.seed), "output_type": "pt"}


def _clips(places: Places, futures: Sequence[Future], rows: PromptRows) -> tuple[Places, list[Tensor]]:
    clips = []
    for place, future in zip(places, futures, strict=True):
        try:
            (pixels,) = future.result()[0]
        except ValueError as error:
            raise ValueError(f"line {rows.rows[place].line}: {error}") from error
        pixels = (pixels.float() * 255).round().byte().cpu()
        clips.append(pixels[None] if rows.output == "image" else pixels)
    return places, clips


if __name__ == "__main__":
    raise SystemExit(exit_status(main))
