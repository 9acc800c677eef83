# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""One training step of the paper's model on one of 64 ranks, simulated: its memory, and the bytes that it sends.

    python -m benchmarks.training.simulated_ranks --output benchmarks/results

The program is that of `nuwa-hf train`: Accelerate prepares the model for DDP or FSDP2, and the step goes forward and
backward, clips, and updates weights and averages. But its tensors are fake, with sizes and no numbers, and its process
group is one rank of a fake one. So sizes and orders are real, and there is nothing to time. It runs as on CPUs: FSDP2
does not gather the next layer ahead, and attention is torch's kernel for CPUs, which keeps what a fused one keeps.
"""

import argparse
import os
from collections.abc import Sequence
from dataclasses import asdict
from contextlib import nullcontext
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
from benchmarks.report.report import write_result
from benchmarks.training.training_step import choose_self_attention
from nuwa_hf import NuwaConfig, NuwaForConditionalGeneration
from nuwa_hf.training.nuwa.build_transformer import freeze_unused
from nuwa_hf.training.nuwa.memory_estimate import estimate_memory
from nuwa_hf.training.nuwa.optimizers import build_optimizers
from nuwa_hf.training.run.averaged_weights import AveragedWeights
from nuwa_hf.training.run.run_arguments import RunArguments
from nuwa_hf.training.run.run_setup import build_accelerator


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
        `dict[str, Any]`: bytes: `memory` (name to those at the peak), `total` and `sent`.
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
        average = AveragedWeights((weight for weight in model.parameters() if weight.requires_grad), 0.999)
        text = torch.zeros(rows, config.max_text_length, dtype=torch.long)
        clips = torch.zeros(rows, *config.visual_grid, dtype=torch.long)

        def step() -> dict[str, int]:
            held = {"before": memory.now}
            with accelerator.autocast() if strategy == "ddp" else nullcontext():
                loss = prepared(text, torch.ones_like(text), clips, clips).loss
            held["after_forward"] = memory.now
            accelerator.backward(loss)
            held["after_backward"], held["peak_of_passes"] = memory.now, memory.peak
            memory.reset_peak()
            accelerator.clip_grad_norm_(prepared.parameters(), 1.0)
            optimizer.step()
            held["peak_of_update"] = memory.peak
            optimizer.zero_grad()
            average.update()
            return held

        for weight in model.parameters():
            weight.grad = torch.zeros_like(weight) if weight.requires_grad else None
        optimizer.step()  # afterwards the moments are there
        optimizer.zero_grad()
        memory.reset_peak()
        sent.clear()
        held = step()
    distributed.destroy_process_group()
    return {**held, "sent": sent.total(), "calls": dict(sent.calls)}


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
