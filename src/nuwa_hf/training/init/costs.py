# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""What the chosen settings cost, in hours, memory and bytes on the disk, and what other ones would."""

from dataclasses import dataclass

from nuwa_hf.modeling.configuration_nuwa import NuwaConfig
from nuwa_hf.training.init.first_settings import IMAGE_SIZES, FirstSettings, Start, memory_bytes
from nuwa_hf.training.init.measured_speed import Measured, step_operations
from nuwa_hf.training.nuwa.preset_defaults import FROM_NOTHING, TABLE
from nuwa_hf.training.nuwa.task_shares import deal_rows, parse_task_shares


UNCERTAINTY = (
    "On a machine as busy as now, expect from two thirds to one and a half times that; looks at held-out samples and "
    "checkpoints come on top."
)
TOKEN_BYTES = 2  # of a token in its file


@dataclass(frozen=True)
class Speed:
    """How fast the machine is.

    Args:
        operations_per_second (`float`): of a transformer's training steps.
        source (`str`): where that comes from, in words.
        image (`Measured`, *optional*): training of the codec, an image; None where none is trained.
        reading (`Measured`, *optional*): a sample read from its file; None if none could be read.
        encoding (`Measured`, *optional*): a sample encoded, likewise.
    """

    operations_per_second: float
    source: str
    image: Measured | None = None
    reading: Measured | None = None
    encoding: Measured | None = None


@dataclass(frozen=True)
class Costs:
    """What a plan costs.

    Args:
        chosen (`FirstSettings`): the plan.
        speed (`Speed`): of the machine.
        start (`Start`, *optional*): the checkpoint that is trained further.
        crops (`int`): random parts of each sample.
        codec_images (`int`): images that the codec is trained on, repeats included; 0 where it is not.
        device (`str`): the type of the device that trains, such as `"cpu"` or `"cuda"`.
    """

    chosen: FirstSettings
    speed: Speed
    start: Start | None
    crops: int
    codec_images: int
    device: str

    def train_seconds(self, config: NuwaConfig | None = None) -> float:
        """Seconds of the transformer's training: counted operations over the measured rate.

        Args:
            config (`NuwaConfig`, *optional*): other sizes, for as many steps.

        Returns:
            `float`: seconds.
        """
        shares, passes = parse_task_shares(self.chosen.tasks), self.chosen.gradient_accumulation_steps
        counts = deal_rows(shares, self.chosen.train_batch_size, passes=passes)  # of a pass, or of all together
        times = self.chosen.rows // sum(counts.values())
        operations = times * step_operations(self.chosen.config if config is None else config, counts)
        return self.chosen.max_train_steps * operations / self.speed.operations_per_second

    @property
    def codec_seconds(self) -> float | None:
        """Seconds of the codec's training; None where it is not trained."""
        return None if self.speed.image is None else self.codec_images * self.speed.image.seconds

    @property
    def tokenize_seconds(self) -> float | None:
        """Seconds until the clips are tokens; None where no clip could be read for a measurement."""
        if self.speed.reading is None or self.speed.encoding is None:
            return None
        return self.chosen.num_samples * (self.speed.reading.seconds + self.crops * self.speed.encoding.seconds)

    @property
    def token_bytes(self) -> int:
        """Bytes of the files of tokens, without captions."""
        frames, rows, columns = self.chosen.grid
        return self.chosen.num_samples * self.crops * frames * rows * columns * TOKEN_BYTES

    def memory(self, config: NuwaConfig | None = None, rows: int | None = None) -> int:
        """Bytes of memory that the transformer's training takes, worked out.

        Args:
            config (`NuwaConfig`, *optional*): other sizes.
            rows (`int`, *optional*): another batch.

        Returns:
            `int`: bytes.
        """
        config = self.chosen.config if config is None else config
        rows = self.chosen.train_batch_size if rows is None else rows
        return memory_bytes(config, self.chosen.preset, rows, self.device, self.start)

    def sentence(self) -> str:
        """What the hours rest on, and how far they may be wrong."""
        return f"{self.speed.source} {UNCERTAINTY}"

    def rows(self) -> list[tuple[str, str]]:
        """Every command that takes long, with its hours and what else it takes."""
        found = []
        if self.codec_seconds is not None:
            found.append(("train-vqgan", f"{hours(self.codec_seconds)}, {self.codec_images:,} images"))
        if self.tokenize_seconds is not None:
            parts = f"{self.chosen.num_samples * self.crops:,} samples"
            found.append(
                ("tokenize", f"{hours(self.tokenize_seconds)}, {parts}, {_bytes(self.token_bytes)} of tokens")
            )
        steps = f"{self.chosen.max_train_steps:,} steps of {self.chosen.rows} rows"
        found.append(("train", f"{hours(self.train_seconds())}, {steps}, {_bytes(self.memory())} of memory"))
        return found

    def of_frame_size(self) -> str:
        """What larger frames would cost."""
        time = hours(4 * self.train_seconds())
        return (
            f"twice as large, {2 * self.chosen.image_size}, would be four times the tokens, about {time} for as many "
            "steps, and four times the codec's time"
        )

    def of_frames(self) -> str:
        """What more frames would cost."""
        return f"tokens, hours and memory grow with their number: each more is {hours(self._per_frame())} of training"

    def of_preset(self) -> str | None:
        """What the next larger preset would cost; None if there is none."""
        names = list(IMAGE_SIZES)
        place = names.index(self.chosen.preset) + 1
        if place == len(names):
            return None
        name = names[place]
        config = NuwaConfig.from_preset(name, visual_grid=self.chosen.grid)
        same = TABLE[name][FROM_NOTHING].optimizer
        need = f"{_bytes(memory_bytes(config, name, self.chosen.train_batch_size, self.device))} with {same}"
        return f"{name}, the next larger, would take {hours(self.train_seconds(config))} for as many steps, and {need}"

    def of_batch(self) -> str:
        """What a batch takes, and twice as large a one."""
        twice = self.memory(rows=2 * self.chosen.train_batch_size)
        return f"{_bytes(self.memory())} of memory; twice as many rows {_bytes(twice)}"

    def of_steps(self) -> str:
        """What the steps cost."""
        each = self.train_seconds() / self.chosen.max_train_steps
        return f"about {hours(self.train_seconds())} on this machine; 100 more are {hours(100 * each)}"

    def of_crops(self) -> str:
        """What random parts cost."""
        taken = "" if self.tokenize_seconds is None else f", {hours(self.tokenize_seconds)} of tokenize"
        return f"{_bytes(self.token_bytes)} of tokens{taken}; training takes no longer"

    def _per_frame(self) -> float:
        frames, *sides = self.chosen.grid
        longer = NuwaConfig.from_dict({**self.chosen.config.to_dict(), "visual_grid": (frames + 1, *sides)})
        return self.train_seconds(longer) - self.train_seconds()


def hours(seconds: float) -> str:
    """A duration in words.

    Args:
        seconds (`float`): how long.

    Returns:
        `str`: such as "40 s", "12 min" or "1.4 h".
    """
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _bytes(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e8 else f"{count / 1e6:.1f} MB"
