# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Trains the NUWA transformer on token files: several tasks in one run, as in the paper.

    nuwa-hf tokenize --vqgan runs/vqgan/vqgan --tokenizer runs/tokenizer --output_dir runs/tokens
    nuwa-hf train --config emoji_motion_nuwa.yaml --output_dir runs/nuwa
    accelerate launch -m nuwa_hf.training.train_nuwa --config emoji_motion_nuwa.yaml --output_dir runs/nuwa

The same command resumes a run that was stopped. At the end `output_dir/pipeline` holds the whole pipeline: codec,
tokenizer and transformer.
"""

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import torch
from accelerate import Accelerator
from diffusers.training_utils import EMAModel
from torch.utils.data import DataLoader
from tqdm import tqdm
from transformers import GenerationConfig

from nuwa_hf.grid import Grid
from nuwa_hf.modeling.autoencoder_vqgan import NuwaVQGAN
from nuwa_hf.modeling.configuration_nuwa import PRESETS, NuwaConfig
from nuwa_hf.modeling.modeling_nuwa import NuwaForConditionalGeneration
from nuwa_hf.modeling.tokenization_nuwa import NuwaTokenizer
from nuwa_hf.pipelines import NuwaTextToVideoPipeline
from nuwa_hf.training.arguments import RunArguments, argument, parse_arguments, require
from nuwa_hf.training.optimizers import build_optimizers
from nuwa_hf.training.run_state import RunState, build_accelerator, build_scheduler, save_aside
from nuwa_hf.training.task_batches import TaskBatch, TaskBatches, parse_task_shares, split_rows
from nuwa_hf.training.token_files import TokenFiles, check_tokens, read_metadata


logger = logging.getLogger(__name__)

VALIDATION_CLIPS = 128
VALIDATION_BATCH = 16
MAX_SHARD_SIZE = "14MB"


@dataclass(kw_only=True)
class NuwaArguments(RunArguments):
    """The arguments of `train_nuwa`.

    Raises:
        ValueError: If a value breaks its rule.
        TypeError: If a value has the wrong type.
    """

    vqgan: str = argument(help="Folder of the VQ-GAN that made the tokens.")
    tokenizer: str = argument(help="Folder of the text tokenizer that made the tokens.")
    tokens: str = argument(help="Folder of the training token files.")
    validation_tokens: str | None = argument(None, help="Folder of token files for the validation loss.")
    preset: str = argument("emoji-motion", help=f"Sizes by name: {', '.join(PRESETS)}.")
    hidden_size: int | None = argument(None, help="Replaces the preset's width.")
    num_attention_heads: int | None = argument(None, help="Replaces the preset's heads.")
    num_encoder_layers: int | None = argument(None, help="Replaces the preset's encoder layers.")
    num_decoder_layers: int | None = argument(None, help="Replaces the preset's decoder layers.")
    hidden_dropout: float = argument(0.0, help="Dropout after each sub-layer.")
    tasks: list[str] = field(
        default_factory=lambda: ["T2V=0.5", "V2V=0.15", "T2I=0.35"],
        metadata={"help": "Share of each task in the rows of a batch."},
    )
    condition_dropout: float = argument(0.1, help="Probability that a text becomes the constant 'None' condition.")
    optimizer: Literal["adamw", "muon"] = argument("adamw", help="Muon takes the matrices inside the layers.")
    muon_learning_rate: float = argument(1e-3, help="Learning rate of Muon.")
    adam_beta1: float = argument(0.9, help="Decay of Adam's first moment.")
    adam_beta2: float = argument(0.95, help="Decay of Adam's second moment.")
    weight_decay: float = argument(0.01, help="Decoupled weight decay of the matrices.")
    ema_decay: float = argument(0.999, help="Decay of the moving average of the weights, which is what is saved.")
    gradient_checkpointing: bool = argument(False, help="Compute activations again instead of keeping them.")
    compile: bool = argument(False, help="Compile the model with torch.compile.")
    guidance_scale: float = argument(2.0, help="Default guidance written into the finished checkpoint.")

    def __post_init__(self):
        super().__post_init__()
        for name in ("condition_dropout", "hidden_dropout", "adam_beta1", "adam_beta2", "ema_decay"):
            self.require_share(name)
        self.require_positive("muon_learning_rate")
        require(self.weight_decay >= 0, "weight_decay", "at least 0", self.weight_decay, "use 0 to leave it out")
        require(self.guidance_scale >= 1, "guidance_scale", "at least 1", self.guidance_scale, "1 turns guidance off")
        require(self.preset in PRESETS, "preset", f"one of {sorted(PRESETS)}", self.preset, "choose one of these")
        is_scaled_muon = self.optimizer == "muon" and self.mixed_precision == "fp16"  # one loss scale, two optimisers
        require(not is_scaled_muon, "mixed_precision", "'no' or 'bf16' with muon", "fp16", "or use adamw")
        split_rows(parse_task_shares(self.tasks), self.train_batch_size)


def tasks_loss(model: torch.nn.Module, batches: dict[str, TaskBatch]) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """The sum of the tasks' cross-entropies over all counted tokens (NUWA, section "Training").

        loss = sum_task sum_n - log p(y_n | y_(before n), condition) / number of counted tokens of all tasks

    Args:
        model (`torch.nn.Module`): a `NuwaForConditionalGeneration`, wrapped or not.
        batches (`dict[str, TaskBatch]`): task to its batch.

    Returns:
        `tuple[torch.Tensor, dict[str, torch.Tensor]]`: the loss, and each task's mean in nats per token.
    """
    losses, counts = {}, {}
    for task, batch in batches.items():
        losses[task] = model(batch.input_ids, batch.attention_mask, batch.visual_tokens, batch.labels).loss
        counts[task] = int((batch.labels != -100).sum())
    total = sum(counts.values())
    return sum(losses[task] * (counts[task] / total) for task in losses), losses


def nuwa_step(
    model: torch.nn.Module,
    optimizers: list[torch.optim.Optimizer],
    accelerator: Accelerator,
    passes: list[dict[str, TaskBatch]],
    max_grad_norm: float,
) -> dict[str, torch.Tensor]:
    """One optimiser step.

    Args:
        model (`torch.nn.Module`): as `Accelerator.prepare` gave it; changed in place.
        optimizers (`list[torch.optim.Optimizer]`): likewise.
        accelerator (`Accelerator`): runs the backward passes.
        passes (`list[dict[str, TaskBatch]]`): the batches of each pass of the accumulation.
        max_grad_norm (`float`): gradients are scaled down to this norm.

    Returns:
        `dict[str, torch.Tensor]`: scalars for the log: the loss, each task's of the last pass, the gradient norm.
    """
    for batches in passes:
        loss, losses = tasks_loss(model, batches)
        accelerator.backward(loss / len(passes))
    gradient_norm = accelerator.clip_grad_norm_(model.parameters(), max_grad_norm)
    for optimizer in optimizers:
        optimizer.step()
        optimizer.zero_grad()
    log = {"loss": loss, **{f"loss_{task}": value for task, value in losses.items()}, "gradient_norm": gradient_norm}
    return {name: torch.as_tensor(value).detach() for name, value in log.items()}


def build_transformer(arguments: NuwaArguments, vqgan: NuwaVQGAN, tokenizer: NuwaTokenizer, grid: Grid):
    """A fresh transformer of the size that the arguments name, for this codec, tokenizer and grid.

    Args:
        arguments (`NuwaArguments`): preset and overrides.
        vqgan (`NuwaVQGAN`): gives the codebook's size.
        tokenizer (`NuwaTokenizer`): gives the vocabulary's size.
        grid (`Grid`): of the training clips.

    Returns:
        `NuwaForConditionalGeneration`.
    """
    overrides = {
        name: getattr(arguments, name)
        for name in ("hidden_size", "num_attention_heads", "num_encoder_layers", "num_decoder_layers")
        if getattr(arguments, name) is not None
    }
    config = NuwaConfig.from_preset(
        arguments.preset,
        **overrides,
        vocab_size=len(tokenizer),
        codebook_size=vqgan.config.codebook_size,
        visual_grid=tuple(grid),
        hidden_dropout=arguments.hidden_dropout,
        pad_token_id=tokenizer.pad_token_id,
        none_token_id=tokenizer.none_token_id,
    )
    model = NuwaForConditionalGeneration(config)
    model.generation_config = GenerationConfig(do_sample=True, guidance_scale=arguments.guidance_scale)
    if arguments.gradient_checkpointing:
        model.activation_checkpointing_enable()
    return model


def main(argv: Sequence[str] | None = None) -> None:
    """Trains, or resumes training, and writes `output_dir/pipeline`.

    Args:
        argv (`Sequence[str]`, *optional*): `--config file.yaml` and flags; the process's own when None.

    Raises:
        ValueError: If an argument is unknown or breaks its rule, or tokens, codec and tokenizer do not fit.
        TypeError: If an argument has the wrong type.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s: %(message)s")
    arguments = parse_arguments(NuwaArguments, argv)
    vqgan = NuwaVQGAN.from_pretrained(arguments.vqgan)
    tokenizer = NuwaTokenizer.from_pretrained(arguments.tokenizer)
    tokens, validation = (load_tokens(arguments, name, vqgan, tokenizer) for name in ("tokens", "validation_tokens"))
    grid = Grid(*tokens.video_tokens.shape[1:])
    if validation is not None and tuple(validation.video_tokens.shape[1:]) != tuple(grid):
        raise ValueError(
            f"`validation_tokens` must have the token grid of `tokens`, {tuple(grid)}, got "
            f"{tuple(validation.video_tokens.shape[1:])}; tokenise clips of the same setting."
        )
    accelerator = build_accelerator(arguments)
    state = RunState(arguments, accelerator)
    model = build_transformer(arguments, vqgan, tokenizer, grid)
    pipeline = NuwaTextToVideoPipeline(vqgan=vqgan, transformer=model, tokenizer=tokenizer)  # checks that they fit
    ema = EMAModel(model.parameters(), decay=arguments.ema_decay)
    ema.to(accelerator.device)
    optimizers = build_optimizers(
        model,
        arguments.optimizer,
        learning_rate=arguments.learning_rate,
        muon_learning_rate=arguments.muon_learning_rate,
        betas=(arguments.adam_beta1, arguments.adam_beta2),
        weight_decay=arguments.weight_decay,
    )
    schedulers = [build_scheduler(arguments, optimizer) for optimizer in optimizers]
    state.register(ema, *schedulers)
    counts = split_rows(parse_task_shares(arguments.tasks), arguments.train_batch_size)
    batches = TaskBatches(tokens, model.config, counts, arguments.condition_dropout, arguments.seed)
    prepared, *optimizers = accelerator.prepare(model, *optimizers)
    if state.resume() is not None:
        ema.to(accelerator.device)
    run = torch.compile(prepared) if arguments.compile else prepared
    train(run, optimizers, schedulers, ema, batches, validation, state)
    if accelerator.is_main_process:
        ema.copy_to(model.parameters())
        model.to("cpu").eval()
        final = state.output_dir / "pipeline"
        save_aside(final, lambda folder: pipeline.save_pretrained(folder, max_shard_size=MAX_SHARD_SIZE))
    accelerator.end_training()


