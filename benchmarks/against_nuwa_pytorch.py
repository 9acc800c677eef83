# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""One training step of nuwa_hf and of nuwa-pytorch 0.7.8 at equal width, depth, heads and grid, eager and compiled.

    pip install --no-deps nuwa-pytorch==0.7.8 vector-quantize-pytorch unfoldNd einx torch-einops-utils ftfy \
        loguru frozendict wcwidth
    python benchmarks/against_nuwa_pytorch.py --output benchmarks/results

nuwa-pytorch imports torchvision for its VQ-GAN's perceptual loss and data sets. None of it is used here, and where
torchvision is missing an empty module stands in for it.
"""

import argparse
import importlib.metadata
import sys
import types
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from machine import describe_machine, paired_ratio, summarize
from processes import time_in_processes
from report import write_result

from nuwa_hf import Grid, NuwaConfig, NuwaForConditionalGeneration
from nuwa_hf.conversion import nuwa_pytorch_reference


VERSION = "0.7.8"
HEAD_SIZE = 64
WINDOW = (3, 3, 3)
ENCODER_LAYERS = 2
TEXT_LENGTH = 20
VOCABULARY = 338
CODEBOOK_SIZE = 160
CASES = {
    "nuwa_hf, eager": ("nuwa_hf", "eager"),
    "nuwa_hf, compiled": ("nuwa_hf", "compiled"),
    "nuwa-pytorch, eager": ("nuwa-pytorch", "eager"),
    "nuwa-pytorch, compiled": ("nuwa-pytorch", "compiled"),
}


def import_nuwa_pytorch() -> types.ModuleType:
    """The package `nuwa_pytorch`.

    Raises:
        RuntimeError: If it is not installed in the version that is compared with.
    """
    try:
        version = importlib.metadata.version("nuwa-pytorch")
    except importlib.metadata.PackageNotFoundError:
        version = None
    if version != VERSION:
        raise RuntimeError(f"nuwa-pytorch {VERSION} must be installed, got {version}; see the head of this file.")
    nuwa_pytorch_reference.import_nuwa_pytorch()  # with a stand-in for torchvision
    return sys.modules["nuwa_pytorch"]


def build_nuwa_pytorch(hidden_size: int, layers: int, grid: Grid) -> torch.nn.Module:
    """Its model at these sizes, with its own defaults for everything else.

    Args:
        hidden_size (`int`): width.
        layers (`int`): decoder layers.
        grid (`Grid`): (T, H, W) of a clip; H equals W.

    Returns:
        `torch.nn.Module`: a `nuwa_pytorch.NUWA`.
    """
    package = import_nuwa_pytorch()
    # Tokens are given, so its VQ-GAN only says how many codes and how large a frame.
    vae = package.VQGanVAE(
        dim=16, image_size=2 * grid.h, num_layers=1, vq_codebook_size=CODEBOOK_SIZE, use_vgg_and_gan=False
    )
    heads = max(1, hidden_size // HEAD_SIZE)
    return package.NUWA(
        vae=vae,
        dim=hidden_size,
        max_video_frames=grid.t,
        text_num_tokens=VOCABULARY,
        text_max_seq_len=TEXT_LENGTH,
        text_enc_depth=ENCODER_LAYERS,
        enc_reversible=True,  # its plain encoder stops at an argument that only the reversible one takes
        text_enc_heads=heads,
        text_enc_dim_head=hidden_size // heads,
        dec_depth=layers,
        dec_heads=heads,
        dec_dim_head=hidden_size // heads,
        sparse_3dna_kernel_size=WINDOW[0],
    )


def build_nuwa_hf(hidden_size: int, layers: int, grid: Grid) -> NuwaForConditionalGeneration:
    """This package's model at these sizes; the arguments are those of `build_nuwa_pytorch`."""
    config = NuwaConfig.from_preset(
        "emoji-motion",
        hidden_size=hidden_size,
        num_attention_heads=max(1, hidden_size // HEAD_SIZE),
        num_encoder_layers=ENCODER_LAYERS,
        num_decoder_layers=layers,
        visual_grid=tuple(grid),
        window=WINDOW,
        vocab_size=VOCABULARY,
        codebook_size=CODEBOOK_SIZE,
    )
    return NuwaForConditionalGeneration(config)


def build_step(package: str, mode: str, hidden_size: int, layers: int, grid: Grid, clips: int, seed: int) -> Callable:
    """What takes one step, forward, backward and AdamW, on a fixed random batch.

    Args:
        package (`str`): `"nuwa_hf"` or `"nuwa-pytorch"`.
        mode (`str`): `"eager"` or `"compiled"`, by `torch.compile`.
        hidden_size (`int`): width.
        layers (`int`): decoder layers.
        grid (`Grid`): (T, H, W) of a clip.
        clips (`int`): B.
        seed (`int`): of weights and batch.

    Returns:
        `Callable[[], None]`.
    """
    torch.manual_seed(seed)
    is_ours = package == "nuwa_hf"
    model = (build_nuwa_hf if is_ours else build_nuwa_pytorch)(hidden_size, layers, grid).train()
    optimizer = torch.optim.AdamW(
        [weight for name, weight in model.named_parameters() if not name.startswith("vae.")], lr=1e-3
    )
    run = torch.compile(model) if mode == "compiled" else model
    text = torch.randint(5, VOCABULARY, (clips, TEXT_LENGTH))
    tokens = torch.randint(0, CODEBOOK_SIZE, (clips, *grid))
    attention_mask = torch.ones_like(text)

    def step() -> None:
        if is_ours:
            loss = run(text, attention_mask, tokens, tokens).loss
        else:
            loss = run(text=text, video=tokens, return_loss=True)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()

    return step


def compare(sizes: dict[str, Any], cases: Sequence[str], repetitions: int) -> list[dict[str, Any]]:
    """Time and memory of each case.

    Args:
        sizes (`dict`): the arguments of `build_step` except package and mode.
        cases (`Sequence[str]`): keys of `CASES`, the first one of nuwa_hf.
        repetitions (`int`): timed steps of each.

    Returns:
        `list[dict]`: a row for each case; `ratio` is its time over that of the first.
    """
    arguments = {case: {"package": CASES[case][0], "mode": CASES[case][1], **sizes} for case in cases}
    times = time_in_processes(build_step, arguments, repetitions, "steps")
    return [
        {
            "case": case,
            "seconds": summarize(times[case].seconds),
            "tokens_per_second": sizes["clips"] * sizes["grid"].numel / summarize(times[case].seconds)["median"],
            "ratio": paired_ratio(times[case].seconds, times[cases[0]].seconds),
            "peak_memory": times[case].peak_memory,
            "peak_memory_before": times[case].peak_memory_before,
        }
        for case in cases
    ]


def main(argv: Sequence[str] | None = None) -> None:
    """Measure, print the table and write `against_nuwa_pytorch.json`.

    Args:
        argv (`Sequence[str]`, *optional*): the arguments; by default those of the process.

    Raises:
        RuntimeError: If nuwa-pytorch is not installed, or a case fails.
    """
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="folder of the JSON file")
    parser.add_argument("--hidden_size", type=int, default=192, help="width (default: 192)")
    parser.add_argument("--layers", type=int, default=6, help="decoder layers (default: 6)")
    parser.add_argument("--grid", type=int, nargs=3, default=(8, 8, 8), metavar=("T", "H", "W"), help="of a clip")
    parser.add_argument("--clips", type=int, default=4, help="clips of a step (default: 4)")
    parser.add_argument("--cases", nargs="+", choices=CASES, default=list(CASES), help="to compare")
    parser.add_argument("--repetitions", type=int, default=7, help="timed steps of each case (default: 7)")
    parser.add_argument("--seed", type=int, default=0, help="of weights and batch (default: 0)")
    arguments = parser.parse_args(argv)
    import_nuwa_pytorch()

    machine = describe_machine()
    grid = Grid(*arguments.grid)
    sizes = {name: getattr(arguments, name) for name in ("hidden_size", "layers", "clips", "seed")} | {"grid": grid}
    rows = compare(sizes, arguments.cases, arguments.repetitions)
    built = {"nuwa_hf": build_nuwa_hf, "nuwa-pytorch": build_nuwa_pytorch}
    counts = {}
    for name, build in built.items():
        weights = build(arguments.hidden_size, arguments.layers, grid).named_parameters()
        counts[name] = sum(weight.numel() for path, weight in weights if not path.startswith("vae."))
    settings = {**sizes, "grid": arguments.grid, "parameters": counts, "repetitions": arguments.repetitions}
    write_result("against_nuwa_pytorch", {"machine": machine, "settings": settings, "cases": rows}, arguments.output)


if __name__ == "__main__":
    main()
