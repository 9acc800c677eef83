# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""What to do instead of an argument that is unknown here, most of all one of another tool, and how one is spelt."""

import difflib
from collections.abc import Collection


CLOSE = 0.7  # spelled so alike, as a ratio of difflib, that it is a slip

DATA_NAMES = ("data", "data_dir", "dataset_name", "dataset_path", "train_data_dir", "train_dir", "instance_data_dir")

# Names of other tools to ours. The first that the command has is the answer.
OTHER_NAMES: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("lr", "base_learning_rate", "initial_lr"), ("learning_rate",)),
    **dict.fromkeys(("lr_scheduler_type", "scheduler", "schedule"), ("lr_scheduler",)),
    **dict.fromkeys(("wd", "adam_weight_decay"), ("weight_decay",)),
    **dict.fromkeys(("optim", "optimizer_type", "optimizer_name"), ("optimizer",)),
    **dict.fromkeys(
        ("batch_size", "bs", "per_device_train_batch_size", "per_gpu_train_batch_size", "micro_batch_size"),
        ("train_batch_size",),
    ),
    **dict.fromkeys(
        ("accumulate_grad_batches", "grad_accum", "grad_accum_steps", "gradient_accumulation"),
        ("gradient_accumulation_steps",),
    ),
    **dict.fromkeys(("gradient_clip_val", "grad_clip", "clip_grad_norm", "max_norm"), ("max_grad_norm",)),
    **dict.fromkeys(
        (
            "steps",
            "max_steps",
            "num_steps",
            "num_train_steps",
            "total_steps",
            "train_steps",
            "iterations",
            "max_iters",
        ),
        ("max_train_steps",),
    ),
    **dict.fromkeys(("max_time", "max_hours", "max_train_time", "time_limit"), ("max_train_hours",)),
    **dict.fromkeys(("precision", "dtype", "torch_dtype", "amp", "weight_dtype"), ("mixed_precision",)),
    **dict.fromkeys(("output", "out", "o", "out_dir", "output_path", "save_dir", "logging_dir"), ("output_dir",)),
    **dict.fromkeys(("save_steps", "save_every", "checkpoint_every", "save_interval"), ("checkpointing_steps",)),
    **dict.fromkeys(("save_total_limit", "keep_last"), ("checkpoints_total_limit",)),
    **dict.fromkeys(("logging_steps", "log_interval", "log_steps"), ("log_every",)),
    **dict.fromkeys(
        ("eval_steps", "eval_every", "validation_steps", "validation_epochs", "sample_steps", "eval_interval"),
        ("sample_every",),
    ),
    **dict.fromkeys(("report_to", "tracker", "logger"), ("log_with",)),
    **dict.fromkeys(
        ("workers", "num_workers", "num_proc", "preprocessing_num_workers"), ("dataloader_num_workers", "num_proc")
    ),
    **dict.fromkeys(("random_seed", "manual_seed"), ("seed",)),
    **dict.fromkeys(("rank", "lora_r", "r"), ("lora_rank",)),
    **dict.fromkeys(("target_modules", "lora_targets"), ("lora_target_modules",)),
    **dict.fromkeys(("ema", "use_ema", "ema_rate"), ("ema_decay",)),
    **dict.fromkeys(("resolution", "size", "img_size", "sample_size"), ("image_size",)),
    **dict.fromkeys(("fps",), ("frame_rate",)),
    **dict.fromkeys(("frames", "sample_n_frames", "video_length"), ("num_frames",)),
    **dict.fromkeys(DATA_NAMES, ("dataset",)),
    **dict.fromkeys(
        ("pretrained_model_name_or_path", "model_name_or_path", "model", "model_path", "base_model", "ckpt"),
        ("checkpoint", "vqgan"),
    ),
    **dict.fromkeys(("vae", "codec", "vqvae"), ("vqgan",)),
    **dict.fromkeys(("dropout",), ("hidden_dropout",)),
    **dict.fromkeys(("push",), ("push_to_hub",)),
    **dict.fromkeys(("hub_repo_id", "repo_id"), ("hub_model_id",)),
}

