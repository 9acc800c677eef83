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
from pathlib import Path

import torch
from diffusers.training_utils import EMAModel
from torch.utils.data import DataLoader
from tqdm import tqdm
from transformers import GenerationConfig

from nuwa_hf.grid import Grid
from nuwa_hf.modeling.autoencoder_vqgan import NuwaVQGAN
from nuwa_hf.modeling.configuration_nuwa import NuwaConfig
from nuwa_hf.modeling.modeling_nuwa import NuwaForConditionalGeneration, check_grid
from nuwa_hf.modeling.tokenization_nuwa import NuwaTokenizer
from nuwa_hf.pipelines import NuwaTextToVideoPipeline
from nuwa_hf.training.arguments import parse_arguments
from nuwa_hf.training.checkpoint_folders import save_aside
from nuwa_hf.training.nuwa_arguments import SIZES, NuwaArguments
from nuwa_hf.training.nuwa_steps import nuwa_step, validate
from nuwa_hf.training.optimizers import build_optimizers
from nuwa_hf.training.run_state import RunState, build_accelerator, build_scheduler
from nuwa_hf.training.task_batches import TaskBatches, parse_task_shares, split_rows, to_device
from nuwa_hf.training.token_files import TokenFiles, check_tokens, read_metadata


logger = logging.getLogger(__name__)

MAX_SHARD_SIZE = "14MB"


def build_transformer(arguments: NuwaArguments, vqgan: NuwaVQGAN, tokenizer: NuwaTokenizer, grid: Grid):
    """A transformer for this codec, tokenizer and grid: the one that the arguments name, else a fresh one.

    Args:
        arguments (`NuwaArguments`): preset and overrides.
        vqgan (`NuwaVQGAN`): gives the codebook's size.
        tokenizer (`NuwaTokenizer`): gives the vocabulary's size.
        grid (`Grid`): of the training clips.

    Returns:
        `NuwaForConditionalGeneration`.

    Raises:
        ValueError: If the named transformer has too few positions for the grid.
    """
    if arguments.transformer is not None:
        model = NuwaForConditionalGeneration.from_pretrained(
            arguments.transformer, hidden_dropout=arguments.hidden_dropout
        )
        check_grid(grid, model.config)
    else:
        sizes = {name: getattr(arguments, name) for name in SIZES if getattr(arguments, name) is not None}
        config = NuwaConfig.from_preset(
            arguments.preset,
            **sizes,
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
        passes = [to_device(next(loader), accelerator.device) for _ in range(arguments.gradient_accumulation_steps)]
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


if __name__ == "__main__":
    main()
