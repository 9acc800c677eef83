# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The batches of the training tasks: who gets which rows, in which order, and what each task shows the model."""

import pytest
import torch
from tiny import CODEBOOK_SIZE, SKETCH_CODEBOOK_SIZE, VISUAL_GRID, tiny_config

from nuwa_hf.tasks import TASKS, get_task
from nuwa_hf.training.nuwa.known_masks import first_frames_known, random_known_masks
from nuwa_hf.training.nuwa.task_batches import TaskBatches, shuffled, starts_from_sketch
from nuwa_hf.training.tokens.token_files import TokenFiles


CLIPS = 40
COUNTS = {"T2V": 3, "V2V": 2, "T2I": 4, "S2V": 2, "S2I": 3, "TV2V": 2, "I2I": 3, "TI2I": 3}
ROWS = sum(COUNTS.values())
FIRST = {task: sum(list(COUNTS.values())[:place]) for place, task in enumerate(COUNTS)}


@pytest.fixture(scope="module")
def tokens():
    """Clip c has the caption [2, 10 + c, 3] and the still frame's caption [2, 60 + c, 7, 3], padded."""
    clips = torch.arange(CLIPS)
    captions, image_captions = torch.zeros(2, CLIPS, 12, dtype=torch.int32)
    captions[:, :3] = torch.stack([torch.full((CLIPS,), 2), 10 + clips, torch.full((CLIPS,), 3)], 1)
    image_captions[:, :4] = torch.tensor([2, 0, 7, 3])
    image_captions[:, 1] = 60 + clips
    generator = torch.Generator().manual_seed(0)
    return TokenFiles(
        video_tokens=torch.randint(CODEBOOK_SIZE, (CLIPS, *VISUAL_GRID), generator=generator, dtype=torch.int32),
        caption_ids=captions,
        image_caption_ids=image_captions,
        image_indices=torch.randint(VISUAL_GRID[0], (CLIPS,), generator=generator, dtype=torch.int32),
        sketch_tokens=torch.randint(
            SKETCH_CODEBOOK_SIZE, (CLIPS, *VISUAL_GRID), generator=generator, dtype=torch.int32
        ),
    )


def make(tokens, condition_dropout=0.0, seed=0, counts=COUNTS):
    return TaskBatches(tokens, tiny_config(), counts, condition_dropout, seed)


def clips_of(task):
    """The clips that the first batch shows to a task."""
    return [shuffled(index, CLIPS, 0) for index in range(FIRST[task], FIRST[task] + COUNTS[task])]


def many(tokens, task, steps, condition_dropout=0.0):
    """A task's batches of some steps, as one."""
    makes = make(tokens, condition_dropout, counts={task: 40})
    batches = [makes(range(step * 40, (step + 1) * 40))[task] for step in range(steps)]
    names = [name for name, tensor in vars(batches[0]).items() if tensor is not None]
    return {name: torch.cat([getattr(batch, name) for batch in batches]) for name in names}


def is_none(batch):
    """Which rows are told the "None" condition and no text."""
    none = batch["input_ids"][:, 0] == tiny_config().none_token_id
    assert (batch["attention_mask"].sum(1)[none] == 1).all()
    assert (batch["attention_mask"].sum(1)[~none] > 1).all()
    return none


@pytest.mark.parametrize("length", [1, 7, 40])
def test_each_epoch_visits_every_clip_once_in_its_own_order(length):
    epochs = [[shuffled(epoch * length + place, length, seed=5) for place in range(length)] for epoch in range(3)]
    assert all(sorted(order) == list(range(length)) for order in epochs)
    if length > 1:
        assert epochs[0] != epochs[1] != epochs[2]
        assert [shuffled(place, length, seed=6) for place in range(length)] != epochs[0]
    assert [shuffled(2 * length + place, length, seed=5) for place in reversed(range(length))] == epochs[2][::-1]


def test_text_to_video_shows_the_clip_and_its_caption_and_counts_every_token(tokens):
    batch = make(tokens)(range(ROWS))["T2V"]
    rows = clips_of("T2V")
    assert torch.equal(batch.visual_tokens, tokens.video_tokens[rows].long())
    assert torch.equal(batch.labels, batch.visual_tokens)
    assert batch.input_ids.tolist() == [[2, 10 + row, 3] for row in rows]
    assert batch.attention_mask.tolist() == [[1, 1, 1]] * 3


