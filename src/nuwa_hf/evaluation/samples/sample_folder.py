# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Pictures or clips in a folder as a set of samples: those that `generate` made, or those of any other program.

Letters: B samples, T frames, Y, X pixel rows and columns.
"""

import logging
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from nuwa_hf.bulk.digests import settings_digest
from nuwa_hf.bulk.run_folder import RunFolder
from nuwa_hf.datasets.captioned_media import CaptionedMedia
from nuwa_hf.datasets.find_columns import usable_caption_source
from nuwa_hf.datasets.left_out import LeftOut, left_out_summary
from nuwa_hf.datasets.open_dataset import open_dataset
from nuwa_hf.datasets.repeated_media import first_places, media_key
from nuwa_hf.evaluation.samples.frame_size import FrameSize
from nuwa_hf.evaluation.samples.open_source import label_reader
from nuwa_hf.evaluation.samples.row_samples import usable
from nuwa_hf.evaluation.samples.sample_set import SampleBatch
from nuwa_hf.evaluation.samples.task_inputs import TaskInputs
from nuwa_hf.media.errors import naming
from nuwa_hf.media.sources import describe, open_media, stored_name
from nuwa_hf.training.run.run_arguments import require


logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class SampleFolder:
    """A set of samples whose pixels lie in files and are read as they are asked for.

    Args:
        name (`str`): what it is called in a report.
        sources (`tuple`): the file of each sample.
        size (`FrameSize`): how they are read.
        shape (`tuple[int, int, int]`): T, Y and X of every sample.
        digest (`str`): of the files, and of all that generated ones depend on.
        captions (`tuple[str, ...]`, *optional*): of each.
        labels (`tuple[str, ...]`, *optional*): of each.
        inputs (`TaskInputs`, *optional*): what generated samples were made from; the real ones stand beside them.
        seconds_per_sample (`float`, *optional*): how long a process took for a generated one, on average.
        left_out (`tuple[LeftOut, ...]`): files that cannot be used, each with the reason.
    """

    name: str
    sources: tuple[Any, ...]
    size: FrameSize
    shape: tuple[int, int, int]
    digest: str
    captions: tuple[str, ...] | None = None
    labels: tuple[str, ...] | None = None
    inputs: TaskInputs | None = None
    seconds_per_sample: float | None = None
    left_out: tuple[LeftOut, ...] = ()

    @classmethod
    def open(
        cls,
        folder: str | os.PathLike,
        *,
        height: int | None = None,
        width: int | None = None,
        num_frames: int | None = None,
        frame_rate: float | None = None,
        num_samples: int | None = None,
        name: str = "generated",
    ) -> "SampleFolder":
        """A folder of pictures or clips that any program made, in the order of their names, else of their rows.

        Captions and classes are read where it has them, as `open_dataset` and `find_columns` do.

        Args:
            folder (`str` or `os.PathLike`): the folder; every file is read once, so that the broken ones are known.
            height (`int`, *optional*): rows of the frames; by default those of the files, which must have one size.
            width (`int`, *optional*): columns of the frames, likewise.
            num_frames (`int`, *optional*): the first frames of each clip; by default all, of which each must have as
                many.
            frame_rate (`float`, *optional*): frames a second, with `num_frames`; by default each frame of a file.
            num_samples (`int`, *optional*): the first of so many; by default all.
            name (`str`, defaults to `"generated"`): what it is called in a report.

        Returns:
            `SampleFolder`: broken files are left out, with a warning that counts and names them.

        Raises:
            ValueError: If there is no such folder, the files differ in size or number of frames, or there are too few.
        """
        size = FrameSize(height, width, num_frames, frame_rate)
        dataset = open_dataset(folder, split="all")
        source = usable_caption_source(dataset.features)
        media = CaptionedMedia(dataset, height=1, width=1, num_frames=1, caption_source=source)
        columns, label_of = media.reader.columns, label_reader(dataset, media.reader.columns.caption, None)
        rows = sorted(media.rows(0), key=lambda row: (stored_path(row[1][columns.media]) or "", row[0]))
        left_out, sources, captions, labels, shape = [], [], [], [], None
        found = usable(rows, lambda _, row: size.read(row[columns.media]), media.reader.name, left_out, num_samples)
        for number, row, clip in found:
            shape = clip.shape[:3] if shape is None else shape
            _check_shape(clip.shape[:3], shape, media.reader.name(number, row))
            sources.append(row[columns.media])
            captions.append(columns.caption_of(row))
            labels.append(label_of(row))
        if left_out:
            logger.warning("Left out of %s (%d): %s.", folder, len(left_out), left_out_summary(left_out))
        least = num_samples or 1
        require(len(sources) >= least, "folder", f"one with {least} usable files", len(sources), "ask for fewer")
        digest = settings_digest(media.digest, vars(size), len(sources), labels)
        return cls(name, tuple(sources), size, shape, digest, _all(captions), _all(labels), left_out=tuple(left_out))

    @classmethod
    def of_run(cls, run: RunFolder) -> "SampleFolder":
        """The samples that `generate` made, all of them.

        Args:
            run (`RunFolder`): their folder.

        Returns:
            `SampleFolder`.
        """
        real, inputs = run.inputs.real, run.inputs
        paths = [run.path(place) for place in range(len(run))]
        # What is made anew by other software, from the same settings, is another sample.
        stats = [path.stat() for path in paths]
        return cls(
            "generated",
            tuple(map(str, paths)),
            FrameSize(),
            (real.num_frames, real.height, real.width),
            settings_digest(run.digest, [(stat.st_size, stat.st_mtime_ns) for stat in stats]),
            captions=inputs.prompts or _all(real.captions),
            labels=_all(real.labels),
            inputs=inputs,
            seconds_per_sample=run.seconds_per_sample(),
        )

    def __len__(self) -> int:
        return len(self.sources)

    @property
    def num_frames(self) -> int:
        """T."""
        return self.shape[0]

    @property
    def height(self) -> int:
        """Y."""
        return self.shape[1]

    @property
    def width(self) -> int:
        """X."""
        return self.shape[2]

    @property
    def clips(self) -> tuple[int, ...]:
        """For each sample the place of the first one with the same file."""
        return first_places(map(media_key, self.sources))

    @property
    def frame_rate(self) -> float | None:
        """Frames a second: as asked for, else those of the first file; None for a picture.

        Raises:
            ValueError: If the file has been damaged or removed since.
        """
        if self.size.frame_rate is not None:
            return self.size.frame_rate
        source = self.sources[0]
        with naming("folder", describe(source)), open_media(source) as media:
            seconds = media.seconds()
            return media.count_frames() / float(seconds) if seconds else None

    @property
    def has(self) -> frozenset[str]:
        """The optional fields of its batches."""
        own = {name for name in ("captions", "labels") if getattr(self, name) is not None}
        if self.inputs is None:
            return frozenset(own)
        known = {"hidden"} if self.inputs.task.known != "nothing" else set()
        return frozenset(own | known | {"references"} | (self.inputs.real.has & {"sketches", "rows"}))

    def batches(self, batch_size: int) -> Iterator[SampleBatch]:
        """All samples in order, in batches; only one batch is in memory.

        Args:
            batch_size (`int`): samples in a batch; the last one may hold fewer.

        Yields:
            `SampleBatch`.

        Raises:
            ValueError: If a file has been damaged or removed since.
        """
        for start in range(0, len(self), batch_size):
            places = range(start, min(start + batch_size, len(self)))
            fields: dict[str, Any] = {
                name: [getattr(self, name)[place] for place in places] for name in self.has & {"captions", "labels"}
            }
            if self.inputs is not None:
                real = self.inputs.real.read(places)
                fields |= {"references": real.clips, "sketches": real.sketches, "rows": real.rows}
                fields["hidden"] = self.inputs.hidden(places, real)
            yield SampleBatch(torch.stack([self._read(self.sources[place]) for place in places]), **fields)

    def _read(self, source: Any) -> torch.Tensor:
        with naming("folder", describe(source)):
            clip = self.size.read(source)
        _check_shape(clip.shape[:3], self.shape, describe(source))
        return torch.from_numpy(clip).permute(0, 3, 1, 2)


def stored_path(source: Any) -> str | None:
    """The whole path of a file, to sort by; None if it has none."""
    return source if isinstance(source, str) else stored_name(source)


def _check_shape(found: tuple[int, ...], shape: tuple[int, ...], name: str) -> None:
    if found == shape:
        return
    (frames, *size), (first_frames, *first_size) = found, shape
    if size != first_size:
        what, remedy = f"{size[0]}x{size[1]} in {name} after {first_size[0]}x{first_size[1]}", "`height` and `width`"
    else:
        what, remedy = f"{frames} frames in {name} after {first_frames}", "`num_frames`"
    raise ValueError(f"`folder` must hold files of one size and one number of frames, got {what}; give {remedy}.")


def _all(values: Sequence[str | None]) -> tuple[str, ...] | None:
    return None if None in values else tuple(values)
