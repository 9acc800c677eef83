# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""How a judge's training goes: a bar that also knows the time that it may take, and whether its numbers are finite."""

from torch import nn
from tqdm import tqdm

from nuwa_hf.training.run.finite_values import loss_that_is_not_finite, weight_that_is_not_finite


BAR = "{l_bar}{bar}| {n_fmt}/{total_fmt} [{elapsed}<{left}, {rate_fmt}{postfix}]"


def seconds_left(step: int, steps: int, elapsed: float, max_seconds: float) -> float | None:
    """How long a training that ends after so many steps, or so many seconds, will still take.

    Args:
        step (`int`): the steps that are done.
        steps (`int`): steps at most.
        elapsed (`float`): the seconds since it began.
        max_seconds (`float`): seconds at most; infinite for no limit.

    Returns:
        `float`: the seconds to go; None before the first step.
    """
    if step == 0:
        return None
    return max(0.0, min((steps - step) * elapsed / step, max_seconds - elapsed))


class JudgeProgress(tqdm):
    """A bar of tqdm with `seconds_left` in the place of tqdm's own estimate, which knows of the steps alone.

    Args:
        arguments: those of tqdm.
        max_seconds (`float`): seconds at most.
        named: those of tqdm.
    """

    def __init__(self, *arguments, max_seconds: float, **named):
        self.max_seconds = max_seconds
        super().__init__(*arguments, bar_format=BAR, **named)

    @property
    def format_dict(self) -> dict:
        """What the bar shows, by name."""
        known = super().format_dict
        left = seconds_left(known["n"], known["total"], known["elapsed"], self.max_seconds)
        return known | {"left": "?" if left is None else self.format_interval(left)}


def check_loss(judge: nn.Module, step: int, loss: float) -> None:
    """Require the loss of a step to be finite.

    Args:
        judge (`nn.Module`): what learns.
        step (`int`): the step, from 1 on.
        loss (`float`): its loss.

    Raises:
        FloatingPointError: If it is NaN or infinite.
    """
    wrong = loss_that_is_not_finite({"loss": loss})
    if wrong is not None:
        raise FloatingPointError(
            f"{type(judge).__name__} stopped at step {step}: {wrong}; nothing of it was saved. Run the command again "
            "with a lower `learning_rate`, or look at the data."
        )


def check_weights(judge: nn.Module) -> None:
    """Require the weights of a judge to be finite.

    Args:
        judge (`nn.Module`): a trained judge.

    Raises:
        FloatingPointError: If one is NaN or infinite.
    """
    wrong = weight_that_is_not_finite([judge])
    if wrong is not None:
        raise FloatingPointError(
            f"{type(judge).__name__} was not saved: the weight {wrong}. Run the command again with a lower "
            "`learning_rate`, or look at the data."
        )