def train(
    run, optimizers, schedulers, ema, batches: TaskBatches, validation: TokenFiles | None, state: RunState
) -> None:
    """Runs the steps that are left, with logs, validation and checkpoints at their intervals.

    Args:
        run (`torch.nn.Module`): the prepared model.
        optimizers (`list[torch.optim.Optimizer]`): the prepared optimisers.
        schedulers (`list`): stepped once per step.
        ema (`EMAModel`): the moving average of the weights.
        batches (`TaskBatches`): makes a step's batches from its indices.
        validation (`TokenFiles`, *optional*): clips of the validation loss.
        state (`RunState`): where the run stands.
    """
    arguments, accelerator = state.arguments, state.accelerator
    model = accelerator.unwrap_model(run)
    loader = iter(
        DataLoader(
            range(arguments.max_train_steps * state.global_batch_size),
            batch_sampler=state.batch_sampler(),
            collate_fn=batches,
            num_workers=arguments.dataloader_num_workers,
            generator=torch.Generator(),  # of its own: a loader otherwise draws from torch's
        )
    )
    bar = tqdm(
        total=arguments.max_train_steps, initial=state.step, disable=not accelerator.is_main_process, mininterval=1.0
    )
    run.train()
    window_start, window_tokens = time.perf_counter(), 0
    while state.step < arguments.max_train_steps:
        passes = [_to(next(loader), accelerator.device) for _ in range(arguments.gradient_accumulation_steps)]
        log = nuwa_step(run, optimizers, accelerator, passes, arguments.max_grad_norm)
        for scheduler in schedulers:
            scheduler.step()
        ema.step(model.parameters())
        window_tokens += sum(batch.labels.numel() for tasks in passes for batch in tasks.values())
        state.step += 1
        bar.update()
        if state.is_due(arguments.log_every):
            seconds = time.perf_counter() - window_start
            values = {name: value.item() for name, value in log.items()}
            values["learning_rate"] = schedulers[0].get_last_lr()[0]
            values["tokens_per_second"] = window_tokens * accelerator.num_processes / seconds
            state.log(values)
            bar.set_postfix_str(f"loss={values['loss']:.3f} tokens/s={values['tokens_per_second']:.0f}")
            window_start, window_tokens = time.perf_counter(), 0
        if validation is not None and state.is_due(arguments.sample_every):
            ema.store(model.parameters())
            ema.copy_to(model.parameters())
            values = validate(model, validation, batches)
            ema.restore(model.parameters())
            state.log(values)
            logger.info("Step %d, validation: %s", state.step, values)
        if state.is_due(arguments.checkpointing_steps):
            state.save()
    bar.close()


