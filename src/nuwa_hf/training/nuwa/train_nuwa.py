# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Trains the NUWA transformer on token files, or fine-tunes one: several tasks in one run, as in the paper.

    nuwa-hf tokenize --vqgan runs/vqgan/vqgan --tokenizer runs/tokenizer --output_dir runs/tokens
    nuwa-hf train --config emoji_motion_nuwa.yaml --output_dir runs/nuwa
    nuwa-hf train --checkpoint embedded --fine_tune lora --tokens runs/tokens --output_dir runs/lora
    accelerate launch -m nuwa_hf.training.nuwa.train_nuwa --config emoji_motion_nuwa.yaml --output_dir runs/nuwa

The same command resumes a run that was stopped. At the end `output_dir/pipeline` holds the whole pipeline: codecs,
tokenizer and transformer.
"""

import logging
from collections.abc import Sequence

from torch import nn
from transformers import HfArgumentParser

from nuwa_hf.exit_status import exit_status
from nuwa_hf.modeling.modeling_nuwa import NuwaForConditionalGeneration
from nuwa_hf.pipelines import NuwaTextToVideoPipeline
from nuwa_hf.training.nuwa.build_transformer import build_transformer, freeze_unused
from nuwa_hf.training.nuwa.compile_feed_forward import compile_feed_forward
from nuwa_hf.training.nuwa.components import load_components
from nuwa_hf.training.nuwa.fine_tuning import (
    START_WEIGHTS,
    add_adapters,
    check_sharding,
    checkpoint_learnt_weights_only,
    freeze_encoder,
    frozen_digest,
)
from nuwa_hf.training.nuwa.finished_pipeline import check_push, facts_of_run, push_pipeline, write_pipeline
from nuwa_hf.training.nuwa.held_out_clips import look_at_held_out
from nuwa_hf.training.nuwa.nuwa_arguments import NuwaArguments
from nuwa_hf.training.nuwa.nuwa_steps import nuwa_step
from nuwa_hf.training.nuwa.nuwa_training import NuwaTraining
from nuwa_hf.training.nuwa.optimizers import build_optimizers
from nuwa_hf.training.nuwa.preset_defaults import with_defaults
from nuwa_hf.training.nuwa.task_batches import TaskBatches, to_device
from nuwa_hf.training.nuwa.task_shares import deal_rows, describe_shares, parse_task_shares, warn_of_rounded_shares
from nuwa_hf.training.nuwa.throughput import Throughput
from nuwa_hf.training.nuwa.training_tokens import (
    check_batch,
    data_of_tokens,
    datasets_of_tokens,
    frame_rate_of_tokens,
    load_tokens,
)
from nuwa_hf.training.run.averaged_weights import AveragedWeights
from nuwa_hf.training.run.drawn_batches import drawn_batches
from nuwa_hf.training.run.finite_updates import StepNotTaken
from nuwa_hf.training.run.next_commands import after_training
from nuwa_hf.training.run.preemption import Preemption
from nuwa_hf.training.run.processes import launched_processes, leaves_in_order
from nuwa_hf.training.run.run_arguments import argument_parser, parse_arguments
from nuwa_hf.training.run.run_lock import RunLock
from nuwa_hf.training.run.run_progress import CHECKPOINT, SAMPLES, RunProgress
from nuwa_hf.training.run.run_setup import build_accelerator, build_scheduler
from nuwa_hf.training.run.run_state import RunState
from nuwa_hf.training.run.run_summary import log_end, log_start
from nuwa_hf.training.run.sharded_checkpoints import checkpoint_shards
from nuwa_hf.training.run.trackers import tracking
from nuwa_hf.training.run.whole_learner import transformer_of, whole_learner
from nuwa_hf.training.tokens.token_mixture import TokenMixture


logger = logging.getLogger(__name__)


def build_parser() -> HfArgumentParser:
    """The command's arguments."""
    description = "Train the transformer and write a pipeline. The same command resumes a run that was stopped."
    return argument_parser(NuwaArguments, "train", description)


@leaves_in_order
def main(argv: Sequence[str] | None = None) -> None:
    """Trains, or resumes training, and writes `output_dir/pipeline`.

    Args:
        argv (`Sequence[str]`, *optional*): `--config file.yaml` and flags; by default those of the process.

    Raises:
        ValueError: If an argument is unknown or breaks its rule, or tokens, codec and tokenizer do not match.
        TypeError: If an argument has the wrong type.
        OSError: If a named component is missing, no checkpoint can be read, or the last push fails.
        FloatingPointError: If a loss, a gradient or a weight is not finite, and the step is not to be skipped.
        StoppedEarly: After SIGTERM, SIGUSR1 or `max_train_hours`, with a checkpoint from which the same command goes
            on.
    """
    arguments = parse_arguments(NuwaArguments, argv, build_parser())
    with RunLock() as lock, Preemption(arguments.max_train_hours) as preemption:
        run(arguments, lock, preemption)


