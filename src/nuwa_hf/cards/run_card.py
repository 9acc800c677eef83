# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The model card of a training run: what the model does, how to load it, and how it was made."""

import json
import math
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import yaml
from huggingface_hub import EvalResult, ModelCard, ModelCardData

from nuwa_hf.cards.shown_values import code_span, fence_around, shown
from nuwa_hf.hub.pushed_files import CARD, THIS_FOLDER
from nuwa_hf.hub.repository_ids import check_license
from nuwa_hf.media import IMAGE_SUFFIXES, written_aside
from nuwa_hf.storage.find_checkpoint import EMBEDDED
from nuwa_hf.storage.folder_contents import Kind, checkpoint_kind, class_name
from nuwa_hf.storage.portable_names import portable_name
from nuwa_hf.tasks import Task, get_task


SAMPLES = "samples"
SUFFIXES = (*IMAGE_SUFFIXES, ".gif")
# The Hub's tag for each task. A model gets the tag of the first of its tasks in this order.
PIPELINE_TAGS = {
    "T2V": "text-to-video",
    "T2I": "text-to-image",
    "V2V": "image-to-video",
    "S2V": "video-to-video",
    "TV2V": "video-to-video",
    "S2I": "image-to-image",
    "I2I": "image-to-image",
    "TI2I": "image-to-image",
}
LIMITS = (
    "It knows the things, motions and words of its training data only, at their size and length. What it draws is not "
    "filtered. It is not Microsoft's model: those weights were never released."
)
TITLES: dict[Kind, str] = {
    "pipeline": "NUWA pipeline",
    "adapter": "NUWA adapter",
    "model": "NUWA model",
    "tokenizer": "NUWA tokenizer",
}
LIBRARIES: dict[Kind, str] = {"pipeline": "diffusers", "adapter": "peft", "model": "nuwa_hf", "tokenizer": "nuwa_hf"}


@dataclass(frozen=True, kw_only=True)
class RunFacts:
    """What a card says about a run.

    Args:
        tasks (`Sequence[str]`, defaults to `()`): the paper's short names, such as `"T2V"`; none for a codec.
        data (`Sequence[str]`, defaults to `()`): the data sets: ids on the Hub, folders, or a sentence each.
        steps (`int`, defaults to 0): optimiser steps.
        scores (`Mapping[str, float]`): the scores, by name.
        configuration (`Mapping[str, Any]`): the run's arguments.
        license (`str`, *optional*): the Hub's short name of the licence, such as `"apache-2.0"`.
        base_model (`str`, *optional*): the model that was fine-tuned: an id on the Hub, `"embedded"`, or a folder.

    Raises:
        ValueError: If a value breaks its rule.
    """

    tasks: Sequence[str] = ()
    data: Sequence[str] = ()
    steps: int = 0
    scores: Mapping[str, float] = field(default_factory=dict)
    configuration: Mapping[str, Any] = field(default_factory=dict)
    license: str | None = None
    base_model: str | None = None

    def __post_init__(self):
        for name in self.tasks:
            get_task(name)
        check_license(self.license)
        for name, value in self.scores.items():
            if not (isinstance(value, int | float) and math.isfinite(value)):
                raise ValueError(f"`scores` must be finite numbers, got {name} = {value!r}; leave it out.")


