# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""What is measured on a card: sampling, training steps and the codec, each beside its floor."""

from typing import Any, NamedTuple

import torch

from benchmarks.codec.vqgan import build_run
from benchmarks.measuring.devices import peak_since_reset, reset_peak, seconds_of
from benchmarks.measuring.machine import summarize
from benchmarks.pipeline.floors import copy_bandwidth, matrix_rate, weights_of_waves
from benchmarks.training.training_step import LEARNING_RATE, choose_self_attention, random_batch
from nuwa_hf import Grid, NuwaConfig, NuwaForConditionalGeneration


DTYPE = torch.bfloat16
GUIDANCE_SCALE = 2.0
TEXT_LENGTH = 16


class CardSize(NamedTuple):
    """How large the measured models are.

    Args:
        preset (`str`): a preset of `NuwaConfig`.
        fields (`dict`): other fields of the configuration.
        batch_sizes (`tuple[int, ...]`): outputs of a call.
        clips (`int`): of a training step.
        codec (`str`): a codec of `benchmarks.codec.vqgan`.
        codec_size (`int`): rows and columns of its images.
        repetitions (`int`): timed runs of each case.
    """

    preset: str
    fields: dict[str, Any]
    batch_sizes: tuple[int, ...]
    clips: int
    codec: str
    codec_size: int
    repetitions: int


SIZES = {
    "nuwa-336": CardSize("nuwa-336", {}, (1, 4, 16), 2, "f16", 336, 5),
    "toy": CardSize(
        "emoji-motion",
        {
            "hidden_size": 64,
            "num_attention_heads": 1,
            "num_decoder_layers": 1,
            "visual_grid": (2, 3, 3),
            "window": (3, 3, 3),
        },
        (1, 2),
        1,
        "embedded",
        64,
        1,
    ),
}


class Card:
    """A device and a model on it, which the cases of sampling share.

    Args:
        size (`CardSize`): of the model.
        device (`str`): `"cpu"` or `"cuda"`.
    """

    def __init__(self, size: CardSize, device: str):
        self.size, self.device = size, device
        self.config = NuwaConfig.from_preset(size.preset, **size.fields)
        self._model = self._rates = None

    @property
    def model(self) -> NuwaForConditionalGeneration:
        """The transformer with random weights, which change no shape and so no time."""
        if self._model is None:
            torch.manual_seed(0)
            with torch.device(self.device):
                self._model = NuwaForConditionalGeneration(self.config).eval().to(DTYPE)
        return self._model

    def free(self) -> None:
        """Give the model's memory back."""
        self._model = None
        if self.device == "cuda":
            torch.cuda.empty_cache()

    def rates(self) -> dict[str, float]:
        """`bandwidth` in bytes a second and `matrix_rate` in operations a second, measured once."""
        if self._rates is None:
            rate = matrix_rate(DTYPE, self.device)
            self._rates = {"bandwidth": copy_bandwidth(self.device), "matrix_rate": rate}
        return self._rates

    @torch.no_grad()
    def sample(self, output: str, batch_size: int, is_guided: bool) -> dict[str, Any]:
        """Seconds of a call of `generate`, recorded and, for one output, kernel by kernel.

        Args:
            output (`str`): `"image"` or `"video"`.
            batch_size (`int`): B.
            is_guided (`bool`): whether to guide.

        Returns:
            `dict`: `first_seconds` of the call that records, `seconds` of later ones, `launched_seconds` of calls that
            are not recorded, `equal_tokens` of these, `floor_seconds` for reading and for multiplying,
            `share_of_floor` and `peak_memory`.
        """
        model, frames = self.model, self.config.visual_grid[0]
        grid = Grid(frames if output == "video" else 1, *self.config.visual_grid[1:])
        ids = torch.randint(self.config.none_token_id + 1, self.config.vocab_size, (batch_size, TEXT_LENGTH))
        ids = ids.to(self.device)

        def call() -> torch.Tensor:
            seeds = [torch.Generator().manual_seed(seed) for seed in range(batch_size)]
            scale = GUIDANCE_SCALE if is_guided else 1.0
            return model.generate(ids, grid=grid, generator=seeds, guidance_scale=scale).tokens

        reset_peak(self.device)
        first = seconds_of(call, self.device)
        seconds = [seconds_of(call, self.device) for _ in range(self.size.repetitions)]
        found = {"first_seconds": first, "seconds": summarize(seconds), "peak_memory": peak_since_reset(self.device)}
        if batch_size == 1:
            recorded = call()
            hook = model.register_forward_hook(lambda *_: None)  # calls of modules with hooks are not recorded
            launched = [seconds_of(call, self.device) for _ in range(self.size.repetitions)]
            found["launched_seconds"] = summarize(launched)
            found["equal_tokens"] = float((call() == recorded).float().mean())
            hook.remove()
        rows = batch_size * grid.numel * (2 if is_guided else 1)
        steps, weights = model.num_generation_steps(grid), weights_of_waves(model)
        floor = {
            "reading": steps * sum(weight.nbytes for weight in weights) / self.rates()["bandwidth"],
            "multiplying": 2 * rows * _matrix_numbers(model) / self.rates()["matrix_rate"],
        }
        share = max(floor.values()) / found["seconds"]["median"]
        return {**found, "steps": steps, "floor_seconds": floor, "share_of_floor": share}

    def train(self, backend: str) -> dict[str, Any]:
        """Seconds of a training step: forward and backward in bfloat16 autocast, AdamW.

        Args:
            backend (`str`): of the decoder's self-attention.

        Returns:
            `dict`: `seconds`, `tokens_per_second`, `share_of_matrix_rate` and `peak_memory`.
        """
        self.free()
        torch.manual_seed(0)
        with torch.device(self.device):
            model = NuwaForConditionalGeneration(self.config).train()
        choose_self_attention(model, backend)
        optimizer = torch.optim.AdamW(model.parameters(), lr=LEARNING_RATE, fused=self.device == "cuda")
        text, mask, tokens = (tensor.to(self.device) for tensor in random_batch(self.config, self.size.clips))

        def step() -> None:
            with torch.autocast(self.device, DTYPE):
                loss = model(text, mask, tokens, tokens, logits_to_keep=[]).loss
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()

        seconds_of(step, self.device)  # compiles, and chooses kernels
        reset_peak(self.device)
        seconds = summarize([seconds_of(step, self.device) for _ in range(self.size.repetitions)])
        operations = 6 * tokens.numel() * _matrix_numbers(model)  # forward and twice that backward
        return {
            "seconds": seconds,
            "tokens_per_second": tokens.numel() / seconds["median"],
            "share_of_matrix_rate": operations / seconds["median"] / self.rates()["matrix_rate"],
            "peak_memory": peak_since_reset(self.device),
        }

    def code(self, direction: str, batch_size: int) -> dict[str, Any]:
        """Seconds of the codec on a batch of images, in bfloat16 with channels last.

        Args:
            direction (`str`): `"encode"` or `"decode"`.
            batch_size (`int`): images.

        Returns:
            `dict`: `seconds` and `images_per_second`.
        """
        self.free()
        size = self.size
        run = build_run(size.codec, "bfloat16, channels last", direction, batch_size, size.codec_size, self.device, 0)
        seconds_of(run, self.device)
        seconds = summarize([seconds_of(run, self.device) for _ in range(size.repetitions)])
        return {"seconds": seconds, "images_per_second": batch_size / seconds["median"]}


def _matrix_numbers(model: NuwaForConditionalGeneration) -> int:
    """Weights that each token is multiplied by."""
    return sum(weight.numel() for weight in weights_of_waves(model) if weight.ndim == 2)
