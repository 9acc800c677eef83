# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The plain PyTorch loop, its notebook, and Trainer: a tiny checkpoint learns the clips, is saved and draws."""

import json
import math
import re
import sys
from importlib import import_module
from pathlib import Path

import pytest
import torch
from accelerate.state import AcceleratorState
from diffusers.models.autoencoders.vae import Encoder
from tiny import FRAME_SIZE
from torch.nn.modules.module import register_module_forward_pre_hook
from transformers import TrainingArguments

from nuwa_hf import NuwaTextToVideoPipeline
from nuwa_hf.conversion.safe_checkpoint import read_checkpoint
from nuwa_hf.datasets.open_dataset import open_dataset
from nuwa_hf.media.sources import open_media
from nuwa_hf.modeling import token_loss
from nuwa_hf.modeling.codec import few_frames


EXAMPLES = Path(__file__).parents[2] / "examples"
CLIPS = EXAMPLES / "clips"
SCRIPTS = ("plain_pytorch_loop", "transformers_trainer")


@pytest.fixture(autouse=True)
def accelerate_forgets_the_precision():
    yield
    AcceleratorState._reset_state(reset_partial_state=True)


@pytest.fixture(autouse=True)
def examples_can_be_imported(monkeypatch):
    for folder in (EXAMPLES, EXAMPLES / "notebooks", EXAMPLES / "your_data"):
        monkeypatch.syspath_prepend(folder)


@pytest.fixture
def frames_at_once(monkeypatch):
    """The numbers of frames that went through a codec's encoder together, which should be at most three."""
    seen = []

    def look(module, inputs):
        if isinstance(module, Encoder):
            seen.append(len(inputs[0]))

    monkeypatch.setattr(few_frames, "PIXELS_AT_ONCE", 3 * math.prod(FRAME_SIZE))
    hook = register_module_forward_pre_hook(look)
    yield seen
    hook.remove()


def assert_learnt(folder, checkpoint) -> None:
    """The folder holds another transformer than the checkpoint, the same codec, and a clip."""
    pipeline, start = (NuwaTextToVideoPipeline.from_pretrained(path) for path in (folder / "pipeline", checkpoint))
    before, after = start.transformer.state_dict(), pipeline.transformer.state_dict()
    assert any(not torch.equal(before[name], after[name]) for name in before)
    codec = start.vqgan.state_dict()
    assert all(torch.equal(codec[name], weight) for name, weight in pipeline.vqgan.state_dict().items())
    with open_media(folder / "drawn.gif") as clip:
        assert len(list(clip.frames())) == pipeline.max_frames


def code_of(name) -> list[str]:
    """The code of a notebook's cells."""
    notebook = json.loads((EXAMPLES / "notebooks" / f"{name}.ipynb").read_text(encoding="utf-8"))
    return ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code"]


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_notebook_is_its_script_in_cells(name):
    from_script = import_module("from_script")
    script = (EXAMPLES / f"{name}.py").read_text(encoding="utf-8")
    notebook = json.loads((EXAMPLES / "notebooks" / f"{name}.ipynb").read_text(encoding="utf-8"))
    assert notebook == from_script.notebook_of(script, name), (
        f"run `python examples/notebooks/from_script.py examples/{name}.py`"
    )
    title, _, *cells = from_script.cells_of(script, name)
    assert title[1].startswith("# Fine-tune a checkpoint ")
    assert [source for kind, source in cells if kind == "code" and source not in script] == []
    assert "markdown" in dict(cells)


def assert_steps_are_lean(model, loss_of, monkeypatch) -> None:
    """A step holds no logits of all places, and gives every weight that learns a gradient.

    DistributedDataParallel would wait for one that has none.
    """
    at_once = []
    model.head.register_forward_hook(lambda head, inputs, logits: at_once.append(logits.numel()))
    monkeypatch.setattr(token_loss, "LOGITS_AT_ONCE", 1024)
    loss_of().backward()
    assert 0 < max(at_once) <= 1024
    learnt = {name: weight.grad for name, weight in model.named_parameters() if weight.requires_grad}
    assert learnt
    assert [name for name, gradient in learnt.items() if gradient is None] == []


def test_the_cells_of_the_plain_loop_learn_save_and_draw(checkpoint, tmp_path, capsys, monkeypatch, frames_at_once):
    _, parameters, *rest = code_of("plain_pytorch_loop")  # the first goes to the repository's root
    names = {}
    exec(parameters, names)
    names |= {"CHECKPOINT": checkpoint, "CLIPS": CLIPS, "OUTPUT": tmp_path, "LEARNING_RATE": 1e-2}
    for cell in rest:
        exec(cell, names)
    losses = [float(loss) for loss in re.findall(r"^step .*held out ([\d.]+)$", capsys.readouterr().out, re.MULTILINE)]
    assert losses[-1] < losses[0]
    assert_learnt(tmp_path, checkpoint)
    assert max(frames_at_once) == 3
    assert_steps_are_lean(names["model"], lambda: names["loss_of"](*names["held_out"][:]), monkeypatch)


