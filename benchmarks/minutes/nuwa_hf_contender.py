# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""This package: its codec, its transformer trained as `nuwa-hf train` does, on clips and on single frames."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.minutes.clips import WORDS, to_clips
from benchmarks.minutes.contender import snapshot_folders
from benchmarks.minutes.nuwa_learner import nuwa_learner
from benchmarks.minutes.timed_training import train_for
from benchmarks.minutes.token_contender import TokenContender
from benchmarks.minutes.visual_tokens import VisualTokens
from nuwa_hf import NuwaConfig, NuwaForConditionalGeneration, NuwaTextToVideoPipeline, NuwaTokenizer, NuwaVQGAN
from nuwa_hf.datasets.moving_mnist import FRAME_RATE, MOVING_MNIST, image_caption_of, read_caption
from nuwa_hf.storage.whole_folders import save_aside
from nuwa_hf.training.nuwa.build_transformer import freeze_unused
from nuwa_hf.training.nuwa.nuwa_steps import tasks_loss
from nuwa_hf.training.nuwa.task_batches import TaskBatches
from nuwa_hf.training.tokens.caption_tokens import caption_ids
from nuwa_hf.training.tokens.token_files import TokenFiles
from nuwa_hf.training.tokens.train_tokenizer import moving_mnist_captions


ROWS = {"T2V": 4, "T2I": 12}  # of a step
WINDOW = (3, 5, 5)  # a digit goes less than a token a frame
INPUT_WINDOW = (3, 3, 3)
CONDITION_DROPOUT = 0.1
VOCABULARY = 128
GUIDANCE_SCALE, TEMPERATURE = 3.0, 0.7  # chosen on captions of training, after 20 minutes


class NuwaHfContender(TokenContender):
    """This package."""

    name, title = "nuwa_hf", "nuwa_hf"
    pipeline: NuwaTextToVideoPipeline

    def load(self, snapshot: Path) -> None:
        """Load the pipeline; see `Contender.load`."""
        self.pipeline = NuwaTextToVideoPipeline.from_pretrained(snapshot)
        self.pipeline.set_progress_bar_config(disable=True)

    def sample(self, captions: Sequence[str], seed: int) -> np.ndarray:
        """Wave by wave, guided; see `Contender.sample`."""
        generators = [torch.Generator().manual_seed(seed + place) for place in range(len(captions))]
        output = self.pipeline(
            list(captions),
            guidance_scale=GUIDANCE_SCALE,
            temperature=TEMPERATURE,
            generator=generators,
            output_type="np",
        )
        return to_clips(2 * torch.from_numpy(np.asarray(output.frames)).mean(dim=-1) - 1)

    def parts(self) -> dict[str, nn.Module]:
        """Codec and transformer."""
        return {"codec": self.pipeline.vqgan, "transformer": self.pipeline.transformer}

    def _train(self, tokens: VisualTokens, minutes: float, seed: int, work_dir: Path) -> dict[str, float]:
        torch.manual_seed(seed)
        codec = NuwaVQGAN.from_pretrained(tokens.codec).eval()
        tokenizer = NuwaTokenizer.train(moving_mnist_captions(MOVING_MNIST), vocab_size=VOCABULARY)
        config = NuwaConfig.from_preset(
            "emoji-motion",
            hidden_size=self.size.width,
            num_attention_heads=self.size.width // 64,
            num_encoder_layers=self.size.text_layers,
            num_decoder_layers=self.size.layers,
            window=WINDOW,
            input_window=INPUT_WINDOW,
            vocab_size=len(tokenizer),
            codebook_size=codec.codebook_size,
            visual_grid=tuple(tokens.tokens.shape[1:]),
            frame_rate=FRAME_RATE,
            pad_token_id=tokenizer.pad_token_id,
            none_token_id=tokenizer.none_token_id,
        )
        model = NuwaForConditionalGeneration(config).train()
        freeze_unused(model, ROWS)
        rows = {task: self.size.batch(count) for task, count in ROWS.items()}
        batches = TaskBatches(token_files(tokens, tokenizer), config, rows, CONDITION_DROPOUT, seed)
        dealt = sum(rows.values())

        def loss(step: int) -> Tensor:
            return tasks_loss(model, batches(range(step * dealt, (step + 1) * dealt)))[0]

        def snapshot(folder: Path) -> None:
            model.eval()
            with ema.in_place():
                save_aside(folder, NuwaTextToVideoPipeline(codec, model, tokenizer).save_pretrained)
            model.train()

        learner, ema = nuwa_learner(model, loss)
        return train_for(
            60 * minutes - tokens.seconds,
            learner,
            work_dir,
            seed=seed,
            before=tokens.seconds,
            snapshots=snapshot_folders(work_dir, minutes),
            snapshot=snapshot,
        )


def token_files(tokens: VisualTokens, tokenizer: NuwaTokenizer) -> TokenFiles:
    """Tokens as `nuwa-hf train` reads them.

    Args:
        tokens (`VisualTokens`): the clips.
        tokenizer (`NuwaTokenizer`): for their captions, of clips and of still frames.

    Returns:
        `TokenFiles`.
    """
    captions = [" ".join(WORDS[word - 1] for word in row if word) for row in tokens.words.tolist()]
    stills = [image_caption_of(read_caption(caption)) for caption in captions]
    return TokenFiles(
        tokens.tokens, caption_ids(tokenizer, captions), caption_ids(tokenizer, stills), tokens.image_indices
    )
