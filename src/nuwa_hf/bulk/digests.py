# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Digests of what samples depend on: settings, weights, a checkpoint."""

import hashlib
import json
from collections.abc import Iterator
from typing import Any

import torch

from nuwa_hf.pipelines import NuwaPipelineBase


# Of a configuration: where a model came from, what wrote it and how it is computed, not what it is.
NOT_THE_MODEL = ("architectures", "name_or_path", "transformers_version", "dtype", "torch_dtype")


def settings_digest(*settings: Any) -> str:
    """A digest of values that JSON has.

    Args:
        settings: texts, numbers, lists and dicts.

    Returns:
        `str`: hexadecimal.
    """
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()


def model_digest(model: torch.nn.Module) -> str:
    """A digest of a model's configuration, weights and adapters, wherever it was loaded from.

    Args:
        model (`torch.nn.Module`): with a `config`, on any device.

    Returns:
        `str`: hexadecimal.
    """
    config = model.config.to_dict() if hasattr(model.config, "to_dict") else dict(model.config)
    config = {key: config[key] for key in config if not key.startswith("_") and key not in NOT_THE_MODEL}
    # An adapter's strength, and whether it is on, are no weights.
    adapters = {
        name: [layer.scaling, list(layer.active_adapters), layer.disable_adapters]
        for name, layer in model.named_modules()
        if isinstance(getattr(layer, "scaling", None), dict)
    }
    digest = hashlib.sha256(json.dumps([config, adapters], sort_keys=True, default=str).encode())
    for name, value in sorted(model.state_dict().items()):
        for tensor in _plain_tensors(value):
            digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
            digest.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy())
    return digest.hexdigest()


def checkpoint_digest(pipeline: NuwaPipelineBase) -> str:
    """A digest of all that a pipeline loads.

    Args:
        pipeline (`NuwaPipelineBase`): the checkpoint, as the pipeline of any task.

    Returns:
        `str`: hexadecimal.
    """
    models = (pipeline.vqgan, pipeline.transformer, pipeline.sketch_vqgan)
    text = json.loads(pipeline.tokenizer.backend_tokenizer.to_str())
    for name in ("padding", "truncation"):  # those of the last call
        text.pop(name)
    return settings_digest(text, [None if model is None else model_digest(model) for model in models])


def _plain_tensors(value: Any) -> Iterator[torch.Tensor]:
    """A tensor, or those that a tensor of quantized numbers is made of; nothing for what is no tensor."""
    if hasattr(value, "__tensor_flatten__"):
        for name in value.__tensor_flatten__()[0]:
            yield from _plain_tensors(getattr(value, name))
    elif isinstance(value, torch.Tensor):
        yield value
