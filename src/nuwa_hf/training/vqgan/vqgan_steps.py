# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""One training step of the VQ-GAN: the codec's, then the discriminator's."""

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import torch
from accelerate import Accelerator
from torch import Tensor, nn

from nuwa_hf.modeling.autoencoder_vqgan import NuwaVQGAN
from nuwa_hf.modeling.vqgan_outputs import NuwaVQGANOutput
from nuwa_hf.training.run.finite_updates import StepNotTaken, update_weights
from nuwa_hf.training.vqgan.codebook_updates import EmaCodebook
from nuwa_hf.training.vqgan.discriminator import PatchDiscriminator
from nuwa_hf.training.vqgan.perceptual_loss import PerceptualLoss
from nuwa_hf.training.vqgan.reconstruction_targets import VQGANTarget
from nuwa_hf.training.vqgan.vqgan_arguments import VQGANArguments
from nuwa_hf.training.vqgan.vqgan_losses import (
    adaptive_weight,
    hinge_discriminator_loss,
    hinge_generator_loss,
    last_layer_gradient,
)


@dataclass
class VQGANTraining:
    """The objects that a training step works with.

    Args:
        arguments (`VQGANArguments`): the weights of the loss's terms.
        target (`VQGANTarget`): the reconstruction loss and the scores.
        accelerator (`Accelerator`): runs the backward passes.
        vqgan (`NuwaVQGAN`): the codec, as `Accelerator.prepare` gave it.
        discriminator (`PatchDiscriminator`): likewise.
        optimizer (`torch.optim.Optimizer`): of the codec.
        discriminator_optimizer (`torch.optim.Optimizer`): of the discriminator.
        codebook (`EmaCodebook`, *optional*): updates the codes; None if they are trained by gradient.
        perceptual (`PerceptualLoss`, *optional*): the perceptual term of the loss.
        kept_codes (`int`): how many codes come from the start; the others start at latents of the first batch.
    """

    arguments: VQGANArguments
    target: VQGANTarget
    accelerator: Accelerator
    vqgan: NuwaVQGAN
    discriminator: PatchDiscriminator
    optimizer: torch.optim.Optimizer
    discriminator_optimizer: torch.optim.Optimizer
    codebook: EmaCodebook | None
    perceptual: PerceptualLoss | None
    kept_codes: int


@torch.no_grad()
def start_codes(training: VQGANTraining, pixels: Tensor) -> None:
    """Lets codes that follow the latents start at some of a batch, if they have not started yet.

    Args:
        training (`VQGANTraining`): the codec; its codes are changed.
        pixels (`torch.Tensor` of shape `(B, C, Y, X)`): the first images of the run.
    """
    if training.codebook is not None and not training.codebook.is_started:
        latents = training.accelerator.unwrap_model(training.vqgan).encode(pixels).latents
        training.codebook.initialise(latents, kept=training.kept_codes)


def vqgan_step(
    training: VQGANTraining, batches: list[dict[str, Tensor]], *, is_adversarial: bool
) -> tuple[dict[str, Tensor], Tensor, StepNotTaken | None]:
    """One optimiser step of the codec, then, if `is_adversarial`, one of the discriminator.

        L = L_rec + perceptual_weight L_perceptual + L_commitment + discriminator_weight lambda L_gan

    Args:
        training (`VQGANTraining`): the models and their optimisers; changed in place.
        batches (`list[dict]`): for every pass of the accumulation one batch of the target's dataset.
        is_adversarial (`bool`): whether the discriminator takes part. If not, it is neither run nor changed.

    Returns:
        `tuple[dict[str, torch.Tensor], torch.Tensor, StepNotTaken | None]`: scalars for the log, means over all passes
        and processes; the tokens of this process's passes, of shape `(B, h, w)`; and in every process why the
        discriminator alone took no step, if a loss or a gradient of it is not finite in any of them.

    Raises:
        StepNotTaken: In every process, if a loss or a gradient of the codec is not finite in any of them. Nothing has
            changed then.
    """
    accelerator = training.accelerator
    discriminator = accelerator.unwrap_model(training.discriminator)
    outputs: list[NuwaVQGANOutput] = []
    logs: list[dict[str, Tensor]] = []
    discriminator.requires_grad_(False)
    for index, batch in enumerate(batches):
        with _sending(accelerator, training.vqgan, is_last=index == len(batches) - 1):
            output = training.vqgan(batch["pixels"])
            losses = _codec_losses(training, batch, output, is_adversarial=is_adversarial)
            accelerator.backward(losses["loss"] / len(batches))
        outputs.append(output)
        logs.append({name: value.detach() for name, value in losses.items()})
    log = _mean(logs)
    gradient_norm = update_weights(
        accelerator, training.vqgan, [training.optimizer], log, training.arguments.max_grad_norm
    )
    tokens = torch.cat([output.tokens for output in outputs])
    if training.codebook is not None:
        training.codebook.update(torch.cat([output.latents for output in outputs]), tokens)
    not_taken = None
    if is_adversarial:
        discriminator.requires_grad_(True)
        try:
            log |= _discriminator_step(training, batches, outputs)
        except StepNotTaken as error:
            not_taken = StepNotTaken(f"{error}, in the discriminator's step alone", error.is_overflow)
    scores = [training.target.scores(one.sample.detach(), batch) for one, batch in zip(outputs, batches, strict=True)]
    log |= _mean(scores)
    if accelerator.num_processes > 1:
        everywhere = accelerator.reduce(torch.stack([value.float() for value in log.values()]), "mean")
        log = dict(zip(log, everywhere, strict=True))
    return {**log, "gradient_norm": gradient_norm.detach()}, tokens, not_taken


