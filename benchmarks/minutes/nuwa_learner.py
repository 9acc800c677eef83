# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""This package's transformer with the optimiser, rates and moving average that `nuwa-hf train` has for its preset."""

from collections.abc import Callable

from torch import Tensor

from benchmarks.minutes.timed_training import Learner, warm_up_and_cosine
from nuwa_hf import NuwaForConditionalGeneration
from nuwa_hf.training.nuwa.optimizers import build_optimizers
from nuwa_hf.training.nuwa.preset_defaults import FROM_NOTHING, TABLE
from nuwa_hf.training.run.averaged_weights import AveragedWeights


def nuwa_learner(
    model: NuwaForConditionalGeneration, loss: Callable[[int], Tensor]
) -> tuple[Learner, AveragedWeights]:
    """What trains the transformer.

    Args:
        model (`NuwaForConditionalGeneration`): with what is not to be learnt frozen.
        loss (`Callable[[int], torch.Tensor]`): a step's number to its loss.

    Returns:
        `tuple[Learner, AveragedWeights]`: the learner, and the average that it keeps.
    """
    defaults = TABLE["emoji-motion"][FROM_NOTHING]
    ema = AveragedWeights(model, defaults.ema_decay)
    optimizers = build_optimizers(
        model,
        defaults.optimizer,
        learning_rate=defaults.learning_rate,
        muon_learning_rate=defaults.muon_learning_rate,
        betas=(0.9, 0.95),
        weight_decay=0.01,
    )
    return Learner(model, optimizers, loss, warm_up_and_cosine(defaults.warmup_ratio), ema.update, {"ema": ema}), ema
