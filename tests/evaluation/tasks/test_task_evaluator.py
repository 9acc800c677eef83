# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
import torch

from nuwa_hf.evaluation.tasks.task_evaluator import run_in_batches


def test_output_is_the_same_in_any_batch(pipeline):
    inputs = {"prompt": ["a star", "a red circle", "a ring rolls"]}
    together = run_in_batches(pipeline, inputs, num_frames=2, batch_size=3, seed=5)
    alone = run_in_batches(pipeline, inputs, num_frames=2, batch_size=1, seed=5)
    # Another batch sums the same products in another order.
    torch.testing.assert_close(together, alone, rtol=0, atol=1e-4)


def test_output_depends_on_its_own_seed_only(pipeline):
    prompts = ["a star", "a red circle", "a ring rolls"]
    several = run_in_batches(pipeline, {"prompt": prompts}, num_frames=2, batch_size=2, seed=5)
    last = run_in_batches(pipeline, {"prompt": prompts[2:]}, num_frames=2, batch_size=2, seed=7)
    torch.testing.assert_close(several[2:], last, rtol=0, atol=1e-4)


def test_every_task_runs_on_the_same_weights(evaluator):
    images = evaluator.real.stills(evaluator.real.clips)
    drawn = evaluator.run("T2I", {"prompt": ["a star"] * 2}, "two")
    assert drawn.shape == images[:2].shape
    assert evaluator.run("V2V", {"video": evaluator.real.clips[:2, :1]}, "two", num_frames=3).shape[:2] == (2, 3)


def test_samples_that_are_taken_keep_their_order(evaluator):
    part = evaluator.take([3, 1])
    assert torch.equal(part.real.clips, evaluator.real.clips[[3, 1]])
    assert torch.equal(part.coded, evaluator.coded[[3, 1]])
    assert part.real.truths == [evaluator.real.truths[3], evaluator.real.truths[1]]
