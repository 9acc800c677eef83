# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Estimates the memory that training takes on each GPU, from the sizes of the model.

Legend: B batch, N visual places, M text places, D hidden size, I inner size of the feed-forward, V codebook size,
P weights, n processes.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Literal, get_args

import torch
from torch import nn

from nuwa_hf.modeling.configuration_nuwa import NuwaConfig
from nuwa_hf.modeling.modeling_nuwa import NuwaForConditionalGeneration
from nuwa_hf.modeling.token_loss import LOGITS_AT_ONCE
from nuwa_hf.training.nuwa.fine_tuning import LORA_TARGETS, add_adapters, freeze_encoder
from nuwa_hf.training.nuwa.optimizers import build_optimizers
from nuwa_hf.training.run.run_arguments import require


Strategy = Literal["ddp", "zero2", "fsdp"]
Precision = Literal["no", "bf16"]
FLOAT = 4  # bytes


@dataclass(frozen=True)
class MemoryEstimate:
    """Bytes on each GPU.

    Args:
        weights (`int`): the weights, in float32.
        half_weights (`int`): 16-bit copies for the forward pass in mixed precision.
        gradients (`int`): of the weights that are learnt.
        buffers (`int`): buckets in which gradients are sent.
        optimizer (`int`): moments, and the step counters of AdamW.
        average (`int`): the moving average of the weights that are learnt.
        activations (`int`): the most that the forward pass keeps for the backward pass.
    """

    weights: int
    half_weights: int
    gradients: int
    buffers: int
    optimizer: int
    average: int
    activations: int

    @property
    def total(self) -> int:
        """The sum of all parts."""
        return sum(asdict(self).values())


def weight_shapes(config: NuwaConfig) -> dict[str, torch.Size]:
    """Names and shapes of a model's weights, without creating the model.

    Args:
        config (`NuwaConfig`): the sizes.

    Returns:
        `dict[str, torch.Size]`: name to shape.
    """
    return {name: weight.shape for name, weight in on_meta(config).named_parameters()}


def on_meta(
    config: NuwaConfig,
    fine_tune: str = "full",
    lora_rank: int = 16,
    lora_target_modules: Sequence[str] = LORA_TARGETS,
) -> nn.Module:
    """A model without numbers, of which what is learnt needs gradients.

    Args:
        config (`NuwaConfig`): the sizes.
        fine_tune (`str`, defaults to `"full"`): or `"frozen-encoder"` or `"lora"`.
        lora_rank (`int`, defaults to 16): of the adapters.
        lora_target_modules (`Sequence[str]`, *optional*): the linear maps that get them; by default all that can.

    Returns:
        `torch.nn.Module`: on the meta device.

    Raises:
        ValueError: If there is no linear map of a name.
    """
    with torch.device("meta"):
        model = NuwaForConditionalGeneration(config)
        if fine_tune == "lora":
            adapters = {"rank": lora_rank, "alpha": lora_rank, "dropout": 0.0}
            return add_adapters(model, **adapters, target_modules=lora_target_modules)
    if fine_tune == "frozen-encoder":
        freeze_encoder(model)
    return model


def optimizer_bytes(config: NuwaConfig, optimizer: str = "adamw", *, model: nn.Module | None = None) -> int:
    """Bytes of the optimiser's state.

        AdamW: 8 bytes a weight (two moments) and 4 a tensor (its step);  Muon: 4 bytes a weight

    Args:
        config (`NuwaConfig`): the sizes.
        optimizer (`str`, defaults to `"adamw"`): or `"muon"`, which takes the matrices inside the layers.
        model (`torch.nn.Module`, *optional*): what `on_meta` made of the sizes; by default all weights are learnt.

    Returns:
        `int`: bytes, before they are sharded.
    """
    total = 0
    rates = {"learning_rate": 1.0, "muon_learning_rate": 1.0, "betas": (0.9, 0.95), "weight_decay": 0.0}
    for one in build_optimizers(on_meta(config) if model is None else model, optimizer, **rates):
        for group in one.param_groups:
            numbers, tensors = sum(weight.numel() for weight in group["params"]), len(group["params"])
            is_muon = isinstance(one, torch.optim.Muon)
            total += FLOAT * numbers if is_muon else 2 * FLOAT * numbers + FLOAT * tensors
    return total


