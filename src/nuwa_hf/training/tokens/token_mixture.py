# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Several folders of token files used as one. Each has a weight and provides samples for some or all tasks."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from nuwa_hf.grid import Grid
from nuwa_hf.tasks import get_task
from nuwa_hf.training.run.sample_order import merged, shuffled, turn
from nuwa_hf.training.tokens.token_files import TokenFiles


# A folder name may contain "=": what follows the last one is a weight only if it is not a path.
_ENTRY = re.compile(r"(?P<folder>.+)=(?P<weight>[^=/\\:]*)(?::(?P<tasks>[^=/\\:]*))?")
_REMEDY = "leave the task out, or tokenise such a data set too"
_SEED_STEP = 7919  # so that two sources of equal length have different orders


@dataclass(frozen=True)
class TokenSource:
    """One folder of token files in a mix.

    Args:
        folder (`str`): what `nuwa-hf tokenize` wrote.
        weight (`float`): how often it is read, relative to the others; above 0.
        tasks (`tuple[str, ...]`, *optional*): the tasks it is used for; None for all that it can be used for.
    """

    folder: str
    weight: float = 1.0
    tasks: tuple[str, ...] | None = None


def parse_token_sources(texts: Sequence[str], tasks: Collection[str]) -> list[TokenSource]:
    """Sources from texts such as `"folder"`, `"folder=2"` and `"folder=2:T2I,I2I"`.

    Args:
        texts (`Sequence[str]`): one text a source.
        tasks (`Collection[str]`): short names of the tasks that are trained.

    Returns:
        `list[TokenSource]`.

    Raises:
        ValueError: If there is none, one is a URL, a weight is no number above 0, or a task is not among those that
            are trained.
    """
    if not texts:
        raise ValueError("`tokens` must name at least one folder, got none; run `nuwa-hf tokenize` first.")
    sources = []
    for text in texts:
        found = _ENTRY.fullmatch(text)
        if found is None:
            sources.append(TokenSource(text))
            continue
        try:
            weight = float(found["weight"])
        except ValueError:
            weight = 0.0
        names = None if found["tasks"] is None else tuple(found["tasks"].split(","))
        if not 0 < weight < float("inf"):
            raise ValueError(
                f"`tokens` must be entries like 'folder', 'folder=2' or 'folder=2:T2I,I2I' with a weight above 0, got "
                f"{text!r}."
            )
        if names is not None and (not set(names) <= set(tasks) or len(set(names)) < len(names)):
            raise ValueError(
                f"`tokens` must name tasks among those that are trained, {list(tasks)}, each once, got {text!r}; "
                "change it or `tasks`."
            )
        sources.append(TokenSource(found["folder"], weight, names))
    for source in sources:
        if "://" in source.folder:
            raise ValueError(
                f"`tokens` must be folders of this machine, got {source.folder!r}; copy what lies there into one."
            )
    return sources


