# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Which weights of a transformer are learnt: all, those outside the encoder, or low-rank adapters (LoRA)."""

import copy
import hashlib
from collections.abc import Collection, Sequence
from importlib.util import find_spec
from pathlib import Path

import torch
from accelerate import Accelerator, DistributedType
from safetensors.torch import load_file
from torch import nn

from nuwa_hf.modeling.modeling_nuwa import NuwaForConditionalGeneration
from nuwa_hf.tasks import TASKS, get_task
from nuwa_hf.training.run.run_arguments import require
from nuwa_hf.training.run.saved_arguments import OtherRunError


# The linear maps of every attention and feed-forward sub-layer, in the encoder and in the decoder.
LORA_TARGETS = ("q_proj", "k_proj", "v_proj", "o_proj", "up_proj", "down_proj")
# What is read by embeddings of its own, which adapters leave as they are, and whether a task has it.
READ_BY_ENCODER = {
    "texts": lambda task: task.condition != "none",
    "sketches": lambda task: "sketch" in task.condition,
    "known parts": lambda task: task.known != "nothing",
}
READ_BY_DECODER = {"frames after the first": lambda task: task.output == "video"}
READ = READ_BY_ENCODER | READ_BY_DECODER
WEIGHTS_FILE = "model.safetensors"  # how Accelerate calls a prepared model's weights
DDP_PREFIX = "module."  # before the names of weights that several processes wrote
START_WEIGHTS = "digest of the frozen weights to start from"  # in the data of a run


def check_peft() -> None:
    """Check that PEFT is installed.

    Raises:
        ValueError: If it is not.
    """
    if find_spec("peft") is None:
        raise ValueError("`fine_tune` must not be 'lora' without the package peft; run `pip install nuwa_hf[lora]`.")


def check_what_stays(
    fine_tune: str, tasks: Collection[str], learnt: Collection[str] | None, *, has_clip: bool
) -> None:
    """Check that the transformer to start from has learnt to read all that the run's tasks give it, as far as the
    weights that read it stay as they are.

    Args:
        fine_tune (`str`): what is learnt.
        tasks (`Collection[str]`): short names of the run's tasks.
        learnt (`Collection[str]`, *optional*): of those that the transformer has learnt; None if that is not known.
        has_clip (`bool`): whether texts are read by CLIP, which is then all that `"frozen-encoder"` freezes.

    Raises:
        ValueError: If weights that have learnt nothing would stay so.
    """
    frozen = READ if fine_tune == "lora" else READ_BY_ENCODER if fine_tune == "frozen-encoder" and not has_clip else ()
    for what in frozen:
        reading = [task for task in tasks if READ[what](get_task(task))]
        rule = f"'full' with {reading} for a transformer that has never learnt to read {what}"
        is_fit = not reading or can_read(what, learnt)
        require(is_fit, "fine_tune", rule, fine_tune, "the weights that read them would stay as they began")


def can_read(what: str, learnt: Collection[str] | None) -> bool:
    """Whether a transformer has learnt to read something.

    Args:
        what (`str`): a key of `READ`.
        learnt (`Collection[str]`, *optional*): short names of the tasks that it has learnt; None if that is not known.

    Returns:
        `bool`: True where nothing can be said.
    """
    return learnt is None or any(READ[what](task) for task in TASKS if task.abbreviation in learnt)


def check_sharding(accelerator: Accelerator, optimizer: str, non_finite: str) -> None:
    """Check that each process has all weights, or that they are sharded by FSDP2, whose shards can be gathered; that
    FSDP2 has no gradients that were scaled up for fp16, which it would not scale down; and that DeepSpeed, which takes
    its steps by itself and with only one optimiser, is not asked for more.

    Args:
        accelerator (`Accelerator`): knows how the weights will be sharded.
        optimizer (`str`): `"adamw"` or `"muon"`, which needs AdamW beside it.
        non_finite (`str`): `"stop"` or `"skip"`, for steps whose numbers are not finite.

    Raises:
        ValueError: If they are sharded in another way or in fp16, or DeepSpeed would get two optimisers or skip steps.
    """
    is_sharded = accelerator.distributed_type == DistributedType.FSDP
    version = 2 if accelerator.is_fsdp2 else 1
    require(not is_sharded or version == 2, "fsdp_version", "2", version, "set it in Accelerate's configuration")
    is_scaled = is_sharded and accelerator.mixed_precision == "fp16"
    require(not is_scaled, "mixed_precision", "'no' or 'bf16' with FSDP2", "fp16", "use bf16")
    plugin = accelerator.state.deepspeed_plugin
    stage = 0 if plugin is None else plugin.zero_stage
    require(stage < 3, "zero_stage", "at most 2", stage, "use FSDP2 to shard the weights too")
    has_two = plugin is not None and optimizer == "muon"
    require(not has_two, "optimizer", "'adamw' with DeepSpeed", optimizer, "use adamw, or DDP or FSDP2")
    skips = plugin is not None and non_finite == "skip"
    require(not skips, "non_finite", "'stop' with DeepSpeed", non_finite, "use stop, or DDP or FSDP2")


