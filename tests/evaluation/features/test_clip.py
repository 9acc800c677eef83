# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
import shutil

import pytest
import torch
from tiny import CAPTIONS
from tiny_clip import tiny_whole_clip
from tiny_samples import random_clips

from nuwa_hf.evaluation.features.clip import ClipReader
from nuwa_hf.evaluation.samples.sample_set import SampleBatch


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clip") / "tiny-clip"
    for part in tiny_whole_clip():
        part.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def reader(folder):
    return ClipReader(str(folder))


def test_cosines_are_the_logits_of_transformers_without_their_scale(reader):
    clips = random_clips()
    found = reader(SampleBatch(clips, captions=CAPTIONS))
    model, processor = tiny_whole_clip()
    pictures = list(clips[:, 1].movedim(1, -1).numpy())
    inputs = processor(text=list(CAPTIONS), images=pictures, return_tensors="pt", padding=True, truncation=True)
    with torch.no_grad():
        output = model(**inputs)
    torch.testing.assert_close(found["cosines"][:, 1], output.logits_per_image.diag() / model.logit_scale.exp())
    torch.testing.assert_close(found["features"][:, 1], output.image_embeds)


def test_without_captions_only_frames_are_read(reader):
    found = reader(SampleBatch(random_clips(2, 3)))
    assert found.keys() == {"features"}
    torch.testing.assert_close(found["features"].norm(dim=-1), torch.ones(2, 3))


def test_title_tells_the_folder_and_digest_the_weights_wherever_they_lie(reader, folder, tmp_path):
    assert reader.title == "CLIPModel (tiny-clip)"
    copy = shutil.copytree(folder, tmp_path / "copy")
    assert ClipReader(str(copy)).digest == reader.digest
    model, _ = tiny_whole_clip()
    with torch.no_grad():
        model.visual_projection.weight[0, 0] += 1
    model.save_pretrained(copy)
    assert ClipReader(str(copy)).digest != reader.digest


def test_a_clip_without_all_of_its_weights_is_refused(tmp_path):
    model, processor = tiny_whole_clip()
    processor.save_pretrained(tmp_path)
    state = {name: value for name, value in model.state_dict().items() if not name.startswith("visual_projection")}
    model.save_pretrained(tmp_path, state_dict=state)
    with pytest.raises(ValueError, match=r"all weights of a CLIPModel, but .* lacks 1, such as 'visual_projection"):
        ClipReader(str(tmp_path))


def test_a_folder_that_holds_no_clip_is_refused(tmp_path):
    with pytest.raises(
        ValueError,
        match=r"`clip` must be the folder or the Hub id of transformers' image processor, but '.*' is not: Can't load",
    ):
        ClipReader(str(tmp_path))
