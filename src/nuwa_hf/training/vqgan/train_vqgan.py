# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Trains the VQ-GAN on single frames, of EmojiMotion or of any images and clips, or the sketch codec on sketches.

    python -m nuwa_hf.training.vqgan.train_vqgan --config emoji_motion_vqgan.yaml --output_dir runs/vqgan
    accelerate launch -m nuwa_hf.training.vqgan.train_vqgan --config emoji_motion_vqgan.yaml --output_dir runs/vqgan
    python -m nuwa_hf.training.vqgan.train_vqgan --config emoji_motion_sketch_vqgan.yaml --output_dir runs/sketch_vqgan
    nuwa-hf train-vqgan --dataset my-clips --vqgan embedded --output_dir runs/my_vqgan
    nuwa-hf train-vqgan --dataset my-clips --image_size 256 --output_dir runs/my_new_vqgan

The same command resumes a run that was stopped.
"""

import logging
from collections.abc import Sequence, Sized

import torch
from accelerate import Accelerator, DistributedType
from torch import Tensor
from torch.utils.data import Dataset, default_collate
from transformers import HfArgumentParser

from nuwa_hf.exit_status import exit_status
from nuwa_hf.media import write_png
from nuwa_hf.media.whole_files import remove_left_aside
from nuwa_hf.modeling.autoencoder_vqgan import NuwaVQGAN
from nuwa_hf.modeling.codec.digest import codec_digest
from nuwa_hf.modeling.codec.few_frames import reconstruct
from nuwa_hf.storage.find_checkpoint import is_pipeline
from nuwa_hf.storage.whole_folders import save_aside
from nuwa_hf.training.run.averaged_weights import AveragedWeights
from nuwa_hf.training.run.finite_updates import StepNotTaken
from nuwa_hf.training.run.next_commands import after_vqgan
from nuwa_hf.training.run.preemption import Preemption
from nuwa_hf.training.run.processes import leaves_in_order
from nuwa_hf.training.run.run_arguments import argument_parser, parse_arguments, require
from nuwa_hf.training.run.run_lock import RunLock
from nuwa_hf.training.run.run_progress import CHECKPOINT, SAMPLES, RunProgress
from nuwa_hf.training.run.run_setup import build_accelerator, build_scheduler
from nuwa_hf.training.run.run_state import GeneratorState, RunState
from nuwa_hf.training.run.run_summary import in_one_line, log_end, log_start
from nuwa_hf.training.run.saved_data import START_CODEC
from nuwa_hf.training.run.trackers import log_pictures, tracking
from nuwa_hf.training.vqgan.build_codec import build_codebook, build_vqgan, load_start, settle_arguments, take_over
from nuwa_hf.training.vqgan.codebook_updates import CodebookStatistics
from nuwa_hf.training.vqgan.discriminator import PatchDiscriminator
from nuwa_hf.training.vqgan.image_batches import are_of_stills, data_of_images, image_batches, open_images
from nuwa_hf.training.vqgan.perceptual_loss import PerceptualLoss
from nuwa_hf.training.vqgan.reconstruction_sheet import sample_sheet
from nuwa_hf.training.vqgan.reconstruction_targets import TARGETS, VQGANTarget
from nuwa_hf.training.vqgan.vqgan_arguments import VQGANArguments
from nuwa_hf.training.vqgan.vqgan_steps import VQGANTraining, start_codes, vqgan_step


logger = logging.getLogger(__name__)

# What is shown, as far as the target has it, and its name in the bar.
SHOWN = {
    "loss": "loss",
    "psnr": "psnr",
    "held_out_psnr": "held_out",
    "pixel_accuracy": "accuracy",
    "held_out_pixel_accuracy": "held_out",
    "codes_used": "codes",
}


def build_parser() -> HfArgumentParser:
    """The command's arguments."""
    description = "Train the codec of pixels and tokens. The same command resumes a run that was stopped."
    return argument_parser(VQGANArguments, "train-vqgan", description)


@leaves_in_order
def main(argv: Sequence[str] | None = None) -> None:
    """Trains, or resumes training, and writes `output_dir/vqgan`.

    Args:
        argv (`Sequence[str]`, *optional*): `--config file.yaml` and flags; by default those of the process.

    Raises:
        ValueError: If an argument is unknown or breaks its rule.
        TypeError: If an argument has the wrong type.
        OSError: If no checkpoint can be read, or the codec cannot be written.
        FloatingPointError: If a loss, a gradient or a weight is not finite, and the step is not to be skipped.
        StoppedEarly: After SIGTERM, SIGUSR1 or `max_train_hours`, with a checkpoint from which the same command goes
            on.
    """
    arguments = parse_arguments(VQGANArguments, argv, build_parser())
    with RunLock() as lock, Preemption(arguments.max_train_hours) as preemption:
        run(arguments, lock, preemption)


