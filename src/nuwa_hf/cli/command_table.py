# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""All commands of `nuwa-hf`, in the order of work."""

from dataclasses import dataclass

from nuwa_hf.cli.task_commands import TASK_COMMANDS


@dataclass(frozen=True)
class Command:
    """A command with `build_parser()` and `main(argv)` in a module of its own, which is imported on demand.

    Args:
        module (`str`): the module.
        summary (`str`): what it does, in a few words.
    """

    module: str
    summary: str


# What one wants to do, in words, and the commands for it. The commands of the eight tasks make things, too.
GROUPS = {
    "make": {
        "generate": Command("nuwa_hf.bulk.generate_prompts", "make an image or a video for each line of a file"),
        "app": Command("nuwa_hf.app.app_command", "the eight tasks in the browser"),
    },
    "prepare": {
        "inspect": Command("nuwa_hf.training.tokens.inspect_dataset", "look at clips before anything is learnt"),
        "init": Command("nuwa_hf.training.init.init_command", "write the settings of all steps for a data set"),
        "train-tokenizer": Command("nuwa_hf.training.tokens.train_tokenizer", "learn a text tokenizer from captions"),
        "tokenize": Command("nuwa_hf.training.tokens.tokenize_dataset", "turn clips into token files"),
    },
    "train": {
        "memory": Command("nuwa_hf.training.nuwa.memory_command", "work out the memory that training takes"),
        "train-vqgan": Command("nuwa_hf.training.vqgan.train_vqgan", "train the codec"),
        "merge-codes": Command("nuwa_hf.training.vqgan.merge_codes", "join codes of a codec that say nearly the same"),
        "train": Command("nuwa_hf.training.nuwa.train_nuwa", "train the transformer and write a pipeline"),
    },
    "judge": {
        "info": Command("nuwa_hf.info.info_command", "say what a checkpoint can do, how large and how good it is"),
        "train-judges": Command(
            "nuwa_hf.evaluation.judges.train_judges", "train the networks that judge videos of EmojiMotion"
        ),
        "evaluate": Command(
            "nuwa_hf.evaluation.evaluate_checkpoint", "measure a checkpoint on any data set, or as a paper did"
        ),
        "compare": Command(
            "nuwa_hf.evaluation.compare_folders", "measure a folder of images or clips against another"
        ),
    },
    "share": {
        "push": Command("nuwa_hf.hub.push", "push a checkpoint to the Hub"),
        "push-space": Command("nuwa_hf.hub.push_space", "push the app on a checkpoint to the Hub, as a Space"),
    },
}
DELEGATED = {name: command for group in GROUPS.values() for name, command in group.items()}


def grouped_summaries() -> dict[str, dict[str, str]]:
    """Every command in its group.

    Returns:
        `dict[str, dict[str, str]]`: group to command to what it does.
    """
    of_tasks = {name: command.summary for name, command in TASK_COMMANDS.items()}
    found = {title: {name: command.summary for name, command in group.items()} for title, group in GROUPS.items()}
    return {**found, "make": of_tasks | found["make"]}


def all_summaries() -> dict[str, str]:
    """Every command and what it does, in the order of work."""
    return {name: summary for group in grouped_summaries().values() for name, summary in group.items()}


def overview() -> str:
    """What `nuwa-hf` alone prints: a line for each command, in the order of work.

    Returns:
        `str`: the lines.
    """
    width = max(map(len, all_summaries()))
    lines = []
    for title, group in grouped_summaries().items():
        lines += [f"{title}:", *(f"  {name:<{width}}  {summary}" for name, summary in group.items()), ""]
    return "\n".join(lines)
