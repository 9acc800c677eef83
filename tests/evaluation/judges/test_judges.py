# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
import json

import pytest
import torch
from diffusers.utils import SAFETENSORS_WEIGHTS_NAME
from safetensors.torch import save_file

from nuwa_hf.evaluation import ClipJudge, FrameJudge, Judges, SegmentJudge
from nuwa_hf.evaluation.judges.judge_folders import load_judge


@pytest.fixture
def judges(make_dataset, make_judges):
    return make_judges(make_dataset())


def test_clips_whose_frames_are_all_equal_are_judged_alike(judges):
    still = torch.rand(5, 1, 3, 32, 32).expand(-1, 4, -1, -1, -1)
    logits = judges.clip_judge(still).motion_logits
    # The mean of equal frames differs from them by rounding.
    torch.testing.assert_close(logits, logits[:1].expand_as(logits), rtol=0, atol=1e-5)


def test_batch_size_does_not_change_the_verdicts(judges):
    clips = torch.rand(5, 4, 3, 32, 32)
    frames = clips.flatten(0, 1)
    for judge, pixels in ((judges.judge_clips, clips), (judges.judge_frames, frames)):
        alone, together = judge(pixels, batch_size=1), judge(pixels, batch_size=5)
        for name in together:
            torch.testing.assert_close(alone[name], together[name])
    assert torch.equal(judges.segment(frames, batch_size=1), judges.segment(frames, batch_size=5))


def test_saved_judges_load_with_their_classes_and_judge_bit_for_bit_alike(judges, make_dataset, tmp_path):
    judges.frame_judge.save_pretrained(tmp_path / "frame_judge")
    judges.clip_judge.save_pretrained(tmp_path / "clip_judge")
    loaded, dataset = Judges.from_pretrained(tmp_path), make_dataset()
    clips = torch.rand(2, 4, 3, 32, 32)
    for name, value in judges.judge_frames(clips[:, 0]).items():
        assert torch.equal(loaded.judge_frames(clips[:, 0])[name], value)
    for name, value in judges.judge_clips(clips).items():
        assert torch.equal(loaded.judge_clips(clips)[name], value)
    for names in ("object_names", "background_names", "motion_names"):
        assert getattr(loaded, names) == getattr(dataset, names)
    assert all(path.suffix in (".json", ".safetensors") for path in tmp_path.glob("*/*"))


def edited(folder, **changes):
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, **changes}))


def with_nan(folder):
    judge = ClipJudge.from_pretrained(folder)
    torch.nn.init.constant_(next(judge.parameters()).view(-1)[:1], float("nan"))
    judge.save_pretrained(folder)


EDITS = [
    (lambda folder: edited(folder, width=-1), "`width` must be from 1 to 4096, got -1"),
    (lambda folder: edited(folder, width=10**9), "`width` must be from 1 to 4096"),
    (lambda folder: edited(folder, width="4"), "`width` must be of type int"),
    (lambda folder: edited(folder, num_frames=0), "`num_frames` must be from 1"),
    (lambda folder: edited(folder, motion_names=[]), "`motion_names` must hold at least one"),
    (lambda folder: edited(folder, motion_names=[None]), r"`motion_names` must be of type list\[str\]"),
    (lambda folder: (folder / "config.json").write_text("[" * 10**5), "config.json is not valid JSON"),
    (lambda folder: (folder / "config.json").write_text("[]"), "config.json must hold names with values"),
    (lambda folder: save_file({}, folder / SAFETENSORS_WEIGHTS_NAME), "holds no weights at all"),
    (
        lambda folder: save_file({"x": torch.ones(1)}, folder / SAFETENSORS_WEIGHTS_NAME),
        "must hold the weights of its",
    ),
    (lambda folder: (folder / SAFETENSORS_WEIGHTS_NAME).unlink(), "diffusion_pytorch_model"),
    (lambda folder: with_nan(folder), "must hold finite weights, but `.*` holds 1 of"),
]


@pytest.mark.parametrize(("edit", "words"), EDITS)
def test_a_judge_that_a_stranger_edited_is_refused(tmp_path, edit, words):
    ClipJudge(["up", "down"], num_frames=4, width=4).save_pretrained(tmp_path)
    edit(tmp_path)
    with pytest.raises((ValueError, TypeError, OSError), match=words):
        load_judge(ClipJudge, tmp_path)


def test_judging_leaves_no_gradient_and_no_running_statistics_behind(judges):
    before = {name: tensor.clone() for name, tensor in judges.frame_judge.state_dict().items()}
    verdicts = judges.judge_frames(torch.rand(2, 3, 32, 32))
    assert not verdicts.object_logits.requires_grad
    assert all(torch.equal(before[name], tensor) for name, tensor in judges.frame_judge.state_dict().items())


def test_clip_with_another_number_of_frames_is_refused():
    with pytest.raises(ValueError, match="`pixel_values` must hold 4 frames"):
        ClipJudge(["up", "down"], num_frames=4, width=4)(torch.rand(1, 5, 3, 32, 32))


def test_directory_without_both_judges_is_refused(tmp_path):
    FrameJudge(["cat"], ["sky"], width=4).save_pretrained(tmp_path / "frame_judge")
    with pytest.raises(ValueError, match="without clip_judge"):
        Judges.from_pretrained(tmp_path)


def test_larger_frames_are_judged_as_their_averages():
    torch.manual_seed(0)
    judges = Judges(
        FrameJudge(["cat", "dog"], ["sky"], width=4, image_size=16),
        ClipJudge(["up", "down"], num_frames=2, width=4, image_size=16),
        SegmentJudge(["wall", "cat", "dog"], width=4, image_size=16),
    )
    clips = torch.rand(3, 2, 3, 32, 48)
    averages = clips.unflatten(-1, (24, 2)).unflatten(-3, (16, 2)).mean(dim=(-3, -1))
    for judge, large, small in (
        (judges.judge_clips, clips, averages),
        (judges.judge_frames, clips[:, 0], averages[:, 0]),
    ):
        for name, verdict in judge(small).items():
            torch.testing.assert_close(judge(large)[name], verdict, msg=name)
    assert judges.segment(clips[:, 0]).shape == (3, 32, 48)
    with pytest.raises(ValueError, match="`pixel_values` must have a whole multiple of 16 rows"):
        judges.judge_frames(torch.rand(1, 3, 24, 24))
