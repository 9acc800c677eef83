# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Optimisers of the transformer: AdamW for everything, or Muon for the matrices inside the layers."""

import torch
from torch import nn


def build_optimizers(
    model: nn.Module,
    name: str,
    *,
    learning_rate: float,
    muon_learning_rate: float,
    betas: tuple[float, float],
    weight_decay: float,
) -> list[torch.optim.Optimizer]:
    """The optimisers, which together hold every weight once.

    Muon orthogonalises the momentum of a matrix before it is applied (Jordan et al., 2024). It is used for the
    matrices inside the layers; AdamW updates embeddings, positions, norms and the head.

    Args:
        model (`nn.Module`): a `NuwaForConditionalGeneration`.
        name (`str`): `"adamw"` or `"muon"`.
        learning_rate (`float`): of AdamW, above 0.
        muon_learning_rate (`float`): of Muon, above 0; its updates have the root mean square of AdamW's.
        betas (`tuple[float, float]`): of AdamW.
        weight_decay (`float`): decoupled, on matrices only.

    Returns:
        `list[torch.optim.Optimizer]`: one or two optimisers.

    Raises:
        ValueError: If the name is unknown.
    """
    if name not in ("adamw", "muon"):
        raise ValueError(f"`optimizer` must be 'adamw' or 'muon', got {name!r}.")
    hidden, matrices, others = [], [], []
    for path, parameter in model.named_parameters():
        if not parameter.requires_grad:
            continue
        is_hidden = ".layers." in path and parameter.ndim == 2
        is_matrix = is_hidden or path == "head.weight"
        (hidden if is_hidden and name == "muon" else matrices if is_matrix else others).append(parameter)
    groups = [{"params": matrices, "weight_decay": weight_decay}, {"params": others, "weight_decay": 0.0}]
    optimizers = [torch.optim.AdamW([group for group in groups if group["params"]], lr=learning_rate, betas=betas)]
    if hidden:
        optimizers.append(
            torch.optim.Muon(hidden, lr=muon_learning_rate, weight_decay=weight_decay, adjust_lr_fn="match_rms_adamw")
        )
    return optimizers
