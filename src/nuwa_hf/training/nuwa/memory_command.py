# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""`nuwa-hf memory`: the memory that a training run takes on each GPU, worked out before anything is computed.

    nuwa-hf memory --preset small --train_batch_size 32
    nuwa-hf memory --checkpoint embedded --fine_tune lora
    nuwa-hf memory --config train.yaml --num_processes 8 --strategy fsdp

It takes the arguments of `nuwa-hf train`, none of which has to be given.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from safetensors import safe_open
from transformers import HfArgumentParser

from nuwa_hf.exit_status import exit_status
from nuwa_hf.grid import Grid
from nuwa_hf.modeling.configuration_nuwa import NuwaConfig
from nuwa_hf.modeling.token_checks import check_grid
from nuwa_hf.tasks import get_task
from nuwa_hf.training.nuwa.components import find_start
from nuwa_hf.training.nuwa.memory_estimate import memory_table, on_meta
from nuwa_hf.training.nuwa.nuwa_arguments import SIZES, NuwaArguments
from nuwa_hf.training.nuwa.preset_defaults import with_defaults
from nuwa_hf.training.nuwa.task_shares import deal_rows, parse_task_shares
from nuwa_hf.training.run.run_arguments import argument, argument_parser, parse_arguments, require
from nuwa_hf.training.tokens.token_files import shard_path
from nuwa_hf.training.tokens.token_mixture import parse_token_sources


# What training takes from its codecs, its tokenizer and its clips.
OF_COMPONENTS = ("visual_grid", "vocab_size", "codebook_size", "sketch_codebook_size")


@dataclass(kw_only=True)
class MemoryArguments(NuwaArguments):
    """The arguments of `nuwa-hf memory`: those of `train`, and the machines.

    Raises:
        ValueError: If a value breaks its rule.
        TypeError: If a value has the wrong type.
    """

    output_dir: str = argument("", help="Nothing is written.")
    tokens: list[str] = field(
        default_factory=list, metadata={"help": "Folders of token files, to look up the grid of the clips."}
    )
    num_processes: int = argument(1, help="GPUs, or processes on a CPU.")
    strategy: Literal["ddp", "zero2", "fsdp"] = argument(
        "ddp", help="What is divided among them: nothing, or as ZeRO-2 or FSDP2 do."
    )
    visual_grid: list[int] | None = field(
        default=None, metadata={"help": "Frames, rows and columns of a clip's tokens; else those of `tokens`."}
    )
    vocab_size: int | None = argument(None, help="Text tokens; else the preset's.")
    codebook_size: int | None = argument(None, help="Visual tokens; else the preset's.")
    sketch_codebook_size: int | None = argument(None, help="Sketch tokens; else the preset's.")

    def __post_init__(self):
        super().__post_init__()
        self.require_positive("num_processes")
        for name in OF_COMPONENTS[1:]:
            self.require_positive(name)
        grid = self.visual_grid
        is_grid = grid is None or (len(grid) == 3 and min(grid) > 0)
        require(is_grid, "visual_grid", "three numbers above 0: frames, rows, columns", grid, "use for example 6 8 8")

    def check_start(self) -> None:
        """Check that sizes are not given for an existing transformer, which has its own.

        Raises:
            ValueError: If they are.
        """
        self.refuse_beside_start((*SIZES, *OF_COMPONENTS))


def config_of(arguments: MemoryArguments) -> NuwaConfig:
    """The sizes that the arguments mean: a checkpoint's, or a preset's with what replaces them.

    Args:
        arguments (`MemoryArguments`): name a checkpoint, or a preset.

    Returns:
        `NuwaConfig`: with the grid of the token files, if they are there.

    Raises:
        OSError: If the checkpoint cannot be found.
        ValueError: If the grid is larger than the positions that the checkpoint has learnt.
    """
    start, grid = _start(arguments), _grid_of_tokens(arguments)
    if start is not None:
        if grid is not None:
            check_grid(grid, start)
            start.visual_grid = tuple(grid)
        return start
    names = (*SIZES, *OF_COMPONENTS, "condition_window")
    values = {name: value for name in names if (value := getattr(arguments, name)) is not None}
    if grid is not None:
        values.setdefault("visual_grid", tuple(grid))
    return NuwaConfig.from_preset(arguments.preset, **values)


