# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Quantisation by other libraries, through configurations of transformers and diffusers, needs no code of ours."""

import pytest
import torch
from diffusers import PipelineQuantizationConfig
from tiny import seeded
from transformers import TorchAoConfig

from nuwa_hf import DEMO_CHECKPOINT, NuwaForConditionalGeneration, NuwaTextToVideoPipeline


torchao = pytest.importorskip("torchao.quantization", reason="torchao is optional: it slows down every import")

METHODS = ("Int8WeightOnlyConfig", "Int8DynamicActivationInt8WeightConfig")


def torchao_config(method):
    return TorchAoConfig(getattr(torchao, method)(version=2))


def sample(pipeline):
    pipeline.set_progress_bar_config(disable=True)
    return pipeline("a red apple rolls to the left on the grass", generator=seeded(0), output_type="latent").frames


@pytest.mark.parametrize("dtype", [None, torch.bfloat16])
@pytest.mark.parametrize("method", METHODS)
def test_pipeline_is_quantised_samples_and_loads_again(method, dtype, tmp_path):
    config = PipelineQuantizationConfig(quant_mapping={"transformer": torchao_config(method)})
    pipeline = NuwaTextToVideoPipeline.from_pretrained(DEMO_CHECKPOINT, quantization_config=config, dtype=dtype)
    weight = pipeline.transformer.model.decoder.layers[0].feed_forward.up_proj.weight
    assert type(weight).__module__.startswith("torchao")
    tokens = sample(pipeline)
    pipeline.save_pretrained(tmp_path)
    assert torch.equal(sample(NuwaTextToVideoPipeline.from_pretrained(tmp_path, dtype=dtype)), tokens)


@pytest.mark.parametrize("method", METHODS)
def test_logits_are_near_those_in_floating_point(method):
    folder = DEMO_CHECKPOINT / "transformer"
    inputs = {"input_ids": torch.tensor([[5, 9, 17]]), "visual_tokens": torch.arange(384).view(1, 6, 8, 8) % 160}
    with torch.no_grad():
        original = NuwaForConditionalGeneration.from_pretrained(folder)(**inputs).logits
        model = NuwaForConditionalGeneration.from_pretrained(folder, quantization_config=torchao_config(method))
        quantised = model(**inputs).logits
    # Rounding to 8 bits costs about a percent in each layer; with a wrong layer nothing would be alike.
    assert torch.nn.functional.cosine_similarity(original.flatten(), quantised.flatten(), dim=0) > 0.99
