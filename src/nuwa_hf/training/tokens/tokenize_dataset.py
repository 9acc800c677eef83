# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Turn clips into token files: `nuwa-hf tokenize`."""

import logging
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from types import ModuleType
from typing import Any

import torch
from transformers import HfArgumentParser

from nuwa_hf.device_choice import choose_device
from nuwa_hf.exit_status import exit_status
from nuwa_hf.modeling.codec import as_codec
from nuwa_hf.training.run.freed_memory import keep_freed_memory
from nuwa_hf.training.run.next_commands import after_tokens, log_next
from nuwa_hf.training.run.run_arguments import argument_parser, parse_arguments
from nuwa_hf.training.tokens.clip_sources import (
    DATASET_NAME,
    REPEATS_MEDIA,
    captioned_clips,
    check_sketch_vqgan,
    emoji_clips,
    moving_mnist_clips,
    name_of_dataset,
)
from nuwa_hf.training.tokens.clip_tokens import Encoders, tokenize_rows
from nuwa_hf.training.tokens.codec_judgement import judge_codec
from nuwa_hf.training.tokens.float32_convolutions import keep_float32
from nuwa_hf.training.tokens.ray_engine import ray_cluster, write_shards_on_ray
from nuwa_hf.training.tokens.shard_job import ShardJob, ShardRules
from nuwa_hf.training.tokens.token_files import TokenFiles
from nuwa_hf.training.tokens.token_folder import TokenFolder
from nuwa_hf.training.tokens.token_origin import fingerprints
from nuwa_hf.training.tokens.token_report import TokenReport
from nuwa_hf.training.tokens.token_shards import ShardWriter
from nuwa_hf.training.tokens.token_url import token_folder
from nuwa_hf.training.tokens.tokenize_arguments import TokenizeArguments
from nuwa_hf.training.tokens.tokenize_processes import tokenize_on_processes, write_shards_here


logger = logging.getLogger(__name__)

CLIPS_PER_SHARD = 2048
CLIPS_PER_BATCH = 32
FOUND_LATER = ("num_clips", "num_shards")  # of a streamed data set, whose rows are counted as they are read


def no_clips(arguments: TokenizeArguments, encoders: Encoders) -> TokenFiles:
    """Tokens of zero clips, in the shapes that clips would have.

    Args:
        arguments (`TokenizeArguments`): give the frames.
        encoders (`Encoders`): give the grid and the length of texts.

    Returns:
        `TokenFiles`.
    """
    codec = as_codec(encoders.vqgan)
    grid = codec.grid(arguments.clip_frames(), codec.sample_size, codec.sample_size)
    visual = torch.zeros(0, *grid, dtype=torch.int32)
    text = torch.zeros(0, encoders.tokenizer.model_max_length, dtype=torch.int32)
    sketch = None if encoders.sketch_vqgan is None else visual
    return TokenFiles(visual, text, text, torch.zeros(0, dtype=torch.int32), sketch)


def prepare_folder(folder: TokenFolder, metadata: dict[str, Any]) -> None:
    """Create the folder of the token files, or check that its contents were made from the same things.

    Args:
        folder (`TokenFolder`): the folder, or the URL.
        metadata (`dict[str, Any]`): what they are made from; `num_shards` is None if it is not known yet.

    Raises:
        OSError: If it cannot be created or reached.
        ValueError: If it holds token files made from something else.
    """
    folder.prepare()
    if not folder.has_metadata():
        folder.write_metadata(metadata)
        return
    found = folder.read_metadata()
    later = set(FOUND_LATER if metadata["num_shards"] is None else ())
    # A stream has no digest. Files of earlier versions do not say theirs, nor what their data is called, nor whether
    # clips have several rows.
    may_lack = ("dataset_digest", REPEATS_MEDIA, DATASET_NAME)
    later |= {name for name in may_lack if found.get(name) is None or metadata.get(name) is None}
    other = sorted(name for name in {**found, **metadata}.keys() - later if found.get(name) != metadata.get(name))
    if other and set(other) <= {"dataset_digest", "num_rows"}:
        raise ValueError(
            f"`dataset` must be as it was when {str(folder)!r} was begun, got files or captions that were added, "
            "removed or changed since; use another `output_dir`, or delete this one."
        )
    if other:
        raise ValueError(
            f"`output_dir` must be a new folder or hold token files of the same arguments, got {str(folder)!r}, whose "
            f"{', '.join(name[:40] for name in other[:10])} differ; use another."
        )


