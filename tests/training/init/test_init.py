# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""`nuwa-hf init`: what it writes for folders of different kinds is accepted by the commands, and fits the clips."""

import json
import os
import re
from dataclasses import replace
from fractions import Fraction

import PIL.Image
import pytest
import torch
import yaml
from tiny import VISUAL_GRID, tiny_codecs, tiny_config, tiny_pipeline, tiny_transformer

from nuwa_hf.datasets.media_census import ClipFacts
from nuwa_hf.media import write_gif, write_png
from nuwa_hf.modeling.tokenization_nuwa import load_text_tokenizer
from nuwa_hf.training.init import init_command, machine_speed, measured_speed
from nuwa_hf.training.init.costs import Costs, Speed
from nuwa_hf.training.init.data_facts import DataFacts, look_at
from nuwa_hf.training.init.first_settings import Machine, Start, choose_settings
from nuwa_hf.training.init.init_command import main
from nuwa_hf.training.init.machine_speed import transformer_speed
from nuwa_hf.training.init.measured_speed import Measured, step_operations
from nuwa_hf.training.init.settings_files import FILES
from nuwa_hf.training.nuwa.nuwa_arguments import NuwaArguments
from nuwa_hf.training.nuwa.task_shares import deal_rows, parse_task_shares
from nuwa_hf.training.run.run_arguments import parse_arguments
from nuwa_hf.training.tokens.tokenize_arguments import TokenizeArguments
from nuwa_hf.training.vqgan.vqgan_arguments import VQGANArguments


MACHINE = Machine(hours=1.0, tokens_per_second=3200.0, memory_gb=16.0, device="cpu")


def frames(count):
    return [PIL.Image.new("RGB", (24, 16), (20 * place, 90, 200)) for place in range(count)]


def captioned(folder):
    for number in range(3):
        write_gif(frames(6), folder / f"{number}.gif", fps=4)
        (folder / f"{number}.txt").write_text(f"a blue sky: {number} clouds")


def in_sub_folders(folder):
    for name in ("rising", "falling"):
        (folder / name).mkdir()
        write_gif(frames(6), folder / name / "a.gif", fps=4)


def uncaptioned_stills(folder):
    for number in range(2):
        write_png(frames(1)[0], folder / f"{number}.png")


def timed_once(step, device, repeats=1):
    step()
    return Measured((1.0,))


@pytest.fixture(autouse=True)
def short_measurement(monkeypatch):
    """Of one image and one step, since no test here looks at its seconds."""
    monkeypatch.setattr(measured_speed, "CODEC_IMAGES", 1)
    monkeypatch.setattr(measured_speed, "_timed", timed_once)


@pytest.fixture
def known_codec_speed(monkeypatch):
    """Without a step of the codec's training, for runs that say no more about it."""
    monkeypatch.setattr(machine_speed, "measure_codec", lambda *arguments: Measured((1.0,)))


def init(recipe, data, runs, *options):
    """Runs the command without measuring a transformer, which takes seconds."""
    main([recipe, str(data), "--output_dir", str(runs), "--tokens_per_second", "3200", *options])


def commands_printed(text):
    return [line.strip() for line in text.splitlines() if line.startswith("  nuwa-hf ")]


def hours_printed(text):
    return re.findall(r"^  ([a-z-]+) +[\d.]+ (?:s|min|h), ", text, flags=re.MULTILINE)


