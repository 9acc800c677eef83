# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Mixtures of token files: who feeds what, how often, and that one source alone is as without a mixture."""

from collections import Counter

import pytest
import torch
from tiny import CODEBOOK_SIZE, SKETCH_CODEBOOK_SIZE, VISUAL_GRID, tiny_config

from nuwa_hf.grid import Grid
from nuwa_hf.tasks import TASKS, get_task
from nuwa_hf.training.nuwa.held_out_rows import part_of
from nuwa_hf.training.nuwa.task_batches import TaskBatches
from nuwa_hf.training.tokens.token_files import TokenFiles, write_metadata, write_shard
from nuwa_hf.training.tokens.token_mixture import TokenMixture, TokenSource, parse_token_sources


NAMES = [task.abbreviation for task in TASKS]
IMAGE_TASKS = [task.abbreviation for task in TASKS if task.output == "image"]
COUNTS = {"T2V": 3, "V2V": 2, "T2I": 4, "S2V": 2, "I2I": 3}


def make_tokens(clips, mark, num_frames=VISUAL_GRID[0], has_sketches=True):
    """Clip c has the captions [2, mark, 10 + c, 3], so that every sample says where it comes from."""
    generator = torch.Generator().manual_seed(mark)
    shape = (clips, num_frames, *VISUAL_GRID[1:])
    ids = torch.zeros(clips, 8, dtype=torch.int32)
    ids[:, :4] = torch.tensor([2, mark, 0, 3])
    ids[:, 2] = 10 + torch.arange(clips)

    def draw(high, shape):
        return torch.randint(high, shape, generator=generator, dtype=torch.int32)

    return TokenFiles(
        video_tokens=draw(CODEBOOK_SIZE, shape),
        caption_ids=ids,
        image_caption_ids=ids,
        image_indices=draw(num_frames, (clips,)),
        sketch_tokens=draw(SKETCH_CODEBOOK_SIZE, shape) if has_sketches else None,
    )


def mixture(*parts):
    return TokenMixture(
        [(TokenSource(f"folder{place}", *rest), tokens) for place, (tokens, *rest) in enumerate(parts)]
    )


def batches_of(tokens, counts, steps=1, dropout=0.0, seed=0):
    make = TaskBatches(tokens, tiny_config(), counts, dropout, seed)
    rows = sum(counts.values())
    return [make(range(step * rows, (step + 1) * rows)) for step in range(steps)]


def marks(batches, task):
    return [mark for batch in batches for mark in batch[task].input_ids[:, 1].tolist()]


def test_entries_are_folders_with_weights_and_tasks():
    assert parse_token_sources(["a", "b=2", "c=0.5:T2I,I2I", "runs/lr=0.1/tokens", "x=y=3"], NAMES) == [
        TokenSource("a"),
        TokenSource("b", 2.0),
        TokenSource("c", 0.5, ("T2I", "I2I")),
        TokenSource("runs/lr=0.1/tokens"),
        TokenSource("x=y", 3.0),
    ]


@pytest.mark.parametrize("text", ["a=0", "a=-1", "a=many", "a=", "a=inf", "a=nan", "a=:T2I"])
def test_a_weight_that_is_no_positive_number_is_refused(text):
    with pytest.raises(ValueError, match=r"`tokens` must be entries like .* with a weight above 0"):
        parse_token_sources([text], NAMES)


@pytest.mark.parametrize("text", ["a=1:X2V", "a=1:", "a=1:T2I,T2I", "a=1:S2V"])
def test_a_task_that_is_not_trained_is_refused(text):
    with pytest.raises(ValueError, match="`tokens` must name tasks among those that are trained"):
        parse_token_sources([text], ["T2I", "T2V"])
    with pytest.raises(ValueError, match="at least one folder"):
        parse_token_sources([], NAMES)


def test_one_source_is_bit_for_bit_as_without_a_mixture():
    tokens = make_tokens(11, 5)
    plain, mixed = (batches_of(each, COUNTS, steps=5, dropout=0.4) for each in (tokens, mixture((tokens, 3.0))))
    for one, other in zip(plain, mixed, strict=True):
        for task in COUNTS:
            for name, tensor in vars(one[task]).items():
                found = getattr(other[task], name)
                assert tensor is found is None or torch.equal(tensor, found)