def activation_bytes(
    config: NuwaConfig,
    rows: float,
    mixed_precision: Precision = "bf16",
    gradient_checkpointing: bool = False,
    text_length: int | None = None,
    strategy: Strategy = "ddp",
) -> int:
    """Bytes that the forward pass over videos from text keeps for the backward pass.

    A number inside a layer takes e bytes: 4, or 2 in bf16. The residual stream, the inputs of the norms, takes r: 4
    with DDP, whose weights are cast where they are used, and e with FSDP and ZeRO, whose weights are cast beforehand.
    With F = I / D, a decoder layer keeps for each visual place, in units of D numbers,

        r (1 + 1)                     the inputs of the two norms
        e (4 or 1 + 1)                the normed input: a cast from r = 4 makes a copy for each of the four maps that
                                      read it, and of the second norm's output one; else it is shared
        e (3 + 2)                     queries, keys, values; what attention gives, and its copy in rows
        e (1 + 2)                     the same of the cross-attention, without keys and values
        e 2 F                         before and after the GELU

    and 2 e for the keys and values of each text place. An encoder layer has no cross-attention, and three maps that
    read its first norm. The loss keeps nothing; where its gradient begins, 12 bytes are needed for each logit of the
    places that are computed at once: the log-probabilities, their gradient, and that of the logits. With gradient
    checkpointing a layer keeps its input alone, and one layer at a time has all of the above.

    Args:
        config (`NuwaConfig`): the sizes.
        rows (`float`): videos in all forward passes before a backward pass, B.
        mixed_precision (`str`, defaults to `"bf16"`): or `"no"`.
        gradient_checkpointing (`bool`, defaults to `False`): whether layers are recomputed in the backward pass.
        text_length (`int`, *optional*): M; the most by default.
        strategy (`str`, defaults to `"ddp"`): or `"zero2"` or `"fsdp"`.

    Returns:
        `int`: bytes.
    """
    width, e = config.hidden_size, 2 if mixed_precision == "bf16" else FLOAT
    factor = config.intermediate_size / width
    visual, text = config.get_visual_grid().numel, config.max_text_length if text_length is None else text_length
    residual = FLOAT if strategy == "ddp" else e

    def units(readers: int, attentions: int) -> float:
        normed = e * (readers + 1 if residual > e else 2)
        return 2 * residual + normed + e * (attentions + 2 * factor)

    decoder = width * (visual * units(4, 5 + 3) + text * 2 * e)
    encoder = width * text * units(3, 5)
    loss = 3 * FLOAT * min(rows * visual * config.codebook_size, LOGITS_AT_ONCE)
    if gradient_checkpointing:
        kept = residual * width * (visual * config.num_decoder_layers + text * config.num_encoder_layers)
        # The loss has been freed by the time the last layer is recomputed.
        return round(rows * kept + max(loss, rows * decoder))
    return round(rows * (decoder * config.num_decoder_layers + encoder * config.num_encoder_layers) + loss)