def videos_of_a_batch(arguments: MemoryArguments, num_frames: int) -> float:
    """How many videos have as many visual tokens as the largest batch of a process.

    Args:
        arguments (`MemoryArguments`): tasks, rows, passes and processes.
        num_frames (`int`): frames of a video.

    Returns:
        `float`: above 0.
    """
    processes, rows = arguments.num_processes, arguments.train_batch_size
    counts = deal_rows(
        parse_task_shares(arguments.tasks),
        rows,
        processes=processes,
        passes=arguments.gradient_accumulation_steps,
    )
    videos = [
        1 if get_task(task).output == "video" else 1 / num_frames for task in counts for _ in range(counts[task])
    ]
    return max(
        sum(videos[first + process : first + rows * processes : processes])
        for first in range(0, len(videos), rows * processes)
        for process in range(processes)
    )


def build_parser() -> HfArgumentParser:
    """The command's arguments."""
    description = (
        "Work out the memory that training takes on each GPU, before anything is computed. "
        "It takes the arguments of nuwa-hf train, none of which has to be given."
    )
    return argument_parser(MemoryArguments, "memory", description)


def main(argv: Sequence[str] | None = None) -> None:
    """Prints the sizes and the table.

    Args:
        argv (`Sequence[str]`, *optional*): `--config file.yaml` and flags; by default those of the process.

    Raises:
        ValueError: If an argument is unknown or breaks its rule.
        TypeError: If an argument has the wrong type.
        OSError: If a checkpoint cannot be found.
    """
    arguments = parse_arguments(MemoryArguments, argv, build_parser())
    start = _start(arguments)
    arguments, config = with_defaults(arguments, start), config_of(arguments)
    setting = {
        "num_processes": arguments.num_processes,
        "strategy": arguments.strategy,
        "rows": videos_of_a_batch(arguments, config.visual_grid[0]),
        "passes": arguments.gradient_accumulation_steps,
        "mixed_precision": "no" if arguments.mixed_precision == "no" else "bf16",  # as many bytes as fp16
        "optimizer": arguments.optimizer,
        "gradient_checkpointing": arguments.gradient_checkpointing,
        "fine_tune": arguments.fine_tune,
        "lora_rank": arguments.lora_rank,
        "lora_target_modules": arguments.lora_target_modules,
    }
    model = on_meta(config, arguments.fine_tune, arguments.lora_rank, arguments.lora_target_modules)
    numbers = [weight.numel() for weight in model.parameters()]
    learnt = [weight.numel() for weight in model.parameters() if weight.requires_grad]
    name = arguments.transformer or arguments.checkpoint or arguments.preset
    sys.stdout.write(
        f"{name}: {sum(numbers) / 1e6:.1f} M parameters, {sum(learnt) / 1e6:.1f} M of them learnt, clips of "
        f"{' x '.join(map(str, config.visual_grid))} tokens, {arguments.optimizer}. In GB (1e9 bytes), on each GPU; "
        "rows count the batch in videos:\n\n"
    )
    sys.stdout.write(memory_table(config, [setting]))


def _start(arguments: MemoryArguments) -> NuwaConfig | None:
    transformer, subfolder = find_start(arguments)
    return None if transformer is None else NuwaConfig.from_pretrained(transformer, subfolder=subfolder)


def _grid_of_tokens(arguments: MemoryArguments) -> Grid | None:
    """The grid of the first token files, if they are there."""
    if not arguments.tokens:
        return None
    for source in parse_token_sources(arguments.tokens, parse_task_shares(arguments.tasks)):
        path = shard_path(Path(source.folder), 0)
        if path.is_file():
            with safe_open(path, "pt") as file:
                return Grid(*file.get_slice("video_tokens").get_shape()[1:])
    return None


if __name__ == "__main__":
    raise SystemExit(exit_status(main))
