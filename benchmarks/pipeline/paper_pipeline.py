# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Pipelines of the paper's sizes with random weights: saved once, loaded in any precision, timed part by part."""

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from benchmarks.measuring.devices import Stopwatch, memory_now, peak_since_reset, reset_peak, seconds_of
from benchmarks.pipeline.floors import floors
from nuwa_hf import (
    NuwaConfig,
    NuwaForConditionalGeneration,
    NuwaInt8Config,
    NuwaPipelineBase,
    NuwaTextToImagePipeline,
    NuwaTextToVideoPipeline,
    NuwaTokenizer,
    NuwaVQGAN,
)
from nuwa_hf.generation.noise import PlaceNoise
from nuwa_hf.grid import Grid
from nuwa_hf.modeling.codec.few_frames import decoding_memory
from nuwa_hf.modeling.sampling_memory import sampling_memory


# Name to the fields of the transformer (beside those of the preset that is named first) and of the VQ-GAN.
PRESETS: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "nuwa-336": ("nuwa-336", {}, {}),
    "nuwa-256": (
        "nuwa-256",
        {},
        {"block_out_channels": (128, 128, 256, 512), "attention_levels": (3,), "sample_size": 256},
    ),
    # To try the script in seconds.
    "toy": (
        "emoji-motion",
        {"hidden_size": 64, "num_attention_heads": 1, "num_decoder_layers": 1, "visual_grid": (2, 3, 3)},
        {"block_out_channels": (32, 32), "attention_levels": (), "codebook_size": 160, "sample_size": 6},
    ),
}
OUTPUTS = {"image": NuwaTextToImagePipeline, "video": NuwaTextToVideoPipeline}
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "int8": torch.int8}
PROMPT = "a red apple rolls to the left on the grass"
GUIDANCE_SCALE = 2.0


class Precision(NamedTuple):
    """How a pipeline is loaded.

    Args:
        transformer (`str`): a key of `DTYPES`; with int8 all but the linear layers is float32.
        codec (`str`): `"float32"` or `"bfloat16"`.
    """

    transformer: str
    codec: str

    @classmethod
    def parse(cls, text: str) -> "Precision":
        """From the transformer's alone, or from both such as `int8/bfloat16`.

        The codec is bfloat16 beside a bfloat16 transformer, else float32.

        Raises:
            ValueError: If there is no such precision.
        """
        transformer, _, codec = text.partition("/")
        codec = codec or ("bfloat16" if transformer == "bfloat16" else "float32")
        if transformer not in DTYPES or codec not in DTYPES or codec == "int8":
            raise ValueError(
                f"`--precisions` must be float32, bfloat16 or int8, with the codec's float32 or bfloat16 behind a "
                f"slash if it is to be another, got {text!r}."
            )
        return cls(transformer, codec)


def save_random_pipeline(preset: str, seed: int, folder: Path) -> None:
    """Save a pipeline with random weights, in float32.

    Args:
        preset (`str`): a key of `PRESETS`.
        seed (`int`): of the weights.
        folder (`Path`): where to.
    """
    name, fields, codec_fields = PRESETS[preset]
    torch.manual_seed(seed)
    transformer = NuwaForConditionalGeneration(NuwaConfig.from_preset(name, **fields))
    tokenizer = NuwaTokenizer.train([PROMPT], vocab_size=transformer.config.vocab_size)
    NuwaTextToVideoPipeline(NuwaVQGAN(**codec_fields), transformer, tokenizer).save_pretrained(folder)


def load_pipeline(
    folder: Path, output: str, precision: Precision, device: str, is_channels_last: bool
) -> NuwaPipelineBase:
    """Load a saved pipeline in one precision.

    Args:
        folder (`Path`): where it was saved.
        output (`str`): a key of `OUTPUTS`.
        precision (`Precision`): how.
        device (`str`): where to.
        is_channels_last (`bool`): whether channels are the innermost axis of the codec's tensors in memory.

    Returns:
        `NuwaPipelineBase`: without a progress bar.
    """
    is_int8 = precision.transformer == "int8"
    how = {"quantization_config": NuwaInt8Config()} if is_int8 else {}
    dtype = torch.float32 if is_int8 else DTYPES[precision.transformer]
    pipeline = OUTPUTS[output].from_pretrained(
        folder,
        transformer=NuwaForConditionalGeneration.from_pretrained(folder / "transformer", dtype=dtype, **how),
        vqgan=NuwaVQGAN.from_pretrained(folder / "vqgan", torch_dtype=DTYPES[precision.codec]),
    )
    if device != "cpu":
        pipeline.to(device)
    if is_channels_last:
        pipeline.vqgan.to(memory_format=torch.channels_last)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def watch(pipeline: NuwaPipelineBase, stopwatch: Stopwatch) -> None:
    """Time the parts of a pipeline's calls, in this process only.

    `text` is tokens and encoder, `generate` all between text and tokens (with the encoder), `set_up` what is laid out
    before the first wave, `sampling` the noise, `codec` tokens to pixels.
    """
    pipeline.text_conditions = stopwatch.around("tokenize", pipeline.text_conditions)
    encoder = pipeline.transformer.model
    encoder.encode_text = stopwatch.around("encode", encoder.encode_text)
    pipeline.generate_tokens = stopwatch.around("generate", pipeline.generate_tokens)
    pipeline.decode_frames = stopwatch.around("codec", pipeline.decode_frames)
    transformer = pipeline.transformer
    transformer.prepare_step_linear = stopwatch.around("set_up", transformer.prepare_step_linear)
    PlaceNoise.at = stopwatch.around("sampling", PlaceNoise.at)


