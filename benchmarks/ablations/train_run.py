# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Trains what a run needs with the commands of `nuwa-hf`: codec, tokens, transformer. What is there is kept."""

import json
import shutil
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from benchmarks.ablations.axial_attention import axial_attention
from benchmarks.ablations.moving_digits import FRAME_RATE, NUM_FRAMES, write_moving_digits
from benchmarks.ablations.settings import Run
from nuwa_hf.evaluation.features.efficientnet import save_for_training
from nuwa_hf.media import written_aside
from nuwa_hf.storage.whole_folders import save_aside
from nuwa_hf.training.nuwa.train_nuwa import main as train_nuwa
from nuwa_hf.training.tokens.tokenize_dataset import main as tokenize
from nuwa_hf.training.tokens.train_tokenizer import main as train_tokenizer
from nuwa_hf.training.vqgan.merge_codes import main as merge_codes
from nuwa_hf.training.vqgan.train_vqgan import main as train_vqgan


SPLITS = ("train", "validation")
# The embedded checkpoint of the package, and the name that `perceptual_weights` has in the settings.
PERCEPTUAL_WEIGHTS = "efficientnet_lite0.safetensors"


@dataclass(frozen=True)
class Trained:
    """Where the parts of a run are.

    Args:
        data (`Path`): the clips, with a folder for each split.
        codec (`Path`): holds `vqgan` and `tokens-train`, `tokens-validation`.
        transformer (`Path`): holds `pipeline`, `metrics.jsonl` and `train.json`.
    """

    data: Path
    codec: Path
    transformer: Path


def train_run(run: Run, work_dir: Path) -> Trained:
    """Train whatever of a run is missing.

    Args:
        run (`Run`): the settings.
        work_dir (`Path`): where everything is kept, for all ablations.

    Returns:
        `Trained`: the folders.
    """
    trained = Trained(
        _data(run, work_dir),
        work_dir / "codecs" / run.codec_name(),
        work_dir / "transformers" / run.transformer_name(),
    )
    tokenizer = work_dir / "tokenizer"
    if not tokenizer.exists():
        source = str(trained.data / "train")
        save_aside(tokenizer, lambda aside: train_tokenizer(["--dataset", source, "--output_dir", str(aside)]))
    plain = work_dir / "codecs" / run.plain_codec_name()
    _train_codec(run, plain, trained.data, work_dir)
    if plain != trained.codec and not (trained.codec / "vqgan").exists():
        _tokenize(plain, tokenizer, trained.data)
        places = {"vqgan": plain / "vqgan", "tokens": plain / "tokens-train", "output_dir": trained.codec}
        merge_codes([*_flags(places), "--codebook_size", str(run.settings["merged_codes"])])
    _tokenize(trained.codec, tokenizer, trained.data)
    settings = {
        **run.training_settings(),
        "vqgan": str(trained.codec / "vqgan"),
        "tokenizer": str(tokenizer),
        "tokens": [str(trained.codec / "tokens-train")],
        "validation_tokens": [str(trained.codec / "tokens-validation")],
        "sample_sheets": False,
    }
    with axial_attention() if run.is_axial else nullcontext():
        _train(train_nuwa, trained.transformer, "pipeline", settings, run.seed)
    return trained


def _data(run: Run, work_dir: Path) -> Path:
    counts = run.settings["data"]
    folder = work_dir / "digits-{train}-{validation}".format(**counts)
    folder.mkdir(parents=True, exist_ok=True)
    write_moving_digits(folder, counts, seed=0)
    return folder


def _train_codec(run: Run, folder: Path, data: Path, work_dir: Path) -> None:
    settings = {**run.settings["codec"], "dataset": str(data / "train")}
    if settings["perceptual_weights"] == PERCEPTUAL_WEIGHTS:
        settings["perceptual_weights"] = str(_perceptual_weights(work_dir))
    _train(train_vqgan, folder, "vqgan", settings, run.codec_seed)


def _perceptual_weights(work_dir: Path) -> Path:
    """The weights of EfficientNet-Lite0 as the perceptual loss reads them."""
    path = work_dir / PERCEPTUAL_WEIGHTS
    if not path.exists():
        save_for_training(path)
    return path


def _tokenize(codec: Path, tokenizer: Path, data: Path) -> None:
    for split in SPLITS:
        folder = codec / f"tokens-{split}"
        if folder.exists():
            continue
        places = {"vqgan": codec / "vqgan", "tokenizer": tokenizer, "dataset": data / split}
        frames = ["--num_frames", str(NUM_FRAMES), "--frame_rate", str(FRAME_RATE)]
        save_aside(folder, partial(_tokenize_into, [*_flags(places), *frames]))


def _tokenize_into(flags: list[str], folder: Path) -> None:
    tokenize([*flags, "--output_dir", str(folder)])


def _train(main: Callable[[Sequence[str]], None], folder: Path, result: str, settings: dict[str, Any], seed: int):
    """Run a training command, unless it has been run, and keep how many seconds of the processor it took."""
    if (folder / "train.json").exists():
        return
    shutil.rmtree(folder, ignore_errors=True)  # of a run that was stopped; they are short
    folder.mkdir(parents=True)
    steps = settings["max_train_steps"]
    whole = {
        **settings,
        "output_dir": str(folder),
        "seed": seed,
        "device": "cpu",
        "log_every": max(1, steps // 10),
        "sample_every": max(1, steps // 5),
        "checkpointing_steps": steps + 1,
    }
    config = folder / "settings.yaml"
    config.write_text(yaml.safe_dump(whole), encoding="utf-8")
    start = time.process_time()
    main(["--config", str(config)])
    seconds = time.process_time() - start
    if not (folder / result).exists():
        raise RuntimeError(f"{folder / result} must be there after training, but is not; see the log.")
    with written_aside(folder / "train.json") as aside:
        aside.write_text(json.dumps({"processor_seconds": seconds}) + "\n", encoding="utf-8")


def _flags(values: dict[str, Path]) -> list[str]:
    return [part for name, value in values.items() for part in (f"--{name}", str(value))]
