# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Compares 8-bit weights with floats: memory, likelihood of real clips, changed samples, seconds for one video.

    python -m benchmarks.sampling.quantization --output benchmarks/results

The embedded checkpoint in float32, bfloat16 and 8 bits reads the same validation clips of EmojiMotion and samples with
the same seeds. It is too narrow to show the time, so a second model of the paper's width with random weights is timed.
"""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from tqdm import tqdm

from benchmarks.measuring.machine import describe_machine, summarize, time_interleaved, timed
from benchmarks.report.report import write_result
from benchmarks.sampling.generation import parse_grid
from nuwa_hf import (
    DEMO_CHECKPOINT,
    EmojiMotion,
    Grid,
    NuwaConfig,
    NuwaForConditionalGeneration,
    NuwaInt8Config,
    NuwaTextToVideoPipeline,
)
from nuwa_hf.modeling.likelihood import token_log_likelihood


# Precision to what `from_pretrained` is given; the first is what the others are compared with.
PRECISIONS: dict[str, dict[str, Any]] = {
    "float32": {"dtype": torch.float32},
    "bfloat16": {"dtype": torch.bfloat16},
    "int8": {"dtype": torch.float32, "quantization_config": NuwaInt8Config()},
    "int8, the rest bfloat16": {"dtype": torch.bfloat16, "quantization_config": NuwaInt8Config()},
}
TEXT_LENGTH = 16


def load_models(folder: Path) -> dict[str, NuwaForConditionalGeneration]:
    """A saved transformer in every precision.

    Args:
        folder (`Path`): the transformer's.

    Returns:
        `dict`: precision to model.
    """
    return {
        name: NuwaForConditionalGeneration.from_pretrained(folder, **how).eval() for name, how in PRECISIONS.items()
    }


def weight_bytes(model: NuwaForConditionalGeneration) -> int:
    """Bytes of all that a model's file holds."""
    return sum(tensor.numel() * tensor.element_size() for tensor in model.state_dict().values())


@torch.no_grad()
def read_clips(pipeline: NuwaTextToVideoPipeline, num_clips: int) -> list[tuple[torch.Tensor, ...]]:
    """The first validation clips of EmojiMotion as tokens.

    Args:
        pipeline (`NuwaTextToVideoPipeline`): its codec and its text tokenizer.
        num_clips (`int`): how many.

    Returns:
        `list[tuple]`: for each clip visual tokens `(1, T, H, W)`, text tokens `(1, L)` and their mask `(1, L)`.
    """
    dataset, clips = EmojiMotion(split="val"), []
    for index in tqdm(range(num_clips), desc="clips", mininterval=1.0):
        sample = dataset[index]
        pixels = torch.from_numpy(sample["video"]).permute(3, 0, 1, 2)[None] / 127.5 - 1
        clips.append((pipeline.vqgan.encode(pixels).tokens, *pipeline.tokenize_prompt([sample["caption"]])))
    return clips


def nats_of_clips(model: NuwaForConditionalGeneration, clips: list[tuple[torch.Tensor, ...]]) -> torch.Tensor:
    """How unlikely clips are under a model, teacher-forced.

    Args:
        model (`NuwaForConditionalGeneration`): the model.
        clips (`list[tuple]`): as `read_clips` gives them.

    Returns:
        `torch.Tensor` of shape `(clips,)`: float64, nats per token of each.
    """
    return torch.stack([-token_log_likelihood(model, *clip).double().mean() for clip in tqdm(clips, mininterval=1.0)])


def sampler(
    model: NuwaForConditionalGeneration,
    grid: Grid,
    text: torch.Tensor,
    mask: torch.Tensor | None,
    seeds: Sequence[int],
) -> Callable[[], torch.Tensor]:
    """A function that samples videos, the same at each call.

    Args:
        model (`NuwaForConditionalGeneration`): the model.
        grid (`Grid`): of the videos.
        text (`torch.LongTensor` of shape `(B, L)`): a text for each seed.
        mask (`torch.Tensor` of shape `(B, L)`, *optional*): its mask.
        seeds (`Sequence[int]`): of the sampling.

    Returns:
        `Callable`: gives tokens of shape `(B, T, H, W)`.
    """

    def make() -> torch.Tensor:
        generators = [torch.Generator().manual_seed(seed) for seed in seeds]
        return model.generate(text, mask, grid=grid, generator=generators).tokens

    return make


