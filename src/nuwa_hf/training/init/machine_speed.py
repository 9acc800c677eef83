# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The speeds that a plan's costs are worked out from, measured or as the user gives them."""

from dataclasses import dataclass, replace
from itertools import islice

from nuwa_hf.command_logs import silenced
from nuwa_hf.datasets.captioned_media import CaptionedMedia
from nuwa_hf.datasets.open_dataset import open_dataset
from nuwa_hf.grid import Grid
from nuwa_hf.modeling.codec import load_codec
from nuwa_hf.modeling.configuration_nuwa import NuwaConfig
from nuwa_hf.storage.find_checkpoint import find_codecs
from nuwa_hf.training.init.costs import Speed
from nuwa_hf.training.init.measured_speed import (
    REPEATS,
    measure_codec,
    measure_tokenising,
    measure_transformer,
    step_operations,
)
from nuwa_hf.training.init.settings_files import Plan, vqgan_settings
from nuwa_hf.training.nuwa.preset_choice import SMALLEST
from nuwa_hf.training.nuwa.preset_defaults import FROM_NOTHING, TABLE
from nuwa_hf.training.run.run_arguments import require
from nuwa_hf.training.vqgan.vqgan_arguments import VQGANArguments


READ_CLIPS = 4
# Rows of the step that is timed. A CPU takes as long for a row in any batch; a GPU is only busy with many.
CPU_ROWS, GPU_ROWS = {"T2V": 1, "V2V": 1, "T2I": 1}, {"T2V": 8, "V2V": 2, "T2I": 6}


@dataclass(frozen=True)
class TransformerSpeed:
    """How fast transformers train.

    Args:
        tokens_per_second (`float`): of the preset `emoji-motion`.
        operations_per_second (`float`): floating point operations, counted.
        source (`str`): where that comes from, in words.
    """

    tokens_per_second: float
    operations_per_second: float
    source: str


def transformer_speed(tokens_per_second: float | None, device: str) -> TransformerSpeed:
    """Measure a training step of the smallest preset, or take what the user has seen.

    Args:
        tokens_per_second (`float`, *optional*): what `train` reports for the preset `emoji-motion`; measured if None.
        device (`str`): the type of the device to measure on.

    Returns:
        `TransformerSpeed`.

    Raises:
        ValueError: If the number is not above 0.
    """
    config, counts = NuwaConfig.from_preset(SMALLEST), CPU_ROWS if device == "cpu" else GPU_ROWS
    grid = Grid(*config.visual_grid)
    tokens = sum(rows * (grid.h * grid.w if task == "T2I" else grid.numel) for task, rows in counts.items())
    operations = step_operations(config, counts)
    counted = "Training's operations are counted"
    if tokens_per_second is not None:
        is_valid = tokens_per_second > 0
        require(is_valid, "tokens_per_second", "above 0", tokens_per_second, "leave it out to have it measured")
        source = f"{counted}, and their rate is that of {tokens_per_second:g} tokens a second, as given."
        return TransformerSpeed(tokens_per_second, tokens_per_second * operations / tokens, source)
    seconds = measure_transformer(config, counts, TABLE[SMALLEST][FROM_NOTHING].optimizer, device).seconds
    rate = operations / seconds
    source = f"{counted}, and their rate was measured just now on {REPEATS} steps: {rate / 1e9:,.0f} GFLOP/s."
    if device != "cpu":
        source += " Larger transformers use a GPU better and take less."
    return TransformerSpeed(tokens / seconds, rate, source)


def measured_speed(plan: Plan, speed: TransformerSpeed) -> Speed:
    """The speeds of all steps of a plan: the codec's and the clips' are always measured.

    Args:
        plan (`Plan`): what is to be done.
        speed (`TransformerSpeed`): of the transformer.

    Returns:
        `Speed`.
    """
    found = Speed(speed.operations_per_second, f"{speed.source} Codec and clips were measured.")
    vqgan = load_codec(find_codecs(plan.codec_start)["vqgan"])
    size, chosen = plan.chosen.image_size, plan.chosen
    with silenced("nuwa_hf.datasets"):  # it has been opened before
        media = CaptionedMedia(
            open_dataset(plan.dataset, split=plan.split),
            height=size,
            width=size,
            num_frames=chosen.num_frames,
            frame_rate=chosen.frame_rate,
            media_column=plan.facts.media_column,
            caption_column=plan.facts.caption_column,
            caption_source=plan.facts.caption_source,
        )
    tokenising = measure_tokenising(vqgan, media.reader, list(islice(media.rows(0), READ_CLIPS)), plan.device)
    if tokenising is not None:
        found = replace(found, reading=tokenising[0], encoding=tokenising[1])
    if plan.trains_codec:
        arguments = VQGANArguments(**{name: setting.value for name, setting in vqgan_settings(plan).items()})
        found = replace(found, image=measure_codec(vqgan, arguments, plan.device))
    return found