class TokenMixture:
    """The clips of several sources.

    Args:
        parts (`Sequence[tuple[TokenSource, TokenFiles]]`): each source with its tokens.

    Attributes:
        parts (`tuple[tuple[TokenSource, TokenFiles], ...]`): the same.
        video_grid (`Grid`): the grid of the clips, or of the images if no source has clips.

    Raises:
        ValueError: If there are none, one is empty, or their grids or texts do not fit together.
    """

    def __init__(self, parts: Sequence[tuple[TokenSource, TokenFiles]]):
        self.parts = tuple(parts)
        if not self.parts:
            raise ValueError("`tokens` must name at least one folder, got none; run `nuwa-hf tokenize` first.")
        for source, tokens in self.parts:
            if len(tokens) == 0:
                raise ValueError(f"`tokens` must hold at least one clip, got none in {source.folder!r}; leave it out.")
        grids = {source.folder: Grid(*tokens.video_tokens.shape[1:]) for source, tokens in self.parts}
        frames = {grid.t for grid in grids.values() if grid.t > 1}
        if len({(grid.h, grid.w) for grid in grids.values()}) > 1 or len(frames) > 1:
            described = ", ".join(f"{tuple(grid)} in {folder!r}" for folder, grid in grids.items())
            raise ValueError(
                f"`tokens` must have one token grid, but that images have one frame, got {described}; tokenise them "
                "with one codec and one `num_frames`."
            )
        if len({tokens.caption_ids.shape[1] for _, tokens in self.parts}) > 1:
            raise ValueError("`tokens` must have texts of one length, got several; use one tokenizer for all.")
        grid = next(iter(grids.values()))
        self.video_grid = Grid(max(frames, default=1), grid.h, grid.w)

    def __len__(self) -> int:
        return sum(len(tokens) for _, tokens in self.parts)

    def grid_of(self, task: str) -> Grid:
        """The token grid of a task's images or videos.

        Args:
            task (`str`): its short name.

        Returns:
            `Grid`.
        """
        _, height, width = self.video_grid
        return self.video_grid if get_task(task).output == "video" else Grid(1, height, width)

    def feeding(self, task: str) -> list[int]:
        """Indices of the parts used for a task.

        Args:
            task (`str`): its short name.

        Returns:
            `list[int]`.

        Raises:
            ValueError: If there are none, or one that was named for the task cannot be used for it.
        """
        feeding = []
        for place, (source, tokens) in enumerate(self.parts):
            lack = _lack(task, tokens)
            if source.tasks is not None and task in source.tasks and lack is not None:
                raise ValueError(f"`tokens` must hold {lack} for {task}, got none in {source.folder!r}; {_REMEDY}.")
            if lack is None and (source.tasks is None or task in source.tasks):
                feeding.append(place)
        if not feeding:
            lacks = [lack for _, tokens in self.parts if (lack := _lack(task, tokens)) is not None]
            needed = lacks[0] if len(lacks) == len(self.parts) else "a folder that feeds it"
            raise ValueError(f"`tokens` must hold {needed} for {task}, got none; {_REMEDY}.")
        return feeding

    def rows(
        self, task: str, indices: Sequence[int], seed: int, counts: Mapping[str, int]
    ) -> list[tuple[TokenFiles, int]]:
        """What a task reads for given sample indices: a pure function of task, index, seed and counts.

        Tasks that the same parts feed read them together, as one reader. All readers of a part go through one order of
        its clips.

        Args:
            task (`str`): its short name.
            indices (`Sequence[int]`): of the samples, all of them the task's.
            seed (`int`): of the order.
            counts (`Mapping[str, int]`): every task and its rows, in the order in which they are dealt.

        Returns:
            `list[tuple[TokenFiles, int]]`: the tokens and the row in them, for each index.

        Raises:
            ValueError: If no part can be used for one of the tasks.
        """
        readers: dict[tuple[int, ...], list[str]] = {}
        for name in counts:
            readers.setdefault(tuple(self.feeding(name)), []).append(name)
        feeding, together = next((parts, names) for parts, names in readers.items() if task in names)
        rows_together, dealt = sum(counts[name] for name in together), sum(counts.values())
        # From the place among all rows to that among the reader's.
        shift = _rows_before(task, together, counts) - _rows_before(task, list(counts), counts)
        weights = [self._weight(part) for part in feeding]
        rates = {part: self._rates(part, readers, counts) for part in feeding}
        rows = []
        for index in indices:
            which, own_index = turn(index // dealt * rows_together + index % dealt + shift, weights, seed)
            part = feeding[which]
            tokens = self.parts[part][1]
            reading = merged(own_index, list(rates[part]).index(feeding), list(rates[part].values()))
            rows.append((tokens, shuffled(reading, len(tokens), seed + _SEED_STEP * part)))
        return rows

    def _weight(self, part: int) -> Fraction:
        return Fraction(self.parts[part][0].weight)

    def _rates(
        self, part: int, readers: Mapping[tuple[int, ...], Sequence[str]], counts: Mapping[str, int]
    ) -> dict[tuple[int, ...], Fraction]:
        """How often each reader reads a part, among all rows that are dealt together."""
        return {
            feeding: sum(counts[name] for name in names) * self._weight(part) / sum(map(self._weight, feeding))
            for feeding, names in readers.items()
            if part in feeding
        }


def _rows_before(task: str, tasks: Sequence[str], counts: Mapping[str, int]) -> int:
    return sum(counts[name] for name in tasks[: tasks.index(task)])


def starts_from_sketch(abbreviation: str) -> bool:
    """Whether the task with this short name starts from a sketch."""
    return "sketch" in get_task(abbreviation).condition


def _lack(task: str, tokens: TokenFiles) -> str | None:
    """What token files lack for a task, or None."""
    if starts_from_sketch(task) and tokens.sketch_tokens is None:
        return "sketches"
    if get_task(task).output == "video" and tokens.video_tokens.shape[1] < 2:
        return "clips of at least 2 frames"
    return None
