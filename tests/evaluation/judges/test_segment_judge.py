# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
import pytest
import torch

from nuwa_hf.evaluation import ClipJudge, FrameJudge, Judges, SegmentJudge


def test_class_map_has_the_size_of_the_frame():
    logits = SegmentJudge(["wall", "cat"], width=4)(torch.rand(2, 3, 24, 16))
    assert logits.shape == (2, 2, 24, 16)


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
    assert judges.judge_clips(torch.rand(1, 2, 3, 16, 16)).motion_logits.shape == (1, 1)
    with pytest.raises(ValueError, match="`judges` must hold segment_judge/"):
        judges.segment(torch.rand(1, 3, 16, 16))
    SegmentJudge(["wall", "cat"], width=4).save_pretrained(tmp_path / "segment_judge")
    assert Judges.from_pretrained(tmp_path).segment(torch.rand(1, 3, 16, 16)).shape == (1, 16, 16)
