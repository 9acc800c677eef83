# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""One training step of the paper's model on one of 64 ranks, simulated: its memory, and the bytes that it sends.

    python -m benchmarks.training.simulated_ranks --output benchmarks/results --page docs/training-at-scale.md

The program is that of `nuwa-hf train`: DDP or Accelerate's FSDP2, forward and backward, clipping, AdamW and the moving
average. But its tensors are fake, with sizes and no numbers, and its process group is one rank of a fake one. So sizes
and their order are real, and there is nothing to time. It runs as on CPUs: FSDP2 does not gather the next layer ahead,
and attention is torch's kernel for CPUs, which keeps what a fused one keeps.
"""

import argparse
import json
import os
from collections.abc import Sequence
from contextlib import nullcontext
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.utils import fsdp2_prepare_model
from torch import distributed
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.nn.parallel import DistributedDataParallel
from torch.testing._internal.distributed.fake_pg import FakeStore

from benchmarks.measuring.sent_bytes import SentBytes
from benchmarks.measuring.tensor_memory import TensorMemory
from benchmarks.report.formatting import table
from benchmarks.report.report import fill_page
from benchmarks.training.training_step import choose_self_attention
from nuwa_hf import NuwaConfig, NuwaForConditionalGeneration
from nuwa_hf.training.nuwa.build_transformer import freeze_unused
from nuwa_hf.training.nuwa.memory_estimate import estimate_memory
from nuwa_hf.training.nuwa.optimizers import build_optimizers
from nuwa_hf.training.nuwa.sent_estimate import sent_bytes
from nuwa_hf.training.run.averaged_weights import AveragedWeights
from nuwa_hf.training.run.run_arguments import RunArguments
from nuwa_hf.training.run.run_setup import build_accelerator


NAME = "simulated_ranks"
# strategy, rows, gradient checkpointing
CASES = (("ddp", 2, False), ("ddp", 2, True), ("fsdp", 2, False), ("fsdp", 2, True), ("fsdp", 8, True))
FSDP = {
    "ACCELERATE_USE_FSDP": "true",
    "FSDP_VERSION": "2",
    "FSDP_AUTO_WRAP_POLICY": "TRANSFORMER_BASED_WRAP",
    "FSDP_TRANSFORMER_CLS_TO_WRAP": ",".join(NuwaForConditionalGeneration._no_split_modules),
}


def simulate(
    config: NuwaConfig, strategy: str, rows: int, gradient_checkpointing: bool, ranks: int, mixed_precision: str
) -> dict[str, Any]:
    """The peak of a step's memory and the bytes that it sends. It must be the only run of its process.

    Args:
        config (`NuwaConfig`): the sizes.
        strategy (`str`): `"ddp"` or `"fsdp"`.
        rows (`int`): clips of a forward pass in each rank.
        gradient_checkpointing (`bool`): whether layers are computed twice.
        ranks (`int`): how many there are.
        mixed_precision (`str`): `"no"` or `"bf16"`.

    Returns:
        `dict[str, Any]`: `memory` (moment to bytes), `sent` (bytes), `calls` (collective to how often).
    """
    here = {"RANK": "0", "LOCAL_RANK": "0", "WORLD_SIZE": str(ranks), "LOCAL_WORLD_SIZE": str(ranks)}
    os.environ.update(here | (FSDP if strategy == "fsdp" else {}))
    distributed.init_process_group("fake", store=FakeStore(), rank=0, world_size=ranks)
    with TemporaryDirectory() as folder:
        accelerator = build_accelerator(
            RunArguments(output_dir=folder, max_train_steps=2, device="cpu", mixed_precision=mixed_precision)
        )
    with FakeTensorMode(), TensorMemory() as memory, SentBytes(ranks) as sent:
        model = NuwaForConditionalGeneration(config).train()
        freeze_unused(model, ["T2V"])
        choose_self_attention(model, "masked_sdpa")
        if gradient_checkpointing:
            model.activation_checkpointing_enable()
        prepared = prepare(accelerator, model)
        rates = {"learning_rate": 1e-3, "muon_learning_rate": 1e-3, "betas": (0.9, 0.95), "weight_decay": 0.05}
        (optimizer,) = build_optimizers(model, "adamw", **rates)
        for group in optimizer.param_groups:
            group["foreach"] = True  # as on GPUs
        average = AveragedWeights(model, 0.999)
        text = torch.zeros(rows, config.max_text_length, dtype=torch.long)
        clips = torch.zeros(rows, *config.visual_grid, dtype=torch.long)

        def update() -> None:
            accelerator.clip_grad_norm_(prepared.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad()
            average.update()

        for weight in model.parameters():
            weight.grad = torch.zeros_like(weight) if weight.requires_grad else None
        update()  # from then on there are the moments
        memory.reset_peak()
        sent.clear()
        held = {"between_steps": memory.now}
        with accelerator.autocast() if strategy == "ddp" else nullcontext():
            loss = prepared(text, torch.ones_like(text), clips, clips, logits_to_keep=[]).loss
        held["after_forward"] = memory.now
        accelerator.backward(loss)
        held["peak_of_passes"] = memory.peak
        memory.reset_peak()
        update()
        held["peak_of_update"] = memory.peak
    distributed.destroy_process_group()
    return {"memory": held, "sent": sent.total(), "calls": dict(sent.calls)}


def prepare(accelerator: Accelerator, model: torch.nn.Module) -> torch.nn.Module:
    """What `Accelerator.prepare` makes of a model.

    DDP does not compare the ranks' weights first, and sends its buckets from Python, because what it does in C++ needs
    numbers.

    Args:
        accelerator (`Accelerator`): knows the strategy.
        model (`torch.nn.Module`): with FSDP2 changed in place.

    Returns:
        `torch.nn.Module`: the model, wrapped if need be.
    """
    if accelerator.is_fsdp2:
        return fsdp2_prepare_model(accelerator, model)

    def send(state: None, bucket: distributed.GradBucket) -> torch.futures.Future[torch.Tensor]:
        distributed.all_reduce(bucket.buffer())
        done = torch.futures.Future()
        done.set_result(bucket.buffer())
        return done

    prepared = DistributedDataParallel(model, init_sync=False)
    prepared.register_comm_hook(None, send)
    return prepared


def formulas(settings: dict[str, Any], row: dict[str, Any]) -> tuple[int, int]:
    """What the formulas of the docs say of a case.

    Args:
        settings (`dict`): of the result.
        row (`dict`): one of its cases.

    Returns:
        `tuple[int, int]`: bytes of memory, and bytes sent.
    """
    config = NuwaConfig.from_preset(settings["preset"])
    both = {
        "num_processes": settings["ranks"],
        "strategy": row["strategy"],
        "mixed_precision": settings["mixed_precision"],
    }
    passes = {name: row[name] for name in ("rows", "gradient_checkpointing")}
    return estimate_memory(config, **both, **passes).total, sent_bytes(config, **both)


def simulated_ranks_table(result: dict[str, Any]) -> str:
    """Markdown of the result, in GB (1e9 bytes)."""
    moments = ("between_steps", "peak_of_passes", "peak_of_update")
    lines = []
    for row in result["cases"]:
        memory, sent = formulas(result["settings"], row)
        lines.append(
            [
                *(row["strategy"], row["rows"], "yes" if row["gradient_checkpointing"] else "no"),
                *(_gigabytes(row["memory"][moment]) for moment in moments),
                *(_gigabytes(memory), f"{memory / max(row['memory'].values()):.2f}"),
                *(_gigabytes(row["sent"]), _gigabytes(sent), f"{sent / row['sent']:.2f}"),
            ]
        )
    header = ("strategy", "rows", "checkpointing", "between steps", "peak of the passes", "peak of the update")
    return table((*header, "formula", "formula / peak", "sent", "formula", "formula / sent"), lines)


def _gigabytes(number: int) -> str:
    return f"{number / 1e9:.2f}"


def main(argv: Sequence[str] | None = None) -> None:
    """Simulate, print the table, and write `simulated_ranks.json` and the table of the page.

    Args:
        argv (`Sequence[str]`, *optional*): the arguments; by default those of the process.

    Raises:
        ValueError: If the page lacks the table's markers.
    """
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="folder of the JSON file")
    parser.add_argument("--page", type=Path, metavar="FILE", help="a page with the table's markers, to be filled")
    parser.add_argument("--preset", default="nuwa-336", help="sizes of the model (default: nuwa-336)")
    parser.add_argument("--ranks", type=int, default=64, help="how many there are (default: 64)")
    parser.add_argument("--mixed_precision", choices=("no", "bf16"), default="bf16")
    arguments = parser.parse_args(argv)
    settings = {name: getattr(arguments, name) for name in ("preset", "ranks", "mixed_precision")}
    config = NuwaConfig.from_preset(arguments.preset)
    cases = []
    for strategy, rows, gradient_checkpointing in CASES:
        case = {"strategy": strategy, "rows": rows, "gradient_checkpointing": gradient_checkpointing}
        sizes = {"config": config, "ranks": arguments.ranks, "mixed_precision": arguments.mixed_precision}
        with get_context("spawn").Pool(1) as pool:  # a process group is the only one of its process
            cases.append({**case, **pool.apply(simulate, kwds={**sizes, **case})})
    result = {"settings": {**settings, "task": "T2V", "torch": torch.__version__}, "cases": cases}
    arguments.output.mkdir(parents=True, exist_ok=True)
    path = arguments.output / f"{NAME}.json"
    path.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(f"{simulated_ranks_table(result)}\n\n{path}")
    if arguments.page is not None:
        page = arguments.page.read_text(encoding="utf-8")
        page = fill_page(page, {NAME: result}, {NAME: simulated_ranks_table})
        arguments.page.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
