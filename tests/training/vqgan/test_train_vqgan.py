# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
import json
import os
import resource
import shutil
import signal
import time

import numpy as np
import pytest
import torch
import yaml
from accelerate import Accelerator, DistributedType
from long_saves import save_for_a_day
from PIL import Image
from poisoned_gradients import poison_gradients
from safetensors.torch import load_file
from torch.nn.parallel import DistributedDataParallel
from warm_processes import start_processes

from nuwa_hf import NuwaVQGAN
from nuwa_hf.datasets.class_map import palette, sketch_class_names
from nuwa_hf.exit_status import StoppedEarly
from nuwa_hf.training.run.run_checkpoints import complete_checkpoints
from nuwa_hf.training.run.run_state import RunState
from nuwa_hf.training.vqgan.codebook_updates import EmaCodebook
from nuwa_hf.training.vqgan.train_vqgan import check_processes, main


TINY = {
    "sprites": "shapes",
    "setting": "small",
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


def are_equal(one: dict, other: dict) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    """The folder of a tiny run that nobody stopped."""
    folder = tmp_path_factory.mktemp("uninterrupted")
    run_to_end(folder)
    return folder


def write_config(folder, **overrides) -> str:
    path = folder.with_suffix(".yaml")
    path.write_text(yaml.safe_dump({**TINY, **overrides, "output_dir": str(folder)}))
    return str(path)


def run_to_end(folder, **overrides) -> None:
    main(["--config", write_config(folder, **overrides)])


def send_signal_and(is_due):
    def signalled(state, every):
        signal.raise_signal(signal.SIGUSR1)
        return is_due(state, every)

    return signalled


@pytest.mark.processes
def test_a_run_killed_and_told_to_stop_ends_with_bit_equal_weights(tmp_path, uninterrupted, processes, monkeypatch):
    folder = tmp_path / "killed"
    process = processes.start(main, ["--config", write_config(folder)])
    deadline = time.monotonic() + 120
    while not complete_checkpoints(folder) and time.monotonic() < deadline:
        time.sleep(0.002)
    process.kill()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    assert complete_checkpoints(folder)
    assert not (folder / "vqgan").exists()
    with monkeypatch.context() as patch:
        patch.setattr(RunState, "is_due", send_signal_and(RunState.is_due))
        with pytest.raises(StoppedEarly, match=r"of 8 \(SIGUSR1\)"):
            run_to_end(folder)
    assert not (folder / "vqgan").exists()
    run_to_end(folder)
    for name in (FINAL_WEIGHTS, "checkpoint-000008/model.safetensors", "checkpoint-000008/model_1.safetensors"):
        assert are_equal(load_file(folder / name), load_file(uninterrupted / name)), name


def train_and_note_sends(config, notes):
    """One of the processes: writes for each pass through DDP whether it is to send gradients."""
    forward, sends = DistributedDataParallel.forward, []

    def forward_and_note(model, *inputs):
        sends.append(model.require_backward_grad_sync)
        return forward(model, *inputs)

    DistributedDataParallel.forward = forward_and_note
    main(["--config", config])
    (notes / f"{os.environ['RANK']}.json").write_text(json.dumps(sends))


@pytest.mark.processes
def test_two_processes_send_once_a_step_and_log_what_one_with_the_whole_batch_does(tmp_path, processes):
    """The log told of the last pass of the first process."""
    levels = {"fsq_levels": [3, 3], "codebook_size": None, "codebook_dim": None}  # no code starts at a random latent
    settings = {**levels, "object_weight": 1.0, "gradient_accumulation_steps": 2, "max_train_steps": 2}
    config = write_config(tmp_path / "two", **settings)
    for process in start_processes(processes, train_and_note_sends, config, tmp_path):
        process.join(300)
        assert process.exitcode == 0, process.errors.read_text()
    # The codec in step 1, codec and discriminator in step 2, of two passes each.
    assert [json.loads((tmp_path / f"{rank}.json").read_text()) for rank in "01"] == [[False, True] * 3] * 2
    run_to_end(tmp_path / "one", **settings, train_batch_size=2 * TINY["train_batch_size"])
    two, one = (
        [json.loads(line) for line in (tmp_path / name / "metrics.jsonl").open() if '"loss"' in line]
        for name in ("two", "one")
    )
    assert [line.keys() for line in two] == [line.keys() for line in one]
    assert {"adversarial", "adaptive_weight", "discriminator"} < two[1].keys()
    for line, expected in zip(two, one, strict=True):
        for name in ("psnr", "psnr_objects", "images_per_second"):  # PSNR is no mean of the images'
            del line[name], expected[name]
        assert line == pytest.approx(expected, rel=1e-3)


def test_the_use_of_codes_is_told_of_whole_windows_alone(tmp_path, monkeypatch):
    """After a resume the first line told that of the steps since then as if it were that of all."""
    settings = {"log_every": 4, "checkpointing_steps": 8, "sample_every": 8}
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    run_to_end(whole, **settings)
    with monkeypatch.context() as patch:
        patch.setattr(RunState, "is_due", send_signal_and(RunState.is_due))
        with pytest.raises(StoppedEarly, match=r"after step 1 of 8"):
            run_to_end(stopped, **settings)
    run_to_end(stopped, **settings)
    (first, second), found = (
        [json.loads(line) for line in (folder / "metrics.jsonl").open() if '"loss"' in line]
        for folder in (whole, stopped)
    )
    for line in (first, second, *found):
        del line["images_per_second"]
    of_codes = ("codes_used", "perplexity")
    assert found == [{name: value for name, value in first.items() if name not in of_codes}, second]
    assert second.keys() >= set(of_codes)


def test_run_leaves_a_loadable_model_samples_and_metrics(uninterrupted):
    vqgan = NuwaVQGAN.from_pretrained(uninterrupted / "vqgan")
    assert vqgan.spatial_factor == 8
    assert [path.name for path in sorted((uninterrupted / "samples").iterdir())] == [
        "step-000004.png",
        "step-000008.png",
    ]
    assert sum('"psnr_objects"' in line for line in (uninterrupted / "metrics.jsonl").open()) == 8
    assert not [path for path in uninterrupted.iterdir() if "incomplete" in path.name]


def test_the_latents_at_which_the_codes_start_keep_no_gradients(tmp_path, monkeypatch):
    """With their gradients they kept what the encoder had computed for the first batch until the run ended."""
    initialise, found = EmaCodebook.initialise, []

    def noted(codebook, latents, kept=0):
        found.append(latents.requires_grad)
        initialise(codebook, latents, kept)

    monkeypatch.setattr(EmaCodebook, "initialise", noted)
    run_to_end(tmp_path / "run", max_train_steps=1)
    assert found == [False]


def test_final_model_is_the_average_of_the_weights_with_the_codes_as_they_are(uninterrupted):
    final, last = (
        load_file(uninterrupted / FINAL_WEIGHTS),
        load_file(uninterrupted / "checkpoint-000008/model.safetensors"),
    )
    assert torch.equal(final["quantize.embedding.weight"], last["quantize.embedding.weight"])
    assert not torch.equal(final["decoder.conv_out.weight"], last["decoder.conv_out.weight"])


def test_run_with_fixed_levels_moves_all_but_the_codes_and_resumes_to_the_same_bits(tmp_path):
    folder, sizes = tmp_path / "fsq", {"fsq_levels": [3, 3], "codebook_size": None, "codebook_dim": None}
    run_to_end(folder, **sizes, max_train_steps=4)
    before, weights = load_file(folder / "checkpoint-000002/model.safetensors"), load_file(folder / FINAL_WEIGHTS)
    assert not any(torch.equal(before[name], weights[name]) for name in ("encoder.conv_in.weight", "quant_conv.bias"))
    for name in ("vqgan", "checkpoint-000004"):
        shutil.rmtree(folder / name)
    run_to_end(folder, **sizes, max_train_steps=4)
    assert are_equal(load_file(folder / FINAL_WEIGHTS), weights)
    vqgan = NuwaVQGAN.from_pretrained(folder / "vqgan")
    assert (vqgan.config.quantizer, vqgan.codebook_size) == ("fsq", 9)
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").open()]
    assert {(line["commitment"], line["codebook"]) for line in lines if "loss" in line} == {(0.0, 0.0)}
    assert all(1 < line["perplexity"] <= 9 and 0 < line["codes_used"] <= 1 for line in lines if "loss" in line)


def test_a_loss_that_is_not_finite_stops_the_run_before_a_codec_is_written(tmp_path):
    with pytest.raises(FloatingPointError, match=r"Stopped at step \d: .*is (nan|inf)|the weight"):
        run_to_end(tmp_path / "run", learning_rate=1e30, warmup_ratio=0.0)
    assert not (tmp_path / "run" / "vqgan").exists()


@pytest.mark.parametrize("call", [3, 4])  # of the codec and of the discriminator, in step 2
def test_a_step_of_codec_or_discriminator_whose_gradients_are_not_finite_is_skipped_as_asked(
    tmp_path, monkeypatch, caplog, call
):
    poison_gradients(monkeypatch, call)
    settings = {"discriminator_start": 0.0, "checkpointing_steps": 1, "max_train_steps": 3}
    run_to_end(tmp_path / "run", non_finite="skip", **settings)
    assert "Step 2 is skipped: the gradient of `" in caplog.text
    file = "model.safetensors" if call == 3 else "model_1.safetensors"
    checkpoints = complete_checkpoints(tmp_path / "run")
    first, second, third = (load_file(path / file) for path in checkpoints)
    assert are_equal(first, second)
    assert not are_equal(second, third)
    lines = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").open() if "learning_rate" in line]
    assert [line.get("skipped_steps", 0) for line in lines] == [0, 1, 1]
    # A step of the codec counts for the average and the use of the codes, whatever becomes of the discriminator's.
    is_of_codec = call == 3
    assert [{"loss", "codes_used"} <= line.keys() for line in lines] == [True, not is_of_codec, True]
    assert ("in the discriminator's step alone" in caplog.text) != is_of_codec
    weights = [load_file(path / "model.safetensors")["decoder.conv_out.weight"] for path in checkpoints]
    average = weights[0]
    updates = [weights[2]] if is_of_codec else weights[1:]
    for number, weight in enumerate(updates, 1):
        average = torch.lerp(weight, average, (1 + number) / (10 + number))
    torch.testing.assert_close(load_file(tmp_path / "run" / FINAL_WEIGHTS)["decoder.conv_out.weight"], average)
    assert all(weight.isfinite().all() for weight in load_file(tmp_path / "run" / FINAL_WEIGHTS).values())


def test_the_discriminator_of_a_run_that_is_made_longer_goes_on(tmp_path):
    """It was switched off until the later step at which that of the longer run would start."""
    folder = tmp_path / "run"
    run_to_end(folder, max_train_steps=4)
    shutil.rmtree(folder / "vqgan")
    run_to_end(folder, max_train_steps=12)
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").open()]
    steps = {line["step"]: "adversarial" in line for line in lines if "loss" in line}
    assert steps == {step: step > 2 for step in range(1, 13)}


@pytest.mark.parametrize("kind", ["FSDP", "DEEPSPEED"])
def test_processes_that_share_the_weights_out_are_refused_by_name(monkeypatch, kind):
    accelerator = Accelerator(cpu=True)
    check_processes(accelerator)
    monkeypatch.setitem(accelerator.state.__dict__, "distributed_type", DistributedType(kind))
    with pytest.raises(ValueError, match=f"`distributed_type` must be MULTI_GPU for a codec, got '{kind}'; launch"):
        check_processes(accelerator)


def test_unknown_key_stops_before_anything_is_written(tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump({**TINY, "output_dir": str(tmp_path / "run"), "codebok_size": 8}))
    with pytest.raises(ValueError, match=r"`codebok_size`.*`codebook_size`"):
        main(["--config", str(path)])
    assert not (tmp_path / "run").exists()


def test_the_speed_leaves_out_what_happens_between_steps(tmp_path, monkeypatch):
    days = save_for_a_day(monkeypatch)
    run_to_end(tmp_path / "run", max_train_steps=3, checkpointing_steps=1)
    lines = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").open()]
    speeds = [line["images_per_second"] for line in lines if "images_per_second" in line]
    assert len(speeds) == days[0] == 3
    assert min(speeds) > TINY["train_batch_size"] / 86400


def test_a_sheet_that_cannot_be_written_leaves_the_one_before_whole(tmp_path):
    run_to_end(tmp_path / "run", max_train_steps=1)
    sheet = tmp_path / "run" / "samples" / "step-000001.png"
    before = sheet.read_bytes()
    shutil.rmtree(tmp_path / "run" / "checkpoint-000001")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) // 2, limits[1]))  # writes beyond fail as on a full disk
    try:
        with pytest.raises(OSError, match=r"Cannot write .*step-000001.png"):
            run_to_end(tmp_path / "run", max_train_steps=1)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert sheet.read_bytes() == before
    assert [path.name for path in sheet.parent.iterdir()] == [sheet.name]


def test_sketch_run_leaves_a_codec_of_class_maps_its_scores_and_samples(tmp_path):
    folder = tmp_path / "sketches"
    run_to_end(folder, target="sketches", discriminator_start=1.0, max_train_steps=2, sample_every=2)
    vqgan = NuwaVQGAN.from_pretrained(folder / "vqgan")
    assert vqgan.config.in_channels == vqgan.config.out_channels == len(sketch_class_names)
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").open()]
    assert sum(line.keys() >= {"pixel_accuracy", "fwiou"} for line in lines) == 2
    assert sum(line.keys() >= {"held_out_pixel_accuracy", "held_out_fwiou"} for line in lines) == 1
    assert not any("psnr" in line for line in lines)
    with Image.open(folder / "samples" / "step-000002.png") as sheet:
        originals = np.asarray(sheet)[30:190, 10:190].reshape(-1, 3)  # within the first of them
    assert {tuple(color) for color in originals.tolist()} <= {tuple(color) for color in palette.tolist()}
