# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The arguments that all training scripts share, and how arguments are read from a YAML file and from flags."""

import argparse
from collections.abc import Sequence
from dataclasses import MISSING, dataclass, field, fields
from importlib import import_module
from pathlib import Path
from typing import Literal, TypeVar, get_args, get_origin, get_type_hints

import yaml
from accelerate.tracking import LOGGER_TYPE_TO_CLASS, get_available_trackers
from transformers import HfArgumentParser

from nuwa_hf.argument_help import complete_help
from nuwa_hf.argument_hints import what_instead
from nuwa_hf.argument_types import check_types, is_of_type, shown
from nuwa_hf.exit_status import add_verbose


TRACKERS = tuple(sorted(LOGGER_TYPE_TO_CLASS))
ArgumentsT = TypeVar("ArgumentsT", bound="RunArguments")


def argument(default=MISSING, *, help: str):
    """A dataclass field with a help text."""
    return field(default=default, metadata={"help": help})


def require(is_valid: bool, name: str, rule: str, value, remedy: str) -> None:
    """Raises an error if an argument breaks its rule.

    Args:
        is_valid (`bool`): whether the rule holds.
        name (`str`): the argument.
        rule (`str`): the rest of the sentence "`name` must be ...".
        value: what was given.
        remedy (`str`): what to do instead.

    Raises:
        ValueError: If `is_valid` is false.
    """
    if not is_valid:
        raise ValueError(f"`{name}` must be {rule}, got {shown(value)}; {remedy}.")


def require_defaults(
    parser: argparse.ArgumentParser, args: argparse.Namespace, names: Sequence[str], rule: str
) -> None:
    """Raises an error if an argument that would not be read has another value than its default.

    Args:
        parser (`argparse.ArgumentParser`): knows the defaults.
        args (`argparse.Namespace`): what it parsed.
        names (`Sequence[str]`): arguments that are not read.
        rule (`str`): the rest of the sentence "`name` must be ...".

    Raises:
        ValueError: If one was given.
    """
    for name in names:
        value = getattr(args, name)
        require(value == parser.get_default(name), name, rule, value, "drop it")


