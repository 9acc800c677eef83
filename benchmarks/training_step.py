# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""One optimiser step of the transformer, forward, backward and AdamW, with each backend of the self-attention.

    python benchmarks/training_step.py --output benchmarks/results

Each backend has a process of its own, so that its peak memory is its own; the processes take their steps in turn.
"""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from machine import describe_machine, summarize
from processes import time_in_processes
from report import write_result
from transformers import AttentionInterface

from nuwa_hf import Grid, NuwaConfig, NuwaForConditionalGeneration
from nuwa_hf.modeling.nearby_attention import (
    NEARBY_ATTENTION_BACKENDS,
    NearbyPattern,
    choose_backend,
    nearby_attention,
)
from nuwa_hf.training.optimizers import build_optimizers


HEAD_SIZE = 64
TEXT_LENGTHS = (8, 20)  # of the captions: shortest, longest
DEFAULT = "default"
BACKENDS = (DEFAULT, "shift_and_add", "masked_sdpa")


def choose_self_attention(model: NuwaForConditionalGeneration, backend: str) -> None:
    """Force the backend of the decoder's self-attention; attention to the text keeps its own choice.

    Args:
        model (`NuwaForConditionalGeneration`): changed in place.
        backend (`str`): a name in `NEARBY_ATTENTION_BACKENDS`, or `"default"` for the operator's own choice.
    """
    if backend == DEFAULT:
        return

    def forward(module, query, key, value, attention_mask, *, causal, **geometry):
        chosen = backend if causal else None
        attended = nearby_attention(
            query, key, value, key_padding_mask=attention_mask, backend=chosen, causal=causal, **geometry
        )
        return attended.transpose(1, 2), None

    AttentionInterface.register(f"benchmark_{backend}", forward)
    model.set_attn_implementation(f"benchmark_{backend}")


def build_step(
    backend: str, hidden_size: int, layers: int, grid: Grid, clips: int, seed: int
) -> tuple[NuwaForConditionalGeneration, Callable[[], None]]:
    """A fresh model of the embedded preset, and what takes one step on a fixed random batch.

    Args:
        backend (`str`): as for `choose_self_attention`.
        hidden_size (`int`): width.
        layers (`int`): decoder layers.
        grid (`Grid`): (T, H, W) of a clip.
        clips (`int`): B.
        seed (`int`): of weights and batch.

    Returns:
        `tuple[NuwaForConditionalGeneration, Callable]`: the model and the step.
    """
    torch.manual_seed(seed)
    config = NuwaConfig.from_preset(
        "emoji-motion",
        hidden_size=hidden_size,
        num_attention_heads=max(1, hidden_size // HEAD_SIZE),
        num_decoder_layers=layers,
        visual_grid=tuple(grid),
    )
    model = NuwaForConditionalGeneration(config).train()
    choose_self_attention(model, backend)
    (optimizer,) = build_optimizers(
        model, "adamw", learning_rate=1e-3, muon_learning_rate=1e-3, betas=(0.9, 0.95), weight_decay=0.01
    )
    shortest, longest = TEXT_LENGTHS
    lengths = torch.randint(shortest, longest + 1, (clips,))
    lengths[0] = longest
    attention_mask = (torch.arange(longest) < lengths[:, None]).long()
    text = torch.randint(config.none_token_id + 1, config.vocab_size, (clips, longest)) * attention_mask
    tokens = torch.randint(0, config.codebook_size, (clips, *grid))

    def step() -> None:
        model(text, attention_mask, tokens, tokens).loss.backward()
        optimizer.step()
        optimizer.zero_grad()

    return model, step


def build_timed_step(**sizes: Any) -> Callable[[], None]:
    """What takes one step; the arguments are those of `build_step`."""
    return build_step(**sizes)[1]


def compare_backends(sizes: dict[str, Any], backends: Sequence[str], repetitions: int) -> list[dict[str, Any]]:
    """Time and memory of each backend.

    Args:
        sizes (`dict`): the arguments of `build_step` except the backend.
        backends (`Sequence[str]`): as for `choose_self_attention`.
        repetitions (`int`): timed steps of each.

    Returns:
        `list[dict]`: a row for each backend.
    """
    cases = {backend: {"backend": backend, **sizes} for backend in backends}
    rows = []
    for backend, times in time_in_processes(build_timed_step, cases, repetitions, "steps").items():
        seconds = summarize(times.seconds)
        rows.append(
            {
                "backend": backend,
                "runs_as": name_of_default(sizes) if backend == DEFAULT else backend,
                "seconds": seconds,
                "tokens_per_second": sizes["clips"] * sizes["grid"].numel / seconds["median"],
                "peak_memory_before": times.peak_memory_before,
                "peak_memory": times.peak_memory,
            }
        )
    return rows


def name_of_default(sizes: dict[str, Any]) -> str:
    """The backend that the operator chooses for the decoder's self-attention."""
    grid, heads = sizes["grid"], max(1, sizes["hidden_size"] // HEAD_SIZE)
    window = tuple(NuwaConfig.from_preset("emoji-motion").window)
    query = torch.empty(sizes["clips"], heads, grid.numel, sizes["hidden_size"] // heads)
    return choose_backend(query, NearbyPattern(grid, grid, window, True))


def main(argv: Sequence[str] | None = None) -> None:
    """Measure, print the table and write `training_step.json`.

    Args:
        argv (`Sequence[str]`, *optional*): the arguments; by default those of the process.

    Raises:
        RuntimeError: If a backend fails.
        ValueError: If an argument breaks its rule.
    """
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="folder of the JSON file")
    parser.add_argument("--hidden_size", type=int, default=192, help="width (default: 192)")
    parser.add_argument("--layers", type=int, default=6, help="decoder layers (default: 6)")
    parser.add_argument("--grid", type=int, nargs=3, default=(6, 8, 8), metavar=("T", "H", "W"), help="of a clip")
    parser.add_argument("--clips", type=int, default=8, help="clips of a step (default: 8)")
    parser.add_argument(
        "--backends", nargs="+", choices=(DEFAULT, *NEARBY_ATTENTION_BACKENDS), default=BACKENDS, help="to compare"
    )
    parser.add_argument("--repetitions", type=int, default=15, help="timed steps of each backend (default: 15)")
    parser.add_argument("--seed", type=int, default=0, help="of weights and batch (default: 0)")
    arguments = parser.parse_args(argv)

    machine = describe_machine()
    sizes = {
        "hidden_size": arguments.hidden_size,
        "layers": arguments.layers,
        "grid": Grid(*arguments.grid),
        "clips": arguments.clips,
        "seed": arguments.seed,
    }
    rows = compare_backends(sizes, arguments.backends, arguments.repetitions)
    model, _ = build_step(DEFAULT, **sizes)
    settings = {
        **sizes,
        "grid": arguments.grid,
        "parameters": model.num_parameters(),
        "text_lengths": TEXT_LENGTHS,
        "repetitions": arguments.repetitions,
    }
    write_result("training_step", {"machine": machine, "settings": settings, "backends": rows}, arguments.output)


if __name__ == "__main__":
    main()
