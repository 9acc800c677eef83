# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The objects that a run of `nuwa-hf train` works with."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import nn

from nuwa_hf.pipelines import NuwaPipelineBase
from nuwa_hf.training.nuwa.task_batches import TaskBatches
from nuwa_hf.training.run.averaged_weights import AveragedWeights
from nuwa_hf.training.run.run_state import RunState
from nuwa_hf.training.tokens.token_files import TokenFiles
from nuwa_hf.training.tokens.token_mixture import TokenMixture


@dataclass
class NuwaTraining:
    """The objects that training works with.

    Args:
        state (`RunState`): step, arguments and accelerator.
        run (`torch.nn.Module`): the model, as `Accelerator.prepare` gave it, its feed-forward compiled or not.
        learner (`torch.nn.Module`): the same without wrappers: the transformer, or the `PeftModel` around it.
        ema (`AveragedWeights`): the moving average of the trained weights.
        optimizers (`list[torch.optim.Optimizer]`): the prepared optimisers.
        schedulers (`list[torch.optim.lr_scheduler.LRScheduler]`): one for each, stepped once per step.
        batches (`TaskBatches`): makes a step's batches from its indices.
        held_out (`TokenFiles` or `TokenMixture`): clips for the samples.
        validation (`TokenFiles` or `TokenMixture`, *optional*): clips of the validation loss.
        pipeline (`NuwaPipelineBase`): all components, with the transformer in training.
        base_model (`str`, *optional*): what the run started from.
        data (`Sequence[str]`): the data sets that the tokens were made from.
        scores (`dict[str, float]`): the last validation losses.
    """

    state: RunState
    run: nn.Module
    learner: nn.Module
    ema: AveragedWeights
    optimizers: list[torch.optim.Optimizer]
    schedulers: list[torch.optim.lr_scheduler.LRScheduler]
    batches: TaskBatches
    held_out: TokenFiles | TokenMixture
    validation: TokenFiles | TokenMixture | None
    pipeline: NuwaPipelineBase
    base_model: str | None
    data: Sequence[str]
    scores: dict[str, float] = field(default_factory=dict)