def run(arguments: NuwaArguments, lock: RunLock, preemption: Preemption) -> None:
    """Does what `main` says.

    Args:
        arguments (`NuwaArguments`): the run's arguments.
        lock (`RunLock`): for its folder.
        preemption (`Preemption`): says when to stop.
    """
    check_push(arguments)
    components = load_components(arguments)
    arguments = with_defaults(arguments, components.config_of_transformer())
    shares = parse_task_shares(arguments.tasks)
    counts = deal_rows(
        shares,
        arguments.train_batch_size,
        processes=launched_processes(),
        passes=arguments.gradient_accumulation_steps,
    )
    tokens, validation = (load_tokens(arguments, name, components) for name in ("tokens", "validation_tokens"))
    grid = check_batch(arguments, tokens, validation)
    accelerator = build_accelerator(arguments)
    lock.take(arguments.output_dir, accelerator)
    check_sharding(accelerator, arguments.optimizer, arguments.non_finite)
    model = build_transformer(arguments, components, grid, frame_rate_of_tokens(arguments))
    freeze_unused(model, shares)
    pipeline = NuwaTextToVideoPipeline(**components.for_pipeline, transformer=model)  # checks that they fit
    learner = choose_learnt(model, arguments)
    data, data_sets = dict(data_of_tokens(arguments)), datasets_of_tokens(arguments)
    if arguments.fine_tune != "full":
        data[START_WEIGHTS] = frozen_digest(learner)
        checkpoint_learnt_weights_only(accelerator)
    state = RunState(arguments, accelerator, data)
    optimizers = build_optimizers(
        learner,
        arguments.optimizer,
        learning_rate=arguments.learning_rate,
        muon_learning_rate=arguments.muon_learning_rate,
        betas=(arguments.adam_beta1, arguments.adam_beta2),
        weight_decay=arguments.weight_decay,
    )
    schedulers = [build_scheduler(arguments, optimizer) for optimizer in optimizers]
    batches = TaskBatches(tokens, model.config, counts, arguments.condition_dropout, arguments.seed)
    prepared, *optimizers = accelerator.prepare(learner, *optimizers)
    ema = AveragedWeights(prepared, arguments.ema_decay)
    if accelerator.is_fsdp2:
        checkpoint_shards(accelerator, prepared, optimizers, ema)
    else:
        state.register(ema)
    state.register(*schedulers)
    state.watch(learner)
    resumed = state.resume()
    has_samples = arguments.sample_sheets or arguments.validation_prompts is not None
    log_start(
        *(state, {"transformer": learner}),
        clips=len(tokens),
        resumed=resumed,
        has_samples=has_samples,
        tasks=describe_shares(counts),
    )
    if accelerator.is_main_process:
        warn_of_rounded_shares(shares, counts)
    if arguments.compile:
        compile_feed_forward(prepared)
    held_out = tokens if validation is None else validation
    logged = state.metrics.last("validation_loss")
    training = NuwaTraining(
        *(state, prepared, learner, ema, optimizers, schedulers),
        *(batches, held_out, validation, pipeline, components.transformer, data_sets),
        scores={name: value for name, value in logged.items() if name.startswith("validation_loss")},
    )
    with tracking(state), state.resumable():
        with RunProgress(state) as progress:
            train(training, preemption, progress)
        write_and_push(training)
    log_end(state, state.output_dir / "pipeline", next_commands(training))


def choose_learnt(model: NuwaForConditionalGeneration, arguments: NuwaArguments) -> nn.Module:
    """Freeze the weights that are not trained, and add the LoRA adapters.

    Args:
        model (`NuwaForConditionalGeneration`): changed in place.
        arguments (`NuwaArguments`): say what is learnt.

    Returns:
        `torch.nn.Module`: the module to train: the model, or the `PeftModel` around it.
    """
    if arguments.fine_tune == "lora":
        return add_adapters(
            model,
            rank=arguments.lora_rank,
            alpha=arguments.lora_alpha,
            dropout=arguments.lora_dropout,
            target_modules=arguments.lora_target_modules,
        )
    if arguments.fine_tune == "frozen-encoder":
        freeze_encoder(model)
    return model


