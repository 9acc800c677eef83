# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
from pathlib import Path

import pytest
import torch
from memory_meter import MemoryMeter

from nuwa_hf.grid import Grid
from nuwa_hf.modeling.autoencoder_vqgan import NuwaVQGAN
from nuwa_hf.modeling.configuration_nuwa import NuwaConfig
from nuwa_hf.modeling.modeling_nuwa import NuwaForConditionalGeneration
from nuwa_hf.modeling.sampling_memory import sampling_memory


# In each of these, another part of the formula is the largest.
SIZES = {
    "ring": ({"hidden_size": 64, "codebook_size": 32, "num_decoder_layers": 8}, Grid(6, 10, 10)),
    "feed-forward": ({"hidden_size": 64, "codebook_size": 32, "intermediate_size": 2048}, Grid(6, 12, 12)),
    "logits": ({"hidden_size": 16, "codebook_size": 4096}, Grid(6, 12, 12)),
    "embeddings": ({"hidden_size": 128, "codebook_size": 16, "window": (3, 5, 5)}, Grid(8, 12, 12)),
    "weights": ({"hidden_size": 256, "codebook_size": 512}, Grid(2, 4, 4)),
}


def model_of(grid, dtype, **sizes):
    torch.manual_seed(0)
    config = NuwaConfig(
        **{
            "vocab_size": 40,
            "num_attention_heads": 2,
            "num_encoder_layers": 1,
            "num_decoder_layers": 2,
            "max_text_length": 12,
            "visual_grid": tuple(grid),
            **sizes,
        }
    )
    return NuwaForConditionalGeneration(config).eval().to(dtype)


@pytest.mark.parametrize(("guidance_scale", "dtype"), [(1.0, torch.float32), (2.0, torch.bfloat16)])
@pytest.mark.parametrize("part", SIZES)
def test_sampling_takes_the_memory_of_the_formula(part, guidance_scale, dtype):
    sizes, grid = SIZES[part]
    model = model_of(grid, dtype, **sizes)
    text = torch.randint(5, 40, (3, 12))
    settings = {"grid": grid, "guidance_scale": guidance_scale, "generator": torch.Generator().manual_seed(0)}
    model.generate(text, **settings)  # the plan is made once and kept
    with MemoryMeter() as meter:
        model.generate(text, **settings)
    memory = sampling_memory(model, grid, batch_size=3, uses_guidance=guidance_scale > 1)
    stated = memory.total - memory.weights - memory.laid_out  # the first call laid the weights out
    # Indices, random numbers and temporary buffers of kernels are a few percent here, and negligible at real sizes.
    assert 0.99 * stated < meter.peak < 1.2 * stated


@pytest.mark.parametrize("guidance_scale", [1.0, 2.0])
@pytest.mark.parametrize("has_sketch", [False, True])
def test_sketches_and_known_parts_take_the_memory_of_the_formula(has_sketch, guidance_scale):
    grid = Grid(4, 8, 8)
    model = model_of(grid, torch.float32, hidden_size=64, codebook_size=32, num_decoder_layers=8)
    tokens = torch.randint(0, 32, (3, *grid))
    conditions = {"known_tokens": tokens, "known_mask": torch.rand(tokens.shape) < 0.5}
    if has_sketch:
        conditions["sketch_tokens"] = tokens
    text = torch.randint(5, 40, (3, 12))
    settings = {"grid": grid, "guidance_scale": guidance_scale, "generator": torch.Generator().manual_seed(0)}
    model.generate(text, **settings, **conditions)  # the plan is made once and kept
    with MemoryMeter() as meter:
        model.generate(text, **settings, **conditions)
    places = (1 + has_sketch) * grid.numel
    memory = sampling_memory(model, grid, batch_size=3, uses_guidance=guidance_scale > 1, condition_places=places)
    stated = memory.total - memory.weights - memory.laid_out
    assert 0.99 * stated < meter.peak < 1.2 * stated


