# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
import datasets
import numpy as np
import PIL.Image
import pytest
import torch
from clip_folders import break_clip, pictures, save_animation, write_clips

from nuwa_hf.evaluation.samples.generate import generate
from nuwa_hf.evaluation.samples.sample_folder import SampleFolder
from nuwa_hf.evaluation.samples.task_inputs import task_inputs
from nuwa_hf.media import write_apng, write_png


@pytest.fixture
def images(tmp_path):
    """Of names whose order is not that in which they were written."""
    folder = tmp_path / "images"
    folder.mkdir()
    for index in (3, 0, 2, 1):
        write_png(pictures(1, index)[0], folder / f"sample-{index}.png")
    return folder


def test_pictures_of_any_program_come_as_they_are_in_the_order_of_names(images):
    samples = SampleFolder.open(images)
    assert (len(samples), samples.shape, samples.has, samples.name) == (4, (1, 12, 16), frozenset(), "generated")
    whole = torch.cat([batch.clips for batch in samples.batches(3)])
    expected = np.stack([np.asarray(pictures(1, index)[0]) for index in range(4)])
    assert np.array_equal(whole[:, 0].permute(0, 2, 3, 1), expected)
    assert SampleFolder.open(images, height=4, width=6, num_samples=2).shape == (1, 4, 6)


def test_pictures_without_names_come_in_the_order_of_their_rows(tmp_path, monkeypatch):
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    pixels = [PIL.Image.new("RGB", (4, 4), (level, 0, 0)) for level in range(12)]
    features = datasets.Features({"image": datasets.Image()})
    datasets.Dataset.from_dict({"image": pixels}, features=features).to_parquet(tmp_path / "rows.parquet")
    (batch,) = SampleFolder.open(tmp_path / "rows.parquet").batches(12)
    assert batch.clips[:, 0, 0, 0, 0].tolist() == list(range(12))


def test_clips_come_frame_by_frame_or_at_a_rate(tmp_path):
    for name, seed in (("a", 0), ("b", 1)):
        write_apng(pictures(4, seed), tmp_path / f"{name}.png", fps=5)
    whole = next(SampleFolder.open(tmp_path).batches(2)).clips
    assert whole.shape == (2, 4, 3, 12, 16)
    assert torch.equal(next(SampleFolder.open(tmp_path, num_frames=3).batches(2)).clips, whole[:, :3])
    slow = SampleFolder.open(tmp_path, num_frames=2, frame_rate=2.5, name="real")
    assert torch.equal(next(slow.batches(2)).clips, whole[:, ::2])
    assert slow.digest != SampleFolder.open(tmp_path, num_frames=2).digest


def test_captions_and_labels_are_those_of_the_folder(tmp_path):
    assert next(SampleFolder.open(write_clips(tmp_path / "clips", 2)).batches(2)).captions == [
        "a clip of 0 things",
        "a clip of 1 things",
    ]
    (tmp_path / "images" / "dog").mkdir(parents=True)
    write_png(pictures(1, 0)[0], tmp_path / "images" / "dog" / "0.png")
    (tmp_path / "images" / "dog" / "0.txt").write_text("an animal")
    dogs = SampleFolder.open(tmp_path / "images")
    assert next(dogs.batches(1)).labels == ["dog"]
    (tmp_path / "images" / "dog").rename(tmp_path / "images" / "cat")
    cats = SampleFolder.open(tmp_path / "images")
    assert (cats.captions, cats.labels) == (("an animal",), ("cat",))
    assert cats.digest != dogs.digest  # features that were read for other classes are not found again


def test_broken_files_are_left_out_counted_and_named(tmp_path, images, caplog):
    (images / "sample-1.png").write_bytes((images / "sample-1.png").read_bytes()[:60])
    samples = SampleFolder.open(images)
    assert [one.file for one in samples.left_out] == ["sample-1.png"]
    assert len(samples) == 3
    assert "(1): sample-1.png" in caplog.text
    with pytest.raises(ValueError, match="`folder` must be one with 4 usable files, got 3"):
        SampleFolder.open(images, num_samples=4)
    (images / "sample-2.png").write_bytes(b"")
    with pytest.raises(ValueError, match=r"`folder` must be whole and readable, got '.*sample-2.png', which is empty"):
        list(samples.batches(1))


def test_files_of_several_sizes_need_one_to_be_given(tmp_path, images):
    PIL.Image.new("RGB", (20, 12)).save(images / "sample-4.png")
    with pytest.raises(ValueError, match=r"got 12x20 in sample-4.png after 12x16; give `height` and `width`"):
        SampleFolder.open(images)
    assert len(SampleFolder.open(images, height=12, width=16)) == 5
    for index, count in enumerate((4, 3)):
        save_animation(pictures(count, index), tmp_path / f"{index}.gif")
    (images / "sample-4.png").unlink()
    images.rename(tmp_path.parent / f"{tmp_path.name} images")
    with pytest.raises(ValueError, match=r"got 3 frames in 1.gif after 4; give `num_frames`"):
        SampleFolder.open(tmp_path)
    assert [one.file for one in SampleFolder.open(tmp_path, num_frames=4).left_out] == ["1.gif"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"height": 4}, "`height` must be given with `width`"),
        ({"frame_rate": 2.0}, "`num_frames` must be given with `frame_rate`"),
        ({"num_frames": 0}, "`num_frames` must be at least 1"),
    ],
)
def test_sizes_that_say_too_little_are_refused(images, options, message):
    with pytest.raises(ValueError, match=message):
        SampleFolder.open(images, **options)


def test_generated_samples_have_the_real_ones_beside_them(pipeline, open_clips, tmp_path):
    inputs = task_inputs("TV2V", open_clips(num_samples=3), pipeline, prompts=["a", "b", "c"])
    samples = generate(pipeline, inputs, tmp_path / "made", batch_size=3)
    assert samples.has == {"captions", "references", "sketches", "hidden"}
    real = inputs.real.read(range(3))
    for size in (2, 3):
        batches = list(samples.batches(size))
        assert [text for batch in batches for text in batch.captions] == ["a", "b", "c"]
        for name, values in (("references", real.clips), ("sketches", real.sketches)):
            assert torch.equal(torch.cat([getattr(batch, name) for batch in batches]), values)
    (batch,) = samples.batches(3)
    kept = ~batch.hidden[:, :, None].expand_as(batch.clips)
    assert torch.equal(batch.clips[kept], batch.references[kept])
    alone = SampleFolder.open(tmp_path / "made")
    assert torch.equal(next(alone.batches(3)).clips, batch.clips)
    assert generate(pipeline, inputs, tmp_path / "made").digest == samples.digest != alone.digest


def test_clip_that_breaks_later_is_named(tmp_path):
    samples = SampleFolder.open(write_clips(tmp_path / "clips", 2))
    break_clip(tmp_path / "clips", 1)
    with pytest.raises(ValueError, match=r"`folder` must be whole and readable, got '.*clip1.gif'"):
        list(samples.batches(2))
