# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""What people write first: GPT-2 of transformers over a text and the visual tokens in raster order.

It has this package's codec and tokens, and nanoGPT's habits for a small model: AdamW at 1e-3 with betas (0.9, 0.99)
and a weight decay of 0.1 on matrices, 100 steps of warm-up, a cosine down to a tenth, samples at temperature 0.8 of
the 200 likeliest tokens.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from transformers import GPT2Config, GPT2LMHeadModel

from benchmarks.minutes.clips import MOST_WORDS, WORDS, to_clips, word_ids
from benchmarks.minutes.contender import snapshot_folders
from benchmarks.minutes.timed_training import Learner, train_for, warm_up_and_cosine, warm_up_steps
from benchmarks.minutes.token_contender import TokenContender
from benchmarks.minutes.visual_tokens import VisualTokens
from nuwa_hf import NuwaVQGAN
from nuwa_hf.datasets.moving_mnist import NUM_FRAMES
from nuwa_hf.storage.whole_folders import save_aside
from nuwa_hf.training.run.sample_order import shuffled


CLIPS_A_STEP = 6
HEAD_SIZE = 32
TEMPERATURE, TOP_K = 0.8, 200
FIRST_VISUAL = len(WORDS) + 1  # the id of the codec's first token


class Gpt2Contender(TokenContender):
    """GPT-2."""

    name, title = "gpt2", "GPT-2 over the same tokens"
    model: GPT2LMHeadModel
    codec: NuwaVQGAN

    def load(self, snapshot: Path) -> None:
        """Load GPT-2 and the codec; see `Contender.load`."""
        self.model = GPT2LMHeadModel.from_pretrained(snapshot / "gpt2").eval()
        self.codec = NuwaVQGAN.from_pretrained(snapshot / "vqgan").eval()

    @torch.inference_mode()
    def sample(self, captions: Sequence[str], seed: int) -> np.ndarray:
        """Token by token; see `Contender.sample`."""
        torch.manual_seed(seed)
        words = word_ids(captions)
        length = self.model.config.n_positions - MOST_WORDS
        ids = self.model.generate(
            words,
            attention_mask=torch.ones_like(words),
            max_new_tokens=length,
            do_sample=True,
            temperature=TEMPERATURE,
            top_k=TOP_K,
            suppress_tokens=list(range(FIRST_VISUAL)),
            pad_token_id=0,
        )
        places = int((length // NUM_FRAMES) ** 0.5)
        tokens = (ids[:, MOST_WORDS:] - FIRST_VISUAL).view(len(captions), NUM_FRAMES, places, places)
        pixels = self.codec.decode(tokens.flatten(0, 1)).sample.mean(dim=1)
        return to_clips(pixels.unflatten(0, (len(captions), NUM_FRAMES)))

    def parts(self) -> dict[str, nn.Module]:
        """Codec and transformer."""
        return {"codec": self.codec, "transformer": self.model}

    def _train(self, tokens: VisualTokens, minutes: float, seed: int, work_dir: Path) -> dict[str, float]:
        torch.manual_seed(seed)
        codec = NuwaVQGAN.from_pretrained(tokens.codec)
        visual = tokens.tokens.flatten(1).long() + FIRST_VISUAL
        config = GPT2Config(
            vocab_size=FIRST_VISUAL + codec.codebook_size,
            n_positions=MOST_WORDS + visual.shape[1],
            n_embd=self.size.gpt2_width,
            n_layer=self.size.layers,
            n_head=self.size.gpt2_width // HEAD_SIZE,
            resid_pdrop=0.0,
            embd_pdrop=0.0,
            attn_pdrop=0.0,
            bos_token_id=None,
            eos_token_id=None,
        )
        model = GPT2LMHeadModel(config).train()
        rows = self.size.batch(CLIPS_A_STEP)

        def loss(step: int) -> Tensor:
            chosen = [shuffled(index, len(visual), seed) for index in range(step * rows, (step + 1) * rows)]
            ids = torch.cat([tokens.words[chosen], visual[chosen]], dim=1)
            hidden = model.transformer(ids).last_hidden_state[:, MOST_WORDS - 1 : -1]
            return nn.functional.cross_entropy(model.lm_head(hidden).flatten(0, 1), visual[chosen].flatten())

        def write(folder: Path) -> None:
            model.save_pretrained(folder / "gpt2")
            codec.save_pretrained(folder / "vqgan")

        matrices = [weight for weight in model.parameters() if weight.ndim >= 2]
        others = [weight for weight in model.parameters() if weight.ndim < 2]
        groups = [{"params": matrices, "weight_decay": 0.1}, {"params": others, "weight_decay": 0.0}]
        optimizer = torch.optim.AdamW(groups, lr=1e-3, betas=(0.9, 0.99))
        rate = warm_up_steps(100, warm_up_and_cosine(0.0, last=0.1))
        return train_for(
            60 * minutes - tokens.seconds,
            Learner(model, [optimizer], loss, rate),
            work_dir,
            seed=seed,
            before=tokens.seconds,
            snapshots=snapshot_folders(work_dir, minutes),
            snapshot=lambda folder: save_aside(folder, write),
        )
