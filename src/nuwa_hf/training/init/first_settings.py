# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Settings for a data set: what its clips are sampled to, how large the transformer is, and how long it trains."""

import math
from copy import copy
from dataclasses import dataclass
from fractions import Fraction

from nuwa_hf.datasets.clip_windows import ClipWindows
from nuwa_hf.grid import Grid
from nuwa_hf.modeling.configuration_nuwa import NuwaConfig
from nuwa_hf.modeling.presets import PRESETS
from nuwa_hf.training.init.data_facts import DataFacts
from nuwa_hf.training.nuwa.fine_tuning import can_read, check_what_stays
from nuwa_hf.training.nuwa.memory_estimate import estimate_memory
from nuwa_hf.training.nuwa.preset_choice import suggest_preset, tokens_per_second_of
from nuwa_hf.training.nuwa.preset_defaults import FROM_NOTHING, TABLE, nearest_preset
from nuwa_hf.training.nuwa.task_shares import parse_task_shares
from nuwa_hf.training.run.run_arguments import require


PIXELS_OF_A_TOKEN = 16  # of the embedded codec, which a new one starts from
IMAGE_SIZES = {  # of the presets that init knows
    name: PRESETS[name]["visual_grid"][-1] * PIXELS_OF_A_TOKEN for name in ("emoji-motion", "tiny", "small", "base")
}
WANTED_RATE = 4.0  # frames a second
MOST_WINDOWS = 8  # samples of a long clip
ROWS, FEWEST_ROWS = 16, 4  # of a step; a row for each of the tasks of clips needs 4
HELD_OUT = 0.1  # share of the samples
MOST_EPOCHS, FEWEST_STEPS = 100, 100
USABLE_MEMORY = 0.7


@dataclass(frozen=True)
class Machine:
    """What trains.

    Args:
        hours (`float`): for the transformer.
        tokens_per_second (`float`): what `train` reports for the preset `emoji-motion`.
        memory_gb (`float`): in 1e9 bytes.
        device (`str`): the type of the device that trains, such as `"cpu"` or `"cuda"`.
    """

    hours: float
    tokens_per_second: float
    memory_gb: float
    device: str


@dataclass(frozen=True)
class Start:
    """A checkpoint that is trained further.

    Args:
        name (`str`): a folder, a Hub id, or `"embedded"`.
        config (`NuwaConfig`): of its transformer.
        image_size (`int`): rows and columns of its frames.
        fine_tune (`str`): what is learnt: `"full"` or `"lora"`.
    """

    name: str
    config: NuwaConfig
    image_size: int
    fine_tune: str


@dataclass(frozen=True)
class FirstSettings:
    """What was chosen.

    Args:
        config (`NuwaConfig`): the transformer's sizes, with the grid of the samples.
        preset (`str`): the transformer's size; the nearest one to that of a checkpoint.
        image_size (`int`): rows and columns of the frames.
        num_frames (`int`): frames of a sample; 1 for still images.
        frame_rate (`float`): frames a second.
        stride (`float`, *optional*): seconds from one sample of a long clip to the next; None for one sample a clip.
        num_clips (`int`): how many clips or images there are.
        num_samples (`int`): about how many samples they give.
        unusable_share (`float`): share of the clips that give none.
        tasks (`tuple[str, ...]`): shares of the tasks.
        train_batch_size (`int`): rows of a forward pass.
        gradient_accumulation_steps (`int`): forward passes of a step.
        max_train_steps (`int`): steps.
    """

    config: NuwaConfig
    preset: str
    image_size: int
    num_frames: int
    frame_rate: float
    stride: float | None
    num_clips: int
    num_samples: int
    unusable_share: float
    tasks: tuple[str, ...]
    train_batch_size: int
    gradient_accumulation_steps: int
    max_train_steps: int

    @property
    def grid(self) -> tuple[int, int, int]:
        """Tokens of a sample: frames, rows, columns."""
        return tuple(self.config.visual_grid)

    @property
    def rows(self) -> int:
        """Rows of a step."""
        return self.train_batch_size * self.gradient_accumulation_steps

    @property
    def validation_share(self) -> float:
        """Share of the clips that is held out; 0 if there are too few."""
        return HELD_OUT if self.num_clips >= 1 / HELD_OUT else 0.0


