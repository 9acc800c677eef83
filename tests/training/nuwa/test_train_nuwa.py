# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Training of the transformer, end to end at toy size: resume after a kill, validation, the finished pipeline."""

import json
import os
import shutil
import signal
from pathlib import Path

import pytest
import torch
from long_saves import save_for_a_day
from poisoned_gradients import poison_gradients
from safetensors.torch import load_file, save_file
from tiny import CODEBOOK_SIZE, SKETCH_CODEBOOK_SIZE, tiny_tokenizer, tiny_transformer, tiny_vqgan

from nuwa_hf import NuwaTextToVideoPipeline, NuwaVQGAN
from nuwa_hf.datasets import sketch_class_names
from nuwa_hf.exit_status import StoppedEarly
from nuwa_hf.grid import Grid
from nuwa_hf.modeling.presets import condition_window_of
from nuwa_hf.modeling.tokenization_nuwa import load_text_tokenizer
from nuwa_hf.tasks import TASKS
from nuwa_hf.training.nuwa.build_transformer import build_transformer, freeze_unused
from nuwa_hf.training.nuwa.components import Components, load_components
from nuwa_hf.training.nuwa.nuwa_arguments import NuwaArguments
from nuwa_hf.training.nuwa.nuwa_steps import tasks_loss
from nuwa_hf.training.nuwa.task_batches import TaskBatches
from nuwa_hf.training.nuwa.throughput import Throughput
from nuwa_hf.training.nuwa.train_nuwa import main
from nuwa_hf.training.nuwa.training_tokens import frame_rate_of_tokens
from nuwa_hf.training.run.run_arguments import parse_arguments
from nuwa_hf.training.run.run_checkpoints import complete_checkpoints, newest_checkpoint
from nuwa_hf.training.run.run_state import RunState
from nuwa_hf.training.tokens import tokenize_dataset
from nuwa_hf.training.tokens.token_files import TokenFiles, read_metadata, write_metadata, write_shard
from nuwa_hf.training.tokens.token_origin import fingerprints


SIZES = ["--hidden_size", "16", "--num_attention_heads", "2", "--num_encoder_layers", "1", "--num_decoder_layers", "1"]
ALL_TASKS = ["--tasks", *(f"{task.abbreviation}=1" for task in TASKS)]


