# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
from itertools import islice

import pytest
import torch

from nuwa_hf.generation import step_plan
from nuwa_hf.generation.endless_plan import EndlessPlan
from nuwa_hf.generation.schedule import SCHEDULES, plan_steps
from nuwa_hf.generation.step_plan import count_slots, padded_width, plan_grid
from nuwa_hf.grid import Grid
from nuwa_hf.nearby_attention.neighborhood import neighborhood


WINDOWS = [(3, 3, 3), (5, 3, 7), (1, 3, 3), (3, 1, 3), (3, 3, 1), (1, 1, 1)]
CASES = [(Grid(*sizes), window) for sizes in ((4, 7, 5), (5, 4, 1)) for window in WINDOWS]
CASES += [(Grid(*sizes), window) for sizes in ((1, 1, 1), (1, 5, 3), (2, 2, 2), (3, 1, 4)) for window in WINDOWS[:2]]


def steps_of(plan):
    """The steps of a plan, and the frames that each completes."""
    for number, (shape, completed) in enumerate(zip(plan.shapes, plan.completed, strict=True)):
        yield plan.tables.at(torch.tensor([number]), shape), completed


def endless_steps(plan):
    """The steps of an endless plan, the frame that begins with each (or None) and the frames that it completes."""
    for frame, steps in enumerate(plan):
        for number, (step, completed) in enumerate(steps_of(steps)):
            yield step, frame if number == 0 else None, completed


def rows_of(step):
    """Yield each place of a step with its own slot, the places that it sees before itself, and their slots."""
    for row, place in enumerate(step.places.tolist()):
        near = step.near[row][step.inside[row]].tolist()
        slots = step.near_slots[row, :-1][step.inside[row]].tolist()
        own = int(step.near_slots[row, -1])
        assert (own, row) in set(written_by(step))
        assert set(step.near_slots[row, :-1][~step.inside[row]].tolist()) <= {own}
        yield place, int(step.near_slots[row, -1]), near, slots


def written_by(step):
    """Pairs of a slot that a step writes and the row whose keys are written to it."""
    rows = range(len(step.places)) if step.rows is None else step.rows.tolist()
    return zip(step.slots.tolist(), rows, strict=True)


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize(("grid", "window"), CASES)
def test_every_step_finds_the_keys_of_its_neighbours_and_no_others(grid, window, schedule):
    plan = plan_grid(grid, window, schedule, False)
    steps = [step for step, _ in steps_of(plan)]
    assert [step.places.tolist() for step in steps] == [p.tolist() for p in plan_steps(grid, window, schedule)]
    ring = {}  # slot -> the place whose keys it holds
    for step in steps:
        assert torch.equal(step.targets, step.places)
        assert len(set(step.slots.tolist())) == len(step.slots)
        ring |= {slot: int(step.places[row]) for slot, row in written_by(step)}
        for place, _, near, slots in rows_of(step):
            assert near == neighborhood(place, grid, grid, window, True)[:-1]
            assert [ring[slot] for slot in slots] == near
        assert [grid.place(*coordinates) for coordinates in step.coordinates.T.tolist()] == step.places.tolist()
    assert max(ring) < plan.num_slots


