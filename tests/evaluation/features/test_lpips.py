# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
from pathlib import Path

import pytest
import torch
from tiny_samples import random_clips

from nuwa_hf.evaluation.features.lpips import LPIPSReader
from nuwa_hf.evaluation.samples.sample_set import SampleBatch


@pytest.fixture(scope="module")
def layers():
    """AlexNet's convolutions with random weights."""
    models = pytest.importorskip("torchvision.models", reason="it is an extra")
    torch.manual_seed(0)
    with torch.device("meta"):  # its last layers are large, and not needed
        network = models.AlexNet()
    layers = network.features.to_empty(device="cpu").requires_grad_(False)
    for value in layers.state_dict().values():
        torch.nn.init.normal_(value, std=value[0].numel() ** -0.5)
    return layers


@pytest.fixture(scope="module")
def weights(layers, tmp_path_factory):
    file = tmp_path_factory.mktemp("lpips") / "alexnet.pth"
    torch.save({f"features.{name}": value for name, value in layers.state_dict().items()}, file)
    return str(file)


def test_distance_is_that_of_the_paper_averaged_over_frames(layers, weights):
    clips, references = random_clips(2, 2, 64, 64), random_clips(2, 2, 64, 64, seed=1)
    found = LPIPSReader(weights)(SampleBatch(clips, references=references))["distance"]
    lpips = pytest.importorskip("torchmetrics.functional.image.lpips", reason="it is an extra")
    heads = torch.load(
        Path(lpips.__file__).parent / "lpips_models" / "alex.pth", map_location="cpu", weights_only=True
    )
    shift, scale = torch.tensor([-0.030, -0.088, -0.188]), torch.tensor([0.458, 0.448, 0.450])
    hidden = [
        (pixels.flatten(0, 1) / 127.5 - 1 - shift[:, None, None]) / scale[:, None, None]
        for pixels in (clips, references)
    ]
    distances, level = torch.zeros(4), 0
    for layer in layers:
        hidden = [layer(one.clone()) for one in hidden]  # AlexNet's layers change what they are given
        if isinstance(layer, torch.nn.ReLU):
            one, other = (torch.nn.functional.normalize(features) for features in hidden)
            weight = heads[f"lin{level}.model.1.weight"]
            distances += torch.nn.functional.conv2d((one - other).square(), weight).mean((1, 2, 3))
            level += 1
    assert level == 5
    # LPIPS adds 1e-8 under a root where this adds nothing.
    torch.testing.assert_close(found, distances.view(2, 2).mean(1), rtol=1e-3, atol=1e-6)


def test_given_frames_do_not_count_and_frames_hidden_in_part_count_whole(weights):
    clips, references = random_clips(2, 3, 32, 32), random_clips(2, 3, 32, 32, seed=1)
    clips[:, 0] = references[:, 0]  # as a given frame comes back
    hidden = torch.zeros(2, 3, 32, 32, dtype=torch.bool)
    hidden[0, 1:] = True
    hidden[1, 2, 0, 0] = True
    reader = LPIPSReader(weights)
    found = reader(SampleBatch(clips, references=references, hidden=hidden))["distance"]
    second, third = (
        reader(SampleBatch(clips[:, [place]], references=references[:, [place]]))["distance"] for place in (1, 2)
    )
    torch.testing.assert_close(found, torch.stack([(second[0] + third[0]) / 2, third[1]]))
    everywhere = SampleBatch(clips, references=references, hidden=torch.ones_like(hidden))
    without = SampleBatch(clips, references=references)
    torch.testing.assert_close(reader(everywhere)["distance"], reader(without)["distance"])


def test_a_sample_has_no_distance_to_itself_and_must_not_be_too_small(weights):
    clips = random_clips(height=32, width=32)
    reader = LPIPSReader(weights)
    assert reader(SampleBatch(clips, references=clips))["distance"].tolist() == [0, 0, 0]
    assert reader.title.startswith("LPIPS (AlexNet), weights alexnet.pth (")
    with pytest.raises(ValueError, match="at least 32 rows and columns"):
        reader(SampleBatch(random_clips(), references=random_clips()))


def test_weights_of_another_network_are_refused(tmp_path):
    pytest.importorskip("torchvision", reason="it is an extra")
    torch.save({"features.0.weight": torch.zeros(64, 3, 3, 3)}, tmp_path / "other.pth")
    with pytest.raises(ValueError, match=r"AlexNet or VGG16, but 'features\.0\.bias' in .*other\.pth is missing"):
        LPIPSReader(str(tmp_path / "other.pth"))