@pytest.mark.parametrize(
    ("make", "caption_source", "num_frames", "first"),
    [
        (captioned, "auto", 6, "train-tokenizer"),
        (in_sub_folders, "folder", 6, "train-tokenizer"),
        (uncaptioned_stills, "none", 1, "train-vqgan"),
    ],
)
def test_the_files_are_accepted_by_the_commands_that_are_printed(
    tmp_path, capsys, request, make, caption_source, num_frames, first
):
    if make is not uncaptioned_stills:  # once is enough
        request.getfixturevalue("known_codec_speed")
    data, runs = tmp_path / "my data", tmp_path / "runs"
    data.mkdir()
    make(data)
    init("from-nothing", data, runs)
    text = capsys.readouterr().out
    assert commands_printed(text)[0].startswith(f"nuwa-hf {first} ")
    assert hours_printed(text) == ["train-vqgan", "tokenize", "train"]
    assert (", each an image\n" if num_frames == 1 else f" samples of {num_frames} frames at ") in text
    vqgan, tokenize, train = (
        parse_arguments(cls, ["--config", str(runs / name)])
        for cls, name in zip((VQGANArguments, TokenizeArguments, NuwaArguments), FILES, strict=True)
    )
    assert tokenize.dataset == vqgan.dataset == str(data)
    assert (tokenize.caption_source, tokenize.num_frames) == (caption_source, num_frames)
    assert tokenize.vqgan == train.vqgan == f"{vqgan.output_dir}/vqgan"
    assert train.tokens == [tokenize.output_dir]
    if first == "train-vqgan":
        load_text_tokenizer(tokenize.tokenizer)  # there are no captions to learn one from
        assert train.validation_prompts is None
    else:
        assert train.validation_prompts[0] in ("a blue sky: 0 clouds", "falling", "rising")
    for name in FILES:
        text = (runs / name).read_text(encoding="utf-8")
        lines = text.splitlines()
        assert all(
            lines[place - 1].startswith("# ")
            for place, line in enumerate(lines)
            if ": " in line[:30] and line[0] != "#"
        )
        assert len(yaml.safe_load(text)) == sum(bool(line) and not line.startswith("#") for line in lines)
    with pytest.raises(ValueError, match="`output_dir` must hold no train-vqgan"):
        init("from-nothing", data, runs)


@pytest.mark.usefixtures("known_codec_speed")
def test_the_memory_is_found_where_the_system_has_no_sysconf(tmp_path, monkeypatch):
    """On Windows the command ended in a traceback after it had measured."""
    monkeypatch.delattr(os, "sysconf")
    (tmp_path / "stills").mkdir()
    uncaptioned_stills(tmp_path / "stills")
    init("from-nothing", tmp_path / "stills", tmp_path / "runs")
    assert (tmp_path / "runs" / "train.yaml").is_file()


@pytest.mark.parametrize("device", ["cpu", "mps"])
def test_what_is_measured_and_written_is_for_the_device_that_train_takes(tmp_path, monkeypatch, device):
    """Beside any accelerator but CUDA, hours and sizes were those of a CPU that does not keep freed memory."""
    seen, kept = [], []

    def record(result):
        return lambda *arguments: (seen.append(arguments[-1]), result)[1]

    found = None if device == "cpu" else torch.device(device)
    monkeypatch.setattr(torch.accelerator, "current_accelerator", lambda check_available: found)
    monkeypatch.setattr(machine_speed, "measure_transformer", record(Measured((1.0,))))
    monkeypatch.setattr(machine_speed, "measure_codec", record(Measured((1.0,))))
    monkeypatch.setattr(machine_speed, "measure_tokenising", record((Measured((1.0,)), Measured((1.0,)))))
    monkeypatch.setattr(init_command, "keep_freed_memory", lambda: kept.append("kept"))
    (tmp_path / "stills").mkdir()
    uncaptioned_stills(tmp_path / "stills")
    main(["from-nothing", str(tmp_path / "stills"), "--output_dir", str(tmp_path / "runs")])
    tokenize, train = (yaml.safe_load((tmp_path / "runs" / name).read_text(encoding="utf-8")) for name in FILES[1:])
    assert seen == [device] * 3
    assert tokenize["device"] == device
    assert "mixed_precision" not in train
    assert kept == ["kept"] * (device == "cpu")


