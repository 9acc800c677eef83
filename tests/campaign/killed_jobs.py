# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The jobs that are disturbed: their commands at toy size."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import yaml
from clip_folders import write_clips
from local_hub import LocalHub
from tiny import CAPTIONS, SKETCH_CODEBOOK_SIZE, tiny_pipeline, tiny_tokenizer, tiny_vqgan, tiny_vqmodel

from campaign.results import (
    Results,
    of_conversion,
    of_evaluation,
    of_images,
    of_repository,
    of_tokens,
    of_training,
)
from nuwa_hf.cli import main as nuwa_command
from nuwa_hf.datasets import sketch_class_names
from nuwa_hf.tasks import TASKS


SCRIPT = str(Path(__file__).parents[2] / "conversion_scripts" / "convert_diffusers_vqmodel.py")
VQGAN = {
    "sprites": "shapes",
    "max_train_steps": 24,
    "train_batch_size": 2,
    "block_out_channels": [4, 4, 4, 8],
    "layers_per_block": 1,
    "norm_num_groups": 2,
    "mid_block_attention": False,
    "latent_channels": 4,
    "codebook_dim": 4,
    "codebook_size": 16,
    "discriminator_start": 0.5,
    "discriminator_channels": 4,
    "discriminator_layers": 1,
    "sample_every": 12,
    "num_samples": 3,
}
NUWA = {
    "hidden_size": 16,
    "num_attention_heads": 2,
    "num_encoder_layers": 1,
    "num_decoder_layers": 1,
    "hidden_dropout": 0.1,
    "max_train_steps": 24,
    "train_batch_size": 10,
    "sample_every": 12,
    "sample_sheets": False,
    "tasks": [f"{task.abbreviation}=1" for task in TASKS],
}
CHECKPOINTS = "checkpoint-*/**/*"
RUN = {"seed": 4, "device": "cpu", "log_every": 1, "checkpointing_steps": 3, "checkpoints_total_limit": 100}


@dataclass(frozen=True)
class Job:
    """A command that is disturbed and then given again.

    Args:
        words (`list[str]`): what follows `nuwa-hf`; `OUT` stands for the output folder.
        results (`Callable[[Path], Results]`): what a reader of the output folder takes for a result at any time.
        number (`int`, defaults to 1): processes that find each other as torchrun's do.
        script (`str`, *optional*): a script that is run instead of `nuwa-hf`.
        kept (`str`, *optional*): the form of the names of work that is done once and for all.
        keeps_result (`bool`, defaults to `False`): whether it refuses a place that has its result.
    """

    words: list[str]
    results: Callable[[Path], Results]
    number: int = 1
    script: str | None = None
    kept: str | None = None
    keeps_result: bool = False


def make_jobs(inputs: Path, hub: LocalHub) -> dict[str, Job]:
    """Write what the jobs read, unless it is there, and name the jobs.

    Args:
        inputs (`Path`): where to.
        hub (`LocalHub`): where the push goes.

    Returns:
        `dict[str, Job]`: by name.
    """
    if not (inputs / "done").exists():
        _write_inputs(inputs)
        (inputs / "done").touch()
    parts = {name: str(inputs / name) for name in ("vqgan", "sketch_vqgan", "tokenizer")}
    given = [word for name, folder in parts.items() for word in (f"--{name}", folder)]
    nuwa = ["train", "--config", _write_yaml(inputs / "nuwa.yaml", {**NUWA, **RUN}), *given]
    nuwa += ["--tokens", str(inputs / "tokens"), "--validation_tokens", str(inputs / "tokens"), "--output_dir", "OUT"]
    clips = ["--dataset", str(inputs / "clips"), "--num_frames", "3"]
    checkpoint = ["--checkpoint", str(inputs / "checkpoint"), "--device", "cpu"]
    tokenize = ["tokenize", *given[:2], *given[4:], *clips, "--output_dir", "OUT", "--clips_per_shard", "3"]
    evaluate = ["evaluate", *checkpoint, *clips[:2], "--task", "T2I", "--metrics", "mse", "--num_samples", "12"]
    return {
        "train-vqgan": Job(
            ["train-vqgan", "--config", _write_yaml(inputs / "vqgan.yaml", {**VQGAN, **RUN}), "--output_dir", "OUT"],
            of_training,
            kept=CHECKPOINTS,
        ),
        "train": Job(nuwa, of_training, kept=CHECKPOINTS),
        "train, two processes": Job([*nuwa, "--train_batch_size", "5"], of_training, number=2, kept=CHECKPOINTS),
        "tokenize, two processes": Job([*tokenize, "--num_proc", "2"], of_tokens, kept="tokens-*.safetensors"),
        "evaluate": Job(
            [*evaluate, "--samples_dir", "OUT/samples", "--output", "OUT/scores.json"],
            of_evaluation,
            kept="samples/**/[!.]*.png",
        ),
        "generate": Job(
            [
                "generate",
                *checkpoint,
                "--prompts",
                str(inputs / "prompts.jsonl"),
                "--output_dir",
                "OUT",
                "--task",
                "T2I",
            ],
            of_images,
            kept="[!.]*.png",
        ),
        "push": Job(["push", str(inputs / "checkpoint"), "tester/NAME"], of_repository(hub)),
        "convert": Job([str(inputs / "vqmodel"), "OUT/vqgan"], of_conversion, script=SCRIPT, keeps_result=True),
    }


def _write_inputs(inputs: Path) -> None:
    sizes = {"block_out_channels": (4, 4, 4, 4, 4), "sample_size": 64}
    classes = len(sketch_class_names)
    sketches = {"in_channels": classes, "out_channels": classes, "codebook_size": SKETCH_CODEBOOK_SIZE}
    tiny_vqgan(**sizes).save_pretrained(inputs / "vqgan")
    tiny_vqgan(**sizes, **sketches).save_pretrained(inputs / "sketch_vqgan")
    tiny_tokenizer().save_pretrained(inputs / "tokenizer")
    tiny_vqmodel().save_pretrained(inputs / "vqmodel")
    tiny_pipeline("T2V").save_pretrained(inputs / "checkpoint")
    write_clips(inputs / "clips", 24)
    lines = [json.dumps({"prompt": CAPTIONS[number % len(CAPTIONS)]}) for number in range(24)]
    (inputs / "prompts.jsonl").write_text("\n".join(lines), encoding="utf-8")
    given = [word for name in ("vqgan", "sketch_vqgan", "tokenizer") for word in (f"--{name}", str(inputs / name))]
    clips = ["--output_dir", str(inputs / "tokens"), "--num_clips", "20", "--sprites", "shapes"]
    if nuwa_command(["tokenize", *given, *clips]) != 0:
        raise RuntimeError("The tokens that the jobs train on could not be written; the error stands above.")


def _write_yaml(path: Path, settings: dict) -> str:
    path.write_text(yaml.safe_dump(settings), encoding="utf-8")
    return str(path)
