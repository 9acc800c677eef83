# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""What an evaluation is asked for: runs, each of one task on one real set, and published rows to stand beside them."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

from nuwa_hf.tasks import find_task, get_task


CAPTIONS = ("own", "another-thing", "another-motion")
BASELINES = ("last frame repeated",)
SCORERS = ("likelihood", "clip")
SAMPLING_OPTIONS = {"guidance_scale": float, "temperature": float, "top_k": int, "top_p": float, "min_p": float}
# What a row of generated samples may set.
ROW_OPTIONS = {"condition_on_known": bool, "text": bool, "candidates": int, "scorer": str, **SAMPLING_OPTIONS}


@dataclass(frozen=True, kw_only=True)
class PublishedRow:
    """Figures of a paper.

    Args:
        name (`str`): of the model.
        source (`str`): where they are printed.
        scores (`Mapping[str, float]`): figure by metric.
        spread (`Mapping[str, float]`): what stands behind the ± of a figure, where the source has one.
        note (`str`, *optional*): what was different, such as another number of given frames.
    """

    name: str
    source: str
    scores: Mapping[str, float]
    spread: Mapping[str, float] = field(default_factory=dict)
    note: str | None = None


@dataclass(frozen=True, kw_only=True)
class Run:
    """One task on one real set: what is measured, and which rows of generated samples there are.

    Args:
        name (`str`): title of its table; no other run of a protocol has it.
        num_samples (`int`): samples of each row, at least 2.
        metrics (`tuple[str, ...]`): names of metrics, in the order of the columns.
        task (`str`, *optional*): name or short name of a task, kept as the short name; None where two sets are
            compared.
        split (`str`, *optional*): of the data set; that of the whole evaluation if left out.
        height (`int`, *optional*): pixel rows at which samples are measured; the checkpoint's if left out.
        width (`int`, *optional*): pixel columns, likewise.
        num_frames (`int`, *optional*): of a video; the checkpoint's if left out.
        frame_rate (`float`, *optional*): frames a second of the real videos; the checkpoint's if left out.
        given_frames (`int`, *optional*): frames that video prediction and manipulation start from, one if left out.
        mask (`str`, *optional*): what is hidden of an image, its upper half if left out.
        captions (`str`, defaults to `"own"`): which texts are asked for; the others are only there for EmojiMotion.
        baselines (`tuple[str, ...]`): rows made of the real samples alone.
        rows (`Mapping[str, Mapping[str, Any]]`): name to options of each row of generated samples, of `ROW_OPTIONS`.
        published (`tuple[PublishedRow, ...]`): rows of papers.

    Raises:
        ValueError: If a value breaks its rule.
        TypeError: If an option of a row has the wrong type.
    """

    name: str
    num_samples: int
    metrics: tuple[str, ...]
    task: str | None = None
    split: str | None = None
    height: int | None = None
    width: int | None = None
    num_frames: int | None = None
    frame_rate: float | None = None
    given_frames: int | None = None
    mask: str | None = None
    captions: str = "own"
    baselines: tuple[str, ...] = ()
    rows: Mapping[str, Mapping[str, Any]] = field(default_factory=lambda: {"generated": {}})
    published: tuple[PublishedRow, ...] = ()

    def __post_init__(self):
        for name in ("metrics", "baselines", "published"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        if self.task is not None:
            object.__setattr__(self, "task", find_task(self.task).abbreviation)
        _check_whole("num_samples", self.num_samples, least=2)
        for name in ("height", "width", "num_frames", "given_frames"):
            if getattr(self, name) is not None:
                _check_whole(name, getattr(self, name), least=1)
        if self.frame_rate is not None and not self.frame_rate > 0:
            raise ValueError(f"`frame_rate` must be greater than 0, got {self.frame_rate!r}; leave it out.")
        if not self.metrics:
            raise ValueError("`metrics` must name at least one metric, got none; see `nuwa-hf evaluate --help`.")
        _check_choice("captions", self.captions, CAPTIONS)
        for baseline in self.baselines:
            _check_choice("baselines", baseline, BASELINES)
        for options in self.rows.values():
            _check_row(options)

    @property
    def output(self) -> str:
        """`"image"` or `"video"`."""
        return get_task(self.task).output

    def at_most(self, num_samples: int | None) -> "Run":
        """The same run with fewer samples.

        Args:
            num_samples (`int`, *optional*): how many at most; None for as many as it has.

        Returns:
            `Run`.
        """
        return self if num_samples is None else replace(self, num_samples=min(num_samples, self.num_samples))

    def with_row_options(self, **options: Any) -> "Run":
        """The same run with options for every row of generated samples.

        Args:
            options: of `ROW_OPTIONS`; None where there is nothing to set.

        Returns:
            `Run`.
        """
        given = {name: value for name, value in options.items() if value is not None}
        return replace(self, rows={name: {**row, **given} for name, row in self.rows.items()})


def read_run(entry: Any, place: str) -> Run:
    """A run as a file says it.

    Args:
        entry (`Any`): what YAML made of it.
        place (`str`): where it stands, for errors.

    Returns:
        `Run`.

    Raises:
        ValueError: If a key is unknown or missing, or a value breaks its rule.
    """
    try:
        values = _checked_keys(Run, entry)
        if "task" not in values:
            raise ValueError("`task` must be given, got none; add it.")
        values["published"] = [PublishedRow(**_checked_keys(PublishedRow, row)) for row in values.get("published", ())]
        return Run(**values)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{place}: {error}") from error


def _checked_keys(cls: type, entry: Any) -> dict[str, Any]:
    if not isinstance(entry, Mapping):
        raise ValueError(f"it must hold `name: value` lines, got {type(entry).__name__}.")
    known = [one.name for one in fields(cls)]
    for key in entry:
        _check_choice("key", key, known)
    return dict(entry)


def _check_row(options: Mapping[str, Any]) -> None:
    for name, value in options.items():
        _check_choice("rows", name, tuple(ROW_OPTIONS))
        kind = ROW_OPTIONS[name]
        fits = isinstance(value, kind | int if kind is float else kind) and (
            kind is bool or not isinstance(value, bool)
        )
        if not fits:
            raise TypeError(f"`{name}` must be of type {kind.__name__}, got {value!r}.")
    _check_choice("scorer", options.get("scorer", SCORERS[0]), SCORERS)
    _check_whole("candidates", options.get("candidates", 1), least=1)


def _check_choice(name: str, value: Any, known: Any) -> None:
    if value not in known:
        raise ValueError(f"`{name}` must be one of {', '.join(known)}, got {value!r}; choose one of these.")


def _check_whole(name: str, value: Any, *, least: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise ValueError(f"`{name}` must be a whole number, at least {least}, got {value!r}.")
