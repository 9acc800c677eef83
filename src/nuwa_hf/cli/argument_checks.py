# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Checks of a sub-command's arguments, before its checkpoint is read."""

import argparse
import secrets

from nuwa_hf.cli.task_arguments import SEED, input_files, options_of
from nuwa_hf.cli.task_commands import TaskCommand
from nuwa_hf.generation.sampling import SamplingSettings
from nuwa_hf.media.errors import naming
from nuwa_hf.media.frame_sampling import check_frame_rate
from nuwa_hf.media.sources import open_file
from nuwa_hf.pipelines.checks import as_prompt_list, check_whole_number


def check_arguments(command: TaskCommand, args: argparse.Namespace) -> None:
    """Check what can be checked without the checkpoint, and draw a seed if none was given. The pipeline checks the
    rest.

    Args:
        command (`TaskCommand`): the command.
        args (`argparse.Namespace`): its parsed arguments.

    Raises:
        OSError: If an input file does not exist or cannot be opened.
        ValueError: If an argument has no valid value.
    """
    given = {name: value for name, value in vars(args).items() if value is not None}
    for name in ("prompt", "negative_prompt"):
        if name in given:
            as_prompt_list(name, given[name])
    sampling = {"guidance_scale", "temperature", "top_k", "top_p", "min_p"}
    for option in options_of(command):
        is_number = option.type is int and type(option.default) is not bool
        if is_number and option is not SEED and option.name in given.keys() - sampling:
            check_whole_number(option.flag, given[option.name], maximum=option.maximum)
    for name in ("fps", "frame_rate"):
        if name in given:
            check_frame_rate(given[name], f"--{name.replace('_', '-')}")
    SamplingSettings(**{name: value for name, value in given.items() if name in sampling})
    if args.seed is None:
        args.seed = secrets.randbelow(2**31)
    if not 0 <= args.seed < 2**63 - given[command.count_name]:
        raise ValueError(f"`--seed` must be at least 0 and fit into 63 bits, got {args.seed}.")
    for name, path in input_files(command, args):
        if not path.startswith(("http://", "https://")):
            with naming(name, repr(path)), open_file(path):
                pass
