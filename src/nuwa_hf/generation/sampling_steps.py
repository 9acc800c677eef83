# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""One sampling step as a program over fixed tensors, run by the host or repeated from a recording.

A step reads its row of the plan's tables at a counter on the device, computes logits, draws tokens, writes them and
moves the counter on. Nothing in it is read by the host, so a CUDA graph of one step is right for every step of its
shape: a few graphs hold a whole video, and a step costs the host one launch instead of hundreds.

Legend: B batch, T, H, W visual grid, R kept frames.
"""

import math
from collections.abc import Callable, Iterator

import torch

from nuwa_hf.generation.sampler import StepFunction, TokenDraw
from nuwa_hf.generation.step_plan import StepPlan
from nuwa_hf.generation.step_tables import StepShape, StepTables
from nuwa_hf.grid import Grid


Record = Callable[[Callable[[], None]], Callable[[], None]]


class SamplingSteps:
    """The tensors that steps read and write, and the step itself.

    Args:
        compute (`StepFunction`): computes the logits of a step.
        draw (`TokenDraw`): draws tokens from logits.
        kept (`Grid`): the grid (R, H, W) of kept tokens.
        tables (`StepTables`): the first steps, on their device.
        record (`Callable`, *optional*): `record(step)` takes a step and returns what takes such a step again. The
            first step of a run, which reads the conditions, and the first of each shape run as they are; further ones
            are recorded once and then repeated. None runs all as they are.

    Attributes:
        tokens (`torch.LongTensor` of shape `(B, R, H, W)`): the tokens so far.
        noise (`PlaceNoise`, *optional*): of the kept frames; None if the likeliest tokens are chosen.
    """

    def __init__(
        self, compute: StepFunction, draw: TokenDraw, kept: Grid, tables: StepTables, record: Record | None = None
    ):
        self.compute, self.draw, self.record = compute, draw, record
        self.noise = draw.noise_of(kept)
        self._tables = tables
        self._counter = torch.zeros(1, dtype=torch.long, device=draw.device)
        # One more than there are places: the tokens of padding are written to it.
        with torch.inference_mode(False):  # whose tensors do not count what is written into them
            self._flat = torch.zeros(draw.batch_size, kept.numel + 1, dtype=torch.long, device=draw.device)
            self.tokens = self._flat[:, : kept.numel].view(draw.batch_size, *kept)
        self._sum_of_spans = torch.zeros((), device=draw.device)  # NaN or infinite once a logit was
        self._known = None
        self._recorded: dict[StepShape, Callable[[], None] | None] = {}
        self._has_begun = False

    def restart(self, draw: TokenDraw) -> None:
        """Draw as another call does, whose settings are the same program, and from its generators."""
        self.draw.rules.load(draw.rules)
        if self.noise is not None:
            self.noise.draw_from(draw.generator)

    def begin(self, known_tokens: torch.Tensor | None = None, known_mask: torch.Tensor | None = None) -> None:
        """Begin a run, before its first step.

        Args:
            known_tokens (`torch.LongTensor` of shape `(B, R, H, W)`, *optional*): tokens to keep.
            known_mask (`torch.BoolTensor` of shape `(B, R, H, W)`, *optional*): True where a token is kept.
        """
        self._has_begun = False
        self._counter.zero_()
        self._sum_of_spans.zero_()
        self._flat.zero_()
        if known_mask is not None:
            self.tokens.copy_(known_tokens.where(known_mask, 0))
            if self._known is None:
                self._known = known_mask.flatten(1).clone()
            self._known.copy_(known_mask.flatten(1))

    def read_conditions_again(self) -> None:
        """Take the next step as it is, not from a recording: it reads conditions."""
        self._has_begun = False

    def check_logits(self) -> None:
        """Check the logits of all steps since the run began. The host waits for them.

        Raises:
            FloatingPointError: If one was NaN or infinite: the tokens mean nothing then.
        """
        if not math.isfinite(self._sum_of_spans.item()):
            raise FloatingPointError(
                "The logits must be finite, got NaN or infinity, so that the tokens would mean nothing: a weight may "
                "not be finite, or the numbers too large for the dtype; load the checkpoint anew, or use bfloat16 or "
                "float32."
            )

    def load(self, tables: StepTables) -> None:
        """Go on with further steps, which take the place of those before.

        Args:
            tables (`StepTables`): at most as many steps as the first ones, of the same widths.
        """
        self._tables.load(tables)
        self._counter.zero_()

    def next(self, shape: StepShape, wanted: list[int] | None = None) -> None:
        """Take the next step.

        Args:
            shape (`StepShape`): its shape.
            wanted (`list[int]`, *optional*): rows of the step that draw a token; all of them if None.
        """
        repeat = self._recorded.get(shape) if self._has_begun else None
        if repeat is not None:
            repeat()
        elif self.record is not None and self._has_begun and shape in self._recorded:
            self._recorded[shape] = self.record(lambda: self._take(shape, None))
        else:
            self._take(shape, wanted)
            self._recorded.setdefault(shape, None)
        self._has_begun = True

    def _take(self, shape: StepShape, wanted: list[int] | None) -> None:
        """The step: nothing but operators on the tensors of this object, of the model and of its cache."""
        step = self._tables.at(self._counter, shape)
        logits = self.compute(self.tokens, step, wanted)
        if wanted != []:  # without any, later steps still see the keys and values of given places
            places, targets = step.places, step.targets
            if wanted is not None:
                places, targets = places[wanted], targets[wanted]
            lowest, highest = torch.aminmax(logits)
            self._sum_of_spans.add_(highest - lowest)
            drawn = self.draw(logits, self.noise, places)
            if self._known is not None:
                drawn = torch.where(self._known[:, places], self._flat[:, places], drawn)
            self._flat.index_copy_(1, targets, drawn)
        self._counter.add_(1)


@torch.no_grad()
def sample_grid(
    steps: SamplingSteps,
    plan: StepPlan,
    known_tokens: torch.Tensor | None = None,
    known_mask: torch.Tensor | None = None,
) -> Iterator[tuple[tuple[int, ...], torch.Tensor]]:
    """Sample the tokens of a grid, step by step.

    Args:
        steps (`SamplingSteps`): the steps of the plan.
        plan (`StepPlan`): the plan of the grid.
        known_tokens (`torch.LongTensor` of shape `(B, T, H, W)`, *optional*): tokens to keep.
        known_mask (`torch.BoolTensor` of shape `(B, T, H, W)`, *optional*): True where a token is kept.

    Yields:
        `tuple[tuple[int, ...], torch.LongTensor]`: after each step, the frames that it completes and the tokens so far
        `(B, T, H, W)`. The caller may change the tokens between steps; later steps read them.

    Raises:
        FloatingPointError: Once a frame is complete, if logits were not finite.
    """
    if steps.noise is not None:
        for frame in range(steps.tokens.shape[1]):
            steps.noise.begin_frame(frame)
    steps.begin(known_tokens, known_mask)
    wanted = [None] * len(plan.shapes)
    if known_mask is not None and not plan.is_padded:
        wanted = _rows_to_draw(plan, known_mask)
    for shape, rows, completed in zip(plan.shapes, wanted, plan.completed, strict=True):
        steps.next(shape, rows)
        if completed:
            steps.check_logits()
        yield completed, steps.tokens


def _rows_to_draw(plan: StepPlan, known_mask: torch.Tensor) -> list[list[int] | None]:
    """Rows of each step where some item has a token to draw, None for all: the head is the widest matrix."""
    is_free = (~known_mask.flatten(1).all(0)).tolist()
    wanted = []
    for shape, places in zip(plan.shapes, plan.tables.places.tolist(), strict=True):
        rows = [row for row, place in enumerate(places[: shape.num_places]) if is_free[place]]
        wanted.append(None if len(rows) == shape.num_places else rows)
    return wanted
