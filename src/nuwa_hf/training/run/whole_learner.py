# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The model in training with all of its weights, where each process holds a part of them."""

import copy

import torch
from torch import nn
from torch.distributed.tensor import DTensor

from nuwa_hf.modeling.modeling_nuwa import NuwaForConditionalGeneration
from nuwa_hf.training.run.averaged_weights import whole


def transformer_of(learner: nn.Module) -> NuwaForConditionalGeneration:
    """The transformer, with its adapters if it has some.

    Args:
        learner (`torch.nn.Module`): the transformer itself or, with LoRA, the `PeftModel` around it.

    Returns:
        `NuwaForConditionalGeneration`: with LoRA, its linear maps hold the adapters.
    """
    return learner if isinstance(learner, NuwaForConditionalGeneration) else learner.get_base_model()


@torch.no_grad()
def whole_learner(learner: nn.Module) -> nn.Module:
    """The learner itself or, if its weights are sharded, a copy with the full weights.

    Args:
        learner (`torch.nn.Module`): the transformer or, with LoRA, the `PeftModel` around it. If it is sharded, every
            process must call this.

    Returns:
        `torch.nn.Module`: of the same class; to sample with and to save.
    """
    if not any(isinstance(parameter, DTensor) for parameter in learner.parameters()):
        return learner
    transformer = transformer_of(learner)
    with torch.device("meta"):  # fresh weights would cost time and random numbers
        full = NuwaForConditionalGeneration(transformer.config)
        if learner is not transformer:
            full = type(learner)(full, copy.deepcopy(learner.active_peft_config))
    full.load_state_dict({name: whole(weight) for name, weight in learner.state_dict().items()}, assign=True)
    for name, buffer in learner.named_buffers():  # the state has only those that are saved
        owner, _, own_name = name.rpartition(".")
        setattr(full.get_submodule(owner), own_name, buffer)
    transformer_of(full).generation_config = transformer.generation_config
    return full.train(learner.training)
