# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Images per second and peak memory of the VQ-GAN's encoder and decoder, and the error of faster settings.

    python -m benchmarks.codec.vqgan --output benchmarks/results
    python -m benchmarks.codec.vqgan --output . --device cuda --f16_batch_sizes 1 8 32 --f16_repetitions 15

Two codecs: the embedded checkpoint's, and the paper's with a downsampling of 16, whose weights are random. Each case
runs in its own process, so that its peak memory can be measured; the cases of one codec, batch and direction take
turns.
"""

import argparse
import multiprocessing
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import torch

from benchmarks.measuring.devices import DEVICES, describe, peak_since_reset, synchronize
from benchmarks.measuring.machine import paired_ratio, summarize
from benchmarks.measuring.processes import time_in_processes
from benchmarks.report.report import write_result
from nuwa_hf import DEMO_CHECKPOINT
from nuwa_hf.datasets.emoji_motion import EmojiMotion
from nuwa_hf.modeling.autoencoder_vqgan import NuwaVQGAN


CODECS = ("embedded", "f16")
DIRECTIONS = ("encode", "decode")
# Name to the type of weights and activations, and whether the channels are the innermost axis in memory.
WAYS = {
    "float32": (torch.float32, False),
    "float32, channels last": (torch.float32, True),
    "bfloat16, channels last": (torch.bfloat16, True),
}


def build_codec(codec: str, way: str, device: str, seed: int) -> NuwaVQGAN:
    """A codec in evaluation mode.

    Args:
        codec (`str`): one of `CODECS`.
        way (`str`): a key of `WAYS`.
        device (`str`): `"cpu"` or `"cuda"`.
        seed (`int`): of random weights.

    Returns:
        `NuwaVQGAN`: the codec.
    """
    torch.manual_seed(seed)
    vqgan = NuwaVQGAN.from_pretrained(DEMO_CHECKPOINT, subfolder="vqgan") if codec == "embedded" else NuwaVQGAN()
    dtype, is_channels_last = WAYS[way]
    if dtype == torch.bfloat16:
        vqgan = vqgan.bfloat16()
    return vqgan.to(device=device, memory_format=_memory_format(is_channels_last)).eval()


def real_images(count: int, size: int) -> torch.Tensor:
    """First frames of EmojiMotion's clips for validation.

    Args:
        count (`int`): B.
        size (`int`): rows and columns; frames of another size are interpolated.

    Returns:
        `torch.Tensor` of shape `(B, 3, size, size)`: in [-1, 1].
    """
    clips = EmojiMotion(split="val")
    frames = torch.stack([torch.from_numpy(clips[index]["video"][0]) for index in range(count)])
    images = frames.movedim(-1, 1).float() / 127.5 - 1
    if images.shape[-1] == size:
        return images
    return torch.nn.functional.interpolate(images, (size, size), mode="bilinear")


def build_run(
    codec: str, way: str, direction: str, batch_size: int, size: int, device: str, seed: int
) -> Callable[[], torch.Tensor]:
    """A function that encodes or decodes one batch.

    Args:
        codec (`str`): one of `CODECS`.
        way (`str`): a key of `WAYS`.
        direction (`str`): one of `DIRECTIONS`.
        batch_size (`int`): B.
        size (`int`): rows and columns of an image.
        device (`str`): `"cpu"` or `"cuda"`.
        seed (`int`): of random weights and tokens.

    Returns:
        `Callable`: returns tokens of shape `(B, h, w)` or pixels of shape `(B, 3, size, size)`, when the device has
            finished.
    """
    vqgan = build_codec(codec, way, device, seed)
    if direction == "encode":
        memory_format = _memory_format(WAYS[way][1])
        batch = real_images(batch_size, size).to(device, vqgan.dtype, memory_format=memory_format)
    else:
        side = size // vqgan.spatial_factor
        generator = torch.Generator().manual_seed(seed)
        tokens = torch.randint(vqgan.config.codebook_size, (batch_size, side, side), generator=generator)
        batch = tokens.to(device)

    @torch.no_grad()
    def run() -> torch.Tensor:
        made = vqgan.encode(batch).tokens if direction == "encode" else vqgan.decode(batch).sample
        synchronize(device)
        return made

    return run


def compare_with_float32(codec: str, size: int, device: str, seed: int) -> dict[str, dict[str, float]]:
    """Compare each way with float32 on one image.

    Args:
        codec (`str`): one of `CODECS`.
        size (`int`): rows and columns of an image.
        device (`str`): `"cpu"` or `"cuda"`.
        seed (`int`): as for `build_run`.

    Returns:
        `dict`: way to `encode`, the share of equal tokens, and `decode`, the largest difference of a pixel whose range
        is 2, both for 1 image.
    """
    found = {way: {} for way in WAYS}
    for direction in DIRECTIONS:
        expected = None
        for way in WAYS:
            made = build_run(codec, way, direction, 1, size, device, seed)().float()
            expected = made if expected is None else expected
            difference = (made == expected).float().mean() if direction == "encode" else (made - expected).abs().max()
            found[way][direction] = float(difference)
    return found


def measure(
    codec: str, batch_sizes: Sequence[int], size: int, repetitions: int, device: str, seed: int
) -> list[dict[str, Any]]:
    """Measure every way, direction and batch of one codec.

    Args:
        codec (`str`): one of `CODECS`.
        batch_sizes (`Sequence[int]`): B of each.
        size (`int`): rows and columns of an image.
        repetitions (`int`): timed runs of each case.
        device (`str`): `"cpu"` or `"cuda"`.
        seed (`int`): of random weights and tokens.

    Returns:
        `list[dict]`: a row for each; `ratio` is its time over that of float32.
    """
    # In a separate process, because the memory of this one would count as that of the processes it starts.
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        agreement = pool.submit(compare_with_float32, codec, size, device, seed).result()
    rows = []
    memory = partial(peak_since_reset, device)
    for batch_size in batch_sizes:
        for direction in DIRECTIONS:
            same = {
                "codec": codec,
                "direction": direction,
                "batch_size": batch_size,
                "size": size,
            }
            cases = {way: {"way": way, **same, "device": device, "seed": seed} for way in WAYS}
            title = f"{codec}, {direction}, {batch_size}"
            times = time_in_processes(build_run, cases, repetitions, title, memory)
            for way in WAYS:
                seconds = summarize(times[way].seconds)
                rows.append(
                    {
                        **same,
                        "way": way,
                        "seconds": seconds,
                        "images_per_second": batch_size / seconds["median"],
                        "ratio": paired_ratio(times[way].seconds, times["float32"].seconds),
                        "agreement": agreement[way][direction],
                        "peak_memory_before": times[way].peak_memory_before,
                        "peak_memory": times[way].peak_memory,
                    }
                )
    return rows


def main(argv: Sequence[str] | None = None) -> None:
    """Measure, print the table and write `vqgan.json`.

    Args:
        argv (`Sequence[str]`, *optional*): the arguments; by default those of the process.

    Raises:
        RuntimeError: If a case fails.
        ValueError: If an argument breaks its rule.
    """
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="folder of the JSON file")
    parser.add_argument("--codecs", nargs="+", choices=CODECS, default=list(CODECS), help="to measure (default: both)")
    for codec, size, batch_sizes, repetitions in (("embedded", 128, (1, 16), 15), ("f16", 336, (1, 2), 3)):
        words = " ".join(map(str, batch_sizes))
        parser.add_argument(f"--{codec}_size", type=int, default=size, help=f"rows and columns (default: {size})")
        parser.add_argument(f"--{codec}_batch_sizes", type=int, nargs="+", default=batch_sizes, help=f"B ({words})")
        parser.add_argument(
            f"--{codec}_repetitions", type=int, default=repetitions, help=f"timed runs ({repetitions})"
        )
    parser.add_argument("--device", choices=DEVICES, default="cpu", help="cpu (default) or cuda")
    parser.add_argument("--seed", type=int, default=0, help="of random weights and tokens (default: 0)")
    arguments = parser.parse_args(argv)
    machine = describe(arguments.device)
    rows, settings = [], {"device": arguments.device, "seed": arguments.seed, "codecs": {}}
    for codec in arguments.codecs:
        names = ("size", "batch_sizes", "repetitions")
        chosen = {name: getattr(arguments, f"{codec}_{name}") for name in names}
        settings["codecs"][codec] = chosen
        rows += measure(codec, **chosen, device=arguments.device, seed=arguments.seed)
    write_result("vqgan", {"machine": machine, "settings": settings, "rows": rows}, arguments.output)


def _memory_format(is_channels_last: bool) -> torch.memory_format:
    return torch.channels_last if is_channels_last else torch.contiguous_format


if __name__ == "__main__":
    main()