@pytest.mark.parametrize(
    ("recipe", "steps", "parts"),
    [("fine-tune", ["train-vqgan", "tokenize", "train"], ("vqgan", "tokenizer")), ("lora", ["tokenize", "train"], ())],
)
def test_a_checkpoint_keeps_its_size_and_what_of_it_fits_the_clips(tmp_path, capsys, recipe, steps, parts):
    pytest.importorskip("peft", reason="the arguments of LoRA are refused without it")
    data, runs = tmp_path / "clips", tmp_path / "runs"
    data.mkdir()
    captioned(data)
    (data / "broken.gif").write_bytes(b"GIF89a")
    init(recipe, data, runs)
    text = capsys.readouterr().out
    assert hours_printed(text) == steps
    assert "dB, too low, below 22: " in text
    train = parse_arguments(NuwaArguments, ["--config", str(runs / "train.yaml")])
    tokenize = parse_arguments(TokenizeArguments, ["--config", str(runs / "tokenize.yaml")])
    assert (train.checkpoint, train.fine_tune) == ("embedded", {"fine-tune": "full"}.get(recipe, recipe))
    assert {name for name in ("vqgan", "tokenizer") if getattr(train, name) is not None} == set(parts)
    assert (tokenize.vqgan, tokenize.tokenizer, tokenize.checkpoint) == (train.vqgan, train.tokenizer, "embedded")
    assert tokenize.max_skipped_share > 0.25  # one of four cannot be read


@pytest.mark.parametrize("recipe", ["fine-tune", "lora"])
def test_a_codec_of_diffusers_is_measured_and_stays(tmp_path, capsys, recipe):
    """It ended in an error of torch, and a codec that draws badly was to be trained, which train-vqgan refuses."""
    pytest.importorskip("peft", reason="the arguments of LoRA are refused without it")
    data, runs, start = tmp_path / "clips", tmp_path / "runs", tmp_path / "start"
    data.mkdir()
    captioned(data)
    tiny_pipeline(**tiny_codecs("vqmodel")).save_pretrained(start)
    init(recipe, data, runs, "--checkpoint", str(start))
    text = capsys.readouterr().out
    assert hours_printed(text) == ["tokenize", "train"]
    assert "dB, too low, below 22: it stays, for train-vqgan trains a NuwaVQGAN, not a VQModel; " in text
    assert not (runs / "train-vqgan.yaml").exists()
    assert parse_arguments(TokenizeArguments, ["--config", str(runs / "tokenize.yaml")]).vqgan is None


def test_a_checkpoint_of_still_images_is_refused_for_clips_and_taken_for_images(tmp_path):
    """The settings were written, and refused after the codec had been trained and the clips were tokens."""
    pytest.importorskip("peft", reason="the arguments of LoRA are refused without it")
    _, *sides = VISUAL_GRID
    start = tmp_path / "start"
    tiny_pipeline("T2I", transformer=tiny_transformer(visual_grid=(1, *sides))).save_pretrained(start)
    for make in (captioned, uncaptioned_stills):
        (tmp_path / make.__name__).mkdir()
        make(tmp_path / make.__name__)
    with pytest.raises(ValueError, match="`checkpoint` must draw clips where the data set has clips, got "):
        init("lora", tmp_path / "captioned", tmp_path / "runs", "--checkpoint", str(start))
    assert not (tmp_path / "runs").exists()
    init("lora", tmp_path / "uncaptioned_stills", tmp_path / "runs", "--checkpoint", str(start))
    assert parse_arguments(TokenizeArguments, ["--config", str(tmp_path / "runs" / "tokenize.yaml")]).num_frames == 1


@pytest.mark.parametrize("words", [["--hours", "-1"], ["--memory_gb", "0"], ["--tokens_per_second", "nan"]])
def test_a_wrong_number_is_refused_before_any_data_is_read(tmp_path, words):
    """Hours were looked at after the speed was measured, and memory of 0 was that of the machine."""
    with pytest.raises(ValueError, match=rf"`{words[0][2:]}` must be above 0 and finite, got {words[1]}"):
        main(["from-nothing", str(tmp_path / "nothing"), "--output_dir", str(tmp_path / "runs"), *words])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["clips", "clips"], "`RECIPE` must be one of from-nothing, fine-tune, lora, got 'clips'"),
        (["from-nothing", "clips", "--checkpoint", "embedded"], "`--checkpoint` must be left out of from-nothing"),
        (["lora", "moving-mnist-2"], "`DATA` must be a folder, .*, got 'moving-mnist-2', which lies in no files"),
    ],
)
def test_what_init_cannot_start_from_is_refused_with_what_it_can(tmp_path, words, message):
    with pytest.raises(ValueError, match=message):
        main([*words, "--output_dir", str(tmp_path)])


