# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""This package, trained for so many minutes to continue ten frames by ten.

Letters: B clips, T frames, Y, X pixel rows and columns.
"""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from benchmarks.minutes.contender import Size
from benchmarks.minutes.nuwa_learner import nuwa_learner
from benchmarks.minutes.timed_training import done_once, train_for
from benchmarks.minutes.visual_tokens import VisualTokens, make_visual_tokens
from benchmarks.prediction.moving_pictures import GIVEN, PREDICTED, MovingPictures
from nuwa_hf import (
    Grid,
    NuwaConfig,
    NuwaForConditionalGeneration,
    NuwaTokenizer,
    NuwaVideoPredictionPipeline,
    NuwaVQGAN,
)
from nuwa_hf.modeling.text_ids import none_text
from nuwa_hf.storage.whole_folders import save_aside
from nuwa_hf.training.nuwa.build_transformer import freeze_unused
from nuwa_hf.training.nuwa.known_masks import first_frames_known
from nuwa_hf.training.nuwa.nuwa_steps import tasks_loss
from nuwa_hf.training.nuwa.task_batches import TaskBatch
from nuwa_hf.training.run.sample_order import shuffled


CLIPS_A_STEP = 4
WINDOW, INPUT_WINDOW, CONDITION_WINDOW = (5, 5, 5), (3, 3, 3), (5, 5, 5)
VOCABULARY = 128  # of a tokenizer that reads no text here
TEMPERATURE = 0.5  # the package's default where no text guides


def train_predictor(
    size: Size, minutes: float, seed: int, clips: MovingPictures, work_dir: Path
) -> tuple[NuwaVideoPredictionPipeline, dict[str, float]]:
    """Train, or go on where it was stopped.

    Args:
        size (`Size`): of codec and transformer.
        minutes (`float`): of training, codec and tokens included.
        seed (`int`): of weights and clips.
        clips (`MovingPictures`): to learn from.
        work_dir (`Path`): where everything is kept.

    Returns:
        `tuple[NuwaVideoPredictionPipeline, dict[str, float]]`: the pipeline, and steps, seconds and the last loss.
    """
    tokens = make_visual_tokens(size, minutes, seed, work_dir / "codec", clips)
    trained = done_once(work_dir, lambda: _train(size, tokens, minutes, seed, work_dir))
    pipeline = NuwaVideoPredictionPipeline.from_pretrained(work_dir / "pipeline")
    pipeline.set_progress_bar_config(disable=True)
    return pipeline, trained


def continue_clips(pipeline: NuwaVideoPredictionPipeline, given: np.ndarray, samples: int, seed: int) -> Tensor:
    """Continuations of clips.

    Args:
        pipeline (`NuwaVideoPredictionPipeline`): trained.
        given (`np.ndarray` of shape `(B, 10, Y, X)`): uint8.
        samples (`int`): continuations of each.
        seed (`int`): of the draws.

    Returns:
        `torch.Tensor` of shape `(B, samples, 10, Y, X)`: in [0, 1].
    """
    output = pipeline(
        [np.repeat(clip[..., None], 3, axis=-1) for clip in given],
        num_frames=GIVEN + PREDICTED,
        temperature=TEMPERATURE,
        num_videos_per_prompt=samples,
        generator=torch.Generator().manual_seed(seed),
        output_type="np",
    )
    frames = torch.from_numpy(np.asarray(output.frames)).mean(dim=-1)[:, GIVEN:]
    return frames.unflatten(0, (len(given), samples))


def _train(size: Size, tokens: VisualTokens, minutes: float, seed: int, work_dir: Path) -> dict[str, float]:
    torch.manual_seed(seed)
    codec = NuwaVQGAN.from_pretrained(tokens.codec).eval()
    tokenizer = NuwaTokenizer.train(["digit"], vocab_size=VOCABULARY)
    grid = Grid(*tokens.tokens.shape[1:])
    config = NuwaConfig.from_preset(
        "emoji-motion",
        hidden_size=size.width,
        num_attention_heads=size.width // 64,
        num_encoder_layers=size.text_layers,
        num_decoder_layers=size.layers,
        window=WINDOW,
        input_window=INPUT_WINDOW,
        condition_window=CONDITION_WINDOW,
        vocab_size=len(tokenizer),
        codebook_size=codec.codebook_size,
        visual_grid=tuple(grid),
        pad_token_id=tokenizer.pad_token_id,
        none_token_id=tokenizer.none_token_id,
    )
    model = NuwaForConditionalGeneration(config).train()
    freeze_unused(model, ["V2V"])
    rows = size.batch(CLIPS_A_STEP)
    known = first_frames_known(grid, torch.full((rows,), GIVEN))
    ids = none_text(config, rows)

    def loss(step: int) -> Tensor:
        chosen = [shuffled(index, len(tokens.tokens), seed) for index in range(step * rows, (step + 1) * rows)]
        visual = tokens.tokens[chosen].long()
        labels = visual.masked_fill(known, -100)
        return tasks_loss(model, {"V2V": TaskBatch(ids, torch.ones_like(ids), visual, labels, known_mask=known)})[0]

    learner, ema = nuwa_learner(model, loss)
    result = train_for(60 * minutes - tokens.seconds, learner, work_dir, seed=seed, before=tokens.seconds)
    ema.copy_to([weight for weight in model.parameters() if weight.requires_grad])
    pipeline = NuwaVideoPredictionPipeline(codec, model.eval(), tokenizer)
    save_aside(work_dir / "pipeline", pipeline.save_pretrained)
    return {**result, "clips_a_step": rows}