def run(arguments: VQGANArguments, lock: RunLock, preemption: Preemption) -> None:
    """Does what `main` says.

    Args:
        arguments (`VQGANArguments`): the run's arguments.
        lock (`RunLock`): for its folder.
        preemption (`Preemption`): says when to stop.
    """
    target = TARGETS[arguments.target](arguments)
    num_channels = target.num_channels
    start = load_start(arguments, num_channels)
    arguments = settle_arguments(arguments, start)
    images, held_out_images = open_images(arguments, target)
    held_out = default_collate([held_out_images[index] for index in range(arguments.num_samples)])
    accelerator = build_accelerator(arguments)
    check_processes(accelerator)
    lock.take(arguments.output_dir, accelerator)
    data = {**data_of_images(images), START_CODEC: None if start is None else codec_digest(start)}
    state = RunState(arguments, accelerator, data)
    memory_format = torch.channels_last if arguments.channels_last else torch.contiguous_format

    sample_size = held_out["pixels"].shape[-1]
    kept_codes = 0 if start is None else start.codebook_size
    if start is None:
        vqgan = build_vqgan(arguments, num_channels, sample_size)
    else:
        vqgan = take_over(start, arguments.fine_tune, sample_size, arguments.codebook_size)
    vqgan = vqgan.to(memory_format=memory_format)
    discriminator = PatchDiscriminator(
        num_channels, arguments.discriminator_channels, arguments.discriminator_layers
    ).to(memory_format=memory_format)
    generator = torch.Generator().manual_seed(arguments.seed)
    codebook = build_codebook(vqgan, arguments, generator)
    if codebook is not None:
        state.register(codebook, GeneratorState(generator))
    learnt = [parameter for parameter in vqgan.parameters() if parameter.requires_grad]
    optimizer, discriminator_optimizer = (
        torch.optim.AdamW(
            parameters,
            lr=arguments.learning_rate,
            betas=(arguments.adam_beta1, arguments.adam_beta2),
            weight_decay=arguments.weight_decay,
        )
        for parameters in (learnt, discriminator.parameters())
    )
    scheduler = build_scheduler(arguments, optimizer)
    perceptual = None
    if arguments.perceptual_weights is not None:
        perceptual = PerceptualLoss(arguments.perceptual_weights)
        perceptual = perceptual.to(accelerator.device, memory_format=memory_format)
    prepared = accelerator.prepare(vqgan, discriminator, optimizer, discriminator_optimizer)
    ema = AveragedWeights(vqgan, arguments.ema_decay)
    state.register(ema, scheduler)
    training = VQGANTraining(*(arguments, target, accelerator, *prepared, codebook, perceptual, kept_codes))
    state.watch(vqgan, discriminator)
    resumed = state.resume()
    models = {"codec": vqgan, "discriminator": discriminator}
    log_start(state, models, clips=len(images) if isinstance(images, Sized) else None, resumed=resumed)
    final = state.output_dir / "vqgan"
    with tracking(state), state.resumable():
        if start is not None and state.step == 0 and accelerator.is_main_process:
            values = write_samples(target, accelerator.unwrap_model(training.vqgan), held_out, state)
            logger.info("%s before training, held out: %s", arguments.vqgan, in_one_line(values))
        with RunProgress(state) as progress:
            train(training, state, images, held_out, ema, scheduler, preemption, progress)
        ema.copy_to(ema.learnt)
        state.check_weights()
        if accelerator.is_main_process:
            finished = vqgan.to("cpu", memory_format=torch.contiguous_format)
            save_aside(final, finished.save_pretrained)
    start_pipeline = arguments.vqgan if arguments.vqgan is not None and is_pipeline(arguments.vqgan) else None
    is_of_sketches = arguments.target == "sketches"
    log_end(
        *(state, final),
        after_vqgan(
            final,
            dataset=arguments.dataset,
            split=arguments.dataset_split,
            media_column=arguments.media_column,
            is_still=are_of_stills(images),
            is_of_sketches=is_of_sketches,
            start=start_pipeline,
        ),
    )


def check_processes(accelerator: Accelerator) -> None:
    """Checks that each process has all weights, of the codec and of the discriminator.

    Args:
        accelerator (`Accelerator`): knows how the weights will be sharded.

    Raises:
        ValueError: If FSDP or DeepSpeed would shard them.
    """
    kind = accelerator.distributed_type
    is_sharded = kind in (DistributedType.FSDP, DistributedType.DEEPSPEED)
    rule, remedy = "MULTI_GPU for a codec", "launch with ddp_8.yaml or cpu_2.yaml"
    require(not is_sharded, "distributed_type", rule, kind.value, remedy)