def test_hours_are_counted_operations_over_the_rate():
    chosen = choose_settings(facts_of(1000, 2, 12.0), MACHINE)
    speed = Speed(
        1e9, "as given", image=Measured((0.1, 0.2, 0.9)), reading=Measured((1.0,)), encoding=Measured((2.0,))
    )
    costs = Costs(chosen, speed, None, crops=8, codec_images=100, device="cpu")
    assert costs.codec_seconds == pytest.approx(20)
    assert costs.tokenize_seconds == pytest.approx(17 * chosen.num_samples)
    rows = deal_rows(parse_task_shares(chosen.tasks), chosen.rows)
    expected = chosen.max_train_steps * step_operations(chosen.config, rows) / 1e9
    assert costs.train_seconds() == pytest.approx(expected)
    assert replace(costs, chosen=replace(chosen, max_train_steps=1)).train_seconds() == pytest.approx(
        expected / chosen.max_train_steps
    )
    in_passes = replace(costs, chosen=replace(chosen, train_batch_size=4, gradient_accumulation_steps=4))
    of_a_pass = step_operations(chosen.config, {"T2V": 2, "V2V": 1, "T2I": 1})  # whose rows are dealt alone
    assert in_passes.train_seconds() == pytest.approx(chosen.max_train_steps * 4 * of_a_pass / 1e9)
    assert in_passes.train_seconds() > 1.02 * costs.train_seconds()
    assert re.search(r"tiny, the next larger, would take .+ for as many steps", costs.of_preset())
    speed = transformer_speed(3200.0, device="cpu")
    counts = {"T2V": 1, "V2V": 1, "T2I": 1}  # 832 tokens
    assert speed.operations_per_second * 832 / 3200 == pytest.approx(step_operations(chosen.config, counts), rel=0.01)


def facts_of(num_rows, seconds, rate, side=300):
    clip = ClipFacts(0, "a.mp4", side, 2 * side, Fraction(seconds), int(seconds * rate), rate, True)
    return DataFacts(num_rows, (clip,), 0, "auto", 1.0, ("a",))


@pytest.mark.parametrize("seconds", [1, 2, 5, 60])
@pytest.mark.parametrize("rate", [2.0, 12.0, 30.0])
def test_samples_fit_the_clips_and_long_clips_give_several(seconds, rate):
    chosen = choose_settings(facts_of(100, seconds, rate), MACHINE)
    assert 2 <= chosen.num_frames <= 6
    assert chosen.frame_rate <= rate
    assert (chosen.num_frames - 1) / chosen.frame_rate < seconds
    length = chosen.num_frames / chosen.frame_rate
    assert (chosen.stride is not None) == (seconds >= 2 * length)
    assert 100 <= chosen.num_samples <= 800


def test_a_step_has_a_row_of_each_task_and_fits_the_memory():
    for num_rows in (1, 3, 10, 1000):
        chosen = choose_settings(facts_of(num_rows, 2, 12.0), MACHINE)
        deal_rows(parse_task_shares(chosen.tasks), chosen.train_batch_size)
        assert chosen.train_batch_size * chosen.gradient_accumulation_steps <= num_rows
        assert chosen.validation_share in (0.0, 0.1)
    assert choose_settings(facts_of(4, 60, 12.0), MACHINE).validation_share == 0.0  # 32 samples, but of 4 clips
    many = facts_of(10**5, 2, 12.0)
    roomy = replace(MACHINE, hours=10**4)
    assert choose_settings(many, roomy).preset == "base"
    wide = choose_settings(many, roomy, "small")
    assert (wide.image_size, wide.grid) == (256, (8, 16, 16))
    assert wide.train_batch_size < choose_settings(many, replace(roomy, memory_gb=80.0), "small").train_batch_size
    assert choose_settings(facts_of(100, 2, 12.0, side=50), roomy, "small").image_size == 128
    with pytest.raises(ValueError, match="`preset` must be one of"):
        choose_settings(many, MACHINE, "nuwa-336")


