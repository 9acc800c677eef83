# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""A pixel diffusion from the parts of diffusers: `UNet3DConditionModel`, its schedulers, and a small text encoder.

Eight by eight pixels become the channels of one place, without loss, so the network sees 8 x 8 places and needs no
codec; with 16 x 16 places a step takes several times as long, and the minutes leave too few. Its habits are those of
diffusers' training scripts: AdamW with betas (0.95, 0.999), an average of the weights that warms up with power 3/4, a
cosine. Velocities are predicted, at a rate of 1e-3: predicting the noise of folded pixels learns next to nothing in
these minutes (docs/experiments.md). A tenth of the texts is left out in training, and DDIM draws in 50 steps, guided.

Letters: B clips, T frames, L words, D width.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from diffusers import DDIMScheduler, DDPMScheduler, UNet3DConditionModel
from diffusers.training_utils import EMAModel
from safetensors.torch import load_file, save
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.minutes.clips import MOST_WORDS, WORDS, TrainingClips, to_clips, word_ids
from benchmarks.minutes.contender import Contender, Size, snapshot_folders
from benchmarks.minutes.timed_training import Learner, done_once, train_for, warm_up_and_cosine
from nuwa_hf.datasets.moving_mnist import FRAME_SIZE, NUM_FRAMES
from nuwa_hf.storage.whole_folders import save_aside


FOLD = 8  # pixels of a place's side
CLIPS_A_STEP = 8
TEXT_WIDTH, TEXT_LAYERS = 128, 2
CONDITION_DROPOUT, GUIDANCE_SCALE, DDIM_STEPS = 0.1, 3.0, 50
SCHEDULE = {"num_train_timesteps": 1000, "beta_schedule": "squaredcos_cap_v2", "prediction_type": "v_prediction"}
LEARNING_RATE = 1e-3
WEIGHTS = "diffusion.safetensors"


class WordEncoder(nn.Module):
    """Reads the words of a caption; no words at all stand for no caption."""

    def __init__(self):
        super().__init__()
        self.words = nn.Embedding(len(WORDS) + 1, TEXT_WIDTH)
        self.places = nn.Parameter(0.02 * torch.randn(MOST_WORDS, TEXT_WIDTH))
        layer = nn.TransformerEncoderLayer(TEXT_WIDTH, 4, 4 * TEXT_WIDTH, 0.0, batch_first=True, norm_first=True)
        self.layers = nn.TransformerEncoder(layer, TEXT_LAYERS, enable_nested_tensor=False)

    def forward(self, ids: Tensor) -> Tensor:
        """Encode `(B, L)` ids as `(B, L, D)`."""
        return self.layers(self.words(ids) + self.places)


class TextToVideoDiffusion(nn.Module):
    """The U-Net and its text encoder.

    Args:
        size (`Size`): of the U-Net.
    """

    def __init__(self, size: Size):
        super().__init__()
        self.text = WordEncoder()
        levels = len(size.unet_channels)
        self.unet = UNet3DConditionModel(
            sample_size=FRAME_SIZE // FOLD,
            in_channels=FOLD**2,
            out_channels=FOLD**2,
            block_out_channels=size.unet_channels,
            down_block_types=("CrossAttnDownBlock3D",) * levels,
            up_block_types=("CrossAttnUpBlock3D",) * levels,
            layers_per_block=1,
            cross_attention_dim=TEXT_WIDTH,
            attention_head_dim=32,
            norm_num_groups=16,
        )

    def forward(self, noisy: Tensor, times: Tensor, ids: Tensor) -> Tensor:
        """The velocities of clips.

        Args:
            noisy (`torch.Tensor` of shape `(B, 64, T, 8, 8)`): folded clips with noise.
            times (`torch.LongTensor` of shape `(B,)`): how much noise.
            ids (`torch.LongTensor` of shape `(B, L)`): the words.

        Returns:
            `torch.Tensor` of the shape of `noisy`.
        """
        return self.unet(noisy, times, self.text(ids)).sample


