# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Runs the pipeline of a sub-command and writes its results."""

import argparse
import json
import time

import torch

import nuwa_hf
from nuwa_hf.cli.argument_checks import check_arguments
from nuwa_hf.cli.output_files import (
    check_scale,
    check_speed,
    check_writable,
    default_name,
    output_path,
    plan_files,
    write_result,
)
from nuwa_hf.cli.result_sheet import result_sheet
from nuwa_hf.cli.task_arguments import input_files, pipeline_arguments
from nuwa_hf.cli.task_commands import TaskCommand
from nuwa_hf.device_choice import choose_device
from nuwa_hf.media import enlarge, write_png
from nuwa_hf.storage.find_checkpoint import find_checkpoint


def run_task(command: TaskCommand, args: argparse.Namespace) -> None:
    """Make the images or videos and write the files.

    Args:
        command (`TaskCommand`): the sub-command.
        args (`argparse.Namespace`): its parsed arguments.

    Raises:
        OSError: If a file cannot be read or written, or the checkpoint is incomplete.
        TypeError: If an argument is of a wrong type.
        ValueError: If an argument has no valid value.
    """
    start = time.perf_counter()
    check_arguments(command, args)
    given = pipeline_arguments(command, args)
    prompt, count = given.get("prompt"), given[command.count_name]
    paths = [path for _, path in input_files(command, args)]
    output_name = output_path(args.output, default_name(command.task, prompt, paths))
    files = plan_files(output_name, command.task.output, count, args.contact_sheet)
    check_writable(files, paths)
    fps = vars(args).get("fps")
    if fps is not None:
        check_speed(files, fps)
    device = choose_device(args.device)
    seeds = [args.seed + number for number in range(count)]

    checkpoint = find_checkpoint(args.checkpoint)
    pipeline = getattr(nuwa_hf, command.task.pipeline).from_pretrained(checkpoint).to(device)
    check_scale(pipeline.image_size, args.scale)
    if fps is None:
        fps = pipeline.frame_rate
        check_speed(files, fps)
    output = pipeline(**given, generator=[torch.Generator().manual_seed(seed) for seed in seeds])
    clips = [[image] for image in output.images] if command.task.output == "image" else output.frames

    if files.sheet is not None:  # drawn first: if this fails, nothing is written
        sheet = result_sheet(clips, seeds, prompt or command.task.name, pipeline, given, args.scale)
    written = []
    try:
        for clip, clip_paths, seed in zip(clips, files.results, seeds, strict=True):
            for path in clip_paths:
                write_result(enlarge(clip, args.scale), path, fps)
                written.append(f"{path}  (seed {seed})")
        if files.sheet is not None:
            write_png(sheet, files.sheet)
            written.append(str(files.sheet))
    finally:  # said at the end, since whoever reads stdout may have closed it
        for line in [] if args.json else written:
            print(line)
    seconds = time.perf_counter() - start
    if args.json:
        results = [
            {"seed": seed, "files": [str(path) for path in paths]}
            for seed, paths in zip(seeds, files.results, strict=True)
        ]
        about = {"task": command.task.name, "device": str(device), "seconds": round(seconds, 1)}
        sheet_file = None if files.sheet is None else str(files.sheet)
        print(json.dumps({**about, "results": results, "contact_sheet": sheet_file}, indent=2))
        return
    what = f"{count} {command.task.output}{'s' * (count > 1)}"
    print(f"{what} made in {seconds:.1f} s on {device}")
