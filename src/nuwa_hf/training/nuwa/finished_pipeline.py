# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Writes the results of a run: the pipeline with averaged weights and the LoRA adapter. Pushes them to the Hub."""

import json
import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from torch import nn

from nuwa_hf.cards.run_card import SAMPLES, RunFacts, write_run_card
from nuwa_hf.hub.push_folder import push_folder
from nuwa_hf.hub.repository_ids import check_license, check_repo_id
from nuwa_hf.pipelines import NuwaPipelineBase
from nuwa_hf.storage.portable_names import make_portable
from nuwa_hf.storage.whole_folders import save_aside
from nuwa_hf.training.nuwa.fine_tuning import merged_copy
from nuwa_hf.training.nuwa.nuwa_arguments import NuwaArguments
from nuwa_hf.training.nuwa.task_shares import parse_task_shares


logger = logging.getLogger(__name__)


def write_pipeline(
    output_dir: Path, pipeline: NuwaPipelineBase, learner: nn.Module, arguments: NuwaArguments, facts: RunFacts
) -> Path:
    """Writes `output_dir/pipeline`, and with LoRA `output_dir/adapter`, as PEFT saves it, each with its model card.

    Args:
        output_dir (`Path`): the run's folder.
        pipeline (`NuwaPipelineBase`): all components. With LoRA, its transformer has the adapters, and they are merged
            into the weights that are written.
        learner (`torch.nn.Module`): the transformer, or with LoRA the `PeftModel` around it.
        arguments (`NuwaArguments`): say what is fine-tuned, and how large a file of weights may be.
        facts (`RunFacts`): what the cards say; `facts.steps` chooses the sheets of samples that they show.

    Returns:
        `Path`: the pipeline's folder.
    """
    pictures = sorted((output_dir / SAMPLES).glob(f"step-{facts.steps:06d}-*.png"))

    def finish(folder: Path) -> None:
        make_portable(folder)
        write_run_card(folder, facts=facts, images=pictures)

    def write_adapter(folder: Path) -> None:
        # No embedding has an adapter. "auto" would look for the base model, even on the Hub, to find that out.
        learner.save_pretrained(folder, save_embedding_layers=False)
        _sort_names_of_modules(folder / "adapter_config.json")
        finish(folder)

    def write_whole(folder: Path) -> None:
        pipeline.save_pretrained(folder, max_shard_size=arguments.max_shard_size)
        finish(folder)

    if arguments.fine_tune == "lora":
        save_aside(output_dir / "adapter", write_adapter)
        pipeline = type(pipeline)(**{**pipeline.components, "transformer": merged_copy(learner)})
    save_aside(output_dir / "pipeline", write_whole)
    return output_dir / "pipeline"


def _sort_names_of_modules(file: Path) -> None:
    """PEFT writes its sets of names in the order of their hashes, another one in each process."""
    settings = json.loads(file.read_text(encoding="utf-8"))
    settings |= {
        name: sorted(settings[name])
        for name in ("target_modules", "exclude_modules")
        if isinstance(settings.get(name), list)
    }
    file.write_text(json.dumps(settings, indent=2), encoding="utf-8")


def facts_of_run(
    arguments: NuwaArguments, *, data: Sequence[str], step: int, scores: Mapping[str, float], base_model: str | None
) -> RunFacts:
    """What the cards of a run say.

    Args:
        arguments (`NuwaArguments`): the run's arguments; the cards list them.
        data (`Sequence[str]`): what the tokens were made from.
        step (`int`): optimiser steps so far.
        scores (`Mapping[str, float]`): such as the validation losses; those that are not finite are left out.
        base_model (`str`, *optional*): what was fine-tuned.

    Returns:
        `RunFacts`.
    """
    return RunFacts(
        tasks=tuple(parse_task_shares(arguments.tasks)),
        data=data,
        steps=step,
        scores={name: value for name, value in scores.items() if math.isfinite(value)},
        configuration=asdict(arguments),
        license=arguments.license,
        base_model=base_model,
    )


def check_push(arguments: NuwaArguments) -> None:
    """Check the id of the repository to push to, and the licence.

    Args:
        arguments (`NuwaArguments`): name them.

    Raises:
        ValueError: If one has another form.
    """
    check_license(arguments.license)
    if arguments.push_to_hub:
        check_repo_id(arguments.hub_model_id)


def push_pipeline(folder: Path, arguments: NuwaArguments, *, step: int) -> str:
    """Pushes a finished pipeline with its card, in one commit.

    Args:
        folder (`Path`): what `write_pipeline` wrote.
        arguments (`NuwaArguments`): name the repository.
        step (`int`): optimiser steps so far.

    Returns:
        `str`: URL of the commit.

    Raises:
        ValueError: If the repository cannot be pushed to.
        OSError: If the push fails.
    """
    url = push_folder(
        folder, arguments.hub_model_id, private=arguments.hub_private_repo or None, commit_message=f"Step {step}"
    )
    logger.info("Pushed step %d: %s", step, url)
    return url