# Names of other tools for what is done in another way here: an argument that the command must have for it, and how.
OTHER_WAYS: dict[str, tuple[str, str]] = {
    "fp16": ("mixed_precision", "write `--mixed_precision fp16`"),
    "bf16": ("mixed_precision", "write `--mixed_precision bf16`"),
    **dict.fromkeys(
        ("epochs", "num_epochs", "max_epochs", "num_train_epochs"),
        ("max_train_steps", "a run is as long as `max_train_steps`, which is epochs x clips / samples of a step"),
    ),
    **dict.fromkeys(
        ("resume_from_checkpoint", "resume_from", "resume_path", "load_checkpoint"),
        ("resume", "a run goes on from the newest checkpoint in `output_dir` by itself, so leave it out"),
    ),
    "overwrite_output_dir": (
        "resume",
        "a run never overwrites another; delete the folder or choose another `output_dir`",
    ),
    **dict.fromkeys(
        ("warmup_steps", "lr_warmup_steps", "warmup"),
        ("warmup_ratio", "write `warmup_ratio`, the share of the steps that warm up"),
    ),
    **dict.fromkeys(
        ("gpus", "num_gpus", "devices", "num_processes", "nproc_per_node", "multi_gpu"),
        ("max_train_steps", "several devices are used by `accelerate launch`, as docs/training-at-scale.md shows"),
    ),
    **dict.fromkeys(
        ("cuda", "gpu", "use_cuda"), ("resume", "the accelerator is used by itself where there is one; leave it out")
    ),
    **dict.fromkeys(("cpu", "no_cuda", "use_cpu"), ("device", "write `--device cpu`")),
    **dict.fromkeys(("lora", "use_lora", "use_peft"), ("fine_tune", "write `--fine_tune lora`")),
    **dict.fromkeys(("wandb", "use_wandb"), ("log_with", "write `--log_with wandb`")),
    "tensorboard": ("log_with", "write `--log_with tensorboard`"),
    **dict.fromkeys(
        ("use_8bit_adam", "adam8bit"), ("learning_rate", "there are no 8-bit optimisers here, so leave it out")
    ),
    "gradient_checkpointing": (
        "train_batch_size",
        "this command cannot compute activations twice; lower `train_batch_size` to save memory",
    ),
    **dict.fromkeys(("hub_token", "token"), ("hub_model_id", "log in once with `hf auth login`")),
    **dict.fromkeys(
        (*DATA_NAMES, "dataset"),
        ("tokens", "run `nuwa-hf tokenize` on the data first and give the result as `tokens`"),
    ),
    **dict.fromkeys(
        ("resolution", "size", "img_size", "image_size"),
        ("tokens", "frames are as large as those that the codec was trained on; `nuwa-hf tokenize` makes them so"),
    ),
}


def what_instead(name: str, valid: Collection[str]) -> str:
    """What to do instead of an unknown argument.

    Args:
        name (`str`): the argument, without dashes in front; `-` counts as `_`.
        valid (`Collection[str]`): the arguments that the command has.

    Returns:
        `str`: the rest of the sentence "Unknown argument ...; ...".
    """
    key = name.lower().replace("-", "_")
    ours = next((other for other in OTHER_NAMES.get(key, ()) if other in valid), None)
    if ours is not None:
        return f"its name here is `{ours}`"
    needed, way = OTHER_WAYS.get(key, (None, ""))
    if needed in valid:
        return way
    if key.endswith((".yaml", ".yml")):
        return "a file of arguments is given by `--config`"
    closest = difflib.get_close_matches(key, list(valid), n=1, cutoff=CLOSE)
    return f"the closest valid one is `{closest[0]}`" if closest else "see `--help`"


def as_spelt(option: str, options: Collection[str]) -> str:
    """A long option as a command spells it: hyphens and underscores count as the same.

    Args:
        option (`str`): such as `"--num-frames"`, with or without a value after an equals sign.
        options (`Collection[str]`): those that the command has, such as `"--num_frames"`.

    Returns:
        `str`: as the command has it, with the value; as it was given if there is none.
    """
    name, equals, value = option.partition("=")
    if name in options or not name.startswith("--"):
        return option
    alike = (own for own in options if own.startswith("--") and own.replace("_", "-") == name.replace("_", "-"))
    return next(alike, name) + equals + value