@pytest.mark.pages
def test_the_cells_of_trainer_learn_with_smoothed_labels_in_bfloat16_and_go_on_where_they_were(
    checkpoint, tmp_path, monkeypatch
):
    flags = ["--checkpoint", checkpoint, "--clips", CLIPS, "--output_dir", tmp_path, "--label_smoothing_factor", 0.1]
    flags += ["--use_cpu", "--bf16", "--logging_steps", 1, "--save_steps", 2, "--eval_steps", 2]
    flags += ["--disable_tqdm", True]
    monkeypatch.chdir(EXAMPLES / "notebooks")
    monkeypatch.setattr(sys, "argv", ["jupyter", "-f", "kernel.json"])
    names = {"__name__": "__main__"}
    begin, *cells, last = code_of("transformers_trainer")
    exec(begin, names)
    assert Path.cwd() == EXAMPLES.parent
    assert sys.argv[1:] == ["--output_dir", "outputs/transformers_trainer"]
    for cell in cells:
        exec(cell, names)
    for steps in (2, 4):
        sys.argv[1:] = [str(flag) for flag in (*flags, "--max_steps", steps)]
        exec(last, names)
    state = json.loads((tmp_path / "checkpoint-4" / "trainer_state.json").read_text())
    assert [line["step"] for line in state["log_history"] if "loss" in line] == [1, 2, 3, 4]
    assert json.loads((tmp_path / "eval_results.json").read_text())["eval_loss"] > 0
    assert_learnt(tmp_path, checkpoint)


def test_trainer_encodes_few_frames_at_once_and_its_steps_are_lean(checkpoint, tmp_path, monkeypatch, frames_at_once):
    example = import_module("transformers_trainer")
    pipeline = NuwaTextToVideoPipeline.from_pretrained(checkpoint)
    arguments = TrainingArguments(str(tmp_path), use_cpu=True, report_to="none", remove_unused_columns=False)
    trainer = example.build_trainer(pipeline, open_dataset(CLIPS), 0.1, arguments)
    assert max(frames_at_once) == 3
    batch = next(iter(trainer.get_train_dataloader()))
    assert_steps_are_lean(trainer.model, lambda: trainer.compute_loss(trainer.model, batch), monkeypatch)


def test_trainer_takes_a_number_of_epochs(checkpoint, tmp_path):
    flags = ["--checkpoint", checkpoint, "--clips", CLIPS, "--output_dir", tmp_path, "--num_train_epochs", 1]
    flags += ["--use_cpu", "--disable_tqdm", True]
    import_module("transformers_trainer").main([str(flag) for flag in flags])
    state = json.loads((tmp_path / "checkpoint-3" / "trainer_state.json").read_text())  # 12 clips in batches of 4
    assert state["epoch"] == 1


def test_trainer_goes_on_from_the_checkpoint_that_is_named(checkpoint, tmp_path):
    flags = ["--checkpoint", checkpoint, "--clips", CLIPS, "--max_steps", 2, "--save_steps", 1, "--use_cpu"]
    flags += ["--disable_tqdm", True]
    first, second = tmp_path / "first", tmp_path / "second"
    main = import_module("transformers_trainer").main
    main([str(flag) for flag in (*flags, "--output_dir", first)])
    main([str(flag) for flag in (*flags, "--output_dir", second, "--resume_from_checkpoint", first / "checkpoint-1")])
    assert {path.name for path in second.glob("checkpoint-*")} == {"checkpoint-2"}


def test_trainer_saves_weights_that_no_evaluation_in_16_bits_has_rounded(checkpoint, tmp_path):
    flags = ["--checkpoint", checkpoint, "--clips", CLIPS, "--output_dir", tmp_path, "--max_steps", 1, "--use_cpu"]
    flags += ["--bf16_full_eval", True, "--disable_tqdm", True]
    import_module("transformers_trainer").main([str(flag) for flag in flags])
    saved = read_checkpoint(tmp_path / "pipeline" / "transformer")
    assert {weight.dtype for weight in saved.values()} == {torch.float32}


def test_the_clips_are_those_of_their_script(tmp_path):
    import_module("moving_shapes").main(["--output", str(tmp_path / "clips"), "--num_clips", "16"])
    assert {path.name for path in CLIPS.iterdir()} == {path.name for path in (tmp_path / "clips").iterdir()}
    assert (CLIPS / "metadata.jsonl").read_text() == (tmp_path / "clips" / "metadata.jsonl").read_text()
    assert sum(path.stat().st_size for path in CLIPS.iterdir()) < 100_000