def write_run_card(folder: Path, *, facts: RunFacts, images: Sequence[Path] = ()) -> Path:
    """Write the card of a run and its sample pictures into the folder that the run made.

    The card calls the folder `path/to/this/folder`; a push puts the repository's id in its place.

    Args:
        folder (`Path`): what `save_pretrained` wrote; `README.md` is replaced, pictures are copied to `samples/`.
        facts (`RunFacts`): what to say.
        images (`Sequence[Path]`, *optional*): pictures, shown in this order.

    Returns:
        `Path`: the card.

    Raises:
        ValueError: If the folder holds nothing to load, or an adapter without a `base_model`; or if a picture is
            missing, has another type or has the same name as another.
        OSError: If the folder is incomplete or cannot be written.
    """
    folder, images = Path(folder), [Path(path) for path in images]
    kind = checkpoint_kind(folder)
    if kind == "adapter" and not facts.base_model:
        raise ValueError("`base_model` must be given for an adapter, got None; it is of no use without it.")
    for path in images:
        if not path.is_file() or path.suffix.lower() not in SUFFIXES:
            raise ValueError(f"`images` must be files of type {', '.join(SUFFIXES)}, got {str(path)!r}.")
    if len({path.name for path in images}) < len(images):
        raise ValueError(f"`images` must have different names, got {[path.name for path in images]}.")
    samples = folder / SAMPLES
    for path in images:
        samples.mkdir(exist_ok=True)
        if path.resolve() != (samples / path.name).resolve():
            shutil.copyfile(path, samples / path.name)
    loader = class_name(folder, kind) if kind in ("pipeline", "model") else None
    metadata = card_metadata(kind, loader, facts)
    text = card_text(kind, loader, facts, [path.name for path in images])
    card = ModelCard(f"---\n{metadata.to_yaml()}\n---\n\n{text}")
    with written_aside(folder / CARD) as aside:
        aside.write_text(str(card), encoding="utf-8")
    return folder / CARD


def task_table(tasks: Sequence[Task]) -> str:
    """A table of tasks in Markdown, with the pipeline of each.

    Args:
        tasks (`Sequence[Task]`): the rows.

    Returns:
        `str`: the table.
    """
    rows = [f"| {task.name.replace('-', ' ')} ({task.abbreviation}) | `{task.pipeline}` |" for task in tasks]
    return "\n".join(["| task | class |", "| --- | --- |", *rows])


def card_metadata(kind: Kind, loader: str | None, facts: RunFacts) -> ModelCardData:
    """The metadata of a card.

    Args:
        kind (`str`): what it holds.
        loader (`str` or None): the class that wrote it.
        facts (`RunFacts`): the run.

    Returns:
        `huggingface_hub.ModelCardData`.
    """
    datasets = [entry for entry in facts.data if _is_on_hub(entry)]
    base = portable_name(facts.base_model) if facts.base_model else None
    pipeline_tag = next((tag for task, tag in PIPELINE_TAGS.items() if task in facts.tasks), None)
    results = [
        EvalResult(
            task_type=pipeline_tag or "other",
            dataset_type=datasets[0] if datasets else "other",
            dataset_name=shown(facts.data[0]) if facts.data else "held-out part of the training data",
            metric_type=re.sub(r"[^a-z0-9]+", "_", metric.lower()).strip("_"),
            metric_name=metric,
            metric_value=value,
        )
        for metric, value in facts.scores.items()
    ]
    return ModelCardData(
        license=facts.license,
        library_name="diffusers" if loader == "NuwaVQGAN" else LIBRARIES[kind],
        pipeline_tag=pipeline_tag,
        tags=["nuwa", "nuwa_hf", *(get_task(task).name for task in facts.tasks), *(["lora"] * (kind == "adapter"))],
        datasets=datasets or None,
        base_model=base if base != EMBEDDED else None,
        model_name=TITLES[kind] if results else None,
        eval_results=results or None,
    )


def card_text(kind: Kind, loader: str | None, facts: RunFacts, images: Sequence[str]) -> str:
    """The text of a card.

    Args:
        kind (`str`): what it holds.
        loader (`str` or None): the class that wrote it.
        facts (`RunFacts`): the run.
        images (`Sequence[str]`): names of the files in `samples/`.

    Returns:
        `str`: Markdown.
    """
    tasks = [get_task(name) for name in facts.tasks]
    base = f" from {_base(facts.base_model)[0]}" if facts.base_model else ""
    does = "It samples the tokens of images and clips."
    if tasks:
        does = f"Trained on {len(tasks)} of NUWA's eight tasks.\n\n{task_table(tasks)}"
    elif kind == "tokenizer":
        does = "It turns texts into tokens."
    elif loader == "NuwaVQGAN":
        does = "It turns images and the frames of clips into tokens, and tokens into images."
    training = f"{facts.steps} optimiser steps{base}."
    if facts.configuration:
        configuration = yaml.safe_dump(shown(facts.configuration), sort_keys=False, allow_unicode=True)
        fence = fence_around(configuration)
        training = f"{training}\n\n{fence}yaml\n{configuration}{fence}"
    scores = "None were measured in this run."
    if facts.scores:
        rows = [f"| {name} | {value:.4g} |" for name, value in facts.scores.items()]
        scores = "\n".join(["| score | value |", "| --- | --- |", *rows])
    sections = {
        "What it does": does,
        "How to load it": _how_to_load(kind, loader, facts),
        "Data": "\n".join(f"- {' '.join(shown(entry).split())}" for entry in facts.data) or "Not stated.",
        "Training": training,
        "Scores": scores,
        "Samples": "\n".join(f"![{Path(name).stem.replace('_', ' ')}]({SAMPLES}/{name})" for name in images)
        or "None were kept.",
        "How it was made": f"With nuwa_hf {version('nuwa_hf')}{base}, which wrote this card from the run.",
        "Limits": LIMITS,
    }
    body = "\n\n".join(f"## {title}\n\n{text}" for title, text in sections.items())
    return f"# {TITLES[kind]}\n\n{_summary(kind, loader)}\n\n{body}\n"