def train(training: NuwaTraining, preemption: Preemption, progress: RunProgress) -> None:
    """Runs the remaining steps, with logs, validation, samples and checkpoints at their intervals.

    Args:
        training (`NuwaTraining`): the model and everything that trains it.
        preemption (`Preemption`): says when to stop.
        progress (`RunProgress`): shows how far it is.

    Raises:
        StoppedEarly: If it says so.
    """
    state = training.state
    arguments, accelerator = state.arguments, state.accelerator
    loader = drawn_batches(training.batches, state.batch_sampler(), arguments.dataloader_num_workers)
    training.run.train()
    config = training.pipeline.transformer.config
    speed = Throughput(config, accelerator.device, arguments.mixed_precision, progress.clock)
    shown = {"loss": None, "val": training.scores.get("validation_loss"), "tokens/s": None}
    while state.step < arguments.max_train_steps:
        with speed.waiting():
            passes = [next(loader) for _ in range(arguments.gradient_accumulation_steps)]
        passes = [to_device(batches, accelerator.device) for batches in passes]
        tasks = training.batches.counts
        try:
            log = nuwa_step(training.run, training.optimizers, accelerator, passes, arguments.max_grad_norm, tasks)
        except StepNotTaken as error:
            state.skip_or_stop(error)
            log = {}
        for scheduler in training.schedulers:
            scheduler.step()
        for batches in passes:
            speed.count(batches)
        state.step += 1
        if log:
            state.check_weights()
            training.ema.update()
        progress.update()
        if state.is_due(arguments.log_every):
            values = {name: value.item() for name, value in log.items()}
            values["learning_rate"] = training.schedulers[0].get_last_lr()[0]
            values |= speed.read()
            state.log(values)
            shown |= {"loss": values.get("loss", shown["loss"]), "tokens/s": values["tokens_per_second"]}
            progress.show(shown)
        if state.is_due(arguments.sample_every):
            with progress.pause(SAMPLES):
                look_at_held_out(training)
            shown["val"] = training.scores.get("validation_loss")
            progress.show(shown)
        if state.is_due(arguments.checkpointing_steps):
            with progress.pause(CHECKPOINT):
                state.save()
                is_last = state.step == arguments.max_train_steps
                if arguments.push_to_hub and arguments.hub_every == "checkpoint" and not is_last:
                    push_on_the_way(training)
        preemption.stop_if_asked(state)


def write_and_push(training: NuwaTraining) -> None:
    """Writes the pipeline with the averaged weights and pushes it if asked to.

    Args:
        training (`NuwaTraining`): the model.

    Raises:
        OSError: If the pipeline cannot be written, or the push fails.
        FloatingPointError: If an averaged weight is not finite.
    """
    state = training.state
    with training.ema.in_place():
        state.check_weights()
        learner = whole_learner(training.learner)
        if state.accelerator.is_main_process:
            components = {**training.pipeline.components, "transformer": transformer_of(learner)}
            known = {"data": training.data, "scores": training.scores, "base_model": training.base_model}
            facts = facts_of_run(state.arguments, step=state.step, **known)
            pipeline = NuwaTextToVideoPipeline(**components)
            final = write_pipeline(state.output_dir, pipeline, learner, state.arguments, facts)
    if state.arguments.push_to_hub and state.accelerator.is_main_process:
        push_pipeline(final, state.arguments, step=state.step)


def next_commands(training: NuwaTraining) -> list[str]:
    """What to type after the run, with a caption of the held-out clips.

    Args:
        training (`NuwaTraining`): the model and its clips.

    Returns:
        `list[str]`: commands.
    """
    state, tokens = training.state, training.held_out
    first = tokens.parts[0][1] if isinstance(tokens, TokenMixture) else tokens
    caption = training.pipeline.tokenizer.decode(first.caption_ids[0], skip_special_tokens=True).strip()
    adapter = state.output_dir / "adapter" if state.arguments.fine_tune == "lora" else None
    return after_training(
        state.output_dir / "pipeline", tasks=tuple(training.batches.counts), caption=caption, adapter=adapter
    )


def push_on_the_way(training: NuwaTraining) -> None:
    """Does the same during the run. A failed push is logged; the next one pushes everything.

    Args:
        training (`NuwaTraining`): the model.
    """
    try:
        write_and_push(training)
    except (OSError, ValueError) as error:
        logger.error("Step %d could not be pushed, the run goes on: %s", training.state.step, error)
    training.state.accelerator.wait_for_everyone()


if __name__ == "__main__":
    raise SystemExit(exit_status(main))