@dataclass(kw_only=True)
class RunArguments:
    """The arguments that all training runs share: output, length, batch, optimiser, logging.

    One step is one optimiser step of `train_batch_size * gradient_accumulation_steps * processes` samples.

    Raises:
        ValueError: If a value breaks its rule.
        TypeError: If a value has the wrong type.
    """

    output_dir: str = argument(help="Folder of the checkpoints, the metrics, the samples and the finished model.")
    seed: int = argument(0, help="Seed of the weights, of the data and of every other random draw.")
    max_train_steps: int = argument(1000, help="Optimiser steps of the whole run, those before a resume included.")
    max_train_hours: float | None = argument(
        None, help="Hours after which a run writes a checkpoint and ends, to be gone on with by the same command."
    )
    train_batch_size: int = argument(16, help="Samples of one forward pass in each process.")
    gradient_accumulation_steps: int = argument(1, help="Forward passes of one optimiser step.")
    learning_rate: float = argument(1e-4, help="Learning rate after the warm-up.")
    lr_scheduler: Literal["cosine", "constant"] = argument("cosine", help="Course of the learning rate.")
    warmup_ratio: float = argument(0.05, help="Share of the steps over which the learning rate rises from 0.")
    max_grad_norm: float = argument(1.0, help="Gradients are scaled down to this norm.")
    mixed_precision: Literal["no", "bf16", "fp16"] = argument("no", help="Type of the forward pass.")
    non_finite: Literal["stop", "skip"] = argument(
        "stop",
        help="What a NaN or infinity in a step's losses or gradients does: it stops the run, or skips the step.",
    )
    checkpointing_steps: int = argument(500, help="Steps from one checkpoint to the next.")
    checkpoints_total_limit: int = argument(2, help="How many of the newest checkpoints are kept.")
    resume: bool = argument(True, help="Continue from the newest complete checkpoint in output_dir, if there is one.")
    log_every: int = argument(50, help="Steps from one line of metrics.jsonl to the next.")
    log_with: str | None = argument(
        None, help=f"Also log with a tracker: {', '.join(TRACKERS)}, or all that are installed."
    )
    sample_every: int = argument(500, help="Steps from one look at held-out samples to the next.")
    dataloader_num_workers: int = argument(0, help="Processes that draw samples beside each training process.")
    device: Literal["auto", "cpu"] = argument("auto", help="'auto' takes the accelerator where there is one.")

    def __post_init__(self):
        self.validate_types()
        for name in (
            "max_train_steps",
            "train_batch_size",
            "gradient_accumulation_steps",
            "checkpointing_steps",
            "checkpoints_total_limit",
            "log_every",
            "sample_every",
        ):
            self.require_positive(name)
        for name in ("learning_rate", "max_grad_norm", "max_train_hours"):
            self.require_positive(name)
        # numpy takes 32 bits, and further processes add their number.
        is_seed = 0 <= self.seed < 2**31
        require(is_seed, "seed", "at least 0 and fit into 31 bits", self.seed, "use for example 0")
        self.require_share("warmup_ratio")
        workers = self.dataloader_num_workers
        require(workers >= 0, "dataloader_num_workers", "at least 0", workers, "use 0 to draw in the training process")
        check_tracker(self.log_with)

    def require_positive(self, name: str) -> None:
        """Raises ValueError unless the argument called `name` is greater than 0, or None where that is its default."""
        value = getattr(self, name)
        require(value is None or value > 0, name, "greater than 0", value, self._remedy(name))

    def require_share(self, name: str) -> None:
        """Raises ValueError unless the argument called `name` lies in [0, 1], or is None where that is its default."""
        value = getattr(self, name)
        require(value is None or 0 <= value <= 1, name, "a share from 0 to 1", value, self._remedy(name))

    def validate_types(self) -> None:
        """Checks every value against its annotation. An int is accepted for a float."""
        for name, hint in get_type_hints(type(self)).items():
            value = getattr(self, name)
            if type(value) is int and float in (hint, *get_args(hint)):
                value = float(value)
                setattr(self, name, value)
            if isinstance(value, tuple):
                value = list(value)
                setattr(self, name, value)
            if get_origin(hint) is Literal:
                is_known = is_of_type(value, hint)
                require(is_known, name, f"one of {list(get_args(hint))}", value, "choose one of these")
            else:
                check_types({name: value}, {name: hint}, "see --help")

    def _remedy(self, name: str) -> str:
        default = next(entry for entry in fields(self) if entry.name == name).default
        return "leave it out" if default in (None, MISSING) else f"the default is {default!r}"


def check_tracker(log_with: str | None) -> None:
    """Checks that a tracker is one of Accelerate's and can be imported. Accelerate silently ignores one that is not
    installed.

    Args:
        log_with (`str`, *optional*): the tracker's name, or `"all"`; None for none.

    Raises:
        ValueError: If there is no such tracker, or its package is missing or broken.
    """
    if log_with is None:
        return
    names = [*TRACKERS, "all"]
    require(log_with in names, "log_with", f"one of {names}", log_with, "choose one of these")
    installed = sorted(str(name) for name in get_available_trackers())
    wanted = installed if log_with == "all" else [log_with]
    rule, package = f"a tracker that is installed, of {installed}", "trackio" if log_with == "all" else log_with
    remedy = f"`pip install {package}`, or leave it out"
    require(bool(wanted) and set(wanted) <= set(installed), "log_with", rule, log_with, remedy)
    for name in wanted:
        try:
            import_module("torch.utils.tensorboard" if name == "tensorboard" else name)
        except ImportError as error:
            rule, remedy = f"a tracker that can be imported ({error})", f"`pip install {name}`, or leave it out"
            require(False, "log_with", rule, name, remedy)