def test_raster_order_takes_small_steps():
    sizes, grid = SIZES["ring"]
    model = model_of(grid, torch.float32, **sizes)
    wavefront, raster = (sampling_memory(model, grid, schedule=schedule) for schedule in ("wavefront", "raster"))
    assert raster.step < wavefront.step
    assert raster.weights == wavefront.weights == sum(weight.nbytes for weight in model.parameters())


def test_a_model_on_the_meta_device_gives_the_same_numbers():
    sizes, grid = SIZES["weights"]
    with torch.device("meta"):  # as `from_pretrained` and `init_empty_weights` make models
        absent = model_of(grid, torch.float32, **sizes)
    assert sampling_memory(absent, grid) == sampling_memory(model_of(grid, torch.float32, **sizes), grid)


def test_weights_in_8_bits_take_less_and_what_is_computed_as_much():
    sizes, grid = SIZES["ring"]
    model = model_of(grid, torch.float16, **sizes)
    plain = sampling_memory(model, grid)
    model.enable_layerwise_casting()
    stored = sampling_memory(model, grid)
    assert stored.weights < plain.weights
    assert (stored.ring, stored.conditions, stored.step) == (plain.ring, plain.conditions, plain.step)


def stated_and_measured(vqgan, tokens):
    """The memory of decoding three frames at once and then one at a time: by the formula, and as the meter has it."""
    height, width = (4 * size for size in tokens.shape[-2:])
    for num_frames in (3, 1):
        if num_frames == 1:
            vqgan.enable_slicing()
        with MemoryMeter() as meter:
            vqgan.decode(tokens)
        yield num_frames, vqgan.decoding_memory(3, height, width), meter.peak


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@torch.no_grad()
def test_decoding_takes_the_memory_of_the_formula(dtype):
    vqgan = NuwaVQGAN(block_out_channels=(64, 64, 128), attention_levels=(2,)).eval().to(dtype)
    for num_frames, stated, peak in stated_and_measured(vqgan, torch.randint(0, 100, (1, 3, 8, 12))):
        assert stated == num_frames * vqgan.decoding_memory(1, 32, 48)
        assert 0.99 * stated < peak < 1.15 * stated  # the finished frames come on top


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@torch.no_grad()
def test_decoding_in_tiles_takes_the_memory_of_the_formula(dtype):
    """Tiles were not counted, so that candidates were drawn a few at a time where many would have fitted."""
    vqgan = NuwaVQGAN(block_out_channels=(64, 64, 128), attention_levels=(2,)).eval().to(dtype)
    whole = vqgan.decoding_memory(3, 32, 96)
    vqgan.enable_tiling(48)
    for _, stated, peak in stated_and_measured(vqgan, torch.randint(0, 100, (1, 3, 8, 24))):
        assert stated < 0.6 * whole
        assert 0.99 * stated < peak < 1.15 * stated
    assert vqgan.decoding_memory(3, 32, 48) == vqgan.decoding_memory(1, 32, 48) == whole // 6


def test_the_table_of_the_papers_video_is_up_to_date():
    """The table in docs/sampling.md holds the numbers computed here."""
    page = (Path(__file__).parents[2] / "docs" / "sampling.md").read_text(encoding="utf-8")
    with torch.device("meta"):
        model = NuwaForConditionalGeneration(NuwaConfig())
    # The table's last rows are of a processor that multiplies bfloat16.
    has_bfloat16 = torch.ops.mkldnn._is_mkldnn_bf16_supported()
    for dtype in (torch.float32, torch.bfloat16) if has_bfloat16 else (torch.float32,):
        model = model.to(dtype)
        for frames in (1, 10):
            memory = sampling_memory(model, Grid(frames, 21, 21))
            parts = (memory.weights, memory.laid_out, memory.ring, memory.conditions, memory.step)
            cells = " | ".join(f"{part / 1e6:,.0f}" for part in (*parts, memory.total))
            assert f"| {frames} x 21 x 21 | {str(dtype).removeprefix('torch.')} | {cells} |" in page
    assert f"{NuwaVQGAN().decoding_memory(1, 336, 336) / 1e6:,.0f} MB for each frame" in page