def freeze_encoder(model: NuwaForConditionalGeneration) -> None:
    """Freeze the condition encoder with the embeddings of texts, sketches and known parts that it reads.

    If texts are read by CLIP, only CLIP's text model is frozen: its projection and our encoder of the other conditions
    are not pretrained.

    Args:
        model (`NuwaForConditionalGeneration`): changed in place.
    """
    if model.config.text_encoder_config is not None:
        model.freeze_text_encoder()
        return
    inner = model.model
    for part in (inner.encoder, inner.text_embeddings, inner.sketch_embeddings, inner.known_embeddings):
        part.requires_grad_(False)


def add_adapters(
    model: NuwaForConditionalGeneration, *, rank: int, alpha: float, dropout: float, target_modules: Sequence[str]
) -> nn.Module:
    """Freeze a transformer and put low-rank adapters beside its linear maps, but for those that are frozen already:
    `freeze_unused` has found that no task of the run uses them.

        y = W x + (alpha / rank) B A x                                              (Hu et al., 2021)

    Args:
        model (`NuwaForConditionalGeneration`): changed in place; its maps now hold the adapters.
        rank (`int`): rows of A and columns of B.
        alpha (`float`): scale of what the adapters add.
        dropout (`float`): dropout of an adapter's input.
        target_modules (`Sequence[str]`): last names of the linear maps.

    Returns:
        `peft.PeftModel`: around the model. Initially its adapters add nothing.

    Raises:
        ValueError: If no linear map has one of the names.
    """
    from peft import LoraConfig, get_peft_model

    linear = {name: module for name, module in model.named_modules() if isinstance(module, nn.Linear)}
    known = sorted({name.split(".")[-1] for name in linear})
    unknown = sorted(set(target_modules) - set(known))
    require(not unknown, "lora_target_modules", f"among {known}", unknown, "choose from these")
    frozen = [name for name, module in linear.items() if not module.weight.requires_grad]
    config = LoraConfig(
        r=rank,
        lora_alpha=alpha,
        lora_dropout=dropout,
        target_modules=list(target_modules),
        exclude_modules=frozen or None,
    )
    return get_peft_model(model, config)


def merged_copy(model: nn.Module) -> NuwaForConditionalGeneration:
    """A copy of the transformer with the adapters merged into its weights.

    Args:
        model (`peft.PeftModel`): what `add_adapters` returned. It is not changed: merging and unmerging would round.

    Returns:
        `NuwaForConditionalGeneration`.
    """
    return copy.deepcopy(model).merge_and_unload()


def frozen_digest(model: nn.Module) -> str:
    """A digest of the frozen weights, of which a checkpoint that holds learnt weights alone says nothing else.

    Args:
        model (`torch.nn.Module`): the module to train.

    Returns:
        `str`: hexadecimal; the same in every type that holds the weights exactly.
    """
    digest = hashlib.sha256()
    for weight in model.parameters():
        if not weight.requires_grad:
            digest.update(weight.detach().float().cpu().reshape(-1).numpy())
    return digest.hexdigest()


def checkpoint_learnt_weights_only(accelerator: Accelerator) -> None:
    """Leave frozen weights out of the checkpoints. They are those that the run started from.

    A plugin that shards the weights (FSDP, DeepSpeed) writes all of them itself.

    Args:
        accelerator (`Accelerator`): the accelerator, with one prepared model.
    """

    def leave_out_frozen(models: list[nn.Module], states: list[dict[str, torch.Tensor]], folder: str) -> None:
        for model, state in zip(models, states, strict=False):  # no states where a plugin writes them
            for name, parameter in model.named_parameters():
                if not parameter.requires_grad:
                    del state[name]

    def load_learnt(models: list[nn.Module], folder: str) -> None:
        while models:  # what is left in the list Accelerate would load as a whole
            model = accelerator.unwrap_model(models.pop())
            saved = load_file(Path(folder) / WEIGHTS_FILE)
            state = {name.removeprefix(DDP_PREFIX): weight for name, weight in saved.items()}
            learnt = {name for name, parameter in model.named_parameters() if parameter.requires_grad}
            if state.keys() != learnt:
                raise OtherRunError(
                    f"`fine_tune` must be that of the checkpoints in `output_dir`, but {folder} has other weights "
                    f"({min(state.keys() ^ learnt)!r}); give the same arguments, or choose another folder."
                )
            model.load_state_dict(state, strict=False)

    accelerator.register_save_state_pre_hook(leave_out_frozen)
    accelerator.register_load_state_pre_hook(load_learnt)
