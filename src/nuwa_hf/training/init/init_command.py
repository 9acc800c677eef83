# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""`nuwa-hf init`: write the settings of every step for a data set, and say which commands to type.

nuwa-hf init my-clips --output_dir runs
"""

import argparse
import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

import torch

from nuwa_hf.exit_status import add_verbose, exit_status
from nuwa_hf.modeling.tokenization_nuwa import NuwaTokenizer
from nuwa_hf.storage.find_checkpoint import EMBEDDED
from nuwa_hf.training.init.commented_yaml import Setting, commented_yaml
from nuwa_hf.training.init.data_facts import DataFacts, look_at
from nuwa_hf.training.init.first_settings import IMAGE_SIZES, MOST_WINDOWS, FirstSettings, Machine, choose_settings
from nuwa_hf.training.nuwa.nuwa_arguments import NuwaArguments
from nuwa_hf.training.nuwa.preset_choice import CPU_TOKENS_PER_SECOND
from nuwa_hf.training.run.next_commands import data_flags
from nuwa_hf.training.tokens.tokenize_arguments import TokenizeArguments
from nuwa_hf.training.vqgan.vqgan_arguments import VQGANArguments


GPU_TOKENS_PER_SECOND = 200_000.0  # a guess, for any GPU
VQGAN_STEPS = 2000
FEW_SAMPLES, CROPS = 10_000, 8
FILES = ("train-vqgan.yaml", "tokenize.yaml", "train.yaml")


def build_parser() -> argparse.ArgumentParser:
    """The command's arguments."""
    parser = argparse.ArgumentParser(
        prog="nuwa-hf init",
        description="Look at a folder or another data set of images or clips, choose settings for it, write them as "
        "commented YAML files, and say which commands to type.",
    )
    parser.add_argument("dataset", metavar="DATA", help="a folder, a file of rows, or a Hub id")
    parser.add_argument("--dataset_split", default="train", help="split of the data set")
    parser.add_argument("--output_dir", type=Path, required=True, help="where the files and the runs go")
    parser.add_argument("--preset", choices=list(IMAGE_SIZES), help="size of the transformer; by default chosen")
    parser.add_argument("--hours", type=float, default=1.0, help="how long the transformer may train (default: 1)")
    parser.add_argument(
        "--tokens_per_second",
        type=float,
        help="what train reports for the preset emoji-motion on this machine; by default "
        f"{CPU_TOKENS_PER_SECOND:g}, that of two CPU cores, or with a GPU a guess, {GPU_TOKENS_PER_SECOND:g}",
    )
    parser.add_argument("--memory_gb", type=float, help="memory to use, in 1e9 bytes; by default the machine's")
    add_verbose(parser)
    return parser


