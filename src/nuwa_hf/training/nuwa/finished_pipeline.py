# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Writes the results of a run: the pipeline with averaged weights and the LoRA adapter. Pushes them to the Hub."""

import logging
import math
from dataclasses import asdict
from pathlib import Path

from torch import nn

from nuwa_hf.pipelines import NuwaPipelineBase
from nuwa_hf.storage.whole_folders import save_aside
from nuwa_hf.training.nuwa.fine_tuning import merged_copy
from nuwa_hf.training.nuwa.nuwa_arguments import NuwaArguments
from nuwa_hf.training.nuwa.task_batches import parse_task_shares


logger = logging.getLogger(__name__)


def write_pipeline(output_dir: Path, pipeline: NuwaPipelineBase, learner: nn.Module, arguments: NuwaArguments) -> Path:
    """Writes `output_dir/pipeline`, and with LoRA `output_dir/adapter`, as PEFT saves it.

    Args:
        output_dir (`Path`): the run's folder.
        pipeline (`NuwaPipelineBase`): all components. With LoRA, its transformer has the adapters, and they are merged
            into the weights that are written.
        learner (`torch.nn.Module`): the transformer, or with LoRA the `PeftModel` around it.
        arguments (`NuwaArguments`): say what is fine-tuned, and how large a file of weights may be.

    Returns:
        `Path`: the pipeline's folder.
    """
    if arguments.fine_tune == "lora":
        # No embedding has an adapter. "auto" would look for the base model, even on the Hub, to find that out.
        save_aside(output_dir / "adapter", lambda folder: learner.save_pretrained(folder, save_embedding_layers=False))
        pipeline = type(pipeline)(**{**pipeline.components, "transformer": merged_copy(learner)})
    final = output_dir / "pipeline"
    save_aside(final, lambda folder: pipeline.save_pretrained(folder, max_shard_size=arguments.max_shard_size))
    return final


def check_push(arguments: NuwaArguments) -> None:
    """Check the id of the repository to push to.

    Args:
        arguments (`NuwaArguments`): name it.

    Raises:
        ValueError: If it is not of the form `user/model`.
    """
    from nuwa_hf.hub.repository_ids import check_repo_id

    if arguments.push_to_hub:
        check_repo_id(arguments.hub_model_id)


def push_pipeline(
    folder: Path, arguments: NuwaArguments, *, step: int, scores: dict[str, float], base_model: str | None
) -> str:
    """Writes the model card into a finished pipeline and pushes it, in one commit.

    Args:
        folder (`Path`): what `write_pipeline` wrote.
        arguments (`NuwaArguments`): name the repository; the card lists them.
        step (`int`): optimiser steps so far.
        scores (`dict[str, float]`): scores for the card, such as the validation losses.
        base_model (`str`, *optional*): what was fine-tuned.

    Returns:
        `str`: URL of the commit.

    Raises:
        ValueError: If the repository cannot be pushed to.
        OSError: If the push fails.
    """
    from nuwa_hf.cards.run_card import RunFacts, write_run_card
    from nuwa_hf.hub.push_folder import push_folder

    facts = RunFacts(
        tasks=tuple(parse_task_shares(arguments.tasks)),
        data=tuple(arguments.tokens),
        steps=step,
        scores={name: value for name, value in scores.items() if math.isfinite(value)},
        configuration=asdict(arguments),
        base_model=base_model,
    )
    pictures = sorted((folder.parent / "samples").glob(f"step-{step:06d}-*.png"))
    write_run_card(folder, repo_id=arguments.hub_model_id, facts=facts, images=pictures)
    url = push_folder(
        folder, arguments.hub_model_id, private=arguments.hub_private_repo or None, commit_message=f"Step {step}"
    )
    logger.info("Pushed step %d: %s", step, url)
    return url