@torch.no_grad()
def validate(model, tokens: TokenFiles, batches: TaskBatches) -> dict[str, float]:
    """Mean loss of each task on held-out clips, always the same ones, without condition dropout.

    Args:
        model (`NuwaForConditionalGeneration`): not wrapped.
        tokens (`TokenFiles`): held-out clips.
        batches (`TaskBatches`): gives the tasks.

    Returns:
        `dict[str, float]`: `validation_loss_<task>` in nats per token.
    """
    model.eval()
    values = {}
    rows = min(VALIDATION_BATCH, len(tokens))
    for task in batches.counts:
        make = TaskBatches(tokens, model.config, {task: rows}, condition_dropout=0.0, seed=0)
        starts = range(0, min(VALIDATION_CLIPS, len(tokens)) - rows + 1, rows)
        losses = [tasks_loss(model, _to(make(range(start, start + rows)), model.device))[0] for start in starts]
        values[f"validation_loss_{task}"] = torch.stack(losses).mean().item()
    model.train()
    return values


def load_tokens(arguments: NuwaArguments, name: str, vqgan: NuwaVQGAN, tokenizer: NuwaTokenizer) -> TokenFiles | None:
    """The token files that an argument names, checked against codec and tokenizer.

    Args:
        arguments (`NuwaArguments`): names the folder.
        name (`str`): the argument, `"tokens"` or `"validation_tokens"`.
        vqgan (`NuwaVQGAN`): the codec.
        tokenizer (`NuwaTokenizer`): the tokenizer.

    Returns:
        `TokenFiles`, or None if the argument is None.

    Raises:
        ValueError: If files are missing, or are not of this codec and this tokenizer.
    """
    folder = getattr(arguments, name)
    if folder is None:
        return None
    tokens = TokenFiles.load(folder)
    check_tokens(tokens, read_metadata(Path(folder)), name, vqgan, tokenizer)
    return tokens


def _to(batches: dict[str, TaskBatch], device: torch.device) -> dict[str, TaskBatch]:
    return {task: batch.to(device) for task, batch in batches.items()}


if __name__ == "__main__":
    main()