def choose_settings(
    facts: DataFacts, machine: Machine, preset: str | None = None, start: Start | None = None
) -> FirstSettings:
    """Settings for a data set on a machine.

    Args:
        facts (`DataFacts`): the data set.
        machine (`Machine`): what trains.
        preset (`str`, *optional*): the size; by default the rule of `suggest_preset` chooses, up to `base`.
        start (`Start`, *optional*): the checkpoint that is trained further, which has its own size.

    Returns:
        `FirstSettings`.

    Raises:
        ValueError: If the preset is none of those that start from the embedded codec, or given beside `start`, or a
            number is out of range.
    """
    require(preset is None or start is None, "preset", "left out beside a checkpoint", preset, "leave it out")
    require(preset is None or preset in IMAGE_SIZES, "preset", f"one of {list(IMAGE_SIZES)}", preset, "choose one")
    if start is not None:
        preset = nearest_preset(start.config)
    elif preset is None:
        *_, samples = _sampling(facts, PRESETS["emoji-motion"]["visual_grid"][0])
        preset = suggest_preset(
            samples,
            hours=machine.hours,
            tokens_per_second=machine.tokens_per_second,
            memory_gb=machine.memory_gb,
        )
        preset = preset if preset in IMAGE_SIZES else "base"
    longest, wanted = PRESETS[preset]["visual_grid"][0], WANTED_RATE
    if start is not None:
        longest, wanted = start.config.visual_grid[0], start.config.frame_rate or WANTED_RATE
    num_frames, frame_rate, stride, samples = _sampling(facts, longest, wanted)
    rows = 2 ** int(math.log2(max(1, min(ROWS, samples * (1 - HELD_OUT)))))
    tasks = _tasks(num_frames, rows, start)
    if start is None:
        image_size = IMAGE_SIZES[preset] if facts.shorter_side >= IMAGE_SIZES[preset] else min(IMAGE_SIZES.values())
        side = image_size // PIXELS_OF_A_TOKEN
        config = NuwaConfig.from_preset(preset, visual_grid=(num_frames, side, side))
    else:
        image_size, config = start.image_size, copy(start.config)
        config.visual_grid = (num_frames, *start.config.visual_grid[1:])
    fewest = FEWEST_ROWS if len(tasks) > 1 else 1
    at_once = _rows_in_memory(config, preset, rows, fewest, machine, start)
    tokens_of_a_step = rows * Grid(*config.visual_grid).numel * (1.0 if num_frames == 1 else 0.65 + 0.35 / num_frames)
    affordable = machine.hours * 3600 * tokens_per_second_of(preset, machine.tokens_per_second) / tokens_of_a_step
    useful = MOST_EPOCHS * samples / rows
    steps = _rounded(max(FEWEST_STEPS, min(affordable, useful)))
    return FirstSettings(
        *(config, preset, image_size, num_frames, frame_rate, stride),
        *(facts.num_clips, samples, _unusable_share(facts, num_frames, frame_rate)),
        *(tasks, at_once, rows // at_once, steps),
    )


def memory_bytes(config: NuwaConfig, preset: str, rows: int, device: str, start: Start | None = None) -> int:
    """The memory of training, worked out.

    Args:
        config (`NuwaConfig`): the sizes.
        preset (`str`): whose defaults are taken.
        rows (`int`): rows of a forward pass.
        device (`str`): the type of the device; on CUDA it runs in bf16.
        start (`Start`, *optional*): says what is learnt.

    Returns:
        `int`: bytes.
    """
    how = {} if start is None else {"fine_tune": start.fine_tune}
    optimizer = TABLE[preset][FROM_NOTHING if start is None else start.fine_tune].optimizer
    precision = "bf16" if device == "cuda" else "no"
    return estimate_memory(config, rows=rows, optimizer=optimizer, mixed_precision=precision, **how).total


def _tasks(num_frames: int, rows: int, start: Start | None) -> tuple[str, ...]:
    """Shares of the tasks; without clips that go on from a frame if only adapters are learnt and no task had one."""
    learns_known = start is None or start.fine_tune == "full" or can_read("known parts", start.config.learnt_tasks)
    if num_frames == 1:
        tasks = ("T2I=1",)
    elif rows < FEWEST_ROWS:
        tasks = ("T2V=1",)
    else:
        tasks = ("T2V=0.5", *(["V2V=0.15"] if learns_known else []), "T2I=0.35")
    if start is not None:
        has_clip = start.config.text_encoder_config is not None
        check_what_stays(start.fine_tune, parse_task_shares(tasks), start.config.learnt_tasks, has_clip=has_clip)
    return tasks


def _unusable_share(facts: DataFacts, num_frames: int, frame_rate: float) -> float:
    sampling = {"frame_rate": frame_rate, "num_frames": num_frames}
    too_short = sum(clip.count_samples(ClipWindows(), **sampling) == 0 for clip in facts.clips)
    return (facts.num_broken + too_short) / facts.num_looked_at


def _sampling(
    facts: DataFacts, num_frames: int, wanted_rate: float = WANTED_RATE
) -> tuple[int, float, float | None, int]:
    """Frames of a sample, frames a second, stride, number of samples; nine clips of ten are long enough for one."""
    if facts.is_still:
        return 1, wanted_rate, None, facts.num_rows
    native, seconds = facts.native_rate, facts.seconds(0.1)
    rate = min(wanted_rate, native)
    if (num_frames - 1) / rate >= seconds:  # short clips are sampled more densely
        rate = min(native, math.ceil(2 * 1.05 * (num_frames - 1) / seconds) / 2)
    num_frames = max(2, min(num_frames, math.ceil(rate * seconds)))
    rate = round(rate, 3)
    stride = round(num_frames / rate, 3)
    stride = stride if facts.seconds(0.5) >= 2 * stride else None
    windows = ClipWindows(MOST_WINDOWS if stride else None, stride)
    counts = [clip.count_samples(windows, frame_rate=rate, num_frames=num_frames) for clip in facts.clips]
    samples = Fraction(facts.num_rows * sum(counts), facts.num_looked_at)
    return num_frames, rate, stride, max(1, int(samples))


def _rows_in_memory(
    config: NuwaConfig, preset: str, rows: int, fewest: int, machine: Machine, start: Start | None
) -> int:
    """The most rows of a forward pass that the memory holds: half of the rows of a step, a quarter and so on."""
    usable = USABLE_MEMORY * machine.memory_gb * 1e9
    while rows > fewest and memory_bytes(config, preset, rows, machine.device, start) > usable:
        rows //= 2
    return rows


def _rounded(number: float) -> int:
    """Two digits and zeros."""
    scale = 10 ** max(0, math.floor(math.log10(number)) - 1)
    return int(number // scale * scale)