def test_text_to_image_has_one_frame_which_is_the_still_frame_of_its_caption(tokens):
    batch = make(tokens)(range(ROWS))["T2I"]
    rows = clips_of("T2I")
    assert batch.visual_tokens.shape == (4, 1, *VISUAL_GRID[1:])
    for place, row in enumerate(rows):
        frame = tokens.video_tokens[row, tokens.image_indices[row]]
        assert torch.equal(batch.visual_tokens[place, 0], frame.long())
        assert batch.input_ids[place].tolist() == [2, 60 + row, 7, 3]
    assert torch.equal(batch.labels, batch.visual_tokens)


@pytest.mark.parametrize("task", [task.abbreviation for task in TASKS])
def test_each_task_shows_its_clips_or_still_frames_and_never_counts_a_known_place(tokens, task):
    batch, rows = make(tokens, 0.3)(range(ROWS))[task], clips_of(task)
    expected = tokens.video_tokens[rows]
    if get_task(task).output == "image":
        expected = expected[torch.arange(len(rows)), tokens.image_indices[rows].long()][:, None]
    assert torch.equal(batch.visual_tokens, expected.long())
    is_counted = batch.labels != -100
    assert torch.equal(batch.labels[is_counted], batch.visual_tokens[is_counted])
    assert (batch.known_mask is None) == (get_task(task).known == "nothing")
    assert torch.equal(is_counted, torch.ones_like(is_counted) if batch.known_mask is None else ~batch.known_mask)
    assert is_counted.flatten(1).any(1).all()
    assert (batch.sketch_tokens is None) == (batch.sketch_attention_mask is None) == (not starts_from_sketch(task))


@pytest.mark.parametrize("task", ["V2V", "I2I"])
def test_tasks_without_a_text_are_told_none(tokens, task):
    batch = make(tokens)(range(ROWS))[task]
    assert batch.input_ids.tolist() == [[tiny_config().none_token_id]] * COUNTS[task]
    assert batch.attention_mask.tolist() == [[1]] * COUNTS[task]


@pytest.mark.parametrize("task", ["S2V", "S2I"])
def test_a_sketch_is_that_of_the_frames_that_are_shown(tokens, task):
    batch, rows = make(tokens)(range(ROWS))[task], clips_of(task)
    expected = tokens.sketch_tokens[rows]
    if task == "S2I":
        expected = torch.stack([tokens.sketch_tokens[row, tokens.image_indices[row]] for row in rows])[:, None]
    assert torch.equal(batch.sketch_tokens, expected.long())
    assert batch.sketch_attention_mask.all()


@pytest.mark.parametrize("task", ["S2V", "S2I"])
def test_sketches_have_a_text_half_of_the_time_and_are_dropped_by_themselves(tokens, task):
    batch = many(tokens, task, 40, condition_dropout=0.2)
    is_dropped, has_no_text = ~batch["sketch_attention_mask"].flatten(1).any(1), is_none(batch)
    # 1600 rows: four standard deviations are 0.04, 0.05 and 0.03.
    assert is_dropped.float().mean().item() == pytest.approx(0.2, abs=0.04)
    assert has_no_text.float().mean().item() == pytest.approx(0.5, abs=0.05)
    assert (is_dropped & has_no_text).float().mean().item() == pytest.approx(0.1, abs=0.03)
    caption = {"S2V": 10, "S2I": 60}[task]  # of the clip, or of the still frame
    texts = batch["input_ids"][~has_no_text, 1]
    assert ((texts >= caption) & (texts < caption + CLIPS)).all()


def test_video_prediction_gives_one_frame_mostly_and_any_number_else(tokens):
    known = many(tokens, "V2V", 40)["known_mask"]
    counts = known.flatten(2).all(2).sum(1)
    assert torch.equal(known, first_frames_known(tiny_config().get_visual_grid(), counts))
    # 0.7 + 0.3 / 2 of 1600 rows, four standard deviations are 0.036.
    assert (counts == 1).float().mean().item() == pytest.approx(0.85, abs=0.036)
    assert counts.unique().tolist() == list(range(1, VISUAL_GRID[0]))