def test_files_give_the_batches_of_the_same_clips_in_memory_also_of_a_held_out_part(tmp_path):
    def on_disk(name, tokens, ends):
        (tmp_path / name).mkdir()
        write_metadata(tmp_path / name, {"num_shards": len(ends)})
        for index, (start, end) in enumerate(zip((0, *ends), ends, strict=False)):
            write_shard(tmp_path / name, index, tokens[start:end])
        return TokenFiles.load(tmp_path / name)

    clips, images = make_tokens(30, 5), make_tokens(13, 6, num_frames=1)
    stored = on_disk("clips", clips, (11, 11, 30)), on_disk("images", images, (1, 13))
    for is_held_out in (False, True):

        def part(tokens, is_held_out=is_held_out):
            rows = torch.arange(len(tokens))
            return part_of(tokens, rows, rows, 0.4, 3, is_held_out=is_held_out)

        plain, read = (mixture(*((part(tokens), 1.0) for tokens in parts)) for parts in ((clips, images), stored))
        for one, other in zip(batches_of(plain, COUNTS, 4, 0.4), batches_of(read, COUNTS, 4, 0.4), strict=True):
            for task in COUNTS:
                for name, tensor in vars(one[task]).items():
                    found = getattr(other[task], name)
                    assert tensor is found is None or torch.equal(tensor, found)


@pytest.mark.parametrize("weights", [(1, 1), (3, 1), (1, 2, 5)])
def test_shares_converge_to_the_weights_in_every_task(weights):
    parts = [(make_tokens(20, 5 + place), weight) for place, weight in enumerate(weights)]
    found = batches_of(mixture(*parts), {"T2V": 4, "T2I": 4}, steps=150)
    for task in ("T2V", "T2I"):
        counts = Counter(marks(found, task))
        for place, weight in enumerate(weights):
            share = weight / sum(weights)
            # Four standard deviations of 600 independent draws.
            assert counts[5 + place] / 600 == pytest.approx(share, abs=4 * (share * (1 - share) / 600) ** 0.5)


def test_a_source_shows_all_of_its_clips_before_one_comes_again():
    tokens = mixture((make_tokens(30, 5), 1.0), (make_tokens(30, 6), 2.0))
    found = batches_of(tokens, {"T2V": 16}, steps=256)  # 4096 samples, a whole block of turns
    seen = Counter(tuple(ids) for batch in found for ids in batch["T2V"].input_ids[:, 1:3].tolist())
    for mark, share in ((5, 1 / 3), (6, 2 / 3)):
        counts = [seen[mark, 10 + clip] for clip in range(30)]
        assert max(counts) - min(counts) <= 1
        assert sum(counts) == pytest.approx(4096 * share, abs=2)


@pytest.mark.parametrize("counts", [{"T2V": 1, "T2I": 1}, {"T2V": 3, "T2I": 1, "V2V": 1, "I2I": 1}])
def test_a_source_shows_all_of_its_clips_before_one_comes_again_whichever_tasks_it_feeds(counts):
    """The tasks of clips alone and those of images too each went through the same order, and met at the same clips."""
    clips, few, stills = make_tokens(9000, 5), make_tokens(30, 7), make_tokens(40, 6, num_frames=1)
    tokens = mixture((clips, 1.0, ("T2V", "T2I")), (few, 2.0), (stills, 1.0))
    dealt, steps = sum(counts.values()), 4096  # whole blocks of turns for all
    seen, first = Counter(), 0
    for task, count in counts.items():
        indices = [step * dealt + row for step in range(steps) for row in range(first, first + count)]
        seen.update((id(source), row) for source, row in tokens.rows(task, indices, 0, counts))
        first += count
    assert sum(seen.values()) == steps * dealt
    assert max(seen[id(clips), row] for row in range(9000)) == 1
    for source in (few, stills):
        shown = [seen[id(source), row] for row in range(len(source))]
        assert 0 < max(shown) - min(shown) <= 1


