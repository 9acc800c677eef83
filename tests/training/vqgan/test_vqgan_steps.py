# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
import pytest
import torch
from accelerate import Accelerator
from torch.utils.data import default_collate

from nuwa_hf.training.vqgan.build_codec import build_vqgan
from nuwa_hf.training.vqgan.codebook_updates import EmaCodebook
from nuwa_hf.training.vqgan.discriminator import PatchDiscriminator
from nuwa_hf.training.vqgan.emoji_motion_frames import emoji_clips
from nuwa_hf.training.vqgan.reconstruction_targets import TARGETS
from nuwa_hf.training.vqgan.vqgan_arguments import VQGANArguments
from nuwa_hf.training.vqgan.vqgan_steps import VQGANTraining, vqgan_step


TINY = {
    "output_dir": "unused",
    "sprites": "shapes",
    "block_out_channels": [4, 4, 4, 8],
    "layers_per_block": 1,
    "norm_num_groups": 2,
    "mid_block_attention": False,
    "latent_channels": 4,
    "codebook_dim": 4,
    "codebook_size": 16,
}


def build_training(**overrides) -> VQGANTraining:
    arguments = VQGANArguments(**{**TINY, **overrides})
    torch.manual_seed(0)
    target = TARGETS[arguments.target](arguments)
    vqgan, discriminator = (
        build_vqgan(arguments, target.num_channels, 64),
        PatchDiscriminator(target.num_channels, 4, 1),
    )
    codebook = (
        EmaCodebook(vqgan.quantize, generator=torch.Generator()) if arguments.codebook_learning == "ema" else None
    )
    learnt = [parameter for parameter in vqgan.parameters() if parameter.requires_grad]
    optimizers = [torch.optim.AdamW(one, lr=0.01) for one in (learnt, discriminator.parameters())]
    prepared = (accelerator := Accelerator(cpu=True)).prepare(vqgan, discriminator, *optimizers)
    return VQGANTraining(arguments, target, accelerator, *prepared, codebook, None, 0)


def batch(start: int, size: int, **overrides) -> dict[str, torch.Tensor]:
    arguments = VQGANArguments(**{**TINY, **overrides})
    images = TARGETS[arguments.target].dataset(emoji_clips(arguments, "train"))
    return default_collate([images[index] for index in range(start, start + size)])


def state_of(module: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in module.state_dict().items()}


def are_equal(one: dict, other: dict) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def test_discriminator_is_not_touched_before_its_start_and_learns_after():
    training = build_training()
    before = state_of(training.discriminator)
    vqgan_step(training, [batch(0, 2)], is_adversarial=False)
    assert are_equal(state_of(training.discriminator), before)
    assert not training.discriminator_optimizer.state
    log, *_ = vqgan_step(training, [batch(2, 2)], is_adversarial=True)
    assert not are_equal(state_of(training.discriminator), before)
    assert {"adversarial", "adaptive_weight", "discriminator"} <= log.keys()


def test_generator_loss_leaves_no_gradient_in_the_discriminator():
    """The discriminator's step starts from its own loss alone, whatever the adversarial weight was."""
    after = []
    for weight in (0.0, 1e6):
        training = build_training(discriminator_weight=weight)
        vqgan_step(training, [batch(0, 2)], is_adversarial=True)
        after.append(state_of(training.discriminator))
    assert are_equal(*after)


def test_codes_move_only_by_their_averages_or_only_by_gradient():
    training = build_training(codebook_learning="ema")
    assert not training.vqgan.quantize.embedding.weight.requires_grad
    for learning in ("ema", "gradient"):
        training = build_training(codebook_learning=learning)
        before = state_of(training.vqgan.quantize)
        vqgan_step(training, [batch(0, 2)], is_adversarial=False)
        assert not are_equal(state_of(training.vqgan.quantize), before)


def test_accumulated_passes_step_like_one_batch():
    """Object weights are normalised per pass, so they are left out here."""
    after = []
    for batches in ([batch(0, 4)], [batch(0, 2), batch(2, 2)]):
        training = build_training(object_weight=1.0)
        optimizer = training.optimizer.optimizer
        vqgan_step(training, batches, is_adversarial=False)
        moments = [optimizer.state[one]["exp_avg"].flatten() for one in optimizer.param_groups[0]["params"]]
        after.append(torch.cat(moments))
    # Sums in another order; the gradients are about 0.1.
    torch.testing.assert_close(*after, atol=1e-6, rtol=1e-3)


def test_the_log_has_the_means_over_all_passes():
    """It had the numbers of the last."""
    passes = [batch(0, 2), batch(2, 2)]
    log, *_ = vqgan_step(build_training(), passes, is_adversarial=True)
    alone = [vqgan_step(build_training(), [one], is_adversarial=True)[0] for one in passes]
    for name in ("loss", "reconstruction", "commitment", "adversarial", "adaptive_weight", "psnr", "psnr_objects"):
        assert log[name].item() == pytest.approx((alone[0][name] + alone[1][name]).item() / 2, rel=1e-5), name


def test_steps_on_one_batch_of_sketches_lower_its_loss():
    sketches = {"target": "sketches", "discriminator_start": 1.0}
    training, one_batch = build_training(**sketches), batch(0, 2, **sketches)
    logs = [vqgan_step(training, [one_batch], is_adversarial=False)[0] for _ in range(12)]
    assert logs[-1]["reconstruction"] < 0.8 * logs[0]["reconstruction"]
    assert {"pixel_accuracy", "fwiou"} <= logs[0].keys()
    assert "psnr" not in logs[0]
