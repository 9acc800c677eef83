# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Trains the NUWA transformer on token files: several tasks in one run, as in the paper.

    nuwa-hf tokenize --vqgan runs/vqgan/vqgan --tokenizer runs/tokenizer --output_dir runs/tokens
    nuwa-hf train --config emoji_motion_nuwa.yaml --output_dir runs/nuwa
    accelerate launch -m nuwa_hf.training.train_nuwa --config emoji_motion_nuwa.yaml --output_dir runs/nuwa

The same command resumes a run that was stopped. At the end `output_dir/pipeline` holds the whole pipeline:
codecs, tokenizer and transformer.
"""

import logging
import time
from collections.abc import Collection, Sequence
from pathlib import Path

import torch
from diffusers.training_utils import EMAModel
from torch.utils.data import DataLoader
from tqdm import tqdm
from transformers import GenerationConfig

from nuwa_hf.grid import Grid
from nuwa_hf.modeling.autoencoder_vqgan import NuwaVQGAN
from nuwa_hf.modeling.configuration_nuwa import NuwaConfig
from nuwa_hf.modeling.modeling_nuwa import NuwaForConditionalGeneration
from nuwa_hf.modeling.token_checks import check_grid
from nuwa_hf.modeling.tokenization_nuwa import NuwaTokenizer
from nuwa_hf.pipelines import NuwaTextToVideoPipeline
from nuwa_hf.tasks import get_task
from nuwa_hf.training.arguments import parse_arguments, require
from nuwa_hf.training.checkpoint_folders import save_aside
from nuwa_hf.training.nuwa_arguments import SIZES, NuwaArguments
from nuwa_hf.training.nuwa_steps import nuwa_step, validate
from nuwa_hf.training.optimizers import build_optimizers
from nuwa_hf.training.run_state import RunState, build_accelerator, build_scheduler
from nuwa_hf.training.task_batches import TaskBatches, parse_task_shares, split_rows, starts_from_sketch, to_device
from nuwa_hf.training.token_files import TokenFiles, check_tokens, read_metadata


logger = logging.getLogger(__name__)

MAX_SHARD_SIZE = "14MB"


def build_transformer(
    arguments: NuwaArguments,
    vqgan: NuwaVQGAN,
    tokenizer: NuwaTokenizer,
    grid: Grid,
    sketch_vqgan: NuwaVQGAN | None = None,
) -> NuwaForConditionalGeneration:
    """A transformer for these codecs, tokenizer and grid: the one that the arguments name, else a fresh one.

    A transformer that was saved before there were sketches and known parts gets fresh weights for them, and the
    preset's window for looking at them.

    Args:
        arguments (`NuwaArguments`): preset and overrides.
        vqgan (`NuwaVQGAN`): gives the codebook's size.
        tokenizer (`NuwaTokenizer`): gives the vocabulary's size.
        grid (`Grid`): of the training clips.
        sketch_vqgan (`NuwaVQGAN`, *optional*): gives the size of the sketches' codebook.

    Returns:
        `NuwaForConditionalGeneration`.

    Raises:
        ValueError: If the named transformer has too few positions for the grid, or was made for a sketch codec with
            another codebook.
    """
    sizes = {"hidden_dropout": arguments.hidden_dropout}
    if sketch_vqgan is not None:
        sizes["sketch_codebook_size"] = sketch_vqgan.config.codebook_size
    if arguments.transformer is not None:
        saved, _ = NuwaConfig.get_config_dict(arguments.transformer)
        theirs, ours = saved.get("sketch_codebook_size"), sizes.get("sketch_codebook_size")
        require(
            None in (theirs, ours) or theirs == ours,
            "sketch_vqgan",
            f"a codec of {theirs} codes, those of `transformer`",
            f"{ours} codes",
            "give the one that it was trained with",
        )
        preset = NuwaConfig.from_preset(arguments.preset)
        for name in {"sketch_codebook_size", "condition_window"} - saved.keys():
            sizes.setdefault(name, getattr(preset, name))
        model = NuwaForConditionalGeneration.from_pretrained(arguments.transformer, **sizes)
        check_grid(grid, model.config)
    else:
        sizes |= {name: getattr(arguments, name) for name in SIZES if getattr(arguments, name) is not None}
        config = NuwaConfig.from_preset(
            arguments.preset,
            **sizes,
            vocab_size=len(tokenizer),
            codebook_size=vqgan.config.codebook_size,
            visual_grid=tuple(grid),
            pad_token_id=tokenizer.pad_token_id,
            none_token_id=tokenizer.none_token_id,
        )
        model = NuwaForConditionalGeneration(config)
    model.generation_config = GenerationConfig(
        do_sample=True,
        guidance_scale=arguments.guidance_scale,
        unguided_temperature=arguments.unguided_temperature,
    )
    if arguments.gradient_checkpointing:
        model.activation_checkpointing_enable()
    return model


def freeze_unused(model: NuwaForConditionalGeneration, tasks: Collection[str]) -> None:
    """Freeze the weights that no task of the mix reads: several processes would wait for their gradients forever.

    Args:
        model (`NuwaForConditionalGeneration`): changed in place.
        tasks (`Collection[str]`): short names of the tasks.
    """
    model.model.sketch_embeddings.requires_grad_(any(starts_from_sketch(task) for task in tasks))
    model.model.known_embeddings.requires_grad_(any(get_task(task).known != "nothing" for task in tasks))


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
    sketch_vqgan = None if arguments.sketch_vqgan is None else NuwaVQGAN.from_pretrained(arguments.sketch_vqgan)
    shares = parse_task_shares(arguments.tasks)
    made_with = {"vqgan": vqgan, "tokenizer": tokenizer, "sketch_vqgan": sketch_vqgan}
    tokens, validation = (load_tokens(arguments, name, **made_with) for name in ("tokens", "validation_tokens"))
    grid = Grid(*tokens.video_tokens.shape[1:])
    if validation is not None and tuple(validation.video_tokens.shape[1:]) != tuple(grid):
        raise ValueError(
            f"`validation_tokens` must have the token grid of `tokens`, {tuple(grid)}, got "
            f"{tuple(validation.video_tokens.shape[1:])}; tokenise clips of the same setting."
        )
    accelerator = build_accelerator(arguments)
    state = RunState(arguments, accelerator)
    model = build_transformer(arguments, vqgan, tokenizer, grid, sketch_vqgan)
    freeze_unused(model, shares)
    pipeline = NuwaTextToVideoPipeline(**made_with, transformer=model)  # checks that they fit
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
    counts = split_rows(shares, arguments.train_batch_size)
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


def load_tokens(
    arguments: NuwaArguments,
    name: str,
    vqgan: NuwaVQGAN,
    tokenizer: NuwaTokenizer,
    sketch_vqgan: NuwaVQGAN | None = None,
) -> TokenFiles | None:
    """The token files that an argument names, checked against codecs, tokenizer and tasks.

    Args:
        arguments (`NuwaArguments`): names the folder and the tasks.
        name (`str`): the argument, `"tokens"` or `"validation_tokens"`.
        vqgan (`NuwaVQGAN`): the codec.
        tokenizer (`NuwaTokenizer`): the tokenizer.
        sketch_vqgan (`NuwaVQGAN`, *optional*): the codec of sketches.

    Returns:
        `TokenFiles`, or None if the argument is None.

    Raises:
        ValueError: If files are missing, are not of these codecs and this tokenizer, or lack what a task needs.
    """
    folder = getattr(arguments, name)
    if folder is None:
        return None
    tokens = TokenFiles.load(folder)
    needs_sketches = any(starts_from_sketch(task) for task in parse_task_shares(arguments.tasks))
    check_tokens(tokens, read_metadata(Path(folder)), name, vqgan, tokenizer, sketch_vqgan, needs_sketches)
    return tokens


if __name__ == "__main__":
    main()