def train(
    training: VQGANTraining,
    state: RunState,
    images: Dataset,
    held_out: dict[str, Tensor],
    ema: AveragedWeights,
    scheduler: torch.optim.lr_scheduler.LRScheduler,
    preemption: Preemption,
    progress: RunProgress,
) -> None:
    """Runs the remaining steps, with logs, samples and checkpoints at their intervals.

    Args:
        training (`VQGANTraining`): the models and their optimisers.
        state (`RunState`): the run's step and checkpoints.
        images (`Dataset`): the training images, made by the target's `dataset`.
        held_out (`dict[str, torch.Tensor]`): one batch for the sample sheets.
        ema (`AveragedWeights`): the moving average of the codec's trained weights.
        scheduler (`torch.optim.lr_scheduler.LRScheduler`): stepped once per step; both optimisers follow it.
        preemption (`Preemption`): says when to stop.
        progress (`RunProgress`): shows how far it is.

    Raises:
        StoppedEarly: If it says so.
    """
    arguments, accelerator = training.arguments, training.accelerator
    batches = image_batches(images, state.batch_sampler(), arguments.dataloader_num_workers)
    statistics = CodebookStatistics(accelerator.unwrap_model(training.vqgan).codebook_size)
    memory_format = torch.channels_last if arguments.channels_last else torch.contiguous_format
    first_adversarial = round(arguments.discriminator_start * arguments.max_train_steps)
    training.vqgan.train()
    window_start, window_step = progress.clock(), state.step
    is_whole = state.step % arguments.log_every == 0  # the window, of which a resumed run may have seen the end alone
    known = {name: state.metrics.last(name).get(name) for name in SHOWN if name.startswith("held_out")}
    while state.step < arguments.max_train_steps:
        passes = [
            _to_device(next(batches), accelerator.device, memory_format)
            for _ in range(arguments.gradient_accumulation_steps)
        ]
        start_codes(training, passes[0]["pixels"])
        for group in training.discriminator_optimizer.param_groups:
            group["lr"] = scheduler.get_last_lr()[0]
        # One that has learnt goes on where a longer run would start it later.
        is_adversarial = state.step >= first_adversarial or bool(training.discriminator_optimizer.state)
        try:
            log, tokens, not_taken = vqgan_step(training, passes, is_adversarial=is_adversarial)
        except StepNotTaken as error:
            log, not_taken = {}, error
        if not_taken is not None:
            state.skip_or_stop(not_taken)
        scheduler.step()
        state.step += 1
        if log:
            state.check_weights()
            ema.update()
            statistics.accumulate(tokens)
        progress.update()
        if state.is_due(arguments.log_every):
            values = {name: value.item() for name, value in log.items()}
            if is_whole and statistics.has_tokens:
                usage = statistics.compute()
                values |= {"codes_used": usage.usage, "perplexity": usage.perplexity}
            statistics.reset()
            is_whole = True
            seconds = progress.clock() - window_start
            values |= {
                "learning_rate": scheduler.get_last_lr()[0],
                "images_per_second": (state.step - window_step) * state.global_batch_size / seconds,
            }
            state.log(values)
            known |= values
            progress.show(_shown(known))
            window_start, window_step = progress.clock(), state.step
        if state.is_due(arguments.sample_every) and accelerator.is_main_process:
            with progress.pause(SAMPLES), ema.in_place():
                values = write_samples(training.target, accelerator.unwrap_model(training.vqgan), held_out, state)
            logger.info("Step %d: %s", state.step, in_one_line(values))
            known |= values
            progress.show(_shown(known))
        if state.is_due(arguments.checkpointing_steps):
            with progress.pause(CHECKPOINT):
                state.save()
        preemption.stop_if_asked(state)


@torch.no_grad()
def write_samples(
    target: VQGANTarget, vqgan: NuwaVQGAN, held_out: dict[str, Tensor], state: RunState
) -> dict[str, float]:
    """Reconstructs held-out images, writes their sheet to `output_dir/samples` and logs their scores.

    Args:
        target (`VQGANTarget`): the scores, and how an image is shown.
        vqgan (`NuwaVQGAN`): the codec.
        held_out (`dict[str, torch.Tensor]`): `pixels` of shape `(B, C, Y, X)`, `object_mask` of shape `(B, Y, X)`.
        state (`RunState`): gives the step and the folder, takes the log.

    Returns:
        `dict[str, float]`: what was logged.
    """
    held_out = {name: value.to(vqgan.device) for name, value in held_out.items()}
    sample = reconstruct(vqgan, held_out["pixels"])
    values = {f"held_out_{name}": value.item() for name, value in target.scores(sample, held_out).items()}
    state.log(values)
    path = state.samples_dir / f"step-{state.step:06d}.png"
    path.parent.mkdir(exist_ok=True)
    remove_left_aside(path.parent)
    sheet = sample_sheet(*(target.colors(images) for images in (held_out["pixels"], sample)))
    write_png(sheet, path)
    log_pictures(state.accelerator, {"reconstructions": sheet}, state.step)
    return values


def _shown(known: dict[str, float | None]) -> dict[str, float]:
    return {title: known[name] for name, title in SHOWN.items() if known.get(name) is not None}


def _to_device(
    batch: dict[str, Tensor], device: torch.device, memory_format: torch.memory_format
) -> dict[str, Tensor]:
    return {
        "pixels": batch["pixels"].to(device, memory_format=memory_format),
        "object_mask": batch["object_mask"].to(device),
    }


if __name__ == "__main__":
    raise SystemExit(exit_status(main))
