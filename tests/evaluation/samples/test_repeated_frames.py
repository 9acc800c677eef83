# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
import pytest
import torch

from nuwa_hf.evaluation.samples.repeated_frames import LastFrameRepeated


def test_given_frames_stay_and_the_last_of_them_follows(open_clips):
    real = open_clips()
    repeated = LastFrameRepeated(real, given_frames=2)
    assert len(repeated) == len(real)
    assert repeated.has == real.has | {"references", "hidden"}
    for batch, of_real in zip(repeated.batches(4), real.batches(4), strict=True):
        assert torch.equal(batch.references, of_real.clips)
        assert torch.equal(batch.clips, of_real.clips[:, [0, 1, 1]])
        assert batch.hidden.flatten(2).all(2).tolist() == [[False, False, True]] * len(batch.clips)
    assert len({real.digest, repeated.digest, LastFrameRepeated(real, given_frames=1).digest}) == 3


@pytest.mark.parametrize("given_frames", [0, 3])
def test_something_must_be_given_and_something_left(open_clips, given_frames):
    with pytest.raises(ValueError, match="`given_frames` must be at least 1 and leave one of 3 frames"):
        LastFrameRepeated(open_clips(), given_frames)