def parts_of(spent: dict[str, float]) -> dict[str, float]:
    """Seconds that add up to the total, but for `sampling`, which is part of `waves`.

    Args:
        spent (`dict[str, float]`): what a watched call, itself timed as `total`, left in its stopwatch.

    Returns:
        `dict[str, float]`: `total`, `text`, `set_up`, `waves`, `sampling`, `codec` and `rest`.
    """
    parts = {
        "total": spent["total"],
        "text": spent["tokenize"] + spent["encode"],
        "set_up": spent["set_up"],
        "waves": spent["generate"] - spent["encode"] - spent["set_up"],
        "sampling": spent["sampling"],
        "codec": spent["codec"],
    }
    return parts | {"rest": spent["total"] - spent["tokenize"] - spent["generate"] - spent["codec"]}


def memory_by_formula(pipeline: NuwaPipelineBase, grid: Grid, batch_size: int, guidance: bool) -> dict[str, int]:
    """The bytes that can be estimated before a call.

    Args:
        pipeline (`NuwaPipelineBase`): transformer and codec.
        grid (`Grid`): what is sampled.
        batch_size (`int`): B.
        guidance (`bool`): whether to guide.

    Returns:
        `dict[str, int]`: the parts of sampling; `codec`, its weights; `decoding`, what it works with; and `peak`, that
        of sampling or that of decoding, whichever is more.
    """
    vqgan = pipeline.vqgan
    sampling = sampling_memory(pipeline.transformer, grid, batch_size=batch_size, uses_guidance=guidance)
    codec = sum(tensor.nbytes for tensor in (*vqgan.parameters(), *vqgan.buffers()))
    decoding = decoding_memory(pipeline.codec, batch_size * grid.t, *pipeline.image_size)
    peak = codec + max(sampling.total, sampling.weights + decoding)
    return {**asdict(sampling), "codec": codec, "decoding": decoding, "peak": peak}


def build_case(
    folder: Path,
    output: str,
    precision: Precision,
    batch_size: int,
    guidance: bool,
    device: str,
    is_channels_last: bool,
    num_calls: int,
    seed: int,
    notes: Path,
) -> Callable[[], None]:
    """A function that calls a pipeline once, from texts to pixels, and writes time and memory as a line of JSON.

    The last call also notes the floors, measured after it, so that they count in nobody's time or memory.

    Args:
        folder (`Path`): a saved pipeline.
        output (`str`): a key of `OUTPUTS`.
        precision (`Precision`): how it is loaded.
        batch_size (`int`): B.
        guidance (`bool`): whether to guide.
        device (`str`): where.
        is_channels_last (`bool`): as for `load_pipeline`.
        num_calls (`int`): how many there will be.
        seed (`int`): of the first output; the next has the next.
        notes (`Path`): the file of notes.

    Returns:
        `Callable`: one call.

    Raises:
        RuntimeError: By a call whose pixels are not finite.
    """
    loaded, memory_before = [], memory_now(device)
    load_seconds = seconds_of(
        lambda: loaded.append(load_pipeline(folder, output, precision, device, is_channels_last)), device
    )
    (pipeline,) = loaded
    frames, *sides = pipeline.transformer.config.visual_grid
    grid = Grid(1 if output == "image" else frames, *sides)
    num_rows = batch_size * (2 if guidance else 1)
    num_waves = pipeline.transformer.num_generation_steps(grid, "wavefront")
    facts = {
        "grid": tuple(grid),
        "pixels": pipeline.image_size,
        "waves": num_waves,
        "weights": {"transformer": pipeline.transformer.num_parameters(), "codec": pipeline.vqgan.num_parameters()},
        "load_seconds": load_seconds,
        "memory_before": memory_before,
        "memory_loaded": memory_now(device),
        "memory_by_formula": memory_by_formula(pipeline, grid, batch_size, guidance),
    }
    stopwatch, calls = Stopwatch(device), []
    watch(pipeline, stopwatch)
    reset_peak(device)

    def call() -> np.ndarray:
        return pipeline(
            [PROMPT] * batch_size,
            guidance_scale=GUIDANCE_SCALE if guidance else 1.0,
            generator=[torch.Generator().manual_seed(seed + number) for number in range(batch_size)],
            output_type="np",
            return_dict=False,
        )[0]

    def run() -> None:
        stopwatch.clear()
        pixels = stopwatch.around("total", call)()
        if not np.isfinite(pixels).all():
            raise RuntimeError(f"{output} in {'/'.join(precision)}: there are pixels that are not finite.")
        note = {"seconds": parts_of(stopwatch.seconds), "peak_memory": peak_since_reset(device)}
        calls.append(note)
        if len(calls) == num_calls:
            with torch.no_grad():
                dtype = DTYPES[precision.transformer]
                note |= facts | {
                    "floors": floors(pipeline.transformer, num_waves, num_rows * grid.numel, dtype, device)
                }
        with notes.open("a", encoding="utf-8") as file:
            file.write(f"{json.dumps(note)}\n")

    return run
