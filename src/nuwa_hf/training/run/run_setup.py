# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""What a run sets up before its first step: Accelerate, and the schedule of the learning rate."""

from datetime import timedelta
from pathlib import Path

import torch
from accelerate import Accelerator, DistributedType
from accelerate.utils import GradientAccumulationPlugin, InitProcessGroupKwargs, set_seed
from diffusers.optimization import get_scheduler
from torch.optim.lr_scheduler import LambdaLR

from nuwa_hf.device_choice import is_on_cpu
from nuwa_hf.training.run.freed_memory import keep_freed_memory
from nuwa_hf.training.run.run_arguments import RunArguments
from nuwa_hf.training.run.sharding import read_fsdp_plugin, shard_on_cpu


# How long processes wait for one another. The main process alone writes and pushes pipelines and draws sheets, which
# takes longer than the 10 minutes after which NCCL ends a run; when a process has died, the launcher ends the others.
LONGEST_WAIT = timedelta(hours=12)


def build_accelerator(arguments: RunArguments) -> Accelerator:
    """Sets up Accelerate, creates the output folder and seeds Python, NumPy and torch.

    Processes wait for one another for up to `LONGEST_WAIT`. On CPUs, glibc is told to keep freed memory, and FSDP
    shards over them as over GPUs. The training step accumulates gradients in a loop of its own, so Accelerate is told
    not to: it would divide each loss by the passes that a launcher or the environment names.

    Args:
        arguments (`RunArguments`): the run's arguments.

    Returns:
        `Accelerator`.
    """
    Path(arguments.output_dir).mkdir(parents=True, exist_ok=True)
    plugin = read_fsdp_plugin(arguments.mixed_precision)
    accelerator = Accelerator(
        fsdp_plugin=plugin,
        gradient_accumulation_plugin=GradientAccumulationPlugin(num_steps=1),
        cpu=is_on_cpu(arguments.device),
        mixed_precision=arguments.mixed_precision,
        log_with=arguments.log_with,
        project_dir=arguments.output_dir,
        kwargs_handlers=[InitProcessGroupKwargs(timeout=LONGEST_WAIT)],
    )
    if accelerator.device.type == "cpu":
        keep_freed_memory()
    if plugin is not None and accelerator.distributed_type == DistributedType.MULTI_CPU:
        shard_on_cpu(accelerator, plugin)
    deepspeed = accelerator.state.deepspeed_plugin
    if deepspeed is not None:  # which clips by itself, and otherwise reads the batch from a prepared loader
        deepspeed.deepspeed_config["train_micro_batch_size_per_gpu"] = arguments.train_batch_size
        deepspeed.deepspeed_config["gradient_accumulation_steps"] = 1
        deepspeed.deepspeed_config["gradient_clipping"] = arguments.max_grad_norm
    set_seed(arguments.seed)
    return accelerator


def build_scheduler(arguments: RunArguments, optimizer: torch.optim.Optimizer) -> LambdaLR:
    """The learning-rate schedule over `max_train_steps`, to be stepped once per optimiser step.

    It must not be given to `Accelerator.prepare`, which steps a scheduler once for every process.

    Args:
        arguments (`RunArguments`): give the schedule, the warm-up and the length.
        optimizer (`torch.optim.Optimizer`): whose learning rate it sets.

    Returns:
        `torch.optim.lr_scheduler.LambdaLR`.
    """
    name = "cosine" if arguments.lr_scheduler == "cosine" else "constant_with_warmup"
    warmup = round(arguments.warmup_ratio * arguments.max_train_steps)
    return get_scheduler(name, optimizer, num_warmup_steps=warmup, num_training_steps=arguments.max_train_steps)


def keep_to_schedule(scheduler: LambdaLR) -> None:
    """Sets the learning rates to those that a schedule has at its step.

    Optimisers load them from a checkpoint, which has those of the run that wrote it: of one that was shorter and is
    made longer, the 0 of its end.

    Args:
        scheduler (`torch.optim.lr_scheduler.LambdaLR`): its optimiser is changed in place.
    """
    factors = [factor(scheduler.last_epoch) for factor in scheduler.lr_lambdas]
    rates = [rate * factor for rate, factor in zip(scheduler.base_lrs, factors, strict=True)]
    for group, rate in zip(scheduler.optimizer.param_groups, rates, strict=True):
        group["lr"] = rate
    scheduler.load_state_dict({**scheduler.state_dict(), "_last_lr": rates})