def measure_checkpoint(checkpoint: Path, num_clips: int, num_videos: int, repetitions: int) -> dict[str, Any]:
    """Memory, likelihood, samples and time of a trained checkpoint.

    Args:
        checkpoint (`Path`): folder of a pipeline trained on EmojiMotion.
        num_clips (`int`): validation clips to read, at least 2.
        num_videos (`int`): videos to sample, for the captions of the first clips.
        repetitions (`int`): timed runs of one video.

    Returns:
        `dict`: `grid` and `rows`, one for each precision.
    """
    clips = read_clips(NuwaTextToVideoPipeline.from_pretrained(checkpoint), num_clips)
    models = load_models(checkpoint / "transformer")
    grid = Grid(*clips[0][0].shape[1:])
    texts, masks = (torch.cat([clip[part] for clip in clips[:num_videos]]) for part in (1, 2))
    nats = {name: nats_of_clips(model, clips) for name, model in models.items()}
    samples = {name: sampler(model, grid, texts, masks, range(num_videos))() for name, model in models.items()}
    one_video = {name: timed(sampler(model, grid, texts[:1], masks[:1], range(1))) for name, model in models.items()}
    seconds = time_interleaved(one_video, repetitions, "checkpoint")
    first = next(iter(PRECISIONS))
    rows = []
    for name, model in models.items():
        difference = nats[name] - nats[first]
        rows.append(
            {
                "precision": name,
                "weight_bytes": weight_bytes(model),
                "nats_per_token": float(nats[name].mean()),
                "difference": float(difference.mean()),
                "difference_standard_error": float(difference.std() / num_clips**0.5),
                "equal_tokens": float((samples[name] == samples[first]).double().mean()),
                "seconds": summarize(seconds[name]),
            }
        )
    return {"grid": tuple(grid), "rows": rows}


def measure_wide_model(config: NuwaConfig, grid: Grid, repetitions: int, seed: int) -> dict[str, Any]:
    """Memory and time of a model with random weights.

    Args:
        config (`NuwaConfig`): its sizes.
        grid (`Grid`): of the video.
        repetitions (`int`): timed runs.
        seed (`int`): of weights, text and sampling.

    Returns:
        `dict`: `grid`, sizes and `rows`, one for each precision.
    """
    torch.manual_seed(seed)
    with TemporaryDirectory() as folder:
        NuwaForConditionalGeneration(config).save_pretrained(folder)
        models = load_models(Path(folder))
    first = max(config.pad_token_id, config.none_token_id) + 1
    text = torch.randint(first, config.vocab_size, (1, TEXT_LENGTH), generator=torch.Generator().manual_seed(seed))
    cases = {name: timed(sampler(model, grid, text, None, [seed])) for name, model in models.items()}
    seconds = time_interleaved(cases, repetitions, "paper's width")
    return {
        "grid": tuple(grid),
        "hidden_size": config.hidden_size,
        "layers": config.num_decoder_layers,
        "codebook_size": config.codebook_size,
        "rows": [
            {"precision": name, "weight_bytes": weight_bytes(model), "seconds": summarize(seconds[name])}
            for name, model in models.items()
        ],
    }


def main(argv: Sequence[str] | None = None) -> None:
    """Measure, print the tables and write `quantization.json`.

    Args:
        argv (`Sequence[str]`, *optional*): the arguments; by default those of the process.

    Raises:
        ValueError: If an argument breaks its rule.
    """
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="folder of the JSON file")
    parser.add_argument("--checkpoint", type=Path, default=DEMO_CHECKPOINT, help="a pipeline (default: the embedded)")
    parser.add_argument("--clips", type=int, default=256, help="validation clips to read (default: 256)")
    parser.add_argument("--videos", type=int, default=32, help="videos to compare token by token (default: 32)")
    parser.add_argument("--hidden_size", type=int, default=1280, help="width of the second model (default: 1280)")
    parser.add_argument("--layers", type=int, default=4, help="its decoder layers, and half as many of the encoder")
    parser.add_argument("--heads", type=int, default=20, help="its heads (default: 20)")
    parser.add_argument("--grid", type=parse_grid, default=Grid(10, 21, 21), metavar="TxHxW", help="its video")
    parser.add_argument("--repetitions", type=int, default=3, help="timed runs of each case (default: 3)")
    parser.add_argument("--seed", type=int, default=0, help="of its weights, text and sampling (default: 0)")
    arguments = parser.parse_args(argv)
    if not 1 <= arguments.videos <= arguments.clips or arguments.clips < 2:
        raise ValueError(
            f"`--clips` must be at least 2 and `--videos` from 1 to as many, got {arguments.clips} and "
            f"{arguments.videos}."
        )

    machine = describe_machine()
    config = NuwaConfig.from_preset(
        "nuwa-336",
        hidden_size=arguments.hidden_size,
        num_attention_heads=arguments.heads,
        num_decoder_layers=arguments.layers,
        num_encoder_layers=max(1, arguments.layers // 2),
        visual_grid=tuple(arguments.grid),
    )
    result = {
        "machine": machine,
        "settings": {
            "checkpoint": "embedded" if arguments.checkpoint == DEMO_CHECKPOINT else arguments.checkpoint.name,
            "clips": arguments.clips,
            "videos": arguments.videos,
            "repetitions": arguments.repetitions,
            "seed": arguments.seed,
        },
        "checkpoint": measure_checkpoint(
            arguments.checkpoint, arguments.clips, arguments.videos, arguments.repetitions
        ),
        "wide": measure_wide_model(config, arguments.grid, arguments.repetitions, arguments.seed),
    }
    write_result("quantization", result, arguments.output)


if __name__ == "__main__":
    main()