def build_parser() -> HfArgumentParser:
    """The command's arguments."""
    description = "Turn clips into token files. The same command goes on where it was stopped."
    return argument_parser(TokenizeArguments, "tokenize", description)


def main(argv: Sequence[str] | None = None) -> None:
    """Write token files. Existing shards are kept, so a stopped run can continue.

    Args:
        argv (`Sequence[str]`, *optional*): flags of `TokenizeArguments`; by default those of the process.

    Raises:
        OSError: If a file cannot be written, for example because the disk is full.
        ValueError: If an argument is wrong, the data set is empty or has too many unusable rows, or the folder holds
            token files from other arguments, another codec or another tokenizer, or a damaged one.
    """
    arguments = parse_arguments(TokenizeArguments, argv, build_parser())
    if arguments.engine == "local":  # where Ray starts its work there need be no GPU
        choose_device(arguments.device)
    folder = token_folder(arguments.output_dir)
    with nullcontext() if arguments.engine == "local" else ray_cluster() as ray:
        _tokenize(arguments, folder, ray)


def _tokenize(arguments: TokenizeArguments, folder: TokenFolder, ray: ModuleType | None) -> None:
    keep_float32()
    if arguments.device == "cpu":
        keep_freed_memory()
    folders = arguments.codec_folders()
    encoders = Encoders.load(**folders, device=arguments.device if ray is None else "cpu")
    check_sketch_vqgan(encoders, has_emoji=arguments.dataset is None)
    clips_per_shard = arguments.clips_per_shard or CLIPS_PER_SHARD
    made_with, empty, skips, left_out = fingerprints(**vars(encoders)), None, {}, []
    is_drawn = arguments.dataset is None or arguments.is_moving_mnist
    if is_drawn:
        source, metadata = (emoji_clips if arguments.dataset is None else moving_mnist_clips)(arguments)
        cut = {} if arguments.clips_per_shard is None else {"clips_per_shard": clips_per_shard}
        num_shards = -(-arguments.num_clips // clips_per_shard)
        metadata = {**metadata, **made_with, **cut, "num_shards": num_shards}
    else:
        source, metadata, left_out = captioned_clips(arguments, encoders)
        metadata = {**metadata, **made_with, "clips_per_shard": clips_per_shard, "num_shards": None}
        empty, skips = no_clips(arguments, encoders), {"max_skipped_share": arguments.max_skipped_share}
    metadata[DATASET_NAME] = name_of_dataset(arguments.dataset, arguments.setting)
    prepare_folder(folder, metadata)
    if REPEATS_MEDIA in metadata and REPEATS_MEDIA not in folder.read_metadata():
        source.reader = replace(source.reader, first_rows=None)  # as an earlier version began the folder
    report = TokenReport.begin(folder, arguments, encoders, judge_codec(encoders.vqgan, source), left_out)
    rules = ShardRules(folder, clips_per_shard, CLIPS_PER_BATCH, made_with["codec"], empty)
    writer = ShardWriter(rules, source, **skips)
    num_proc, device = arguments.num_proc, arguments.device
    if ray is not None:
        job = ShardJob(replace(rules, folder=folder.absolute()), source, encoders)
        content = writer.write(partial(write_shards_on_ray, ray, job, device, num_proc))
    elif num_proc is None or num_proc == 1:
        tokenize = partial(map, partial(tokenize_rows, encoders, source.reader))
        content = writer.write(partial(write_shards_here, rules, source, tokenize))
    else:
        del encoders  # each process has its own
        processes = {"folders": folders, "device": device, "num_proc": num_proc}
        tokenize = partial(tokenize_on_processes, reader=source.reader, **processes)
        content = writer.write(partial(write_shards_here, rules, source, tokenize))
    report.finish(content)
    parts = ("checkpoint", "vqgan", "tokenizer", "sketch_vqgan")
    named = {name: getattr(arguments, name) for name in parts}
    is_still = not is_drawn and arguments.clip_frames() == 1
    tokens = arguments.output_dir
    if folder.is_url:
        logger.info("Copy %s to a folder of each machine that trains, here called TOKENS.", tokens)
        tokens = "TOKENS"
    log_next(after_tokens(tokens, num_clips=content.num_clips, is_still=is_still, **named))


if __name__ == "__main__":
    raise SystemExit(exit_status(main))
