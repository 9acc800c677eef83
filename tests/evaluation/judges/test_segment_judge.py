# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
import pytest
import torch

from nuwa_hf.datasets.class_map import sketch_class_names
from nuwa_hf.evaluation import ClipJudge, FrameJudge, Judges, SegmentJudge, score_class_maps


def test_class_map_has_the_size_of_the_frame():
    logits = SegmentJudge(["wall", "cat"], width=4)(torch.rand(2, 3, 24, 16))
    assert logits.shape == (2, 2, 24, 16)


def test_batch_size_does_not_change_the_class_maps(make_dataset, make_judges):
    judges = make_judges(make_dataset())
    frames = torch.rand(5, 3, 16, 16)
    assert torch.equal(judges.segment(frames, batch_size=1), judges.segment(frames, batch_size=5))


def test_a_pixel_is_not_moved():
    """Every layer is translated with the picture: shifted by a multiple of all strides, so is the class map."""
    torch.manual_seed(0)
    judge = SegmentJudge(["wall", "cat", "dog"], width=4).eval()
    # The middle layers see 60 pixels around each, so it takes a large frame to have places that see no border.
    frame = torch.zeros(1, 3, 192, 192)
    frame[..., 90:102, 90:102] = torch.rand(3, 12, 12)
    shifted = judge(frame.roll((8, 16), (2, 3)))
    torch.testing.assert_close(shifted[..., 90:118, 90:118], judge(frame)[..., 82:110, 74:102], rtol=0, atol=1e-5)


def test_start_is_what_the_frame_judge_has_learnt():
    frame_judge, judge = FrameJudge(["cat"], ["sky"], width=4), SegmentJudge(["wall", "cat"], width=4)
    judge.start_from(frame_judge)
    state = judge.state_dict()
    shared = {
        name: value for name, value in frame_judge.state_dict().items() if not name.startswith(("object", "back"))
    }
    assert shared
    assert all(torch.equal(state[name], value) for name, value in shared.items())


def test_judges_without_it_serve_all_but_sketches(tmp_path):
    FrameJudge(["cat"], ["sky"], width=4).save_pretrained(tmp_path / "frame_judge")
    ClipJudge(["up"], num_frames=2, width=4).save_pretrained(tmp_path / "clip_judge")
    judges = Judges.from_pretrained(tmp_path)
    assert judges(torch.rand(1, 2, 3, 16, 16)).object_logits.shape == (1, 1)
    with pytest.raises(ValueError, match="`judges` must hold segment_judge/"):
        judges.segment(torch.rand(1, 3, 16, 16))
    SegmentJudge(["wall", "cat"], width=4).save_pretrained(tmp_path / "segment_judge")
    assert Judges.from_pretrained(tmp_path).segment(torch.rand(1, 3, 16, 16)).shape == (1, 16, 16)


def test_equal_class_maps_score_one():
    sketches = torch.randint(0, len(sketch_class_names), (3, 8, 8))
    assert score_class_maps(sketches, sketches) == pytest.approx(
        {"mean_iou_things": 1.0, "pixel_accuracy": 1.0, "fw_iou": 1.0}
    )


def test_things_count_the_same_and_only_those_of_the_sketches():
    sketches = torch.zeros(1, 4, 4, dtype=torch.long)
    sketches[0, 0], sketches[0, 1, :2] = 1, 2
    predicted = sketches.clone()
    predicted[0, 0, :2] = 0  # half of thing 1 is missing
    predicted[0, 3, :2] = 3  # a thing that no sketch holds
    scores = score_class_maps(predicted, sketches)
    assert scores["mean_iou_things"] == pytest.approx((0.5 + 1.0) / 2)
    assert scores["pixel_accuracy"] == pytest.approx(12 / 16)


def test_sketches_without_a_thing_are_refused():
    empty = torch.zeros(1, 4, 4, dtype=torch.long)
    with pytest.raises(ValueError, match="at least one pixel of a thing"):
        score_class_maps(empty, empty)
