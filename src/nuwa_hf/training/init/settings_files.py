# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The files of settings that a recipe writes, and the commands that read them."""

import math
from dataclasses import dataclass
from pathlib import Path

from nuwa_hf.shell_words import shell_line
from nuwa_hf.storage.find_checkpoint import EMBEDDED
from nuwa_hf.training.init.commented_yaml import Setting, commented_yaml
from nuwa_hf.training.init.costs import Costs, hours
from nuwa_hf.training.init.data_facts import DataFacts
from nuwa_hf.training.init.first_settings import MOST_WINDOWS, FirstSettings, Start
from nuwa_hf.training.nuwa.nuwa_arguments import NuwaArguments
from nuwa_hf.training.run.next_commands import data_flags
from nuwa_hf.training.tokens.tokenize_arguments import TokenizeArguments
from nuwa_hf.training.vqgan.vqgan_arguments import VQGANArguments


VQGAN_STEPS, VQGAN_ROWS = 2000, 16
FEW_SAMPLES, CROPS = 10_000, 8
TASK_WORDS = {"T2V": "clips from texts", "V2V": "clips from their first frame", "T2I": "single frames"}
FILES = ("train-vqgan.yaml", "tokenize.yaml", "train.yaml")


@dataclass(frozen=True)
class Plan:
    """What is to be done with a data set.

    Args:
        dataset (`str`): as the user named it.
        split (`str`): which part of it.
        folder (`Path`): where the files and the runs go.
        facts (`DataFacts`): what the data set is like.
        chosen (`FirstSettings`): what was chosen.
        start (`Start`, *optional*): the checkpoint that is trained further.
        trains_codec (`bool`): whether the codec is trained.
        learns_words (`bool`): whether a text tokenizer is learnt, or a checkpoint's added to.
        device (`str`): the type of the device that trains, such as `"cpu"` or `"cuda"`.
    """

    dataset: str
    split: str
    folder: Path
    facts: DataFacts
    chosen: FirstSettings
    start: Start | None
    trains_codec: bool
    learns_words: bool
    device: str

    @property
    def crops(self) -> int:
        """Random parts of each sample."""
        return CROPS if self.chosen.num_samples < FEW_SAMPLES else 1

    @property
    def codec_start(self) -> str:
        """What the codec's training starts from."""
        return EMBEDDED if self.start is None else self.start.name

    @property
    def file_names(self) -> list[str]:
        """The files, in the order in which they are used."""
        return [name for name in FILES if self.trains_codec or name != FILES[0]]


def _columns(plan: Plan, *names: str) -> dict[str, Setting]:
    """The columns that the user named."""
    named = {name: getattr(plan.facts, name) for name in names}
    return {name: Setting(value) for name, value in named.items() if value is not None}