def test_what_a_sample_reads_depends_on_its_index_and_the_seed_alone():
    tokens = mixture((make_tokens(9, 5), 1.0), (make_tokens(7, 6), 1.0))
    running = batches_of(tokens, COUNTS, steps=4, dropout=0.5)
    (fresh,) = [TaskBatches(tokens, tiny_config(), COUNTS, 0.5, 0)(range(42, 56))]
    for task in COUNTS:
        assert torch.equal(running[3][task].visual_tokens, fresh[task].visual_tokens)
        assert torch.equal(running[3][task].input_ids, fresh[task].input_ids)
    other = batches_of(tokens, COUNTS, seed=1)
    assert not torch.equal(running[0]["T2V"].visual_tokens, other[0]["T2V"].visual_tokens)


def test_images_feed_image_tasks_only_and_clips_feed_both():
    tokens = mixture((make_tokens(9, 5), 1.0), (make_tokens(9, 6, num_frames=1), 1.0))
    found = batches_of(tokens, COUNTS, steps=20)
    assert set(marks(found, "T2V")) == {5}
    assert set(marks(found, "T2I")) == {5, 6}
    assert found[0]["S2V"].sketch_tokens.shape == (2, *VISUAL_GRID)
    assert found[0]["I2I"].visual_tokens.shape == (3, 1, *VISUAL_GRID[1:])
    assert tokens.video_grid == Grid(*VISUAL_GRID)
    for task in NAMES:
        frames = VISUAL_GRID[0] if get_task(task).output == "video" else 1
        assert tokens.grid_of(task) == Grid(frames, *VISUAL_GRID[1:])
    assert len(tokens) == 18


def test_a_source_feeds_the_tasks_that_it_names_and_no_others():
    tokens = mixture((make_tokens(9, 5), 1.0, ("T2V",)), (make_tokens(9, 6), 1.0, ("T2I",)))
    found = batches_of(tokens, {"T2V": 2, "T2I": 2}, steps=10)
    assert (set(marks(found, "T2V")), set(marks(found, "T2I"))) == ({5}, {6})


def test_a_source_without_sketches_leaves_sketches_to_the_others():
    tokens = mixture((make_tokens(9, 5, has_sketches=False), 5.0), (make_tokens(9, 6), 1.0))
    assert tokens.feeding("S2V") == [1]
    assert tokens.feeding("T2V") == [0, 1]


def test_images_alone_have_a_grid_of_one_frame_and_feed_no_video():
    tokens = mixture((make_tokens(9, 5, num_frames=1), 1.0))
    assert tokens.video_grid == Grid(1, *VISUAL_GRID[1:])
    assert [task for task in NAMES if task in IMAGE_TASKS and tokens.feeding(task) == [0]] == IMAGE_TASKS
    with pytest.raises(ValueError, match="`tokens` must hold clips of at least 2 frames for T2V, got none"):
        batches_of(tokens, {"T2V": 1})


def test_a_task_without_a_source_or_with_one_that_cannot_feed_it_is_refused():
    still = make_tokens(9, 5, num_frames=1, has_sketches=False)
    with pytest.raises(ValueError, match="`tokens` must hold a folder that feeds it for T2V"):
        batches_of(mixture((make_tokens(9, 5), 1.0, ("T2I",))), {"T2V": 1})
    with pytest.raises(ValueError, match="must hold clips of at least 2 frames for V2V, got none in 'folder1'"):
        batches_of(mixture((make_tokens(9, 5), 1.0), (still, 1.0, ("V2V",))), {"V2V": 1})
    with pytest.raises(ValueError, match="must hold sketches for S2I, got none"):
        batches_of(mixture((still, 1.0)), {"S2I": 1})


def test_sources_that_do_not_fit_together_are_refused():
    wide = TokenFiles(**{**vars(make_tokens(3, 5)), "video_tokens": torch.zeros(3, 3, 9, 9, dtype=torch.int32)})
    longer = TokenFiles(**{**vars(make_tokens(3, 5)), "caption_ids": torch.zeros(3, 9, dtype=torch.int32)})
    empty = make_tokens(3, 5).where(torch.zeros(3, dtype=torch.bool))
    tokens = make_tokens(3, 6)
    for other, message in (
        (wide, "must have one token grid"),
        (make_tokens(3, 5, num_frames=2), "must have one token grid"),
        (longer, "texts of one length"),
        (empty, "at least one clip, got none in 'folder1'"),
    ):
        with pytest.raises(ValueError, match=message):
            mixture((tokens, 1.0), (other, 1.0))
    with pytest.raises(ValueError, match="at least one folder"):
        TokenMixture([])