def estimate_memory(
    config: NuwaConfig,
    *,
    num_processes: int = 1,
    strategy: Strategy = "ddp",
    rows: float = 1,
    passes: int = 1,
    mixed_precision: Precision = "bf16",
    optimizer: str = "adamw",
    gradient_checkpointing: bool = False,
    fine_tune: str = "full",
    lora_rank: int = 16,
    lora_target_modules: Sequence[str] = LORA_TARGETS,
) -> MemoryEstimate:
    """Memory on each GPU.

        ddp:    everything whole on each; gradients a second time in the buckets that they are sent in
        zero2:  16-bit weights whole; gradients, float32 weights and optimiser in n parts; moving average whole
        fsdp:   all in n parts; the 16-bit weights of the embeddings, the head and two layers whole while they work;
                a layer's gradients whole, 16-bit ones and the float32 copy in which they are sent; with several passes
                all gradients whole, since they are sent after the last one

    The CUDA context, the allocator's gaps and NCCL's own buffers, a few GB, come on top.

    Args:
        config (`NuwaConfig`): the sizes.
        num_processes (`int`, defaults to 1): n.
        strategy (`str`, defaults to `"ddp"`): `"ddp"`, `"zero2"` or `"fsdp"`.
        rows (`float`, defaults to 1): videos of a forward pass in each process, above 0; an image is a part of one.
        passes (`int`, defaults to 1): forward passes of an optimiser step.
        mixed_precision (`str`, defaults to `"bf16"`): or `"no"`.
        optimizer (`str`, defaults to `"adamw"`): or `"muon"`.
        gradient_checkpointing (`bool`, defaults to `False`): whether layers are recomputed in the backward pass.
        fine_tune (`str`, defaults to `"full"`): what is learnt, or `"frozen-encoder"` or `"lora"`.
        lora_rank (`int`, defaults to 16): of the adapters.
        lora_target_modules (`Sequence[str]`, *optional*): the linear maps that get them; by default all that can.

    Returns:
        `MemoryEstimate`.

    Raises:
        ValueError: If a number is below 1, or a choice or the name of a linear map is unknown.
    """
    require(num_processes >= 1, "num_processes", "at least 1", num_processes, "use for example 8")
    require(passes >= 1, "passes", "at least 1", passes, "use for example 1")
    require(rows > 0, "rows", "above 0", rows, "use for example 8")
    for name, value, choices in (
        ("strategy", strategy, get_args(Strategy)),
        ("mixed_precision", mixed_precision, get_args(Precision)),
    ):
        require(value in choices, name, f"one of {list(choices)}", value, "choose one of these")
    model, is_half = on_meta(config, fine_tune, lora_rank, lora_target_modules), mixed_precision == "bf16"
    shapes = {name: weight.shape for name, weight in model.named_parameters()}
    numbers = sum(shape.numel() for shape in shapes.values())
    learnt = FLOAT * sum(weight.numel() for weight in model.parameters() if weight.requires_grad)
    weights, states = FLOAT * numbers, optimizer_bytes(config, optimizer, model=model)
    activations = activation_bytes(config, rows, mixed_precision, gradient_checkpointing, strategy=strategy)
    if strategy == "ddp":
        buffers = learnt if num_processes > 1 else 0
        return MemoryEstimate(weights, 2 * numbers * is_half, learnt, buffers, states, learnt, activations)
    part = 1 / num_processes
    if strategy == "zero2":
        working = 2 * numbers if is_half else 0
        gradients = learnt // 2 if is_half else learnt
        master = round(learnt * part) if is_half else weights
        return MemoryEstimate(master, working, round(gradients * part), 0, round(states * part), learnt, activations)
    layer = max(_numbers_of(shapes, f"model.{name}.layers.0.") for name in ("encoder", "decoder"))
    others = sum(shape.numel() for name, shape in shapes.items() if ".layers." not in name)
    e = 2 if is_half else FLOAT
    gathered, buffers = (others + 2 * layer) * e, layer * (e + FLOAT)
    average, gradients = round(learnt * part), round(learnt * part) if passes == 1 else learnt
    return MemoryEstimate(
        round(weights * part), gathered, gradients, buffers, round(states * part), average, activations
    )


def memory_table(config: NuwaConfig, settings: Sequence[dict]) -> str:
    """A Markdown table in GB (1e9 bytes) with a row for each setting; with two decimals where all is below 5 GB.

    Args:
        config (`NuwaConfig`): the sizes.
        settings (`Sequence[dict]`): keywords of `estimate_memory`.

    Returns:
        `str`: the table.
    """
    heads = ("GPUs", "strategy", "rows", "checkpointing", *(name.replace("_", " ") for name in _PARTS), "all")
    lines = [heads, ["---"] * len(heads)]
    for setting in settings:
        estimate = estimate_memory(config, **setting)
        numbers = [*asdict(estimate).values(), estimate.total]
        is_twice = "yes" if setting.get("gradient_checkpointing") else "no"
        rows = f"{setting.get('rows', 1):.1f}".removesuffix(".0")
        first = [str(setting["num_processes"]), setting["strategy"], rows, is_twice]
        digits = 2 if estimate.total < 5e9 else 1
        lines.append([*first, *(f"{number / 1e9:.{digits}f}" for number in numbers)])
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


_PARTS = tuple(MemoryEstimate.__dataclass_fields__)


def _numbers_of(shapes: dict[str, torch.Size], part: str) -> int:
    return sum(shape.numel() for name, shape in shapes.items() if part in name)