def yaml_files(
    dataset: str, split: str, folder: Path, facts: DataFacts, chosen: FirstSettings, has_gpu: bool
) -> dict[str, str]:
    """The files to write.

    Args:
        dataset (`str`): as the user named it.
        split (`str`): which part of it.
        folder (`Path`): where the runs go.
        facts (`DataFacts`): what the data set is like.
        chosen (`FirstSettings`): what was chosen.
        has_gpu (`bool`): whether there is a GPU.

    Returns:
        `dict[str, str]`: name to text.
    """
    data = {"dataset": Setting(dataset), "dataset_split": Setting(split)}
    parts = {"vqgan": Setting(str(folder / "vqgan" / "vqgan")), "tokenizer": Setting(str(folder / "tokenizer"))}
    every = max(1, chosen.max_train_steps // 5)
    precision = {"mixed_precision": Setting("bf16", "there is a GPU")} if has_gpu else {}
    vqgan = {
        "output_dir": Setting(str(folder / "vqgan")),
        **data,
        "vqgan": Setting(EMBEDDED, "learning on takes minutes, from nothing hours"),
        "image_size": Setting(chosen.image_size, f"the shorter side of the files is {facts.shorter_side}"),
        "max_train_steps": Setting(VQGAN_STEPS),
        "train_batch_size": Setting(16),
        "sample_every": Setting(VQGAN_STEPS // 10),
        "checkpointing_steps": Setting(VQGAN_STEPS // 10),
    }
    if facts.is_still:
        frames = {"num_frames": Setting(1, "most files are still images")}
    else:
        why = f"nine clips of ten last at least {facts.seconds(0.1):.3g} s, at {facts.native_rate:.3g} frames a second"
        frames = {"num_frames": Setting(chosen.num_frames, why), "frame_rate": Setting(chosen.frame_rate)}
    if chosen.stride is not None:
        frames["clips_per_video"] = Setting(MOST_WINDOWS)
        frames["stride"] = Setting(chosen.stride, "samples of a clip follow each other without overlap")
    if chosen.num_samples < FEW_SAMPLES:
        why = "few samples are soon learnt by heart; 1 if captions say where in the picture things are"
        frames["crops_per_clip"] = Setting(CROPS, why)
    tokenize = {
        "output_dir": Setting(str(folder / "tokens")),
        **data,
        "caption_source": Setting(facts.caption_source),
        **parts,
        **frames,
        "device": Setting("cuda" if has_gpu else "cpu"),
    }
    train = {
        "output_dir": Setting(str(folder / "nuwa")),
        **parts,
        "tokens": Setting([str(folder / "tokens")]),
        "validation_share": Setting(chosen.validation_share, f"of the {chosen.num_clips} clips"),
        "preset": Setting(chosen.preset, "by the number of samples, the hours and the memory"),
        "tasks": Setting(list(chosen.tasks)),
        "train_batch_size": Setting(chosen.train_batch_size),
        "gradient_accumulation_steps": Setting(chosen.gradient_accumulation_steps),
        "max_train_steps": Setting(chosen.max_train_steps, "as many as the hours allow, and at most 100 epochs"),
        **precision,
        "log_every": Setting(max(1, chosen.max_train_steps // 40)),
        "sample_every": Setting(every),
        "checkpointing_steps": Setting(every),
    }
    if facts.prompts:
        train["validation_prompts"] = Setting(list(facts.prompts), "captions of the data set; write others")
    last = "nuwa-hf train: learn the transformer. What is not here has a default that suits the preset."
    texts = (
        commented_yaml(VQGANArguments, vqgan, "nuwa-hf train-vqgan: learn the codec of pixels and tokens."),
        commented_yaml(TokenizeArguments, tokenize, "nuwa-hf tokenize: turn the clips into tokens."),
        commented_yaml(NuwaArguments, train, last),
    )
    return dict(zip(FILES, texts, strict=True))


def commands(dataset: str, split: str, folder: Path, facts: DataFacts, chosen: FirstSettings) -> list[str]:
    """What to type, in order.

    Args:
        dataset (`str`): as the user named it.
        split (`str`): which part of it.
        folder (`Path`): where the files are.
        facts (`DataFacts`): what the data set is like.
        chosen (`FirstSettings`): what was chosen.

    Returns:
        `list[str]`: command lines.
    """
    lines = []
    if facts.prompts:
        source = None if facts.caption_source == "auto" else facts.caption_source
        data = data_flags(dataset, split, caption_source=source)
        lines.append(["train-tokenizer", *data, "--output_dir", str(folder / "tokenizer")])
    lines += [[name.removesuffix(".yaml"), "--config", str(folder / name)] for name in FILES]
    task = "text-to-image" if chosen.num_frames == 1 else "text-to-video"
    lines.append([task, *facts.prompts[:1], "--checkpoint", str(folder / "nuwa" / "pipeline")])
    return [shlex.join(["nuwa-hf", *words]) for words in lines]


def main(argv: Sequence[str] | None = None) -> None:
    """Look at a data set, write the files and print the commands.

    Args:
        argv (`Sequence[str]`, *optional*): the command line without the program's name; `None` reads `sys.argv`.

    Raises:
        ValueError: If an argument is wrong, the data set cannot be read, or a file is there already.
    """
    args = build_parser().parse_args(argv)
    there = [name for name in FILES if (args.output_dir / name).exists()]
    if there:
        raise ValueError(
            f"`output_dir` must hold no {', '.join(FILES)}, got {str(args.output_dir)!r} with {', '.join(there)}; use "
            "another folder, or delete them."
        )
    facts = look_at(args.dataset, args.dataset_split)
    has_gpu = torch.cuda.is_available()
    speed = args.tokens_per_second or (GPU_TOKENS_PER_SECOND if has_gpu else CPU_TOKENS_PER_SECOND)
    machine = Machine(args.hours, speed, args.memory_gb or _memory_gb(has_gpu), has_gpu)
    chosen = choose_settings(facts, machine, args.preset)
    texts = yaml_files(args.dataset, args.dataset_split, args.output_dir, facts, chosen, has_gpu)
    args.output_dir.mkdir(parents=True, exist_ok=True)
    if not facts.prompts:  # no captions to learn one from
        NuwaTokenizer.train([]).save_pretrained(args.output_dir / "tokenizer")
    for name, text in texts.items():
        (args.output_dir / name).write_text(text, encoding="utf-8")
    sys.stdout.write(_summary(args, facts, chosen))


def _summary(args: argparse.Namespace, facts: DataFacts, chosen: FirstSettings) -> str:
    captions = {"auto": "a column of captions", "folder": "the names of sub-folders", "none": "none"}
    what = "images" if chosen.num_frames == 1 else f"of {chosen.num_frames} frames at {chosen.frame_rate:g} a second"
    grid = " x ".join(map(str, chosen.grid))
    steps = f"{chosen.max_train_steps} steps of {chosen.train_batch_size * chosen.gradient_accumulation_steps} rows"
    files = [str(args.output_dir / name) for name in FILES]
    lines = [
        f"{args.dataset}: {facts.num_rows} rows, about {chosen.num_samples} samples {what}",
        f"captions: {captions[facts.caption_source]}, of {facts.captioned_share:.0%} of the rows",
        f"chosen: preset {chosen.preset}, {chosen.image_size} pixels, {grid} tokens, {steps}",
        f"written: {', '.join(files)}",
        "",
        "Look at the files, then:",
        *(f"  {line}" for line in commands(args.dataset, args.dataset_split, args.output_dir, facts, chosen)),
    ]
    return "\n".join(lines) + "\n"


def _memory_gb(has_gpu: bool) -> float:
    if has_gpu:
        return torch.cuda.get_device_properties(0).total_memory / 1e9
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9


if __name__ == "__main__":
    raise SystemExit(exit_status(main))