def fold(pixels: Tensor) -> Tensor:
    """Grey clips `(B, T, Y, X)` as `(B, 64, T, Y / 8, X / 8)`."""
    return functional.pixel_unshuffle(pixels[:, :, None], FOLD).transpose(1, 2).contiguous()


def unfold(folded: Tensor) -> Tensor:
    """The inverse of `fold`."""
    return functional.pixel_shuffle(folded.transpose(1, 2), FOLD)[:, :, 0]


class DiffusionContender(Contender):
    """The diffusion."""

    name, title = "diffusion", "pixel diffusion, UNet3DConditionModel"
    model: TextToVideoDiffusion

    def check(self) -> None:
        """It needs nothing else."""

    def train(self, minutes: float, seed: int, work_dir: Path) -> None:
        """Predict velocities; see `Contender.train`."""
        done_once(work_dir, lambda: self._train(minutes, seed, work_dir))

    def load(self, snapshot: Path) -> None:
        """Load the averaged weights; see `Contender.load`."""
        self.model = TextToVideoDiffusion(self.size).eval()
        self.model.load_state_dict(load_file(snapshot / WEIGHTS))

    @torch.inference_mode()
    def sample(self, captions: Sequence[str], seed: int) -> np.ndarray:
        """DDIM with guidance; see `Contender.sample`."""
        generator = torch.Generator().manual_seed(seed)
        scheduler = DDIMScheduler(**SCHEDULE)
        scheduler.set_timesteps(DDIM_STEPS)
        side = FRAME_SIZE // FOLD
        clips = torch.randn(len(captions), FOLD**2, NUM_FRAMES, side, side, generator=generator)
        ids = word_ids(captions)
        ids = torch.cat([torch.zeros_like(ids), ids])
        for time in scheduler.timesteps:
            free, told = self.model(torch.cat([clips, clips]), time, ids).chunk(2)
            clips = scheduler.step(free + GUIDANCE_SCALE * (told - free), time, clips).prev_sample
        return to_clips(unfold(clips))

    def parts(self) -> dict[str, nn.Module]:
        """Text encoder and U-Net."""
        return {"text encoder": self.model.text, "U-Net": self.model.unet}

    def _train(self, minutes: float, seed: int, work_dir: Path) -> dict[str, float]:
        torch.manual_seed(seed)
        model = TextToVideoDiffusion(self.size).train()
        scheduler = DDPMScheduler(**SCHEDULE)
        average = {"decay": 0.9999, "use_ema_warmup": True, "inv_gamma": 1.0, "power": 0.75}
        weights = list(model.parameters())
        ema = EMAModel(weights, **average)
        clips, rows = TrainingClips(seed, self.size.drawn), self.size.batch(CLIPS_A_STEP)

        def loss(step: int) -> Tensor:
            pixels, captions = clips.clips(step, rows)
            folded, ids = fold(pixels), word_ids(captions)
            ids = ids.masked_fill(torch.rand(rows, 1) < CONDITION_DROPOUT, 0)
            noise = torch.randn_like(folded)
            times = torch.randint(SCHEDULE["num_train_timesteps"], (rows,))
            velocity = scheduler.get_velocity(folded, noise, times)
            return functional.mse_loss(model(scheduler.add_noise(folded, noise, times), times, ids), velocity)

        def write(folder: Path) -> None:
            folder.mkdir(parents=True)
            kept = [weight.detach().clone() for weight in weights]
            ema.copy_to(weights)
            (folder / WEIGHTS).write_bytes(save({name: own.contiguous() for name, own in model.state_dict().items()}))
            with torch.no_grad():
                for weight, own in zip(weights, kept, strict=True):
                    weight.copy_(own)

        optimizer = torch.optim.AdamW(weights, lr=LEARNING_RATE, betas=(0.95, 0.999), weight_decay=1e-6)
        learner = Learner(model, [optimizer], loss, warm_up_and_cosine(0.05), lambda: ema.step(weights), {"ema": ema})
        return train_for(
            60 * minutes,
            learner,
            work_dir,
            seed=seed,
            snapshots=snapshot_folders(work_dir, minutes),
            snapshot=lambda folder: save_aside(folder, write),
        )
