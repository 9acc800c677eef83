# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Training for so many seconds, whatever is trained: killed and started again, it goes on with the time that is left.

Only the steps count, with the making of their data; writing checkpoints does not.
"""

import json
import math
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from tqdm import tqdm

from nuwa_hf.media import written_aside


CHECKPOINT_SECONDS = 60.0
LOG_EVERY = 20  # steps
STATE, DONE, LOG = "state.pt", "done.json", "log.jsonl"


class Kept(Protocol):
    """What a checkpoint keeps besides weights and optimisers, such as moving averages."""

    def state_dict(self) -> dict[str, Any]:
        """Tensors and plain values."""

    def load_state_dict(self, state_dict: dict[str, Any]) -> Any:
        """Takes them back."""


@dataclass
class Learner:
    """What is trained, and how.

    Args:
        model (`nn.Module`): all weights that a checkpoint keeps.
        optimizers (`Sequence[torch.optim.Optimizer]`): stepped after each `loss`.
        loss (`Callable`): the loss of a step, called with its number; it may depend on nothing else.
        rate (`Callable`): the factor on the learning rates, from the share of the time that is over and the step.
        after_step (`Callable`, *optional*): called after each step, such as to average weights.
        kept (`Mapping[str, Kept]`): further things that a checkpoint keeps.
        max_grad_norm (`float`, *optional*): gradients are scaled down to this norm.
    """

    model: nn.Module
    optimizers: Sequence[torch.optim.Optimizer]
    loss: Callable[[int], Tensor]
    rate: Callable[[float, int], float] = lambda share, step: 1.0
    after_step: Callable[[], None] = lambda: None
    kept: Mapping[str, Kept] = field(default_factory=dict)
    max_grad_norm: float | None = 1.0

    def state_dict(self) -> dict[str, Any]:
        """All of it as tensors and plain values."""
        return {
            "model": self.model.state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
            "kept": {name: one.state_dict() for name, one in self.kept.items()},
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Takes back what `state_dict` gave."""
        self.model.load_state_dict(state["model"])
        for optimizer, own in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(own)
        for name, one in self.kept.items():
            one.load_state_dict(state["kept"][name])


def train_for(
    seconds: float,
    learner: Learner,
    folder: Path,
    *,
    seed: int,
    before: float = 0.0,
    snapshots: Mapping[float, Path] | None = None,
    snapshot: Callable[[Path], None] | None = None,
) -> dict[str, float]:
    """Train until the time is over, or go on where it was stopped.

    Args:
        seconds (`float`): of this training.
        learner (`Learner`): fresh; it is trained in place.
        folder (`Path`): of the checkpoint and the log.
        seed (`int`): of every step's random numbers, together with its number.
        before (`float`, defaults to 0.0): seconds that counted before, for the log and the snapshots.
        snapshots (`Mapping[float, Path]`, *optional*): seconds, those before included, to the folder of a snapshot.
        snapshot (`Callable`, *optional*): writes one.

    Returns:
        `dict[str, float]`: `steps`, `seconds` and the `loss` of the last steps.

    Raises:
        FloatingPointError: If a loss is not finite.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if (folder / STATE).exists():
        state = torch.load(folder / STATE, weights_only=True)
        learner.load_state_dict(state["learner"])
        step, elapsed, losses = state["step"], state["elapsed"], state["losses"]
    else:
        step, elapsed, losses = 0, 0.0, []
    rates = [[group["lr"] for group in optimizer.param_groups] for optimizer in learner.optimizers]
    if step:
        rates = state["rates"]
    waiting = sorted(time for time in snapshots or {} if time > before + elapsed)
    saved = elapsed
    with tqdm(total=round(seconds), initial=round(elapsed), desc=folder.name, unit="s", mininterval=5) as bar:
        while elapsed < seconds:
            start = time.perf_counter()
            share = elapsed / seconds
            for optimizer, own in zip(learner.optimizers, rates, strict=True):
                for group, rate in zip(optimizer.param_groups, own, strict=True):
                    group["lr"] = rate * learner.rate(share, step)
            torch.manual_seed(1_000_003 * seed + step)
            loss = learner.loss(step)
            loss.backward()
            if learner.max_grad_norm is not None:
                nn.utils.clip_grad_norm_(learner.model.parameters(), learner.max_grad_norm)
            for optimizer in learner.optimizers:
                optimizer.step()
                optimizer.zero_grad()
            learner.after_step()
            losses = [*losses[1 - LOG_EVERY :], float(loss.detach())]
            step, elapsed = step + 1, elapsed + time.perf_counter() - start
            if not math.isfinite(losses[-1]):
                raise FloatingPointError(f"{folder.name}: the loss of step {step} is {losses[-1]}.")
            bar.update(round(elapsed) - bar.n)
            bar.set_postfix(loss=f"{sum(losses) / len(losses):.4f}", steps=step, refresh=False)
            if step % LOG_EVERY == 0:
                _log(folder, step, before + elapsed, sum(losses) / len(losses))
            while waiting and before + elapsed >= waiting[0]:
                snapshot(snapshots[waiting.pop(0)])
            if elapsed - saved >= CHECKPOINT_SECONDS or elapsed >= seconds:
                state = {"step": step, "elapsed": elapsed, "losses": losses, "rates": rates}
                _save({**state, "learner": learner.state_dict()}, folder / STATE)
                saved = elapsed
    return {"steps": step, "seconds": elapsed, "loss": sum(losses) / max(1, len(losses))}


def done_once(folder: Path, train: Callable[[], dict[str, float]]) -> dict[str, float]:
    """What a part of a run gave, done now or read if it was done before; the checkpoint goes once it is done.

    Args:
        folder (`Path`): of the part.
        train (`Callable`): does it.

    Returns:
        `dict[str, float]`: what `train` returned.
    """
    path = folder / DONE
    if not path.exists():
        result = train()
        folder.mkdir(parents=True, exist_ok=True)
        with written_aside(path) as aside:
            aside.write_text(json.dumps(result) + "\n", encoding="utf-8")
        (folder / STATE).unlink(missing_ok=True)
    return json.loads(path.read_text(encoding="utf-8"))


def warm_up_and_cosine(warm_up: float, last: float = 0.0) -> Callable[[float, int], float]:
    """Rates that rise over a share of the time, then fall along a cosine.

    Args:
        warm_up (`float`): that share; 0 for none.
        last (`float`, defaults to 0.0): the factor at the end.

    Returns:
        `Callable`: for `Learner.rate`.
    """

    def rate(share: float, step: int) -> float:
        if share < warm_up:
            return min(1.0, (share + 1e-3) / warm_up)
        return last + (1 - last) * (0.5 + 0.5 * math.cos(math.pi * (share - warm_up) / (1 - warm_up)))

    return rate


def warm_up_steps(steps: int, then: Callable[[float, int], float] = lambda share, step: 1.0):
    """Rates that rise over so many steps, and then follow another rule.

    Args:
        steps (`int`): of the rise.
        then (`Callable`, *optional*): the rule; constant by default.

    Returns:
        `Callable`: for `Learner.rate`.
    """

    def rate(share: float, step: int) -> float:
        return min(1.0, (step + 1) / steps) * then(share, step)

    return rate


def _log(folder: Path, step: int, seconds: float, loss: float) -> None:
    with open(folder / LOG, "a", encoding="utf-8") as file:
        file.write(json.dumps({"step": step, "seconds": round(seconds, 2), "loss": loss}) + "\n")


def _save(state: dict[str, Any], path: Path) -> None:
    aside = path.with_suffix(".part")
    torch.save(state, aside)
    os.replace(aside, path)