def train_until_killed(flags):
    """Runs the training and kills its own process, as a power cut would, two steps after the first checkpoint."""
    log = RunState.log

    def log_and_die(state, values):
        log(state, values)
        if state.step == 5:
            os.kill(os.getpid(), signal.SIGKILL)

    RunState.log = log_and_die
    main(flags)


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Flags that name two codecs, a tokenizer and token files of drawn shapes with their sketches."""
    folder = tmp_path_factory.mktemp("training")
    sizes = {"block_out_channels": (4, 4, 4, 4, 4), "sample_size": 64}
    classes = len(sketch_class_names)
    sketches = {"in_channels": classes, "out_channels": classes, "codebook_size": SKETCH_CODEBOOK_SIZE}
    tiny_vqgan(**sizes).save_pretrained(folder / "vqgan")
    tiny_vqgan(**sizes, **sketches).save_pretrained(folder / "sketch_vqgan")
    tiny_tokenizer().save_pretrained(folder / "tokenizer")
    made_with = [word for name in ("vqgan", "sketch_vqgan", "tokenizer") for word in (f"--{name}", str(folder / name))]
    for split in ("train", "val"):
        output = ["--output_dir", str(folder / split), "--split", split, "--num_clips", "20"]
        tokenize_dataset.main([*made_with, *output, "--sprites", "shapes", "--setting", "small"])
    return [*made_with, "--tokens", str(folder / "train"), "--validation_tokens", str(folder / "val")]


def run_flags(folders, output_dir, optimizer="adamw", **values):
    defaults = {"max_train_steps": 8, "train_batch_size": 10, "checkpointing_steps": 3, "sample_every": 4}
    settings = {
        **defaults,
        "log_every": 1,
        "seed": 4,
        "device": "cpu",
        "hidden_dropout": 0.1,
        "sample_sheets": False,
        **values,
    }
    flags = [str(part) for name, value in settings.items() for part in (f"--{name}", value)]
    return [*folders, *SIZES, *ALL_TASKS, "--output_dir", str(output_dir), "--optimizer", optimizer, *flags]


def metrics_of(output_dir):
    lines = [json.loads(line) for line in (output_dir / "metrics.jsonl").read_text().splitlines()]
    return [{name: value for name, value in line.items() if name not in Throughput.NAMES} for line in lines]


def stop_after(monkeypatch, step, number):
    """From now on a run is sent a signal twice while it logs that step."""
    log = RunState.log

    def log_and_signal(state, values):
        log(state, values)
        if state.step == step:
            signal.raise_signal(number)
            signal.raise_signal(number)

    monkeypatch.setattr(RunState, "log", log_and_signal)


@pytest.mark.parametrize("optimizer", [pytest.param("adamw", marks=pytest.mark.slow), "muon"])
@pytest.mark.processes
def test_a_run_killed_and_told_to_stop_resumes_to_the_weights_and_metrics_of_an_uninterrupted_one(
    folders, processes, tmp_path, monkeypatch, optimizer
):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    main(run_flags(folders, whole, optimizer))
    dead = processes.run(train_until_killed, run_flags(folders, killed, optimizer))
    assert dead.returncode == -signal.SIGKILL, dead.stderr
    assert sorted(path.name for path in killed.glob("checkpoint-*")) == ["checkpoint-000003"]
    assert len(metrics_of(killed)) == 6  # five steps and one validation, two of the steps after the checkpoint
    with monkeypatch.context() as patch:
        stop_after(patch, 5, signal.SIGTERM)
        with pytest.raises(StoppedEarly, match=r"step 5 of 8 \(SIGTERM\).*000005\.$"):
            main(run_flags(folders, killed, optimizer))
    main(run_flags(folders, killed, optimizer))
    assert metrics_of(killed) == metrics_of(whole)
    assert [line["step"] for line in metrics_of(whole)] == [1, 2, 3, 4, 4, 5, 6, 7, 8, 8]
    for path in ("pipeline/transformer/model.safetensors", "checkpoint-000008/model.safetensors"):
        weights, others = load_file(whole / path), load_file(killed / path)
        assert weights.keys() == others.keys()
        assert all(torch.equal(weights[name], others[name]) for name in weights)


def test_a_finished_run_writes_a_pipeline_of_averaged_weights_that_makes_videos(folders, tmp_path):
    sampling = {"guidance_scale": 1.5, "temperature": 0.8, "unguided_temperature": 0.7}
    main(run_flags(folders, tmp_path, max_train_steps=3, **sampling))
    pipeline = NuwaTextToVideoPipeline.from_pretrained(tmp_path / "pipeline")
    saved = pipeline.transformer.generation_config
    assert {name: getattr(saved, name) for name in sampling} == sampling
    assert pipeline.frame_rate == 4  # EmojiMotion's, which the token files say
    frames = pipeline("a red apple", output_type="np", generator=torch.Generator().manual_seed(0)).frames
    assert frames.shape == (1, 6, 64, 64, 3)
    assert pipeline.sketch_vqgan.config.codebook_size == pipeline.transformer.config.sketch_codebook_size
    raw = load_file(tmp_path / "checkpoint-000003" / "model.safetensors")
    averaged = load_file(tmp_path / "pipeline" / "transformer" / "model.safetensors")
    assert any(not torch.equal(raw[name], averaged[name]) for name in averaged)


def test_a_run_whose_weights_explode_stops_and_leaves_the_last_finite_checkpoint_and_no_pipeline(folders, tmp_path):
    settings = {"learning_rate": 1e30, "warmup_ratio": 0, "checkpointing_steps": 1, "log_every": 8}
    with pytest.raises(FloatingPointError, match=r"step \d: `loss` is .*gradient of `.*checkpoint-00000\d"):
        main(run_flags(folders, tmp_path, **settings))
    checkpoint = newest_checkpoint(tmp_path)
    weights = load_file(checkpoint / "model.safetensors")
    assert all(weight.isfinite().all() for weight in weights.values())
    assert not (tmp_path / "pipeline").exists()


def test_a_step_whose_gradients_are_not_finite_is_skipped_as_asked_and_leaves_no_trace(
    folders, tmp_path, monkeypatch, caplog
):
    poison_gradients(monkeypatch, call=2)
    settings = {"non_finite": "skip", "checkpointing_steps": 1, "checkpoints_total_limit": 9, "max_train_steps": 3}
    flags = run_flags(folders, tmp_path, **settings)
    main(flags)
    assert "Step 2 is skipped: the gradient of `" in caplog.text
    card = tmp_path / "pipeline" / "README.md"
    written = card.read_text()
    assert "validation_loss" in written
    main(flags)  # writes the pipeline once more
    assert card.read_text() == written
    first, second, third = (load_file(path / "model.safetensors") for path in complete_checkpoints(tmp_path))
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert any(not torch.equal(second[name], third[name]) for name in second)
    average = load_file(tmp_path / "pipeline" / "transformer" / "model.safetensors")
    assert all(weight.isfinite().all() for weight in average.values())
    lines = [line for line in metrics_of(tmp_path) if "learning_rate" in line]
    assert [(line.get("skipped_steps", 0), "loss" in line) for line in lines] == [(0, True), (1, False), (1, True)]


@pytest.fixture(scope="module")
def older_transformer(tmp_path_factory):
    """Folder of a transformer that was saved before there were sketches and known components."""
    folder = tmp_path_factory.mktemp("older")
    tiny_transformer(visual_grid=(6, 4, 4), max_text_length=77).save_pretrained(folder)
    weights = load_file(folder / "model.safetensors")
    kept = {name: weight for name, weight in weights.items() if "sketch" not in name and "known" not in name}
    assert 0 < len(kept) < len(weights)
    save_file(kept, folder / "model.safetensors", metadata={"format": "pt"})
    config = json.loads((folder / "config.json").read_text())
    del config["sketch_codebook_size"], config["condition_window"]
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def without_sizes(flags):
    start = flags.index(SIZES[0])
    return flags[:start] + flags[start + len(SIZES) :]


def test_an_older_transformer_keeps_its_weights_and_gets_fresh_ones_for_sketches_and_known_parts(
    folders, older_transformer, tmp_path
):
    flags = [*without_sizes(run_flags(folders, tmp_path)), "--transformer", str(older_transformer)]
    arguments = parse_arguments(NuwaArguments, flags)
    vqgan, sketch_vqgan = (NuwaVQGAN.from_pretrained(folder) for folder in (arguments.vqgan, arguments.sketch_vqgan))
    components = Components(vqgan, tiny_tokenizer(), sketch_vqgan, arguments.transformer)
    models = []
    for _ in range(2):
        torch.manual_seed(4)
        models.append(build_transformer(arguments, components, Grid(6, 4, 4)))
    config, state = models[0].config, models[0].state_dict()
    assert config.sketch_codebook_size == SKETCH_CODEBOOK_SIZE
    assert config.condition_window == condition_window_of(Grid(6, 4, 4)) == (11, 3, 3)
    assert config.hidden_dropout == 0.1
    older = load_file(older_transformer / "model.safetensors")
    assert all(torch.equal(state[name], weight) for name, weight in older.items())
    fresh = [name for name in state if name not in older]
    assert fresh
    for name in fresh:
        assert torch.equal(state[name], models[1].state_dict()[name])
        assert state[name].std().item() == pytest.approx(config.initializer_range, rel=0.5)


def test_adapters_of_an_older_transformer_learn_texts_alone(folders, older_transformer, tmp_path):
    pytest.importorskip("peft", reason="adapters are PEFT's")
    flags = [*without_sizes(run_flags(folders, tmp_path)), "--transformer", str(older_transformer)]
    with pytest.raises(ValueError, match=r"`fine_tune` must be 'full' .* that has never learnt to read sketches, got"):
        main([*flags, "--fine_tune", "lora"])


def test_a_run_from_an_older_transformer_trains_on_all_tasks(folders, older_transformer, tmp_path):
    flags = without_sizes(run_flags(folders, tmp_path, max_train_steps=1))
    main([*flags, "--transformer", str(older_transformer)])
    assert NuwaTextToVideoPipeline.from_pretrained(tmp_path / "pipeline").sketch_vqgan is not None


@pytest.mark.parametrize("mix", [["T2V"], ["T2I", "V2V"], ["S2I"], ["S2V", "TI2I"], [t.abbreviation for t in TASKS]])
def test_the_weights_that_are_not_frozen_are_those_that_the_mix_gives_a_gradient(folders, mix):
    """Where the mix left some weights without, training on several devices stopped at its second step."""
    model = tiny_transformer(visual_grid=(6, 4, 4), max_text_length=77)
    tokens = TokenFiles.load(folders[folders.index("--tokens") + 1])
    freeze_unused(model, mix)
    batches = TaskBatches(tokens, model.config, dict.fromkeys(mix, 1), 0.1, seed=0)(range(len(mix)))
    tasks_loss(model, batches)[0].backward()
    for name, parameter in model.named_parameters():
        assert parameter.requires_grad == (parameter.grad is not None), name


def test_freezing_what_is_not_used_thaws_nothing():
    model = tiny_transformer().requires_grad_(False)
    freeze_unused(model, [task.abbreviation for task in TASKS])
    assert not any(parameter.requires_grad for parameter in model.parameters())


def test_a_mix_without_sketches_needs_no_sketch_codec(folders, tmp_path):
    place = folders.index("--sketch_vqgan")
    flags = run_flags(folders[:place] + folders[place + 2 :], tmp_path, max_train_steps=1)
    main([*flags, "--tasks", "T2V=1", "V2V=1", "TI2I=1"])
    assert NuwaTextToVideoPipeline.from_pretrained(tmp_path / "pipeline").sketch_vqgan is None
    with pytest.raises(ValueError, match="`sketch_vqgan` must be the folder of a sketch VQ-GAN"):
        main(flags)


def test_a_run_does_not_go_on_with_tokens_of_a_codec_that_has_learnt_on(folders, tmp_path):
    """It gave the old weights the new codec and its digest."""
    places = {name: Path(folders[folders.index(f"--{name}") + 1]) for name in ("vqgan", "tokenizer", "tokens")}
    codec = NuwaVQGAN.from_pretrained(places["vqgan"])
    shutil.copytree(places["tokens"], tmp_path / "tokens")
    flags = run_flags(folders, tmp_path / "run", max_train_steps=1)
    flags += ["--vqgan", str(tmp_path / "vqgan")]
    flags += [word for name in ("tokens", "validation_tokens") for word in (f"--{name}", str(tmp_path / "tokens"))]
    for factor in (1, 2):
        with torch.no_grad():
            codec.quantize.embedding.weight.mul_(factor)
        codec.save_pretrained(tmp_path / "vqgan")
        made_by = fingerprints(codec, load_text_tokenizer(places["tokenizer"]))
        write_metadata(tmp_path / "tokens", {**read_metadata(tmp_path / "tokens"), **made_by})
        if factor == 1:
            main(flags)
    with pytest.raises(ValueError, match=r"learnt from other data: `codec` of tokens\[0\] \(was .*\); choose another"):
        main(flags)


def test_the_speed_leaves_out_what_happens_between_steps(folders, tmp_path, monkeypatch):
    days = save_for_a_day(monkeypatch)
    main(run_flags(folders, tmp_path, max_train_steps=2, checkpointing_steps=1))
    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    speeds = [line["tokens_per_second"] for line in lines if "tokens_per_second" in line]
    assert len(speeds) == days[0] == 2
    assert min(speeds) > 1


def test_validation_changes_nothing_that_training_sees(folders, tmp_path):
    for name, every in (("often", 1), ("once", 2)):
        main(run_flags(folders, tmp_path / name, max_train_steps=2, sample_every=every))
    often, once = ([line for line in metrics_of(tmp_path / name) if "loss" in line] for name in ("often", "once"))
    assert often == once
    last = metrics_of(tmp_path / "often")[-1]
    assert last == metrics_of(tmp_path / "once")[-1]
    assert {f"validation_loss_{task.abbreviation}" for task in TASKS} < last.keys()


def test_workers_give_the_same_run(folders, tmp_path):
    for workers in (0, 1):
        flags = {"max_train_steps": 2, "sample_every": 9, "dataloader_num_workers": workers}
        main(run_flags(folders, tmp_path / str(workers), **flags))
    assert metrics_of(tmp_path / "0") == metrics_of(tmp_path / "1")


@pytest.mark.parametrize("workers", [0, 1])
def test_a_damaged_shard_is_an_error_of_one_line(folders, tmp_path, workers):
    tokens = shutil.copytree(folders[folders.index("--tokens") + 1], tmp_path / "tokens")
    (shard,) = tokens.glob("tokens-*.safetensors")
    content = shard.read_bytes()
    shard.write_bytes(content[: len(content) // 2] + bytes([255]) * (len(content) - len(content) // 2))
    flags = run_flags(folders, tmp_path / "run", dataloader_num_workers=workers)
    with pytest.raises(ValueError, match=r"^`tokens` must be whole, got [^\n]*$"):
        main([*flags, "--tokens", str(tokens)])


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--tasks", "T2V=0.9", "V2T=0.1"], "`tasks` must be entries"),
        (["--train_batch_size", "2"], "`train_batch_size` must be so large that a step has at least one row"),
        (["--preset", "huge"], "`preset` must be one of"),
        (["--condition_dropout", "1.5"], "`condition_dropout` must be a share"),
        (["--optimizer", "muon", "--mixed_precision", "fp16"], "`mixed_precision` must be 'no' or 'bf16' with muon"),
        (["--guidance_scale", "0.5"], "`guidance_scale` must be at least 1"),
        (["--train_batch_size", "21"], "`train_batch_size` must be at most the 20 clips of `tokens`"),
        (["--log_with", "paper"], "`log_with` must be one of"),
        (["--push_to_hub"], "`hub_model_id` must be given with `push_to_hub`"),
        (["--push_to_hub", "--hub_model_id", "model"], "must be USER/NAME"),
        (["--checkpoint", "embedded"], "`checkpoint` must be None with"),
        (["--task", "T2V=1"], "closest valid one is `tasks`"),
    ],
)
def test_wrong_arguments_are_refused_before_anything_is_written(folders, tmp_path, flags, message):
    with pytest.raises(ValueError, match=message):
        main([*run_flags(folders, tmp_path / "out"), *flags])
    assert not (tmp_path / "out").exists()


def test_tokens_that_do_not_fit_are_refused_before_anything_is_written(folders, tmp_path):
    good = TokenFiles.load(folders[folders.index("--tokens") + 1])[:]
    outside = good.video_tokens.clone()
    outside[-1, -1, -1, -1] = CODEBOOK_SIZE
    for name, video in (("outside", outside), ("smaller", good.video_tokens[:, :, :2])):
        (tmp_path / name).mkdir()
        write_metadata(tmp_path / name, {"num_shards": 1})
        sketches = good.sketch_tokens[:, :, : video.shape[2]]
        write_shard(tmp_path / name, 0, TokenFiles(**{**vars(good), "video_tokens": video, "sketch_tokens": sketches}))
    (tmp_path / "unsketched").mkdir()
    write_metadata(tmp_path / "unsketched", {"num_shards": 1})
    write_shard(tmp_path / "unsketched", 0, TokenFiles(**{**vars(good), "sketch_tokens": None}))
    output = tmp_path / "out"
    with pytest.raises(ValueError, match=f"`tokens` must be made by the given codec .* visual token {CODEBOOK_SIZE}"):
        main([*run_flags(folders, output), "--tokens", str(tmp_path / "outside")])
    with pytest.raises(ValueError, match=r"`validation_tokens` must have the token grid of `tokens`, \(6, 4, 4\)"):
        main([*run_flags(folders, output), "--validation_tokens", str(tmp_path / "smaller")])
    for name in ("tokens", "validation_tokens"):
        with pytest.raises(ValueError, match=f"`{name}` must hold sketches for tasks that start from one"):
            main([*run_flags(folders, output), f"--{name}", str(tmp_path / "unsketched")])
    assert not output.exists()


def test_the_frame_rate_is_that_of_the_clips_and_must_be_one(folders, tmp_path, caplog):
    arguments = parse_arguments(NuwaArguments, run_flags(folders, tmp_path / "out"))
    for name, metadata in (
        ("slow", {"frame_rate": 2.5, "num_frames": 6}),
        ("fast", {"frame_rate": 24, "num_frames": 6}),
        ("still", {"frame_rate": 24, "num_frames": 1}),
    ):
        (tmp_path / name).mkdir()
        write_metadata(tmp_path / name, {"num_shards": 1, **metadata})
    slow, fast, still = (str(tmp_path / name) for name in ("slow", "fast", "still"))
    arguments.validation_tokens = None
    for tokens, expected in (([slow], 2.5), ([f"{slow}=2", still], 2.5), ([still], None)):
        arguments.tokens = tokens
        assert frame_rate_of_tokens(arguments) == expected
    arguments.tokens = [slow, fast]
    with pytest.raises(ValueError, match=r"`tokens` must hold clips of one frame rate, got 2\.5 in .*slow.*, 24 in"):
        frame_rate_of_tokens(arguments)
    tiny_transformer(visual_grid=(6, 4, 4), sketch_codebook_size=SKETCH_CODEBOOK_SIZE).save_pretrained(
        tmp_path / "old"
    )
    arguments.transformer = str(tmp_path / "old")
    components = load_components(arguments)
    for rate, expected in ((2.5, 2.5), (None, 4), (4, 4)):
        assert build_transformer(arguments, components, Grid(6, 4, 4), rate).config.frame_rate == expected
    assert sum("drew 4 frames a second; it now learns the 2.5" in message for message in caplog.messages) == 1


def test_a_transformer_for_another_sketch_codec_is_refused(folders, tmp_path):
    tiny_transformer(visual_grid=(6, 4, 4), sketch_codebook_size=7).save_pretrained(tmp_path / "transformer")
    flags = [*without_sizes(run_flags(folders, tmp_path / "out")), "--transformer", str(tmp_path / "transformer")]
    message = f"`sketch_vqgan` must be a codec of 7 codes, those of `transformer`, got '{SKETCH_CODEBOOK_SIZE} codes'"
    with pytest.raises(ValueError, match=message):
        main(flags)


def test_several_folders_of_tokens_are_one_data_set(folders, tmp_path):
    train, val = (folders[folders.index(f"--{name}") + 1] for name in ("tokens", "validation_tokens"))
    flags = run_flags(folders, tmp_path, max_train_steps=1, train_batch_size=30)
    main([*flags, "--tokens", f"{train}=2", f"{val}=1:T2I,I2I"])
    assert NuwaTextToVideoPipeline.from_pretrained(tmp_path / "pipeline").sketch_vqgan is not None
    with pytest.raises(ValueError, match="`tokens` must hold a folder that feeds it for"):
        main([*run_flags(folders, tmp_path / "out"), "--tokens", f"{train}=2:T2V"])
    assert not (tmp_path / "out").exists()
