# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""One optimiser step, forward, backward and AdamW: attention backends, compiled, and nuwa-pytorch 0.7.8.

    python -m benchmarks.training.training_step --output benchmarks/results

The head of `nuwa_pytorch_model.py` says what to install; `--cases default flex` and the like need nothing. Each case
runs in its own process, so that its peak memory can be measured; the processes take their steps in turn.
"""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import AttentionInterface

from benchmarks.measuring.machine import describe_machine, paired_ratio, summarize
from benchmarks.measuring.processes import time_in_processes
from benchmarks.models.nuwa_pytorch_model import build_nuwa_pytorch, check_can_compare, trained_weights
from benchmarks.models.sizes import sized_config
from benchmarks.report.report import write_result
from nuwa_hf import Grid, NuwaConfig, NuwaForConditionalGeneration
from nuwa_hf.nearby_attention import (
    NEARBY_ATTENTION_BACKENDS,
    NearbyPattern,
    choose_backend,
    nearby_attention,
)
from nuwa_hf.training.nuwa.compile_feed_forward import compile_feed_forward
from nuwa_hf.training.nuwa.optimizers import build_optimizers


TEXT_LENGTHS = (8, 20)  # of the captions: shortest, longest
LEARNING_RATE, BETAS, WEIGHT_DECAY = 1e-3, (0.9, 0.95), 0.01
DEFAULT = "default"
COMPILED = "compiled_feed_forward"
NUWA_PYTORCH = "nuwa_pytorch"
NUWA_PYTORCH_COMPILED = "nuwa_pytorch_compiled"
BACKENDS = (DEFAULT, "shift_and_add", "masked_sdpa", "flex")
CASES = (*BACKENDS, COMPILED, NUWA_PYTORCH, NUWA_PYTORCH_COMPILED)


def choose_self_attention(model: NuwaForConditionalGeneration, backend: str) -> None:
    """Force the backend of the decoder's self-attention; attention to the text keeps its own choice.

    Args:
        model (`NuwaForConditionalGeneration`): changed in place.
        backend (`str`): a name in `NEARBY_ATTENTION_BACKENDS`.
    """

    def forward(module, query, key, value, attention_mask, *, causal, **geometry):
        chosen = backend if causal else None
        attended = nearby_attention(
            query, key, value, key_padding_mask=attention_mask, backend=chosen, causal=causal, **geometry
        )
        return attended.transpose(1, 2), None

    AttentionInterface.register(f"benchmark_{backend}", forward)
    model.set_attn_implementation(f"benchmark_{backend}")


def random_batch(config: NuwaConfig, clips: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Texts of different lengths and clips.

    Args:
        config (`NuwaConfig`): the sizes; the clips have its whole grid.
        clips (`int`): B.

    Returns:
        `tuple`: text and its mask, of shape `(B, L)`, and tokens of shape `(B, T, H, W)`.
    """
    shortest, longest = TEXT_LENGTHS
    lengths = torch.randint(shortest, longest + 1, (clips,))
    lengths[0] = longest
    attention_mask = (torch.arange(longest) < lengths[:, None]).long()
    text = torch.randint(config.none_token_id + 1, config.vocab_size, (clips, longest)) * attention_mask
    return text, attention_mask, torch.randint(0, config.codebook_size, (clips, *config.visual_grid))


def build_step(
    case: str, hidden_size: int, layers: int, grid: Grid, clips: int, seed: int
) -> tuple[torch.nn.Module, Callable[[], None]]:
    """A fresh model, and what takes one step on a fixed random batch.

    Args:
        case (`str`): one of `CASES` or of `NEARBY_ATTENTION_BACKENDS`.
        hidden_size (`int`): width.
        layers (`int`): decoder layers.
        grid (`Grid`): (T, H, W) of a clip.
        clips (`int`): B.
        seed (`int`): of weights and batch.

    Returns:
        `tuple[torch.nn.Module, Callable]`: the model and the step.
    """
    config = sized_config(hidden_size, layers, grid)
    torch.manual_seed(seed)
    if case in (NUWA_PYTORCH, NUWA_PYTORCH_COMPILED):
        return _build_step_of_nuwa_pytorch(config, clips, is_compiled=case == NUWA_PYTORCH_COMPILED)
    model = NuwaForConditionalGeneration(config).train()
    if case == COMPILED:
        compile_feed_forward(model)
    elif case != DEFAULT:
        choose_self_attention(model, case)
    (optimizer,) = build_optimizers(
        model,
        "adamw",
        learning_rate=LEARNING_RATE,
        muon_learning_rate=LEARNING_RATE,
        betas=BETAS,
        weight_decay=WEIGHT_DECAY,
    )
    text, attention_mask, tokens = random_batch(config, clips)

    def step() -> None:
        model(text, attention_mask, tokens, tokens, logits_to_keep=[]).loss.backward()
        optimizer.step()
        optimizer.zero_grad()

    return model, step


