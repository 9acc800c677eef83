# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The files of a folder of generated samples: what they were made with, the samples, how long each took.

Letters: T frames, Y, X pixel rows and columns.
"""

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import PIL.Image
from torch import Tensor

from nuwa_hf.bulk.digests import settings_digest
from nuwa_hf.media import write_apng, write_mp4, write_png, written_aside
from nuwa_hf.media.whole_files import remove_left_aside
from nuwa_hf.media.write_clips import check_mp4_encoder


SETTINGS_NAME = "settings.json"
METADATA_NAME = "metadata.jsonl"
SECONDS_NAME = ".seconds-{}.jsonl"  # one for each process


class Inputs(Protocol):
    """What samples are made from, one after the other."""

    def __len__(self) -> int:
        """How many."""

    def digest_of(self, count: int) -> str:
        """A digest of the first so many, the same however many more there are."""


@dataclass(frozen=True)
class RunFolder:
    """A folder that only samples of the same settings are added to. It may get more of them.

    Args:
        folder (`Path`): the folder.
        inputs (`Inputs`): what the samples are made from.
        settings (`dict[str, Any]`): what else they depend on, as JSON has it.
        suffix (`str`, defaults to `".png"`): of the files: `".png"`, without loss, animated for a clip; or `".mp4"`.
    """

    folder: Path
    inputs: Inputs
    settings: dict[str, Any]
    suffix: str = ".png"

    def __len__(self) -> int:
        return len(self.inputs)

    @property
    def digest(self) -> str:
        """Of all that the samples depend on."""
        return settings_digest(self._expected(len(self)))

    def begin(self) -> None:
        """Make the folder, or check that the one that is there has the same settings.

        Raises:
            OSError: If it cannot be made.
            ValueError: If it holds samples of other settings, or something else; or if no MP4 can be written here.
        """
        if self.suffix == ".mp4":
            check_mp4_encoder()
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise type(error)(
                f"`folder` must be a folder, or one that can be made, got {str(self.folder)!r}: {error.strerror}; "
                "choose another."
            ) from error
        remove_left_aside(self.folder)
        file = self.folder / SETTINGS_NAME
        others = [name for name in os.listdir(self.folder) if not name.startswith(".")]
        if file.is_file():
            found = self._read_settings(file)
            if found == self._expected(len(self)):
                return
            self._check_fewer(found)
        elif others:
            raise ValueError(
                f"`folder` must be new, empty, or hold samples of these settings, got {str(self.folder)!r} with "
                f"{min(others)} and no {SETTINGS_NAME}; choose another folder."
            )
        with written_aside(file) as aside:
            aside.write_text(json.dumps(self._expected(len(self)), indent=2) + "\n", encoding="utf-8")

    def path(self, place: int) -> Path:
        """The file of a sample.

        Args:
            place (`int`): which.

        Returns:
            `Path`.
        """
        return self.folder / f"{place:06d}{self.suffix}"

    def missing(self) -> set[int]:
        """The places of the samples that are not there yet."""
        names = set(os.listdir(self.folder))
        return {place for place in range(len(self)) if self.path(place).name not in names}

    def write(self, place: int, clip: Tensor, frame_rate: float) -> None:
        """Write a sample, whole or not at all.

        Args:
            place (`int`): which.
            clip (`torch.ByteTensor` of shape `(T, 3, Y, X)`): its pixels.
            frame_rate (`float`): frames a second.
        """
        frames = [PIL.Image.fromarray(np.ascontiguousarray(frame)) for frame in clip.permute(0, 2, 3, 1).numpy()]
        if self.suffix == ".mp4":
            write_mp4(frames, self.path(place), fps=frame_rate)
        elif len(frames) == 1:
            write_png(frames[0], self.path(place))
        else:
            write_apng(frames, self.path(place), fps=frame_rate)

    def add_seconds(self, process: int, num_samples: int, seconds: float) -> None:
        """Keep how long samples took to make.

        Args:
            process (`int`): number of the process.
            num_samples (`int`): how many were made together.
            seconds (`float`): how long it took.
        """
        with open(self.folder / SECONDS_NAME.format(process), "a", encoding="utf-8") as file:
            # Each begins a new line, so that half a line that a full disk left spoils no other.
            file.write("\n" + json.dumps({"samples": num_samples, "seconds": seconds}))

    def seconds_per_sample(self) -> float | None:
        """The mean time that a process took for a sample; None if nothing is known."""
        texts = [file.read_text(encoding="utf-8") for file in self.folder.glob(SECONDS_NAME.format("*"))]
        lines = [json.loads(line) for text in texts for line in text.splitlines() if line.endswith("}")]
        count = sum(line["samples"] for line in lines)
        return sum(line["seconds"] for line in lines) / count if count else None

    def finish(self, rows: Iterable[dict[str, Any]]) -> None:
        """Make the folder a data set of its own, and remove what killed processes left.

        Args:
            rows (`Iterable[dict[str, Any]]`): what `metadata.jsonl` says of each sample beside its file's name.
        """
        lines = [{"file_name": self.path(place).name, **row} for place, row in enumerate(rows)]
        with written_aside(self.folder / METADATA_NAME) as aside:
            aside.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines), encoding="utf-8")
        remove_left_aside(self.folder)

    def _expected(self, count: int) -> dict[str, Any]:
        return {**self.settings, "num_samples": count, "inputs": self.inputs.digest_of(count)}

    def _read_settings(self, file: Path) -> dict[str, Any]:
        try:
            found = json.loads(file.read_text(encoding="utf-8"))
        except (json.JSONDecodeError, UnicodeDecodeError):
            found = None
        if not isinstance(found, dict) or not isinstance(found.get("num_samples"), int):
            raise ValueError(f"`folder` must hold settings of generated samples, got {str(file)!r}; remove it.")
        return found

    def _check_fewer(self, found: dict[str, Any]) -> None:
        """Require that the samples that are there are the first of those that are wanted."""
        expected = self._expected(min(found["num_samples"], len(self)))
        other = sorted(name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name))
        if not other:
            return
        if other == ["inputs", "num_samples"]:
            what = f"{found['num_samples']} samples where {len(self)} are asked for"
        else:
            pairs = [(name, _short(found.get(name)), _short(expected.get(name))) for name in other]
            what = "; ".join(
                "samples of other texts, seeds, settings or files than are asked for"
                if name == "inputs"
                else f"{name} {there} where {wanted} is asked for"
                for name, there, wanted in pairs
            )
        raise ValueError(
            f"`folder` must be new, empty, or hold samples of these settings, got {str(self.folder)!r} with {what}; "
            "choose another folder."
        )


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else f"{text[:12]}...{text[-4:]}"
