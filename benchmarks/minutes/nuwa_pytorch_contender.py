# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""nuwa-pytorch 0.7.8 as it is on the registry: its own VQ-GAN, its own NUWA, its trainers' optimisers and rates.

Its trainers themselves cannot run here: that of the VQ-GAN needs the discriminator, and with it a VGG that is
downloaded. So their steps stand here: AdamW or Adam at 3e-4 without a schedule, gradients scaled down to 0.5. Its
trainer adds up eight batches of four clips for a step, which would leave some forty steps; here each batch of four is
a step. Its guidance, which runs the decoder on its own output and doubles the time, is off.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from unittest.mock import patch

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.minutes.clips import MOST_WORDS, WORDS, TrainingClips, to_clips, word_ids
from benchmarks.minutes.contender import Contender, snapshot_folders
from benchmarks.minutes.timed_training import Learner, done_once, train_for
from benchmarks.models.nuwa_pytorch_model import import_nuwa_pytorch
from nuwa_hf.datasets.moving_mnist import FRAME_SIZE, NUM_FRAMES
from nuwa_hf.storage.whole_folders import save_aside


CODEC_SHARE = 0.2  # of the budget, as for this package's codec
FRAMES_A_STEP, CLIPS_A_STEP = 32, 4
LEARNING_RATE, WEIGHT_DECAY, MAX_GRAD_NORM = 3e-4, 0.01, 0.5
WEIGHTS = "nuwa.pt"


class NuwaPytorchContender(Contender):
    """nuwa-pytorch."""

    name, title = "nuwa_pytorch", "nuwa-pytorch 0.7.8"
    samples_at_once = 2  # a clip takes about as long in a batch as alone
    model: nn.Module

    def check(self) -> None:
        """Look for the package; see `Contender.check`."""
        import_nuwa_pytorch()

    def train(self, minutes: float, seed: int, work_dir: Path) -> None:
        """VQ-GAN, then NUWA; see `Contender.train`."""
        first = done_once(work_dir / "vae", lambda: self._train_vae(minutes, seed, work_dir / "vae"))
        done_once(work_dir, lambda: self._train_nuwa(minutes, seed, work_dir, first["seconds"]))

    def load(self, snapshot: Path) -> None:
        """Load both; see `Contender.load`."""
        self.model = self._nuwa(self._vae()).eval()
        self.model.load_state_dict(torch.load(snapshot / WEIGHTS, weights_only=True))

    @torch.no_grad()
    def sample(self, captions: Sequence[str], seed: int) -> np.ndarray:
        """Its `generate`, with its defaults but for the guidance; see `Contender.sample`."""
        torch.manual_seed(seed)
        module = sys.modules["nuwa_pytorch.nuwa_pytorch"]
        with patch.object(module, "tqdm", iter):  # its progress bar writes at every token
            video = self.model.generate(text=word_ids(captions), cond_scale=1.0)
        return to_clips(2 * video.mean(dim=2) - 1)

    def parts(self) -> dict[str, nn.Module]:
        """VQ-GAN and transformer."""
        vae = self.model.vae
        own = {id(weight) for weight in vae.parameters()}
        rest = nn.ParameterList([weight for weight in self.model.parameters() if id(weight) not in own])
        return {"codec": vae, "transformer": rest}

    def _vae(self) -> nn.Module:
        # The width of the innermost layer must be that of the codes, or its `generate` cannot decode.
        width = self.size.vae_width
        return import_nuwa_pytorch().VQGanVAE(
            dim=width,
            image_size=FRAME_SIZE,
            num_layers=3,
            vq_codebook_size=self.size.codes,
            vq_codebook_dim=4 * width,
            use_vgg_and_gan=False,
            # By its defaults it is black after four minutes (docs/experiments.md); both are options of its own.
            l2_recon_loss=True,
            vq_threshold_ema_dead_code=2,
        )

    def _nuwa(self, vae: nn.Module) -> nn.Module:
        size, heads = self.size, self.size.width // 64
        return import_nuwa_pytorch().NUWA(
            vae=vae,
            dim=size.width,
            max_video_frames=NUM_FRAMES,
            text_num_tokens=len(WORDS) + 1,
            text_max_seq_len=MOST_WORDS,
            text_enc_depth=size.text_layers,
            enc_reversible=True,  # its plain encoder stops at an argument that only the reversible one takes
            text_enc_heads=heads,
            dec_depth=size.layers,
            dec_heads=heads,
        )

    def _train_vae(self, minutes: float, seed: int, folder: Path) -> dict[str, float]:
        torch.manual_seed(seed)
        vae = self._vae().train()
        clips, rows = TrainingClips(seed, self.size.drawn), self.size.batch(FRAMES_A_STEP)

        def loss(step: int) -> Tensor:
            pixels = (clips.frames(step, rows)[0] + 1) / 2
            return vae(pixels.expand(-1, 3, -1, -1).contiguous(), return_loss=True)

        optimizer = self._optimizer(vae, 0.0)
        learner = Learner(vae, [optimizer], loss, max_grad_norm=None)
        result = train_for(60 * minutes * CODEC_SHARE, learner, folder, seed=seed)
        torch.save(vae.state_dict(), folder / "vae.pt")
        return result

    def _train_nuwa(self, minutes: float, seed: int, work_dir: Path, before: float) -> dict[str, float]:
        torch.manual_seed(seed)
        vae = self._vae()
        vae.load_state_dict(torch.load(work_dir / "vae" / "vae.pt", weights_only=True))
        model = self._nuwa(vae).train()
        model.vae.requires_grad_(False)
        clips, rows = TrainingClips(seed, self.size.drawn), self.size.batch(CLIPS_A_STEP)

        def loss(step: int) -> Tensor:
            pixels, captions = clips.clips(step, rows)
            video = ((pixels + 1) / 2)[:, :, None].expand(-1, -1, 3, -1, -1).contiguous()
            return model(text=word_ids(captions), video=video, return_loss=True)

        def write(folder: Path) -> None:
            folder.mkdir(parents=True)
            torch.save(model.state_dict(), folder / WEIGHTS)

        learner = Learner(model, [self._optimizer(model, WEIGHT_DECAY)], loss, max_grad_norm=MAX_GRAD_NORM)
        return train_for(
            60 * minutes - before,
            learner,
            work_dir,
            seed=seed,
            before=before,
            snapshots=snapshot_folders(work_dir, minutes),
            snapshot=lambda folder: save_aside(folder, write),
        )

    def _optimizer(self, model: nn.Module, weight_decay: float) -> torch.optim.Optimizer:
        """As its `get_optimizer` makes it, with the weights in an order that does not change between runs."""
        weights = [weight for weight in model.parameters() if weight.requires_grad]
        if weight_decay == 0:
            return torch.optim.Adam(weights, lr=LEARNING_RATE)
        groups = [
            {"params": [weight for weight in weights if weight.ndim >= 2]},
            {"params": [weight for weight in weights if weight.ndim < 2], "weight_decay": 0.0},
        ]
        return torch.optim.AdamW(groups, lr=LEARNING_RATE, weight_decay=weight_decay)
