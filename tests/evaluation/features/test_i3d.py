# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
import pytest
import torch
from tiny_samples import TinySamples, random_clips
from torch import Tensor, nn

from nuwa_hf.evaluation.features.i3d import I3DReader
from nuwa_hf.evaluation.features.read_features import read_features
from nuwa_hf.evaluation.samples.sample_set import SampleBatch


class StandIn(nn.Module):
    """Called as the I3D of FVD: the means of the eighths of a clip's pixels, and whether it was called as there."""

    def __init__(self, weight: float = 1.0):
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(weight))

    def forward(self, x: Tensor, rescale: bool = True, resize: bool = True, return_features: bool = False) -> Tensor:
        called_as_there = torch.full((len(x), 1), float(return_features and not (rescale or resize)))
        return torch.cat([self.weight * x.flatten(1).unflatten(1, (8, -1)).mean(2), called_as_there], 1)


class Classifier(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x


@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated:DeprecationWarning")
def saved(module, path):
    torch.jit.script(module).save(path)
    return str(path)


def test_clips_are_read_in_one_piece_from_minus_1_to_1_at_224_pixels(tmp_path):
    reader = I3DReader(saved(StandIn(), tmp_path / "i3d.pt"))
    clips = torch.full((2, 10, 3, 16, 16), 255, dtype=torch.uint8)
    clips[1] = 0
    assert reader(SampleBatch(clips))["features"].tolist() == [[1.0] * 9, [-1.0] * 8 + [1.0]]
    clips = random_clips(num_samples=1, num_frames=10, height=224, width=224)
    with torch.no_grad():
        expected = StandIn()(clips.float().transpose(1, 2) / 127.5 - 1, False, False, True)
    torch.testing.assert_close(reader(SampleBatch(clips))["features"], expected)
    assert reader.title.startswith("I3D, weights i3d.pt (")


def test_clips_that_are_too_short_are_refused(tmp_path):
    reader = I3DReader(saved(StandIn(), tmp_path / "i3d.pt"))
    with pytest.raises(ValueError, match="at least 10 frames each for 'i3d', got 2"):
        read_features(reader, TinySamples(random_clips()), batch_size=2)


def test_a_file_that_is_no_torchscript_or_has_nan_is_refused(tmp_path):
    torch.save({"weight": torch.zeros(1)}, tmp_path / "state.pt")
    with pytest.raises(ValueError, match=r"`i3d` must be a TorchScript file, but .*state\.pt"):
        I3DReader(str(tmp_path / "state.pt"))
    with pytest.raises(ValueError, match=r"'weight' in .*nan\.pt is NaN"):
        I3DReader(saved(StandIn(torch.nan), tmp_path / "nan.pt"))


def test_lack_of_memory_is_no_fault_of_the_file(tmp_path, monkeypatch):
    def has_no_memory(*_, **__):
        raise torch.OutOfMemoryError("CUDA out of memory")

    reader = I3DReader(saved(StandIn(), tmp_path / "i3d.pt"))
    monkeypatch.setattr(reader, "network", has_no_memory)
    with pytest.raises(torch.OutOfMemoryError):
        reader(SampleBatch(random_clips(num_frames=10)))


def test_a_module_that_is_called_otherwise_is_refused(tmp_path):
    reader = I3DReader(saved(Classifier(), tmp_path / "other.pt"))
    with pytest.raises(ValueError, match=r"`i3d` must be the module that FVD is worked out with, but .*other\.pt"):
        reader(SampleBatch(random_clips(num_frames=10)))
