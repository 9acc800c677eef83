# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
import os
import signal
import subprocess
import sys
import time

import pytest
import torch
import yaml
from accelerate import Accelerator
from safetensors.torch import load_file

from nuwa_hf import NuwaVQGAN
from nuwa_hf.training.arguments import VQGANArguments
from nuwa_hf.training.codebook import EmaCodebook
from nuwa_hf.training.discriminator import PatchDiscriminator
from nuwa_hf.training.run_state import complete_checkpoints
from nuwa_hf.training.sample_sheet import sample_sheet
from nuwa_hf.training.train_vqgan import VQGANTraining, build_vqgan, emoji_frames, main, vqgan_step


TINY = {
    "sprites": "shapes",
    "device": "cpu",
    "max_train_steps": 8,
    "train_batch_size": 2,
    "block_out_channels": [4, 4, 4, 8],
    "layers_per_block": 1,
    "norm_num_groups": 2,
    "mid_block_attention": False,
    "latent_channels": 4,
    "codebook_dim": 4,
    "codebook_size": 16,
    "learning_rate": 0.01,
    "discriminator_start": 0.5,
    "discriminator_channels": 4,
    "discriminator_layers": 1,
    "checkpointing_steps": 2,
    "checkpoints_total_limit": 10,
    "sample_every": 4,
    "log_every": 1,
    "num_samples": 3,
}
FINAL_WEIGHTS = "vqgan/diffusion_pytorch_model.safetensors"


def build_training(**overrides) -> VQGANTraining:
    arguments = VQGANArguments(**{**TINY, "output_dir": "unused", **overrides})
    torch.manual_seed(0)
    vqgan, discriminator = build_vqgan(arguments, 64), PatchDiscriminator(3, 4, 1)
    codebook = (
        EmaCodebook(vqgan.quantize, generator=torch.Generator()) if arguments.codebook_learning == "ema" else None
    )
    learnt = [parameter for parameter in vqgan.parameters() if parameter.requires_grad]
    optimizers = [torch.optim.AdamW(one, lr=0.01) for one in (learnt, discriminator.parameters())]
    prepared = (accelerator := Accelerator(cpu=True)).prepare(vqgan, discriminator, *optimizers)
    return VQGANTraining(arguments, accelerator, *prepared, codebook, None)


def batch(start: int, size: int) -> dict[str, torch.Tensor]:
    frames = emoji_frames(VQGANArguments(**TINY, output_dir="unused"), "train")
    return torch.utils.data.default_collate([frames[index] for index in range(start, start + size)])


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
    log, _ = vqgan_step(training, [batch(2, 2)], is_adversarial=True)
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


def test_frames_are_a_pure_function_of_the_index_and_lie_in_range():
    one, other = batch(5, 3), batch(5, 3)
    assert torch.equal(one["pixels"], other["pixels"])
    assert one["pixels"].shape == (3, 3, 64, 64)
    assert one["object_mask"].shape == (3, 64, 64)
    assert one["pixels"].min() >= -1
    assert one["pixels"].max() <= 1
    assert one["object_mask"].any()


def test_sample_sheet_sets_reconstructions_under_their_originals():
    pixels, sample = torch.full((9, 3, 4, 4), -1.0), torch.full((9, 3, 4, 4), 0.0)
    sheet = sample_sheet(pixels, sample)
    assert sheet.size == (8 * 4 * 3, 4 * 4 * 3)
    assert [sheet.getpixel((0, row * 12))[0] for row in range(4)] == [0, 128, 0, 128]
    assert sheet.getpixel((4 * 3, 2 * 12))[0] == 255  # the place of a tenth image stays white


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    """The folder of a tiny run that nobody stopped."""
    folder = tmp_path_factory.mktemp("uninterrupted")
    run_to_end(folder)
    return folder


def write_config(folder) -> str:
    path = folder.with_suffix(".yaml")
    path.write_text(yaml.safe_dump({**TINY, "output_dir": str(folder)}))
    return str(path)


def run_to_end(folder) -> None:
    main(["--config", write_config(folder)])


def test_killed_and_resumed_run_ends_with_bit_equal_weights(tmp_path, uninterrupted):
    folder = tmp_path / "killed"
    command = [sys.executable, "-m", "nuwa_hf.training.train_vqgan", "--config", write_config(folder)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while not complete_checkpoints(folder) and time.monotonic() < deadline:
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert complete_checkpoints(folder)
    assert not (folder / "vqgan").exists()
    run_to_end(folder)
    for name in (FINAL_WEIGHTS, "checkpoint-000008/model.safetensors", "checkpoint-000008/model_1.safetensors"):
        assert are_equal(load_file(folder / name), load_file(uninterrupted / name)), name


def test_run_leaves_a_loadable_model_samples_and_metrics(uninterrupted):
    vqgan = NuwaVQGAN.from_pretrained(uninterrupted / "vqgan")
    assert vqgan.downsampling_factor == 8
    assert [path.name for path in sorted((uninterrupted / "samples").iterdir())] == [
        "step-000004.png",
        "step-000008.png",
    ]
    assert sum('"psnr_objects"' in line for line in (uninterrupted / "metrics.jsonl").open()) == 8
    assert not [path for path in uninterrupted.iterdir() if "incomplete" in path.name]


def test_final_model_is_the_average_of_the_weights_with_the_codes_as_they_are(uninterrupted):
    final, last = (
        load_file(uninterrupted / FINAL_WEIGHTS),
        load_file(uninterrupted / "checkpoint-000008/model.safetensors"),
    )
    assert torch.equal(final["quantize.embedding.weight"], last["quantize.embedding.weight"])
    assert not torch.equal(final["decoder.conv_out.weight"], last["decoder.conv_out.weight"])


def test_unknown_key_stops_before_anything_is_written(tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump({**TINY, "output_dir": str(tmp_path / "run"), "codebok_size": 8}))
    with pytest.raises(ValueError, match=r"`codebok_size`.*`codebook_size`"):
        main(["--config", str(path)])
    assert not (tmp_path / "run").exists()