def vqgan_settings(plan: Plan) -> dict[str, Setting]:
    """The settings of `nuwa-hf train-vqgan`, without what they cost.

    Args:
        plan (`Plan`): what is to be done.

    Returns:
        `dict[str, Setting]`: name to value.
    """
    return {
        "output_dir": Setting(str(plan.folder / "vqgan")),
        "dataset": Setting(plan.dataset),
        "dataset_split": Setting(plan.split),
        **_columns(plan, "media_column"),
        "vqgan": Setting(plan.codec_start, "learning on takes minutes, from nothing hours"),
        "image_size": Setting(plan.chosen.image_size, f"the shorter side of the files is {plan.facts.shorter_side}"),
        "max_train_steps": Setting(VQGAN_STEPS),
        "train_batch_size": Setting(VQGAN_ROWS),
        "sample_every": Setting(VQGAN_STEPS // 10),
        "checkpointing_steps": Setting(VQGAN_STEPS // 10),
    }


def yaml_files(plan: Plan, costs: Costs) -> dict[str, str]:
    """The files to write.

    Args:
        plan (`Plan`): what is to be done.
        costs (`Costs`): what it costs, for the comments.

    Returns:
        `dict[str, str]`: name to text.
    """
    titles = ("learn the codec of pixels and tokens", "turn the clips into tokens", "learn the transformer")
    kinds = (VQGANArguments, TokenizeArguments, NuwaArguments)
    settings = (vqgan_settings(plan), _tokenize_settings(plan, costs), _train_settings(plan, costs))
    if plan.trains_codec and costs.codec_seconds is not None:
        reason = f"about {hours(costs.codec_seconds)} on this machine; more draw finer things"
        settings[0]["max_train_steps"] = Setting(VQGAN_STEPS, reason)
    settings[0]["image_size"] = _with(settings[0]["image_size"], costs.of_frame_size())
    texts = {
        name: commented_yaml(
            kind, values, f"nuwa-hf {name.removesuffix('.yaml')}: {title}. What is not here has a default."
        )
        for name, kind, title, values in zip(FILES, kinds, titles, settings, strict=True)
    }
    return {name: texts[name] for name in plan.file_names}


def _with(setting: Setting, more: str | None) -> Setting:
    return setting if more is None else Setting(setting.value, "; ".join(filter(None, (setting.reason, more))))


def _parts(plan: Plan) -> dict[str, Setting]:
    """How codec and tokenizer are named."""
    found = {}
    if plan.start is not None:
        found["checkpoint"] = Setting(plan.start.name, "what is trained further; the two below replace its parts")
    if plan.trains_codec:
        found["vqgan"] = Setting(str(plan.folder / "vqgan" / "vqgan"))
    if plan.learns_words or plan.start is None:
        found["tokenizer"] = Setting(str(plan.folder / "tokenizer"))
    if plan.start is not None and len(found) == 1:
        found["checkpoint"] = Setting(plan.start.name, "what is trained further")
    return found


def _tokenize_settings(plan: Plan, costs: Costs) -> dict[str, Setting]:
    facts, chosen = plan.facts, plan.chosen
    if facts.is_still:
        frames = {"num_frames": Setting(1, "most files are still images")}
    else:
        why = f"nine clips of ten last at least {facts.seconds(0.1):.3g} s, at {facts.native_rate:.3g} frames a second"
        rate = f"a sample lasts {chosen.num_frames / chosen.frame_rate:.3g} s; a lower rate shows more of a clip"
        frames = {
            "num_frames": Setting(chosen.num_frames, f"{why}; {costs.of_frames()}"),
            "frame_rate": Setting(chosen.frame_rate, rate),
        }
    if chosen.stride is not None:
        why = f"{chosen.num_samples:,} samples of {chosen.num_clips:,} clips"
        frames["clips_per_video"] = Setting(MOST_WINDOWS, why)
        frames["stride"] = Setting(chosen.stride, "samples of a clip follow each other without overlap")
    if plan.crops > 1:
        why = "few samples are soon learnt by heart; 1 if captions say where in the picture things are"
        frames["crops_per_clip"] = Setting(plan.crops, f"{why}; {costs.of_crops()}")
    if chosen.unusable_share > TokenizeArguments.max_skipped_share:
        share = min(1.0, math.ceil(20 * 1.5 * chosen.unusable_share) / 20)
        of = f"{round(chosen.unusable_share * facts.num_looked_at)} of {facts.num_looked_at} that were looked at"
        frames["max_skipped_share"] = Setting(
            share, f"{of} are too short or cannot be read; nuwa-hf inspect names them"
        )
    return {
        "output_dir": Setting(str(plan.folder / "tokens")),
        "dataset": Setting(plan.dataset),
        "dataset_split": Setting(plan.split),
        **_columns(plan, "media_column", "caption_column"),
        "caption_source": Setting(facts.caption_source),
        **_parts(plan),
        **frames,
        "device": Setting(plan.device),
    }


def _train_settings(plan: Plan, costs: Costs) -> dict[str, Setting]:
    chosen, every = plan.chosen, max(1, plan.chosen.max_train_steps // 5)
    steps = f"as many as the hours allow, and at most 100 epochs; {costs.of_steps()}"
    if plan.start is None:
        why = "by the number of samples, the hours and the memory"
        size = {"preset": _with(Setting(chosen.preset, why), costs.of_preset())}
    else:
        size = {"fine_tune": Setting(plan.start.fine_tune)}
    settings = {
        "output_dir": Setting(str(plan.folder / "nuwa")),
        **_parts(plan),
        "tokens": Setting([str(plan.folder / "tokens")]),
        "validation_share": Setting(chosen.validation_share, f"of the {chosen.num_clips} clips"),
        **size,
        "tasks": Setting(list(chosen.tasks), ", ".join(TASK_WORDS[task.split("=")[0]] for task in chosen.tasks)),
        "train_batch_size": Setting(chosen.train_batch_size, costs.of_batch()),
        "gradient_accumulation_steps": Setting(
            chosen.gradient_accumulation_steps, f"{chosen.rows} rows a step; 1 if the memory holds all of them"
        ),
        "max_train_steps": Setting(chosen.max_train_steps, steps),
        **({"mixed_precision": Setting("bf16", "there is a GPU")} if plan.device == "cuda" else {}),
        "log_every": Setting(max(1, chosen.max_train_steps // 40)),
        "sample_every": Setting(every),
        "checkpointing_steps": Setting(every),
    }
    if len(chosen.tasks) == 1:
        settings["tasks"] = Setting(list(chosen.tasks))
    if plan.facts.prompts:
        settings["validation_prompts"] = Setting(list(plan.facts.prompts), "captions of the data set; write others")
    return settings


def commands(plan: Plan) -> list[str]:
    """What to type, in order.

    Args:
        plan (`Plan`): what is to be done.

    Returns:
        `list[str]`: command lines.
    """
    lines = []
    if plan.learns_words:
        source = None if plan.facts.caption_source == "auto" else plan.facts.caption_source
        base = [] if plan.start is None else ["--tokenizer", plan.start.name]
        columns = {"media_column": plan.facts.media_column, "caption_column": plan.facts.caption_column}
        data = data_flags(plan.dataset, plan.split, **columns, caption_source=source)
        lines.append(["train-tokenizer", *base, *data, "--output_dir", str(plan.folder / "tokenizer")])
    lines += [[name.removesuffix(".yaml"), "--config", str(plan.folder / name)] for name in plan.file_names]
    task = "text-to-image" if plan.chosen.num_frames == 1 else "text-to-video"
    lines.append([task, *plan.facts.prompts[:1], "--checkpoint", str(plan.folder / "nuwa" / "pipeline")])
    return [shell_line(["nuwa-hf", *words]) for words in lines]