def _codec_losses(
    training: VQGANTraining, batch: dict[str, Tensor], output: NuwaVQGANOutput, *, is_adversarial: bool
) -> dict[str, Tensor]:
    """The codec's loss on a batch, under `"loss"`, and its terms."""
    arguments, accelerator = training.arguments, training.accelerator
    reconstruction = training.target.loss(output.sample, batch)
    losses = {"reconstruction": reconstruction}
    if training.perceptual is not None:
        losses["perceptual"] = training.perceptual(output.sample, batch["pixels"])
        reconstruction = reconstruction + arguments.perceptual_weight * losses["perceptual"]
    # A term without a gradient belongs to what is frozen, or to codes that follow the latents by themselves.
    terms = (output.commitment_loss, output.codebook_loss)
    loss = reconstruction + sum(term for term in terms if term.requires_grad)
    if is_adversarial:
        discriminator = accelerator.unwrap_model(training.discriminator)
        losses["adversarial"] = hinge_generator_loss(discriminator(output.sample))
        scale = 1.0 if accelerator.scaler is None else accelerator.scaler.get_scale()
        both = (reconstruction, losses["adversarial"])
        last_layer = accelerator.unwrap_model(training.vqgan).last_layer
        gradients = [last_layer_gradient(term, last_layer, scale) for term in both]
        # Of the global batch, so that the factor does not depend on the number of processes.
        losses["adaptive_weight"] = adaptive_weight(*(accelerator.reduce(one, "mean") for one in gradients))
        loss = loss + arguments.discriminator_weight * losses["adaptive_weight"] * losses["adversarial"]
    return {**losses, "loss": loss, "commitment": output.commitment_loss, "codebook": output.codebook_loss}


def _discriminator_step(
    training: VQGANTraining, batches: list[dict[str, Tensor]], outputs: list[NuwaVQGANOutput]
) -> dict[str, Tensor]:
    accelerator, logs = training.accelerator, []
    for index, (batch, output) in enumerate(zip(batches, outputs, strict=True)):
        with _sending(accelerator, training.discriminator, is_last=index == len(batches) - 1):
            # One pass for both: it is what DDP expects, and group normalisation keeps images apart.
            logits = training.discriminator(torch.cat([batch["pixels"], output.sample.detach()]))
            loss = hinge_discriminator_loss(*logits.chunk(2))
            accelerator.backward(loss / len(batches))
        logs.append({"discriminator": loss.detach()})
    log = _mean(logs)
    optimizers, max_grad_norm = [training.discriminator_optimizer], training.arguments.max_grad_norm
    update_weights(accelerator, training.discriminator, optimizers, log, max_grad_norm)
    return log


def _sending(accelerator: Accelerator, model: nn.Module, *, is_last: bool) -> AbstractContextManager:
    """Within the block, a backward pass sends the gradients of all passes to the other processes if it is the last."""
    return nullcontext() if is_last else accelerator.no_sync(model)


def _mean(logs: list[dict[str, Tensor]]) -> dict[str, Tensor]:
    """The mean of each scalar over the passes."""
    return {name: sum(log[name] for log in logs) / len(logs) for name in logs[0]}
