# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The parts of a checkpoint from their configurations: models without numbers, and what is known of each."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import diffusers
import torch
from safetensors import safe_open
from torch import nn

from nuwa_hf.modeling.codec import as_codec
from nuwa_hf.modeling.configuration_nuwa import NuwaConfig
from nuwa_hf.modeling.modeling_nuwa import NuwaForConditionalGeneration
from nuwa_hf.modeling.tokenization_nuwa import load_text_tokenizer
from nuwa_hf.storage.local_checkpoint import read_json


TRANSFORMER = "NuwaForConditionalGeneration"


@dataclass(frozen=True)
class PartFacts:
    """A part of a checkpoint.

    Args:
        kind (`str`): `"transformer"`, `"codec"`, `"tokenizer"` or `"adapter"`.
        class_name (`str`): the class that it is loaded by.
        parameters (`int`): how many numbers are learnt; 0 for a tokenizer.
        weight_bytes (`int`, *optional*): of its files of weights, where they are known.
        values (`dict[str, Any]`): its sizes, by name, as JSON can store them.
        model (`torch.nn.Module`, *optional*): the model on the meta device.
    """

    kind: str
    class_name: str
    parameters: int
    weight_bytes: int | None
    values: dict[str, Any]
    model: nn.Module | None = field(default=None, repr=False)


def read_part(folder: Path, class_name: str | None, weight_bytes: int | None) -> PartFacts:
    """What is known of a model or a tokenizer.

    Args:
        folder (`Path`): its files, with or without its weights.
        class_name (`str`, *optional*): the class that wrote it; None for a tokenizer.
        weight_bytes (`int`, *optional*): of its weights.

    Returns:
        `PartFacts`.

    Raises:
        ValueError: If it is of another class.
    """
    if class_name is None or "Tokenizer" in class_name:
        return _tokenizer(folder)
    if class_name == TRANSFORMER:
        return _transformer(folder, weight_bytes)
    return _codec(folder, class_name, weight_bytes)


def read_adapter(folder: Path, weight_bytes: int | None) -> PartFacts:
    """What is known of a LoRA adapter.

    Args:
        folder (`Path`): its files.
        weight_bytes (`int`, *optional*): of its weights.

    Returns:
        `PartFacts`.
    """
    config = read_json(folder / "adapter_config.json")
    parameters = 0
    for file in folder.glob("*.safetensors"):
        with safe_open(file, "pt") as weights:
            parameters += sum(torch.Size(weights.get_slice(name).get_shape()).numel() for name in weights.keys())  # noqa: SIM118
    modules = config.get("target_modules") or []
    values = {
        "method": config.get("peft_type"),
        "base_model": config.get("base_model_name_or_path"),
        "rank": config.get("r"),
        "alpha": config.get("lora_alpha"),
        "target_modules": [modules] if isinstance(modules, str) else sorted(modules),  # a text is a pattern of names
    }
    return PartFacts("adapter", "PeftModel", parameters, weight_bytes, values)


def _tokenizer(folder: Path) -> PartFacts:
    tokenizer = load_text_tokenizer(folder)
    values = {"vocab_size": len(tokenizer), "max_text_length": tokenizer.model_max_length}
    return PartFacts("tokenizer", type(tokenizer).__name__, 0, None, values)


def _transformer(folder: Path, weight_bytes: int | None) -> PartFacts:
    config = NuwaConfig.from_pretrained(folder)
    quantization = getattr(config, "quantization_config", None)
    dtype = config.dtype or torch.float32
    with torch.device("meta"):
        model = NuwaForConditionalGeneration(config).to(dtype).eval()
    names = (
        *("num_encoder_layers", "num_decoder_layers", "hidden_size", "num_attention_heads", "window", "visual_grid"),
        *("frame_rate", "codebook_size", "sketch_codebook_size", "vocab_size", "max_text_length", "learnt_tasks"),
    )
    values = {name: getattr(config, name) for name in names}
    values |= {"dtype": str(dtype).removeprefix("torch."), "is_quantized": quantization is not None}
    return PartFacts("transformer", TRANSFORMER, _count(model), weight_bytes, values, model)


def _codec(folder: Path, class_name: str, weight_bytes: int | None) -> PartFacts:
    cls = getattr(diffusers, class_name, None)
    if cls is None:
        raise ValueError(
            "`checkpoint` must hold a transformer of nuwa_hf, or a codec of nuwa_hf or of diffusers, got "
            f"{str(folder)!r} with the class {class_name!r}; load models of your own in Python."
        )
    with torch.device("meta"):
        model = cls.from_config(cls.load_config(folder)).eval()
    codec = as_codec(model)
    names = ("codebook_size", "in_channels", "sample_size", "spatial_factor", "temporal_factor")
    return PartFacts("codec", class_name, _count(model), weight_bytes, {n: getattr(codec, n) for n in names}, model)


def _count(model: nn.Module) -> int:
    return sum(weight.numel() for weight in model.parameters())
