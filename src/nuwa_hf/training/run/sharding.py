# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""FSDP2 as the launcher asks for it, on GPUs and on CPUs."""

import torch
from accelerate import Accelerator, DistributedType
from accelerate.parallelism_config import ParallelismConfig
from accelerate.state import PartialState
from accelerate.utils import FullyShardedDataParallelPlugin, parse_flag_from_env
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import MixedPrecisionPolicy


def read_fsdp_plugin(mixed_precision: str) -> FullyShardedDataParallelPlugin | None:
    """What the launcher's environment says about FSDP, for the `Accelerator`.

    In bf16, FSDP2 gathers the weights and computes in bf16, and sums the gradients in float32. Accelerate by itself
    would sum them in bf16 and round the loss to bf16.

    Args:
        mixed_precision (`str`): `"no"`, `"fp16"` or `"bf16"`.

    Returns:
        `FullyShardedDataParallelPlugin` or None, if the run is not launched with FSDP.
    """
    if not parse_flag_from_env("ACCELERATE_USE_FSDP"):
        return None
    plugin = FullyShardedDataParallelPlugin()
    if plugin.fsdp_version == 2 and mixed_precision == "bf16":
        plugin.mixed_precision_policy = MixedPrecisionPolicy(param_dtype=torch.bfloat16, reduce_dtype=torch.float32)
    return plugin


def shard_on_cpu(accelerator: Accelerator, plugin: FullyShardedDataParallelPlugin) -> None:
    """Makes Accelerate shard with FSDP over processes on the CPU, as it does over GPUs.

    Accelerate takes note of FSDP only if it finds an accelerator: on CPUs it trains with DDP and says nothing, though
    all of its FSDP2, which is torch's `fully_shard`, runs there.

    Args:
        accelerator (`Accelerator`): of several processes on the CPU; changed in place.
        plugin (`FullyShardedDataParallelPlugin`): how to shard.
    """
    state = accelerator.state
    state.distributed_type = PartialState._shared_state["distributed_type"] = DistributedType.FSDP
    state.fsdp_plugin = plugin
    # Without a mesh, `fully_shard` would choose GPUs wherever there are some.
    state.parallelism_config = ParallelismConfig(dp_shard_size=accelerator.num_processes)
    names = tuple(state.parallelism_config.fsdp_dim_names)
    state.device_mesh = init_device_mesh("cpu", (accelerator.num_processes,), mesh_dim_names=names)
