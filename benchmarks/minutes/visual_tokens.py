# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The codec and the tokens of the two contenders that learn tokens: this package's, and GPT-2.

Both learn the same tokens of the same codec, which is trained once and whose time counts for both.

Letters: C clips, B frames, T, H, W token grid.
"""

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from safetensors.torch import load_file, save
from torch import Tensor

from benchmarks.minutes.clips import TrainingClips, word_ids
from benchmarks.minutes.contender import Size
from benchmarks.minutes.timed_training import Learner, done_once, train_for, warm_up_and_cosine
from nuwa_hf import NuwaVQGAN
from nuwa_hf.media import written_aside
from nuwa_hf.storage.whole_folders import save_aside
from nuwa_hf.training.run.averaged_weights import AveragedWeights
from nuwa_hf.training.vqgan.vqgan_arguments import default_learning_rate
from nuwa_hf.training.vqgan.vqgan_losses import object_pixel_weights, reconstruction_loss


CODEC_SHARE, TOKENS_SHARE = 0.2, 0.08  # of the budget
FRAMES_A_STEP, CLIPS_AT_ONCE = 16, 16
SHARD_SECONDS = 30.0
OBJECT_WEIGHT = 3.0
CODEC_FOLDER = "vqgan"


class ClipSource(Protocol):
    """Where clips come from: as many as there are steps."""

    def samples(self, step: int, count: int) -> list[dict[str, Any]]:
        """The `video`, `caption` and `image_index` of each clip of a step."""

    def frames(self, step: int, count: int) -> tuple[Tensor, Tensor]:
        """Grey frames `(B, 1, Y, X)` in [-1, 1] of a step, and where something is, `(B, Y, X)`."""


@dataclass(frozen=True)
class VisualTokens:
    """Clips as tokens.

    Args:
        codec (`Path`): the folder of the codec.
        tokens (`torch.IntTensor` of shape `(C, T, H, W)`): of the codec.
        words (`torch.LongTensor` of shape `(C, L)`): of the captions, as `word_ids` gives them.
        image_indices (`torch.IntTensor` of shape `(C,)`): the still frame of each clip.
        seconds (`float`): what codec and tokens took.
    """

    codec: Path
    tokens: Tensor
    words: Tensor
    image_indices: Tensor
    seconds: float


def make_visual_tokens(
    size: Size, minutes: float, seed: int, folder: Path, clips: ClipSource | None = None
) -> VisualTokens:
    """Train a codec and encode clips with it, or go on where it was stopped.

    Args:
        size (`Size`): of the codec.
        minutes (`float`): the budget of a contender, of which codec and tokens take a share.
        seed (`int`): of weights and clips.
        folder (`Path`): where they are.
        clips (`ClipSource`, *optional*): other clips than `TrainingClips`.

    Returns:
        `VisualTokens`.
    """
    clips = clips or TrainingClips(seed, size.drawn)
    trained = done_once(folder / "codec", lambda: _train_codec(size, 60 * minutes * CODEC_SHARE, seed, clips, folder))
    codec = folder / CODEC_FOLDER
    encoded = done_once(folder / "tokens", lambda: _encode(size, 60 * minutes * TOKENS_SHARE, clips, codec, folder))
    shards = [load_file(path) for path in sorted((folder / "tokens").glob("*.safetensors"))]
    columns = {name: torch.cat([shard[name] for shard in shards]) for name in shards[0]}
    return VisualTokens(codec, **columns, seconds=trained["seconds"] + encoded["seconds"])


def build_codec(size: Size) -> NuwaVQGAN:
    """A fresh codec.

    Each patch of a token is encoded alone, so that black is always the same token. Codes are rounded latents (finite
    scalar quantisation), which need no codebook to be learnt first: minutes are short. The finest levels are narrow,
    since nearly all pixels are there.
    """
    return NuwaVQGAN(
        block_out_channels=size.codec_channels,
        layers_per_block=1,
        attention_levels=(),
        latent_channels=64,
        norm_num_groups=8,
        mid_block_attention=False,
        isolated_patches=True,
        quantizer="fsq",
        fsq_levels=size.code_levels,
        sample_size=64,
    )


def _train_codec(size: Size, seconds: float, seed: int, clips: ClipSource, folder: Path) -> dict[str, float]:
    torch.manual_seed(seed)
    codec = build_codec(size).to(memory_format=torch.channels_last).train()
    ema = AveragedWeights(codec, 0.99)

    def loss(step: int) -> Tensor:
        pixels, masks = clips.frames(step, size.batch(FRAMES_A_STEP))
        pixels = pixels.expand(-1, 3, -1, -1).contiguous(memory_format=torch.channels_last)
        pixel_weights = object_pixel_weights(masks, OBJECT_WEIGHT)
        return reconstruction_loss(codec(pixels).sample, pixels, pixel_weights, l2_weight=4.0)

    rate = default_learning_rate(size.codec_channels)
    optimizer = torch.optim.AdamW(codec.parameters(), lr=rate, betas=(0.5, 0.9), weight_decay=0.0)
    learner = Learner(codec, [optimizer], loss, warm_up_and_cosine(0.05), ema.update, {"ema": ema})
    result = train_for(seconds, learner, folder / "codec", seed=seed)
    ema.copy_to(ema.learnt)
    save_aside(folder / CODEC_FOLDER, codec.to(memory_format=torch.contiguous_format).eval().save_pretrained)
    return result


@torch.inference_mode()
def _encode(size: Size, seconds: float, clips: ClipSource, codec_folder: Path, folder: Path) -> dict[str, float]:
    codec = NuwaVQGAN.from_pretrained(codec_folder).eval().to(memory_format=torch.channels_last)
    target = folder / "tokens"
    target.mkdir(parents=True, exist_ok=True)
    shards = sorted(target.glob("*.safetensors"))
    written = [json.loads(path.with_suffix(".json").read_text(encoding="utf-8")) for path in shards]
    elapsed, step = sum(one["seconds"] for one in written), sum(one["steps"] for one in written)
    while elapsed < seconds:
        rows: list[dict[str, Tensor]] = []
        start, first = time.perf_counter(), step
        while True:
            samples = clips.samples(step, size.batch(CLIPS_AT_ONCE))
            frames = torch.stack([torch.from_numpy(sample["video"][..., 0]) for sample in samples]).flatten(0, 1)
            pixels = (frames.float() / 127.5 - 1)[:, None].expand(-1, 3, -1, -1)
            tokens = codec.encode(pixels.contiguous(memory_format=torch.channels_last)).tokens
            rows.append(
                {
                    "tokens": tokens.unflatten(0, (len(samples), -1)).int(),
                    "words": word_ids([sample["caption"] for sample in samples]),
                    "image_indices": torch.tensor([sample["image_index"] for sample in samples], dtype=torch.int32),
                }
            )
            step += 1
            spent = time.perf_counter() - start
            if spent >= SHARD_SECONDS or elapsed + spent >= seconds:
                break
        elapsed += spent
        path = target / f"{len(shards):05d}.safetensors"
        with written_aside(path.with_suffix(".json")) as aside:
            aside.write_text(json.dumps({"seconds": spent, "steps": step - first}), encoding="utf-8")
        with written_aside(path) as aside:
            aside.write_bytes(save({name: torch.cat([row[name] for row in rows]) for name in rows[0]}))
        shards.append(path)
    return {"steps": step, "seconds": elapsed}