def argument_parser(cls: type, command: str | None = None, description: str | None = None) -> HfArgumentParser:
    """The parser of a command whose arguments are a dataclass.

    Args:
        cls (`type`): the dataclass; its fields were made by `argument`.
        command (`str`, *optional*): its name, without `nuwa-hf`.
        description (`str`, *optional*): what it does.

    Returns:
        `HfArgumentParser`: with `--config` and `--verbose` besides; it raises ValueError instead of exiting.
    """
    prog = None if command is None else f"nuwa-hf {command}"
    how = {"allow_abbrev": False, "formatter_class": argparse.HelpFormatter}
    parser = _Parser([cls], prog=prog, description=description, **how)
    parser.add_argument("--config", help="YAML file of arguments; flags override it.")
    add_verbose(parser)
    return parser


def parse_arguments(
    cls: type[ArgumentsT], argv: Sequence[str] | None = None, parser: HfArgumentParser | None = None
) -> ArgumentsT:
    """Reads arguments from `--config file.yaml` and from flags; a flag overrides the file.

    Args:
        cls (`type`): `RunArguments` or a subclass.
        argv (`Sequence[str]`, *optional*): the flags; by default those of the process.
        parser (`HfArgumentParser`, *optional*): what `argument_parser` made of the class; by default without a name.

    Returns:
        The validated arguments.

    Raises:
        ValueError: If a key or a flag is unknown (the error says what to do instead), or a value breaks its rule.
        TypeError: If a value has the wrong type.

    Example:
        >>> parse_arguments(RunArguments, ["--output_dir", "run", "--seed", "3"]).seed
        3
    """
    names = [entry.name for entry in fields(cls)]
    config_parser = _Parser([], allow_abbrev=False, add_help=False)
    config_parser.add_argument("--config")
    found, flags = config_parser.parse_known_args(argv)
    parser = argument_parser(cls) if parser is None else parser
    values = {} if found.config is None else _read_yaml(found.config, cls)
    parser.set_defaults(**values)
    if not {"-h", "--help"}.isdisjoint(flags):  # while it knows what must be given
        parser.parse_args(["--help"])
    missing = [action for action in parser._actions if action.required and action.dest not in values]
    for action in parser._actions:
        action.required = False
    rest = parser.parse_known_args(flags)[1]  # first, because what is missing may be there under another name
    if rest:
        raise ValueError(f"Unknown argument {rest[0]!r}; {what_instead(rest[0].lstrip('-').split('=')[0], names)}.")
    for action in missing:
        action.required = True
    return parser.parse_args_into_dataclasses(args=flags)[0]


class _Parser(HfArgumentParser):
    """An `HfArgumentParser` that raises ValueError instead of exiting, and whose help is true."""

    def format_help(self) -> str:
        complete_help(self)
        return super().format_help()

    def error(self, message: str):
        raise ValueError(f"{message}; see --help.")


def _read_yaml(path: str, cls: type) -> dict:
    try:
        values = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise ValueError(f"`config` must be a YAML file, got {path!r}: {error.strerror}; check the path.") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ValueError(f"`config` must be a YAML file, got {path!r}, which is not valid YAML: {error}") from error
    if not isinstance(values, dict):
        raise ValueError(f"`config` must hold `name: value` lines, got {type(values).__name__} in {path!r}.")
    hints = get_type_hints(cls)
    for key, value in values.items():
        if key not in hints:
            raise ValueError(f"Unknown key `{key}` in {path}; {what_instead(str(key), hints)}.")
        values[key] = _as_written(key, value, hints[key])
    return values


def _as_written(name: str, value, annotation):
    """A value of a YAML file, in which a bare `no`, `off`, `yes` or `on` is read as a truth value."""
    if not isinstance(value, bool) or get_origin(annotation) is not Literal:
        return value
    if value is False and "no" in get_args(annotation):
        return "no"
    remedy = "YAML reads no, off, yes and on as truth values, so put a word in quotes"
    return require(False, name, f"one of {list(get_args(annotation))}", value, remedy)