def test_video_manipulation_gives_the_first_frame_half_of_the_time(tokens):
    grid = tiny_config().get_visual_grid()
    known = many(tokens, "TV2V", 40)["known_mask"]
    first = first_frames_known(grid, torch.tensor([1]))
    random = random_known_masks(grid, 4000, torch.Generator().manual_seed(0))
    by_chance = (random == first).flatten(1).all(1).float().mean().item()
    share = (known == first).flatten(1).all(1).float().mean().item()
    assert share == pytest.approx(0.5 + 0.5 * by_chance, abs=0.06)  # 1600 rows: four standard deviations are 0.05
    assert (known.flatten(1).any(1) & ~known.flatten(1).all(1)).all()


@pytest.mark.parametrize("task", ["T2V", "T2I", "TI2I", "TV2V"])
@pytest.mark.parametrize("probability", [0.0, 0.3, 1.0])
def test_condition_dropout_drops_its_share_of_the_texts(tokens, task, probability):
    dropped = is_none(many(tokens, task, 25, probability))
    # 1000 rows: four standard deviations of the mean are 0.058.
    assert dropped.float().mean().item() == pytest.approx(probability, abs=0.058)


def test_clips_without_sketches_or_with_one_frame_are_refused_for_the_tasks_that_need_them(tokens):
    without = TokenFiles(**{**vars(tokens), "sketch_tokens": None})
    still = TokenFiles(**{**vars(tokens), "video_tokens": tokens.video_tokens[:, :1]})
    make(without, counts={task: count for task, count in COUNTS.items() if not starts_from_sketch(task)})
    for task in ("S2I", "S2V"):
        with pytest.raises(ValueError, match=f"`tokens` must hold sketches for {task}"):
            make(without, counts={task: 1})
    for task in ("V2V", "TV2V"):
        with pytest.raises(ValueError, match=f"`tokens` must be clips of at least 2 frames for {task}"):
            make(still, counts={task: 1})


def test_texts_are_cut_to_the_longest_of_the_batch(tokens):
    longer = tokens.caption_ids.clone()
    longer[shuffled(1, CLIPS, 0), 3:6] = 9
    changed = TokenFiles(**{**vars(tokens), "caption_ids": longer})
    batch = make(changed)(range(ROWS))["T2V"]
    assert batch.input_ids.shape == (3, 6)
    assert batch.attention_mask.sum(1).tolist() == [3, 6, 3]


def test_a_batch_is_the_same_for_the_same_seed_and_indices_whatever_came_before(tokens):
    def batch(makes, step):
        return makes(range(step * ROWS, (step + 1) * ROWS))

    running, fresh = make(tokens, 0.5), make(tokens, 0.5)
    torch.manual_seed(7)
    steps = [batch(running, step) for step in range(6)]
    torch.manual_seed(8)
    again = batch(fresh, 5)
    for task, expected in steps[5].items():
        for name, tensor in vars(expected).items():
            assert tensor is getattr(again[task], name) is None or torch.equal(getattr(again[task], name), tensor)
    other = [batch(make(tokens, 0.5, seed=1), step)["T2I"].attention_mask.tolist() for step in range(6)]
    assert other != [step["T2I"].attention_mask.tolist() for step in steps]


def test_making_batches_leaves_the_global_generator_alone(tokens):
    before = torch.get_rng_state()
    make(tokens, 0.5)(range(ROWS))
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("num_processes", [2, 11, 22])
def test_rows_are_the_same_in_any_number_of_processes(tokens, num_processes):
    makes = TaskBatches(tokens, tiny_config(), COUNTS, 0.5, 3)
    together = makes(range(ROWS, 2 * ROWS))
    found = {task: {} for task in COUNTS}
    for process in range(num_processes):
        own = range(ROWS + process, 2 * ROWS, num_processes)
        for task, batch in makes(own).items():
            first = ROWS + FIRST[task]
            rows = [index - first for index in own if first <= index < first + COUNTS[task]]
            for place, row in enumerate(rows):
                found[task][row] = {n: t[place] for n, t in vars(batch).items() if t is not None}
    for task, batch in together.items():
        assert sorted(found[task]) == list(range(COUNTS[task]))
        for row, columns in found[task].items():
            for name, column in columns.items():
                expected = getattr(batch, name)[row]
                if column.ndim == 1:  # a text is as long as the longest beside it
                    assert not expected[len(column) :].any()
                    expected = expected[: len(column)]
                assert torch.equal(column, expected)