def _build_step_of_nuwa_pytorch(
    config: NuwaConfig, clips: int, is_compiled: bool
) -> tuple[torch.nn.Module, Callable[[], None]]:
    """The same for nuwa-pytorch, whole or under `torch.compile`."""
    model = build_nuwa_pytorch(config).train()
    run = torch.compile(model) if is_compiled else model
    optimizer = torch.optim.AdamW(trained_weights(model), lr=LEARNING_RATE, betas=BETAS, weight_decay=WEIGHT_DECAY)
    text, _, tokens = random_batch(config, clips)  # it reads the mask off the text, whose padding is 0

    def step() -> None:
        run(text=text, video=tokens, return_loss=True).backward()
        optimizer.step()
        optimizer.zero_grad()

    return model, step


def build_timed_step(**sizes: Any) -> Callable[[], None]:
    """What takes one step; the arguments are those of `build_step`."""
    return build_step(**sizes)[1]


def compare_cases(sizes: dict[str, Any], cases: Sequence[str], repetitions: int) -> list[dict[str, Any]]:
    """Time and memory of each case.

    Args:
        sizes (`dict`): the arguments of `build_step` except the case.
        cases (`Sequence[str]`): as for `build_step`.
        repetitions (`int`): timed steps of each.

    Returns:
        `list[dict]`: a row for each case; `ratio` is its time over that of the first.
    """
    arguments = {case: {"case": case, **sizes} for case in cases}
    times = time_in_processes(build_timed_step, arguments, repetitions, "steps")
    rows = []
    for case in cases:
        seconds = summarize(times[case].seconds)
        rows.append(
            {
                "case": case,
                "runs_as": name_of_default(sizes) if case in (DEFAULT, COMPILED) else case,
                "seconds": seconds,
                "tokens_per_second": sizes["clips"] * sizes["grid"].numel / seconds["median"],
                "ratio": paired_ratio(times[case].seconds, times[cases[0]].seconds),
                "peak_memory_before": times[case].peak_memory_before,
                "peak_memory": times[case].peak_memory,
            }
        )
    return rows


def name_of_default(sizes: dict[str, Any]) -> str:
    """The backend that the operator chooses for the decoder's self-attention."""
    grid, config = sizes["grid"], sized_config(sizes["hidden_size"], sizes["layers"], sizes["grid"])
    heads = config.num_attention_heads
    query = torch.empty(sizes["clips"], heads, grid.numel, config.hidden_size // heads)
    return choose_backend(query, NearbyPattern(grid, grid, tuple(config.window), True))


def main(argv: Sequence[str] | None = None) -> None:
    """Measure, print the table and write `training_step.json`.

    Args:
        argv (`Sequence[str]`, *optional*): the arguments; by default those of the process.

    Raises:
        RuntimeError: If nuwa-pytorch is a case and is not installed, or a case fails.
        ValueError: If an argument breaks its rule.
    """
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="folder of the JSON file")
    parser.add_argument("--hidden_size", type=int, default=192, help="width (default: 192)")
    parser.add_argument("--layers", type=int, default=6, help="decoder layers (default: 6)")
    parser.add_argument("--grid", type=int, nargs=3, default=(8, 8, 8), metavar=("T", "H", "W"), help="of a clip")
    parser.add_argument("--clips", type=int, default=4, help="clips of a step (default: 4)")
    choices = list(dict.fromkeys((*CASES, *NEARBY_ATTENTION_BACKENDS)))
    parser.add_argument("--cases", nargs="+", choices=choices, default=CASES, help="to compare, the first with all")
    parser.add_argument("--repetitions", type=int, default=11, help="timed steps of each case (default: 11)")
    parser.add_argument("--seed", type=int, default=0, help="of weights and batch (default: 0)")
    arguments = parser.parse_args(argv)
    grid, others = Grid(*arguments.grid), [case for case in arguments.cases if case.startswith(NUWA_PYTORCH)]
    if others:
        check_can_compare([grid])

    machine = describe_machine()
    sizes = {name: getattr(arguments, name) for name in ("hidden_size", "layers", "clips", "seed")} | {"grid": grid}
    rows = compare_cases(sizes, arguments.cases, arguments.repetitions)
    config = sized_config(arguments.hidden_size, arguments.layers, grid)
    parameters = {"nuwa_hf": NuwaForConditionalGeneration(config).num_parameters()}
    if others:
        parameters["nuwa-pytorch"] = sum(weight.numel() for weight in trained_weights(build_nuwa_pytorch(config)))
    settings = {
        **sizes,
        "grid": tuple(grid),
        "parameters": parameters,
        "text_lengths": TEXT_LENGTHS,
        "repetitions": arguments.repetitions,
    }
    write_result("training_step", {"machine": machine, "settings": settings, "cases": rows}, arguments.output)


if __name__ == "__main__":
    main()
