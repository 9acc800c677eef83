# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
import resource

import pytest
import torch
from tiny_samples import TinySamples, random_clips

from nuwa_hf.evaluation.features.feature_reader import FeatureReader
from nuwa_hf.evaluation.features.read_features import read_all_features, read_features


class MeanColours(FeatureReader):
    """Reads the mean colour of each frame, and the first red of each sample."""

    kind = "colours"
    title = "mean colours"

    def __init__(self, digest="colours", **settings):
        self.digest = digest
        vars(self).update(settings)

    def __call__(self, batch):
        clips = batch.clips.float()
        return {"features": clips.mean((3, 4)), "red": clips[:, 0, 0, 0, 0].log()}


def test_features_of_a_set_are_the_same_in_any_batches_and_in_the_order_of_the_samples():
    samples = TinySamples(random_clips(num_samples=5))
    found = read_features(MeanColours(), samples, batch_size=2)
    assert found["features"].shape == (5, 2, 3)
    torch.testing.assert_close(found, MeanColours()(samples.batch))


def test_kept_features_are_found_again_by_the_digests_of_reader_and_set_alone(tmp_path):
    samples = TinySamples(random_clips())
    first = read_features(MeanColours(), samples, batch_size=2, cache_dir=tmp_path / "cache")
    again = read_features(MeanColours(), samples, batch_size=3, cache_dir=tmp_path / "cache")
    assert samples.times_read == 1
    torch.testing.assert_close(again, first, rtol=0, atol=0)
    read_features(MeanColours("other weights"), samples, batch_size=2, cache_dir=tmp_path / "cache")
    assert samples.times_read == 2
    others = TinySamples(random_clips(seed=1), digest="other samples")
    read_features(MeanColours(), others, batch_size=2, cache_dir=tmp_path / "cache")
    assert others.times_read == 1
    assert len(list((tmp_path / "cache").iterdir())) == 3


def test_several_readers_share_one_pass_over_the_samples_and_each_is_kept_alone(tmp_path):
    samples, readers = TinySamples(random_clips(5)), {"one": MeanColours(), "two": MeanColours("other weights")}
    alone = read_features(readers["one"], samples, batch_size=2, cache_dir=tmp_path)
    kept = [file.read_bytes() for file in tmp_path.iterdir()]
    assert samples.times_read == 1
    for times in (2, 3):
        found = read_all_features({**readers, "three": MeanColours("more weights")}, samples, batch_size=2)
        assert samples.times_read == times, "nothing is kept without a folder"
        assert list(found) == ["one", "two", "three"]
        torch.testing.assert_close(list(found.values()), [alone] * 3, rtol=0, atol=0)
    for _ in range(2):
        found = read_all_features(
            {"two": readers["two"], "one": readers["one"]}, samples, batch_size=3, cache_dir=tmp_path
        )
        assert samples.times_read == 4, "what is kept is not read again"
        torch.testing.assert_close(found["one"], alone, rtol=0, atol=0)
    files = [file.read_bytes() for file in tmp_path.iterdir()]
    assert len(files) == 2
    assert kept[0] in files


def test_broken_or_foreign_kept_features_are_named(tmp_path):
    samples = TinySamples(random_clips())
    read_features(MeanColours(), samples, batch_size=2, cache_dir=tmp_path)
    (file,) = tmp_path.iterdir()
    with pytest.raises(ValueError, match=r"those of 2 samples.*colours-.*delete it"):
        read_features(MeanColours(), TinySamples(random_clips(2)), batch_size=2, cache_dir=tmp_path)
    file.write_bytes(file.read_bytes()[:50])
    with pytest.raises(ValueError, match=r"colours-.*is broken.*delete it"):
        read_features(MeanColours(), samples, batch_size=2, cache_dir=tmp_path)


def test_a_full_disk_is_an_error_that_names_the_kept_file_and_leaves_nothing(tmp_path):
    samples = TinySamples(random_clips(num_samples=200))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2500, limits[1]))  # as a disk that is full: larger files fail
    try:
        with pytest.raises(OSError, match=r"Cannot write .*colours-.*\.safetensors: File too large\.$"):
            read_features(MeanColours(), samples, batch_size=200, cache_dir=tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert list(tmp_path.iterdir()) == []


def test_features_that_are_not_finite_are_refused_by_reader_and_sample_and_nothing_is_kept(tmp_path):
    class Broken(MeanColours):
        def __call__(self, batch):
            return {"features": batch.clips.float().log().mean((3, 4))}

    clips = random_clips(num_samples=4).clamp_min(1)
    clips[2, 1, 0, 0, 0] = 0
    with pytest.raises(ValueError, match=r"mean colours gives NaN or infinity in 'features' of sample 2 of 'real'"):
        read_features(Broken(), TinySamples(clips, name="real"), batch_size=3, cache_dir=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_single_numbers_may_say_that_a_sample_does_not_count():
    clips = torch.zeros(1, 1, 3, 4, 4, dtype=torch.uint8)
    assert read_features(MeanColours(), TinySamples(clips), batch_size=1)["red"].isinf().all()


@pytest.mark.parametrize(
    ("reader", "message"),
    [
        (
            MeanColours(needs=frozenset({"captions", "labels"})),
            r"must have captions and labels .*\['references'\]",
        ),
        (MeanColours(least_frames=3), "at least 3 frames each for 'colours', got 2"),
    ],
)
def test_a_set_without_what_a_reader_needs_is_refused_before_it_is_read(reader, message):
    samples = TinySamples(random_clips(), references=random_clips())
    with pytest.raises(ValueError, match=message):
        read_features(reader, samples, batch_size=2)
    assert samples.times_read == 0


def test_an_empty_set_is_refused():
    with pytest.raises(ValueError, match="at least one sample, got none in 'generated'"):
        read_features(MeanColours(), TinySamples(random_clips(0)), batch_size=2)