def test_adapters_get_no_task_that_their_checkpoint_cannot_learn_by_them():
    """They were to learn V2V, which `train` refuses after the clips are tokens."""
    config = tiny_config(visual_grid=(6, 8, 8), learnt_tasks=("T2V", "T2I"))
    of_clips, facts = Start("start", config, 128, "lora"), facts_of(1000, 2, 12.0)
    assert choose_settings(facts, MACHINE, start=of_clips).tasks == ("T2V=0.5", "T2I=0.35")
    for start in (replace(of_clips, fine_tune="full"), replace(of_clips, config=tiny_config(visual_grid=(6, 8, 8)))):
        assert choose_settings(facts, MACHINE, start=start).tasks == ("T2V=0.5", "V2V=0.15", "T2I=0.35")
    untaught = replace(of_clips, config=tiny_config(visual_grid=(6, 8, 8), learnt_tasks=("V2V",)))
    with pytest.raises(ValueError, match=r"`fine_tune` must be 'full' with .* never learnt to read texts, got 'lora'"):
        choose_settings(facts, MACHINE, start=untaught)


def test_clips_are_held_out_where_there_are_enough_whatever_the_number_of_their_captions(tmp_path):
    captioned(tmp_path)
    rows = [{"file_name": f"{n}.gif", "text": f"a sky {n}, {way}"} for way in range(4) for n in range(3)]
    (tmp_path / "metadata.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    facts = look_at(str(tmp_path))
    assert (facts.num_rows, facts.num_clips) == (12, 3)
    assert choose_settings(facts, MACHINE).validation_share == 0.0
    assert choose_settings(replace(facts, num_repeats=0), MACHINE).validation_share == 0.1


def test_a_column_of_captions_without_any_is_no_source_of_them(tmp_path):
    captioned(tmp_path)
    rows = [{"file_name": f"{n}.gif", "text": "", "caption": [1, 2]} for n in range(3)]
    (tmp_path / "metadata.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    for number in range(3):
        (tmp_path / f"{number}.txt").unlink()
    facts = look_at(str(tmp_path))
    assert (facts.caption_source, facts.captioned_share, facts.prompts) == ("none", 0.0, ())


@pytest.mark.usefixtures("known_codec_speed")
def test_columns_that_are_named_are_those_of_all_commands(tmp_path, capsys):
    data, runs = tmp_path / "clips", tmp_path / "runs"
    data.mkdir()
    captioned(data)
    rows = [
        {"video": f"{n}.gif", "image": f"{(n + 1) % 3}.gif", "text": f"a sky {n}", "caption": f"a cloud {n}"}
        for n in range(3)
    ]
    (data / "metadata.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    with pytest.raises(ValueError, match="`caption_column` must name the column"):
        init("from-nothing", data, runs)
    init("from-nothing", data, runs, "--media_column", "image", "--caption_column", "caption")
    first = commands_printed(capsys.readouterr().out)[0]
    assert "train-tokenizer" in first
    assert "--media_column image --caption_column caption" in first
    vqgan, tokenize, train = (
        parse_arguments(cls, ["--config", str(runs / name)])
        for cls, name in zip((VQGANArguments, TokenizeArguments, NuwaArguments), FILES, strict=True)
    )
    assert vqgan.media_column == tokenize.media_column == "image"
    assert (tokenize.caption_column, tokenize.caption_source) == ("caption", "auto")
    assert train.validation_prompts[0].startswith("a cloud")