def _summary(kind: Kind, loader: str | None) -> str:
    what = {
        "pipeline": "A pipeline of NUWA, one model for text, images and video",
        "adapter": "An adapter for the transformer of NUWA, one model for text, images and video",
        "model": f"A `{loader}`, a part of NUWA, one model for text, images and video",
        "tokenizer": "The text tokenizer of a NUWA, one model for text, images and video",
    }[kind]
    return f"{what}, for the Python package `nuwa_hf`."


def _how_to_load(kind: Kind, loader: str | None, facts: RunFacts) -> str:
    """Blocks of Python, each of which runs on its own."""
    tasks = [get_task(name) for name in PIPELINE_TAGS if name in facts.tasks]
    pipeline = tasks[0].pipeline if tasks else loader or "NuwaTextToVideoPipeline"
    if kind == "adapter":
        _, imported, base = _base(facts.base_model)
        return (
            f"```python\nfrom nuwa_hf import {', '.join([*imported, pipeline])}\n\n"
            f"pipeline = {pipeline}.from_pretrained({base})\n"
            f'pipeline.load_lora_weights("{THIS_FOLDER}")\n```\n\n'
            "`pipeline.unload_lora_weights()` takes it out again, unless `pipeline.fuse_lora()` came first."
            f"{_where_the_base_is(facts.base_model)}"
        )
    if kind == "pipeline":
        return (
            f"```python\nfrom nuwa_hf import {pipeline}\n\n"
            f'pipeline = {pipeline}.from_pretrained("{THIS_FOLDER}")\n```\n\n'
            "or, once the package is imported, by diffusers alone:\n\n"
            "```python\nimport nuwa_hf  # so that diffusers knows it\nfrom diffusers import DiffusionPipeline\n\n"
            f'pipeline = DiffusionPipeline.from_pretrained("{THIS_FOLDER}")\n```\n\n'
            "The classes of the other tasks load it too, or share its memory with `from_pipe(pipeline)`."
        )
    cls = "NuwaTokenizer" if kind == "tokenizer" else loader
    return f'```python\nfrom nuwa_hf import {cls}\n\npart = {cls}.from_pretrained("{THIS_FOLDER}")\n```'


def _base(base_model: str) -> tuple[str, list[str], str]:
    """A base model's name, what must be imported to load it, and its path as a Python expression."""
    name = portable_name(base_model)
    if name == EMBEDDED:
        return "the embedded checkpoint", ["DEMO_CHECKPOINT"], "DEMO_CHECKPOINT"
    if name is not None:
        return f"`{name}`", [], f'"{name}"'
    folder = Path(base_model).name
    return code_span(folder), [], json.dumps(f"path/to/{folder}", ensure_ascii=False)


def _where_the_base_is(base_model: str) -> str:
    if portable_name(base_model) is not None:
        return ""
    return (
        f"\n\nThe base model is the folder {code_span(Path(base_model).name)} of whoever trained the adapter. It has "
        "no name on the Hub, so the adapter's configuration names none."
    )


def _is_on_hub(name: str) -> bool:
    return portable_name(name) not in (None, EMBEDDED)
