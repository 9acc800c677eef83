# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""How many tokens stay when logits change a little: by precision, 8-bit weights, schedule, batch and threads.

    python -m benchmarks.sampling.rounding --output benchmarks/results

The embedded checkpoint makes videos for validation captions of EmojiMotion, in float32 and in every other way with the
same seeds; a model of the paper's width and codebook with random weights makes an image. Tokens are compared twice:
given the same tokens before each (what one change costs), and in whole samples, where a change spreads. Only
`generate` is called, so that `PYTHONPATH` may lead to an older version; `--before` takes what that one wrote.
"""

import argparse
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import torch
from accelerate import cpu_offload
from tqdm import tqdm

from benchmarks.measuring.machine import describe_machine, summarize, time_interleaved, timed
from benchmarks.report.report import write_result
from benchmarks.sampling.quantization import TEXT_LENGTH, load_models
from nuwa_hf import (
    DEMO_CHECKPOINT,
    EmojiMotion,
    Grid,
    NuwaConfig,
    NuwaForConditionalGeneration,
    NuwaTextToVideoPipeline,
)
from nuwa_hf.generation.schedule import plan_steps


class Way(NamedTuple):
    """One way to compute the same samples.

    Args:
        model (`NuwaForConditionalGeneration`): the weights, in their precision.
        schedule (`str`): of the sampling.
        at_once (`int`, *optional*): samples a call; None for all.
        num_threads (`int`): torch's threads.
    """

    model: NuwaForConditionalGeneration
    schedule: str = "wavefront"
    at_once: int | None = None
    num_threads: int = 1


def load_ways(folder: Path) -> dict[str, Way]:
    """A saved transformer in all ways that are compared; the first is what the others are compared with."""
    models = load_models(folder)
    exact, offloaded = models["float32"], NuwaForConditionalGeneration.from_pretrained(folder).eval()
    cpu_offload(offloaded, execution_device=torch.device("cpu"))
    others = {
        "weights offloaded": Way(offloaded),
        "one token a step": Way(exact, schedule="raster"),
        "one sample a call": Way(exact, at_once=1),
        "2 threads instead of 1": Way(exact, num_threads=2),
    }
    precisions = {name: Way(model) for name, model in models.items()}
    return {"float32": precisions.pop("float32")} | others | precisions


def make(way: Way, text: torch.Tensor, mask: torch.Tensor, grid: Grid, past: torch.Tensor | None = None):
    """The tokens of a text each, seeds 0, 1, 2, ...

    Args:
        way (`Way`): how.
        text (`torch.LongTensor` of shape `(B, L)`): tokens.
        mask (`torch.Tensor` of shape `(B, L)`): nonzero at real ones.
        grid (`Grid`): of the samples.
        past (`torch.LongTensor` of shape `(B, T, H, W)`, *optional*): what stands in the place of each token as soon
            as it has been drawn, so that all later ones follow from it.

    Returns:
        `torch.LongTensor` of shape `(B, T, H, W)`: each token as it was drawn.
    """
    steps = plan_steps(grid, way.model.config.window, way.schedule)
    drawn = torch.zeros(len(text), grid.numel, dtype=torch.long)
    size = way.at_once or len(text)
    torch.set_num_threads(way.num_threads)
    for start in range(0, len(text), size):
        items = slice(start, start + size)

        def keep(step: int, _: int, tokens: torch.Tensor, items: slice = items) -> None:
            flat, places = tokens.view(len(tokens), -1), steps[step]
            drawn[items, places] = flat[:, places]
            if past is not None:
                flat[:, places] = past[items].flatten(1)[:, places]

        generators = [torch.Generator().manual_seed(seed) for seed in range(len(text))[items]]
        settings = {"grid": grid, "schedule": way.schedule, "generator": generators, "callback": keep}
        way.model.generate(text[items], mask[items], do_sample=True, **settings)
    return drawn.view(-1, *grid)


def compare(ways: dict[str, Way], text: torch.Tensor, mask: torch.Tensor, grid: Grid) -> list[dict[str, Any]]:
    """What share of the tokens is that of the first way.

    Args:
        ways (`dict[str, Way]`): name to way.
        text (`torch.LongTensor` of shape `(B, L)`): a text for each sample.
        mask (`torch.Tensor` of shape `(B, L)`): nonzero at real tokens.
        grid (`Grid`): of the samples.

    Returns:
        `list[dict]`: of each way but the first `way`, `same_past` and `whole`, shares in [0, 1], and `equal_samples`,
        the share of samples without any change.
    """
    (_, first), *others = ways.items()
    expected, rows = make(first, text, mask, grid), []
    for name, way in tqdm(others, desc="ways", mininterval=1.0):
        whole = make(way, text, mask, grid) == expected
        same_past = make(way, text, mask, grid, past=expected) == expected
        rows.append(
            {
                "way": name,
                "same_past": float(same_past.double().mean()),
                "whole": float(whole.double().mean()),
                "equal_samples": float(whole.flatten(1).all(1).double().mean()),
            }
        )
    return rows


def time_drawing(model: NuwaForConditionalGeneration, text: torch.Tensor, grid: Grid, repetitions: int):
    """Seconds of one sample, drawn and likeliest: the difference is what the random numbers cost.

    Args:
        model (`NuwaForConditionalGeneration`): the model.
        text (`torch.LongTensor` of shape `(1, L)`): its text.
        grid (`Grid`): of the sample.
        repetitions (`int`): timed runs.

    Returns:
        `dict`: `drawn` and `likeliest`, each as `summarize` gives it.
    """

    def one(do_sample: bool) -> Callable[[], float]:
        return timed(
            lambda: model.generate(text, grid=grid, do_sample=do_sample, generator=torch.Generator().manual_seed(0))
        )

    seconds = time_interleaved({"drawn": one(True), "likeliest": one(False)}, repetitions, "drawing")
    return {name: summarize(values) for name, values in seconds.items()}


def measure_checkpoint(checkpoint: Path, num_videos: int, repetitions: int) -> dict[str, Any]:
    """Compare the ways on a trained checkpoint.

    Args:
        checkpoint (`Path`): folder of a pipeline trained on EmojiMotion.
        num_videos (`int`): videos, of the first validation captions.
        repetitions (`int`): timed runs.

    Returns:
        `dict`: `grid`, `codebook_size`, `rows` and `seconds`.
    """
    dataset = EmojiMotion(split="val")
    pipeline = NuwaTextToVideoPipeline.from_pretrained(checkpoint)
    text, mask = pipeline.tokenize_prompt([dataset[index]["caption"] for index in range(num_videos)])
    ways = load_ways(checkpoint / "transformer")
    return _measure(ways, text, mask, Grid(*ways["float32"].model.config.visual_grid), repetitions)


def measure_wide_model(config: NuwaConfig, num_images: int, repetitions: int, seed: int) -> dict[str, Any]:
    """Compare the ways on random weights, which are close to a uniform law: the hardest case.

    Args:
        config (`NuwaConfig`): the sizes.
        num_images (`int`): samples, one frame each.
        repetitions (`int`): timed runs.
        seed (`int`): of weights and texts.

    Returns:
        `dict`: as `measure_checkpoint`.
    """
    torch.manual_seed(seed)
    with TemporaryDirectory() as folder:
        NuwaForConditionalGeneration(config).save_pretrained(folder)
        ways = load_ways(Path(folder))
    first = max(config.pad_token_id, config.none_token_id) + 1
    text = torch.randint(first, config.vocab_size, (num_images, TEXT_LENGTH))
    _, height, width = config.visual_grid
    return _measure(ways, text, torch.ones_like(text), Grid(1, height, width), repetitions)


def _measure(ways: dict[str, Way], text, mask, grid: Grid, repetitions: int) -> dict[str, Any]:
    rows, exact = compare(ways, text, mask, grid), ways["float32"].model
    torch.set_num_threads(1)
    return {
        "grid": tuple(grid),
        "codebook_size": exact.config.codebook_size,
        "rows": rows,
        "seconds": time_drawing(exact, text[:1], grid, repetitions),
    }


def main(argv: Sequence[str] | None = None) -> None:
    """Measure, print the tables and write `rounding.json`.

    Args:
        argv (`Sequence[str]`, *optional*): the arguments; by default those of the process.
    """
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="folder of the JSON file")
    parser.add_argument("--before", type=Path, metavar="FILE", help="the rounding.json of an older version")
    parser.add_argument("--checkpoint", type=Path, default=DEMO_CHECKPOINT, help="a pipeline (default: the embedded)")
    parser.add_argument("--videos", type=int, default=48, help="videos of the checkpoint (default: 48)")
    parser.add_argument("--images", type=int, default=4, help="images of the second model (default: 4)")
    parser.add_argument("--hidden_size", type=int, default=1280, help="its width (default: 1280)")
    parser.add_argument("--layers", type=int, default=4, help="its decoder layers, and half as many of the encoder")
    parser.add_argument("--heads", type=int, default=20, help="its heads (default: 20)")
    parser.add_argument("--repetitions", type=int, default=9, help="timed runs of each case (default: 9)")
    parser.add_argument("--seed", type=int, default=0, help="of its weights and texts (default: 0)")
    arguments = parser.parse_args(argv)
    before = arguments.before and json.loads(arguments.before.read_text(encoding="utf-8"))

    config = NuwaConfig.from_preset(
        "nuwa-336",
        hidden_size=arguments.hidden_size,
        num_attention_heads=arguments.heads,
        num_decoder_layers=arguments.layers,
        num_encoder_layers=max(1, arguments.layers // 2),
    )
    result = {
        "machine": describe_machine(),
        "settings": {
            "checkpoint": "embedded" if arguments.checkpoint == DEMO_CHECKPOINT else arguments.checkpoint.name,
            "videos": arguments.videos,
            "images": arguments.images,
            "hidden_size": arguments.hidden_size,
            "layers": arguments.layers,
            "repetitions": arguments.repetitions,
            "seed": arguments.seed,
        },
        "checkpoint": measure_checkpoint(arguments.checkpoint, arguments.videos, arguments.repetitions),
        "wide": measure_wide_model(config, arguments.images, arguments.repetitions, arguments.seed),
    }
    if before:
        result["before"] = {part: before[part] for part in ("checkpoint", "wide")}
    write_result("rounding", result, arguments.output)


if __name__ == "__main__":
    main()
