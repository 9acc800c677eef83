# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""diffusers' testers of models, on NuwaVQGAN, as diffusers' own test of `VQModel` uses them."""

import pytest
import torch
from checkouts import suite_module
from diffusers.utils.torch_utils import randn_tensor

from nuwa_hf import NuwaVQGAN


testers = suite_module("DIFFUSERS_CHECKOUT", "models.testing_utils")
autoencoders = suite_module("DIFFUSERS_CHECKOUT", "models.autoencoders.testing_utils")
torch_device = suite_module("DIFFUSERS_CHECKOUT", "testing_utils").torch_device


class NuwaVQGANTesterConfig(testers.BaseModelTesterConfig):
    @property
    def model_class(self):
        return NuwaVQGAN

    @property
    def main_input_name(self):
        return "pixels"

    @property
    def output_shape(self):
        return (3, 32, 32)

    @property
    def different_shapes_for_compilation(self):
        return [(32, 32), (48, 64), (64, 40)]

    def get_init_dict(self):
        return {
            "block_out_channels": [8, 16],
            "norm_num_groups": 8,
            "attention_levels": [1],
            "latent_channels": 8,
            "codebook_dim": 4,
            "codebook_size": 32,
            "sample_size": 32,
        }

    def get_dummy_inputs(self, height=32, width=32):
        generator = torch.Generator("cpu").manual_seed(0)
        return {"pixels": randn_tensor((4, 3, height, width), generator=generator, device=torch_device)}


class TestNuwaVQGAN(NuwaVQGANTesterConfig, testers.ModelTesterMixin):
    """Saving, loading, dtypes, shards, outputs."""


class TestNuwaVQGANTraining(NuwaVQGANTesterConfig, testers.TrainingTesterMixin):
    """Training, moving average, gradient checkpointing, mixed precision."""

    def test_gradient_checkpointing_is_applied(self):
        super().test_gradient_checkpointing_is_applied(expected_set={"Encoder", "Decoder", "UNetMidBlock2D"})


class TestNuwaVQGANMemory(NuwaVQGANTesterConfig, testers.MemoryTesterMixin):
    """Offloading to CPU and disk, in groups, and layers stored in another dtype."""


class TestNuwaVQGANLayerwiseCasting(NuwaVQGANTesterConfig, testers.LayerwiseCastingTesterMixin):
    """The part of the memory tests that needs no accelerator."""

    def test_layerwise_casting_memory(self):
        if torch_device == "cpu":
            pytest.skip("reads the memory of an accelerator")
        super().test_layerwise_casting_memory()


class TestNuwaVQGANCompile(NuwaVQGANTesterConfig, testers.TorchCompileTesterMixin):
    """torch.compile and torch.export."""


class TestNuwaVQGANLora(NuwaVQGANTesterConfig, testers.LoraTesterMixin):
    """Adapters of a model."""


class TestNuwaVQGANSlicingTiling(NuwaVQGANTesterConfig, autoencoders.AutoencoderTesterMixin):
    """Slices and tiles."""

    def test_forward_with_norm_groups(self):
        # Their own reads the shape of an input called `sample`.
        sizes = self.get_init_dict() | {"norm_num_groups": 16, "block_out_channels": (16, 32)}
        inputs = self.get_dummy_inputs()
        with torch.no_grad():
            output = NuwaVQGAN(**sizes).to(torch_device).eval()(**inputs)
        assert output.sample.shape == inputs["pixels"].shape
