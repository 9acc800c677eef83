# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from safetensors.torch import save_file
from torch import nn

from nuwa_hf.training.vqgan.feature_networks import LITE_STRIDES, VGG16_STAGES, EfficientNetLiteFeatures
from nuwa_hf.training.vqgan.perceptual_loss import PerceptualLoss


def vgg_state() -> dict[str, torch.Tensor]:
    """A VGG16 of two channels a stage."""
    state, channels = {}, 3
    for number in sum(VGG16_STAGES, ()):
        state[f"features.{number}.weight"] = torch.randn(2, channels, 3, 3)
        state[f"features.{number}.bias"] = torch.randn(2)
        channels = 2
    return state


def lite_state() -> dict[str, torch.Tensor]:
    """An EfficientNet-Lite0 of two and four channels a block, whose kernels are 3 and 5 wide in turn."""
    state = {}

    def add(conv: str, norm: str, *shape: int) -> None:
        state[f"{conv}.weight"] = torch.randn(shape)
        for kind in ("weight", "bias", "running_mean"):
            state[f"{norm}.{kind}"] = torch.randn(shape[0])
        state[f"{norm}.running_var"] = torch.rand(shape[0])

    add("_conv_stem", "_bn0", 2, 3, 3, 3)
    for block in range(len(LITE_STRIDES)):
        name, inner, kernel = f"_blocks.{block}", 4 if block else 2, 3 + 2 * (block % 2)
        if block:
            add(f"{name}._expand_conv", f"{name}._bn0", inner, 2, 1, 1)
        add(f"{name}._depthwise_conv", f"{name}._bn1", inner, 1, kernel, kernel)
        add(f"{name}._project_conv", f"{name}._bn2", 2, inner, 1, 1)
    return state


@pytest.mark.parametrize("make_state", [vgg_state, lite_state])
def test_perceptual_loss_is_zero_only_for_equal_images_and_trains_the_sample_alone(tmp_path, make_state):
    save_file(make_state(), tmp_path / "network.safetensors")
    perceptual = PerceptualLoss(tmp_path / "network.safetensors")
    pixels, sample = torch.rand(2, 3, 32, 32), torch.rand(2, 3, 32, 32, requires_grad=True)
    assert perceptual(pixels, pixels) == 0
    loss = perceptual(sample, pixels)
    loss.backward()
    assert loss > 0
    assert sample.grad.abs().sum() > 0
    assert all(parameter.grad is None for parameter in perceptual.parameters())


def test_efficientnet_lite_gives_five_features_down_to_a_sixteenth():
    features = EfficientNetLiteFeatures(lite_state())(torch.rand(1, 3, 32, 48))
    assert [tuple(one.shape[2:]) for one in features] == [(16, 24), (8, 12), (4, 6), (2, 3), (2, 3)]


def test_merged_normalisation_is_the_one_after_the_convolution():
    state = lite_state()
    network = EfficientNetLiteFeatures(state)
    pixels = torch.rand(1, 3, 32, 32)
    stem = nn.Conv2d(3, 2, 3, stride=2, bias=False)
    stem.load_state_dict({"weight": state["_conv_stem.weight"]})
    norm = [state[f"_bn0.{kind}"] for kind in ("running_mean", "running_var", "weight", "bias")]
    # An even image under a stride of two takes its one column of padding at the end, as in TensorFlow.
    expected = F.relu6(F.batch_norm(stem(F.pad(network.normalized(pixels), (0, 1, 0, 1))), *norm, eps=1e-3))
    # Merging rounds float32 once more.
    torch.testing.assert_close(network(pixels)[0], expected, rtol=1e-4, atol=1e-4)


def test_perceptual_weights_that_do_not_exist_or_lack_a_layer_are_an_error(tmp_path):
    with pytest.raises(ValueError, match=r"`perceptual_weights`.*none\.safetensors"):
        PerceptualLoss(tmp_path / "none.safetensors")
    for name, message in (
        ("features.0.weight", r"lacks 'features\.0\.bias'"),
        ("_conv_stem.weight", r"lacks '_bn0\.weight'"),
        ("conv1.weight", "weights of VGG16 or EfficientNet-Lite0"),
    ):
        save_file({name: torch.zeros(2, 3, 3, 3)}, tmp_path / "part.safetensors")
        with pytest.raises(ValueError, match=message):
            PerceptualLoss(tmp_path / "part.safetensors")