@pytest.mark.parametrize("window", [(3, 3, 3), (1, 3, 3), (3, 1, 3), (3, 3, 1), (5, 3, 5)])
@pytest.mark.parametrize("schedule", SCHEDULES)
def test_endless_steps_are_those_of_a_long_video_whose_frames_overwrite_old_ones(window, schedule):
    learnt, num_frames = Grid(3, 4, 3), 30
    plan = EndlessPlan(learnt, window, schedule, False)
    long = Grid(num_frames, learnt.h, learnt.w)
    frame_size = learnt.h * learnt.w
    ring, stands, done = {}, {}, []  # slot -> place of the long video; place kept -> place of the long video
    written = set()
    for step, begun, all_completed in endless_steps(plan):
        here = []
        for place, *_ in rows_of(step):
            # Several frames share a kept place in turn: this is the first of them that has not been written yet.
            frame = next(
                t for t in range(place // frame_size, 10**6, plan.kept.t) if (t, place % frame_size) not in written
            )
            here.append(frame * frame_size + place % frame_size)
            stands[place] = here[-1]
        ring |= {slot: here[row] for slot, row in written_by(step)}
        written |= {divmod(place, frame_size) for place in here}
        if max(here) >= long.numel - 2 * frame_size:
            break
        assert begun is None or begun * frame_size in here
        for (_, _, near, slots), place, position in zip(rows_of(step), here, step.coordinates.T.tolist(), strict=True):
            expected = neighborhood(place, long, long, window, True)[:-1]
            assert [stands[n] for n in near] == expected
            assert [ring[slot] for slot in slots] == expected
            frame, inner = divmod(place, frame_size)
            learnt_frame = frame if frame < 3 else (1, 2)[(frame - 3) % 2]
            assert position == [learnt_frame, inner // learnt.w, inner % learnt.w]
        for completed in all_completed:
            done.append(completed)
            assert all((completed, n) in written for n in range(frame_size))
            assert {stands[completed % plan.kept.t * frame_size + n] for n in range(frame_size)} == {
                completed * frame_size + n for n in range(frame_size)
            }
    assert done == list(range(len(done)))
    assert len(done) > 15
    assert max(ring) < plan.num_slots


def test_an_endless_plan_begins_with_the_steps_of_a_grid():
    grid, window = Grid(4, 5, 3), (3, 3, 3)
    endless = EndlessPlan(grid, window, "wavefront", False)
    for (step, _, _), places in zip(endless_steps(endless), plan_steps(grid, window, "wavefront")[:8], strict=False):
        assert step.places.tolist() == places.tolist()


def test_a_frame_is_complete_four_waves_after_the_one_before():
    plan = EndlessPlan(Grid(10, 21, 21), (3, 3, 3), "wavefront", False)
    waves = [wave for wave, (_, _, completed) in enumerate(islice(endless_steps(plan), 120)) if completed]
    assert waves[:4] == [60, 64, 68, 72]


@pytest.mark.parametrize(("grid", "window"), [*CASES, (Grid(40, 4, 3), (3, 3, 3)), (Grid(30, 3, 4), (5, 3, 3))])
@pytest.mark.parametrize("frames_at_once", [1, 3])
def test_pieces_of_a_step_see_all_that_their_places_see(grid, window, frames_at_once, monkeypatch):
    monkeypatch.setattr(step_plan, "LARGE_STEP", 0)
    monkeypatch.setattr(step_plan, "FRAMES_AT_ONCE", frames_at_once)
    for step, _ in steps_of(plan_grid.__wrapped__(grid, window, "wavefront", False)):
        assert [piece.first for piece in step.pieces[1:]] == [piece.last for piece in step.pieces[:-1]]
        assert (step.pieces[0].first, step.pieces[-1].last) == (0, len(step.places))
        for piece in step.pieces:
            seen = step.near_slots[piece.first : piece.last]
            assert piece.first_slot <= seen.min()
            assert seen.max() < piece.last_slot


def assert_padded(padded, exact, num_kept, num_slots):
    """That steps hold those of an exact plan, followed by padding that nobody reads."""
    for (step, completed), (own, own_completed) in zip(steps_of(padded), steps_of(exact), strict=True):
        count, width = len(own.places), len(step.places)
        assert width % 8 == 0
        assert width < 2 * count + 16
        for name in ("places", "targets", "near", "inside", "near_slots"):
            assert torch.equal(getattr(step, name)[:count], getattr(own, name)), name
        assert torch.equal(step.coordinates[:, :count], own.coordinates)
        assert (step.targets[count:] == num_kept).all()
        assert (step.near_slots[count:] >= num_slots).all()
        assert step.near_slots.max() < padded.num_slots
        assert completed == own_completed
        # The same keys in the same slots; all others go where no place looks.
        written = {pair for pair in written_by(step) if pair[0] < num_slots}
        assert written == set(written_by(own))
        assert not step.inside[count:].any()


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize(("grid", "window"), [*CASES, (Grid(30, 3, 4), (5, 3, 3))])
def test_padded_steps_hold_the_exact_ones_and_padding_that_nobody_reads(grid, window, schedule):
    padded, exact = (plan_grid(grid, window, schedule, is_padded) for is_padded in (True, False))
    assert_padded(padded, exact, grid.numel, exact.num_slots)
    endless, exact = (EndlessPlan(grid, window, schedule, is_padded) for is_padded in (True, False))
    shapes = []
    for steps, own in islice(zip(endless, exact, strict=True), 8):
        assert_padded(steps, own, exact.kept.numel, exact.num_slots)
        shapes.append(steps.tables.places.shape)
    assert len(set(shapes)) == 1  # further steps fit over the first ones


@pytest.mark.parametrize(("grid", "num_shapes"), [(Grid(1, 21, 21), 2), (Grid(10, 21, 21), 5)])
def test_a_handful_of_programs_serves_all_steps_of_the_papers_size(grid, num_shapes):
    assert len(set(plan_grid(grid, (3, 3, 3), "wavefront", True).shapes)) == num_shapes


def test_padded_widths_are_halves_of_the_widest():
    assert sorted({padded_width(count, 105) for count in range(1, 106)}) == [8, 16, 32, 56, 112]
    assert all(count <= padded_width(count, 105) for count in range(1, 106))


def test_rings_are_as_deep_as_the_window_reaches_and_as_many_as_there_are_frames_in_progress():
    window = (3, 3, 3)
    # Per frame a r_t + b r_h + r_w + 1 waves of at most 11 places, with a = 4, b = 2, and r_t = 0 for an image.
    assert count_slots(Grid(1, 21, 21), window, "wavefront") == 48  # 4 waves, rounded up to a multiple of 8
    assert count_slots(Grid(10, 21, 21), window, "wavefront") == 10 * 88
    # 16 frames are in progress and one more is still seen, which is also stored in front of the first.
    assert count_slots(Grid(64, 21, 21), window, "wavefront") == 18 * 88
    assert count_slots(Grid(64, 21, 21), window, "wavefront") == count_slots(Grid(99, 21, 21), window, "wavefront")
    # In raster order, a whole frame and the whole frame before it.
    assert count_slots(Grid(2, 21, 21), window, "raster") == 2 * 448
