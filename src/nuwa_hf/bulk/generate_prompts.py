# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""An image or a video for each line of a file: `nuwa-hf generate`."""

import json
import logging
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

from accelerate import PartialState
from torch import Tensor
from transformers import HfArgumentParser

from nuwa_hf.bulk.clips_of_rows import BATCHES_AT_ONCE, clips_of_rows
from nuwa_hf.bulk.digests import checkpoint_digest
from nuwa_hf.bulk.generate_arguments import GenerateArguments
from nuwa_hf.bulk.prompt_lines import PromptLines
from nuwa_hf.bulk.prompt_rows import check_prompts
from nuwa_hf.bulk.ray_engine import clips_on_ray
from nuwa_hf.bulk.run_folder import RunFolder
from nuwa_hf.bulk.shared_work import Places, make_missing
from nuwa_hf.device_choice import is_on_cpu
from nuwa_hf.exit_status import exit_status
from nuwa_hf.pipelines import NuwaTextToVideoPipeline
from nuwa_hf.serving import NuwaSampler
from nuwa_hf.storage.find_checkpoint import find_checkpoint
from nuwa_hf.training.run.run_arguments import argument_parser, parse_arguments
from nuwa_hf.training.tokens.ray_engine import ray_cluster


logger = logging.getLogger(__name__)
SUFFIXES = {"image": ".png", "video": ".mp4"}


def build_parser() -> HfArgumentParser:
    """The command's arguments."""
    description = "Make an image or a video for each line of a file. What is there already is not made again."
    return argument_parser(GenerateArguments, "generate", description)


def main(argv: Sequence[str] | None = None) -> None:
    """Make what is missing of the images or videos that a file describes, and their `metadata.jsonl`.

    Args:
        argv (`Sequence[str]`, *optional*): flags of `GenerateArguments`; by default those of the process.

    Raises:
        OSError: If a file cannot be read or written.
        ValueError: If an argument or a line of the file is wrong, or the folder holds something else. Nothing has been
            made then.
    """
    arguments = parse_arguments(GenerateArguments, argv, build_parser())
    lines = PromptLines.read(Path(arguments.prompts))
    is_ray = arguments.engine == "ray"
    state = PartialState(cpu=is_ray or is_on_cpu(arguments.device))
    pipeline = NuwaTextToVideoPipeline.from_pretrained(find_checkpoint(arguments.checkpoint)).to(state.device)
    with ExitStack() as open_resources:
        ray = open_resources.enter_context(ray_cluster()) if is_ray else None
        batch_size = arguments.batch_size
        sampler = NuwaSampler(pipeline, max_batch_size=batch_size, max_waiting=BATCHES_AT_ONCE * batch_size)
        open_resources.enter_context(sampler)
        rows = check_prompts(lines, sampler.pipeline, task=arguments.task, seed=arguments.seed)
        run = RunFolder(
            Path(arguments.output_dir), rows, {"checkpoint": checkpoint_digest(pipeline)}, SUFFIXES[rows.output]
        )
        run.begin()

        def make(batches: Sequence[Places]) -> Iterator[tuple[Places, list[Tensor]]]:
            if not is_ray:
                return clips_of_rows(sampler, rows, batches)
            how = {"batch_size": batch_size, "on_cpu": arguments.device == "cpu"}
            return clips_on_ray(ray, arguments.checkpoint, rows, batches, **how, num_proc=arguments.num_proc)

        try:
            make_missing(
                run,
                rows.batches(batch_size),
                make,
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
        if arguments.json:
            files = [str(run.path(place)) for place in range(len(rows))]
            summary = {"folder": str(run.folder), "kind": rows.output, "samples": len(rows), "files": files}
            summary["seconds_per_sample"] = run.seconds_per_sample()
            sys.stdout.write(f"{json.dumps(summary, indent=2)}\n")


if __name__ == "__main__":
    raise SystemExit(exit_status(main))
