# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
import json
from functools import partial

import accelerate
import pytest
import torch
from accelerate.state import AcceleratorState
from accelerate.utils.dataclasses import get_module_class_from_name
from diffusers import VQModel
from torch import nn
from torch.utils.checkpoint import checkpoint

from nuwa_hf.modeling.autoencoder_vqgan import NuwaVQGAN
from nuwa_hf.modeling.vqgan_outputs import NuwaVQGANDecoderOutput, NuwaVQGANEncoderOutput, NuwaVQGANOutput


TINY = {
    "block_out_channels": (8, 8, 16),
    "layers_per_block": 1,
    "attention_levels": (2,),
    "latent_channels": 8,
    "codebook_dim": 6,
    "codebook_size": 64,
    "norm_num_groups": 4,
    "sample_size": 32,
}


def build(**changes):
    """A tiny f4 codec whose codes lie where its latents lie, so that many of them are used."""
    torch.manual_seed(0)
    vqgan = NuwaVQGAN(**{**TINY, **changes}).eval()
    with torch.no_grad():
        latents = vqgan(pixels(seed=9, shape=(2, vqgan.config.in_channels, 64, 64))).latents
    codes = latents.movedim(1, -1).flatten(0, -2)
    vqgan.quantize.write_codebook(codes[torch.randperm(len(codes))[: vqgan.config.codebook_size]])
    return vqgan


@pytest.fixture
def vqgan():
    return build()


def pixels(seed=1, shape=(2, 3, 32, 32)):
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed)) * 2 - 1


QUANTIZERS = {
    "nearest": {},
    "gumbel": {"quantizer": "gumbel"},
    "fsq": {"quantizer": "fsq", "fsq_levels": (4, 4, 3), "codebook_dim": None, "codebook_size": None},
}


def same_tokens(one, other):
    return (one == other).float().mean().item()


@pytest.mark.parametrize("shape", [(1, 3, 4, 4), (2, 3, 12, 20), (3, 3, 28, 4), (1, 3, 1, 12, 8), (2, 3, 5, 8, 36)])
@torch.no_grad()
def test_decoding_encoded_pixels_gives_their_shape(vqgan, shape):
    encoded = vqgan.encode(pixels(shape=shape))
    frames, rows, columns = shape[2:-2], shape[-2] // 4, shape[-1] // 4
    assert encoded.tokens.shape == (shape[0], *frames, rows, columns)
    assert encoded.latents.shape == (shape[0], *frames, 6, rows, columns)
    assert encoded.tokens.dtype == torch.long
    assert encoded.tokens.min() >= 0
    assert encoded.tokens.max() < 64
    assert vqgan.decode(encoded.tokens).sample.shape == shape


@pytest.mark.parametrize("levels", [1, 2, 4])
@torch.no_grad()
def test_downsampling_is_two_to_the_levels_less_one(levels):
    vqgan = build(block_out_channels=(8,) * levels, attention_levels=())
    assert vqgan.spatial_factor == 2 ** (levels - 1)
    assert vqgan.encode(pixels()).tokens.shape == (2, 32 // vqgan.spatial_factor, 32 // vqgan.spatial_factor)


@torch.no_grad()
def test_sketches_of_many_classes_are_coded_like_images():
    vqgan = build(in_channels=11, out_channels=11)
    assert vqgan.decode(vqgan.encode(pixels(shape=(1, 11, 16, 16))).tokens).sample.shape == (1, 11, 16, 16)


@pytest.mark.parametrize("shape", [(2, 3, 16, 16), (2, 3, 3, 16, 16)])
@torch.no_grad()
def test_forward_is_encode_then_decode_to_the_bit(vqgan, shape):
    output = vqgan(pixels(shape=shape))
    encoded = vqgan.encode(pixels(shape=shape))
    assert torch.equal(output.tokens, encoded.tokens)
    assert torch.equal(output.latents, encoded.latents)
    assert output.quantized.shape == output.latents.shape
    assert torch.equal(output.sample, vqgan.decode(encoded.tokens).sample)


@torch.no_grad()
def test_tuples_hold_what_the_dataclasses_hold(vqgan):
    encoded = vqgan.encode(pixels())
    for value, expected in zip(vqgan.encode(pixels(), return_dict=False), encoded.to_tuple(), strict=True):
        assert torch.equal(value, expected)
    decoded = vqgan.decode(encoded.tokens)
    assert isinstance(decoded, NuwaVQGANDecoderOutput)
    assert torch.equal(vqgan.decode(encoded.tokens, return_dict=False)[0], decoded.sample)
    output = vqgan(pixels())
    assert isinstance(output, NuwaVQGANOutput)
    for value, expected in zip(vqgan(pixels(), return_dict=False), output.to_tuple(), strict=True):
        assert torch.equal(value, expected)


@pytest.mark.parametrize("shape", [(3, 3, 16, 16), (2, 3, 3, 16, 16)])
@torch.no_grad()
def test_slices_give_the_same_one_frame_at_a_time(vqgan, shape):
    encoded = vqgan.encode(pixels(shape=shape))
    decoded = vqgan.decode(encoded.tokens).sample
    vqgan.enable_slicing()
    batch_sizes = []
    handle = vqgan.encoder.register_forward_hook(lambda module, args, output: batch_sizes.append(len(args[0])))
    sliced = vqgan.encode(pixels(shape=shape))
    handle.remove()
    assert set(batch_sizes) == {1}
    assert torch.equal(sliced.tokens, encoded.tokens)
    torch.testing.assert_close(sliced.latents, encoded.latents, rtol=0, atol=1e-5)
    torch.testing.assert_close(vqgan.decode(encoded.tokens).sample, decoded, rtol=0, atol=1e-5)
    vqgan.disable_slicing()
    assert torch.equal(vqgan.decode(encoded.tokens).sample, decoded)


@pytest.mark.parametrize("shape", [(1, 3, 32, 32), (2, 3, 24, 32), (1, 3, 2, 8, 8)])
@torch.no_grad()
def test_tiling_does_not_touch_an_image_no_larger_than_a_tile(vqgan, shape):
    encoded = vqgan.encode(pixels(shape=shape))
    decoded = vqgan.decode(encoded.tokens).sample
    vqgan.enable_tiling()
    assert vqgan.tile_sample_min_size == 32
    tiled = vqgan.encode(pixels(shape=shape))
    assert torch.equal(tiled.tokens, encoded.tokens)
    assert torch.equal(tiled.latents, encoded.latents)
    assert torch.equal(vqgan.decode(encoded.tokens).sample, decoded)


def test_the_size_of_a_tile_stays_until_another_is_given(vqgan):
    vqgan.enable_tiling(16, 0.5)
    vqgan.disable_tiling()
    vqgan.enable_tiling()
    assert (vqgan.tile_sample_min_size, vqgan.tile_overlap_factor) == (16, 0.5)
    vqgan.enable_tiling(tile_sample_min_size=24)
    assert (vqgan.tile_sample_min_size, vqgan.tile_overlap_factor) == (24, 0.5)


@pytest.mark.parametrize("shape", [(1, 3, 72, 16), (2, 3, 20, 44), (1, 3, 2, 36, 40)])
@torch.no_grad()
def test_tiles_keep_the_grid_and_no_tile_is_larger_than_asked(vqgan, shape):
    whole = vqgan.encode(pixels(shape=shape))
    vqgan.enable_tiling(tile_sample_min_size=16)
    sizes = []
    for part in (vqgan.encoder, vqgan.decoder):
        part.register_forward_hook(lambda module, args, output: sizes.extend(args[0].shape[-2:]))
    tiled = vqgan.encode(pixels(shape=shape))
    assert max(sizes) == 16
    assert tiled.tokens.shape == whole.tokens.shape
    assert tiled.latents.shape == whole.latents.shape
    sizes.clear()
    assert vqgan.decode(tiled.tokens).sample.shape == shape
    assert max(sizes) == 4


@torch.no_grad()
def test_tiles_of_a_local_codec_are_the_whole():
    """Without attention and group norms a place depends on its surroundings only, which overlapping tiles contain."""
    vqgan = build(block_out_channels=(8, 8), attention_levels=(), mid_block_attention=False)
    for module in list(vqgan.modules()):
        for name, child in module.named_children():
            if isinstance(child, nn.GroupNorm):
                setattr(module, name, nn.Identity())
    images = pixels(shape=(1, 3, 96, 96))
    whole = vqgan.encode(images)
    decoded = vqgan.decode(whole.tokens).sample
    vqgan.enable_tiling(tile_sample_min_size=64, tile_overlap_factor=0.5)
    # Half the overlap, 8 tokens, is farther than the encoder's convolutions reach.
    torch.testing.assert_close(vqgan.encode(images).latents, whole.latents, rtol=0, atol=1e-5)
    # Blending gives the border of a tile, which sees padding, a small share and not none.
    assert (vqgan.decode(whole.tokens).sample - decoded).abs().mean() < 0.01 * decoded.std()


@torch.no_grad()
def test_isolated_patches_are_coded_as_if_each_were_an_image():
    vqgan = build(isolated_patches=True)
    images = pixels(shape=(2, 3, 12, 20))
    latents = vqgan.encode(images).latents
    for row in range(3):
        for column in range(5):
            patch = images[..., row * 4 : row * 4 + 4, column * 4 : column * 4 + 4]
            alone = vqgan.encode(patch).latents[..., 0, 0]
            torch.testing.assert_close(alone, latents[..., row, column], rtol=0, atol=1e-5)


@torch.no_grad()
@pytest.mark.parametrize("isolated", [True, False])
def test_what_a_patch_shows_reaches_other_tokens_only_where_patches_are_not_isolated(isolated):
    vqgan = build(isolated_patches=isolated)
    images = pixels(shape=(1, 3, 16, 16))
    changed = images.clone()
    changed[..., 4:8, 8:12] = 1 - changed[..., 4:8, 8:12]
    moved = (vqgan.encode(images).latents != vqgan.encode(changed).latents).any(1)[0]
    assert moved[1, 2]
    assert (moved.sum() > 1) == (not isolated)


@torch.no_grad()
def test_tiles_of_isolated_patches_are_the_whole():
    vqgan = build(isolated_patches=True)
    images = pixels(shape=(1, 3, 64, 48))
    whole = vqgan.encode(images).latents
    vqgan.enable_tiling(tile_sample_min_size=16, tile_overlap_factor=0.25)
    torch.testing.assert_close(vqgan.encode(images).latents, whole, rtol=0, atol=1e-5)


@torch.no_grad()
def test_slices_and_tiles_together_are_the_tiles(vqgan):
    video = pixels(shape=(2, 3, 2, 40, 24))
    vqgan.enable_tiling(tile_sample_min_size=16, tile_overlap_factor=0.5)
    encoded = vqgan.encode(video)
    decoded = vqgan.decode(encoded.tokens).sample
    vqgan.enable_slicing()
    assert torch.equal(vqgan.encode(video).tokens, encoded.tokens)
    torch.testing.assert_close(vqgan.decode(encoded.tokens).sample, decoded, rtol=0, atol=1e-5)


@pytest.mark.parametrize("saving", [{}, {"variant": "fp16"}, {"max_shard_size": "10KB"}])
@torch.no_grad()
def test_saved_and_loaded_codec_is_the_same_to_the_bit(vqgan, saving, tmp_path):
    vqgan.save_pretrained(tmp_path, **saving)
    if "max_shard_size" in saving:
        assert len(list(tmp_path.glob("*-of-*.safetensors"))) > 1
    loaded = NuwaVQGAN.from_pretrained(tmp_path, variant=saving.get("variant"))
    assert not loaded.training
    tokens = vqgan.encode(pixels()).tokens
    assert torch.equal(loaded.encode(pixels()).tokens, tokens)
    assert torch.equal(loaded.decode(tokens).sample, vqgan.decode(tokens).sample)
    assert json.loads((tmp_path / "config.json").read_text())["_class_name"] == "NuwaVQGAN"


@pytest.mark.compiled
def test_forward_compiles_to_one_graph_with_its_gradients(vqgan):
    gradients = []
    for forward in (vqgan, torch.compile(vqgan, fullgraph=True, backend="eager")):
        output = forward(pixels())
        (output.sample.square().mean() + output.codebook_loss + output.commitment_loss).backward()
        gradients.append([weight.grad for weight in vqgan.parameters()])
        vqgan.zero_grad()
    torch.testing.assert_close(*gradients)


@pytest.mark.parametrize("kind", [NuwaVQGANOutput, NuwaVQGANEncoderOutput])
def test_outputs_are_rebuilt_from_a_dictionary_as_accelerate_does(vqgan, kind):
    output = {NuwaVQGANOutput: vqgan, NuwaVQGANEncoderOutput: vqgan.encode}[kind](pixels())
    again = kind(dict(output))
    assert again.keys() == output.keys()
    assert all(again[name] is output[name] for name in output)


def test_codec_that_accelerate_prepared_trains_in_mixed_precision(vqgan):
    AcceleratorState._reset_state(reset_partial_state=True)  # another test may have left one of another precision
    try:
        accelerator = accelerate.Accelerator(cpu=True, mixed_precision="bf16")
        output = accelerator.prepare(vqgan)(pixels())
    finally:
        AcceleratorState._reset_state(reset_partial_state=True)
    assert isinstance(output, NuwaVQGANOutput)
    assert output.sample.dtype == output.latents.dtype == torch.float32
    (output.sample.square().mean() + output.codebook_loss + output.commitment_loss).backward()
    assert [name for name, weight in vqgan.named_parameters() if weight.grad is None] == []


def test_gradient_of_the_quantised_reaches_the_encoder_unchanged(vqgan):
    output = vqgan(pixels())
    output.latents.retain_grad()
    output.quantized.retain_grad()
    output.sample.square().mean().backward()
    assert torch.equal(output.latents.grad, output.quantized.grad)
    assert vqgan.encoder.conv_in.weight.grad.abs().sum() > 0
    assert vqgan.quantize.embedding.weight.grad is None


@pytest.mark.parametrize(
    ("loss", "learning"), [("codebook_loss", {"quantize"}), ("commitment_loss", {"encoder", "quant_conv"})]
)
def test_each_loss_moves_its_own_part(vqgan, loss, learning):
    vqgan(pixels())[loss].backward()
    moved = {name.split(".")[0] for name, weight in vqgan.named_parameters() if weight.grad is not None}
    assert moved == learning


def test_every_weight_learns_from_the_whole_loss(vqgan):
    output = vqgan(pixels())
    (output.sample.square().mean() + output.codebook_loss + output.commitment_loss).backward()
    assert [name for name, weight in vqgan.named_parameters() if weight.grad is None] == []


def test_last_layer_is_the_one_that_makes_the_pixels(vqgan):
    output = vqgan(pixels())
    (gradient,) = torch.autograd.grad(output.sample.sum(), vqgan.last_layer)
    assert gradient.shape == (3, 8, 3, 3)


def test_gradient_checkpointing_keeps_the_gradients_also_of_a_second_way_back():
    gradients = []
    for use_reentrant in (None, False, True):
        vqgan = build().train()
        if use_reentrant is not None:
            vqgan.enable_gradient_checkpointing(partial(checkpoint, use_reentrant=use_reentrant))
            assert vqgan.is_gradient_checkpointing
        output = vqgan(pixels())
        # As training with a discriminator does: first the last layer's gradient, then all, here twice.
        torch.autograd.grad(output.sample.square().mean(), vqgan.last_layer, retain_graph=True)
        loss = output.sample.square().mean() + output.codebook_loss + output.commitment_loss
        loss.backward(retain_graph=True)
        loss.backward()
        gradients.append([weight.grad for weight in vqgan.parameters()])
    for plain, checkpointed, reentrant in zip(*gradients, strict=True):
        torch.testing.assert_close(checkpointed, plain)
        torch.testing.assert_close(reentrant, plain)


@torch.no_grad()
def test_bfloat16_weights_take_float32_pixels_and_give_bfloat16(vqgan):
    tokens = vqgan.encode(pixels()).tokens
    vqgan.bfloat16()
    encoded = vqgan.encode(pixels())
    assert encoded.latents.dtype == torch.bfloat16
    # Latents are 8 bits wide: some are now nearer to another code.
    assert same_tokens(encoded.tokens, tokens) > 0.5
    assert vqgan.decode(tokens).sample.dtype == torch.bfloat16
    assert vqgan(pixels()).commitment_loss.dtype == torch.float32


@torch.no_grad()
def test_loading_in_bfloat16_is_casting_to_bfloat16(vqgan, tmp_path):
    vqgan.save_pretrained(tmp_path)
    loaded = NuwaVQGAN.from_pretrained(tmp_path, torch_dtype=torch.bfloat16)
    assert loaded.dtype == torch.bfloat16
    assert torch.equal(loaded.encode(pixels()).tokens, vqgan.bfloat16().encode(pixels()).tokens)


@pytest.mark.parametrize("attention", [False, True])
@pytest.mark.parametrize("quantizer", QUANTIZERS)
def test_fsdp_finds_every_class_that_it_is_to_wrap(quantizer, attention):
    """Accelerate refuses a model that names a class and has none of it."""
    levels = {"attention_levels": (2,) if attention else (), "mid_block_attention": attention}
    vqgan = NuwaVQGAN(**{**TINY, **QUANTIZERS[quantizer], **levels})
    names = vqgan._no_split_modules
    assert [name for name in names if get_module_class_from_name(vqgan, name) is None] == []
    assert type(vqgan.quantize).__name__ in names
    assert ("Attention" in names) == attention


@pytest.mark.parametrize("offload_type", ["leaf_level", "block_level"])
@pytest.mark.parametrize("quantizer", QUANTIZERS)
@torch.no_grad()
def test_group_offloading_keeps_tokens_and_pixels(quantizer, offload_type, tmp_path):
    torch.manual_seed(0)
    vqgan = NuwaVQGAN(**{**TINY, **QUANTIZERS[quantizer]}).eval()
    tokens = vqgan.encode(pixels()).tokens
    sample = vqgan.decode(tokens).sample
    settings = {"offload_type": offload_type, "offload_to_disk_path": str(tmp_path)}
    vqgan.enable_group_offload(torch.device("cpu"), num_blocks_per_group=1, **settings)
    for weight in vqgan.parameters():
        weight.fill_(torch.nan)  # they are on disk
    assert torch.equal(vqgan.encode(pixels()).tokens, tokens)
    assert torch.equal(vqgan.decode(tokens).sample, sample)


@torch.no_grad()
def test_layerwise_casting_leaves_the_codebook_as_it_is(vqgan):
    codes = vqgan.quantize.codebook().clone()
    vqgan.enable_layerwise_casting(storage_dtype=torch.float8_e4m3fn, compute_dtype=torch.bfloat16)
    assert torch.equal(vqgan.quantize.codebook(), codes)
    tokens = vqgan.encode(pixels()).tokens
    assert vqgan.decode(tokens).sample.isfinite().all()


def vq_model(block_out_channels, attention_levels, **sizes):
    types = [
        "AttnDownEncoderBlock2D" if i in attention_levels else "DownEncoderBlock2D"
        for i in range(len(block_out_channels))
    ]
    return VQModel(
        block_out_channels=block_out_channels,
        down_block_types=types,
        up_block_types=[name.replace("Down", "Up").replace("Encoder", "Decoder") for name in types[::-1]],
        **sizes,
    )


@pytest.mark.parametrize(
    ("block_out_channels", "attention_levels", "codebook_size", "count"),
    [((128, 128, 256, 256, 512), (4,), 1024, 72_141_699), ((128, 128, 256, 512), (3,), 8192, None)],
    ids=["f16", "f8"],
)
def test_published_sizes_have_the_parameters_of_taming(block_out_channels, attention_levels, codebook_size, count):
    """The count of f16 is that of CompVis' own model with 1024 codes."""
    with torch.device("meta"):
        vqgan = NuwaVQGAN(
            block_out_channels=block_out_channels, attention_levels=attention_levels, codebook_size=codebook_size
        )
        theirs = vq_model(
            block_out_channels,
            attention_levels,
            layers_per_block=2,
            latent_channels=256,
            vq_embed_dim=256,
            num_vq_embeddings=codebook_size,
        )
    ours = {name: weight.shape for name, weight in vqgan.state_dict().items()}
    assert ours == {name: weight.shape for name, weight in theirs.state_dict().items()}
    assert vqgan.num_parameters() == theirs.num_parameters()
    if count is not None:
        assert vqgan.num_parameters() == count


@pytest.mark.parametrize(("channels", "levels"), [((8, 8, 8, 8, 16), (4,)), ((8, 8, 8, 16), (3,)), ((8, 16), (0, 1))])
@torch.no_grad()
def test_weights_of_a_diffusers_vq_model_give_its_tokens_and_pixels(channels, levels):
    torch.manual_seed(0)
    theirs = vq_model(
        channels,
        levels,
        layers_per_block=2,
        latent_channels=8,
        vq_embed_dim=6,
        num_vq_embeddings=64,
        norm_num_groups=4,
    ).eval()
    theirs.quantize.embedding.weight.normal_(std=0.5)
    ours = NuwaVQGAN(
        **{**TINY, "block_out_channels": channels, "attention_levels": levels, "layers_per_block": 2}
    ).eval()
    ours.load_state_dict(theirs.state_dict(), strict=True)
    images = pixels(shape=(2, 3, 32, 48))
    latents = theirs.encode(images).latents
    encoded = ours.encode(images)
    assert torch.equal(encoded.latents, latents)
    assert torch.equal(encoded.tokens.flatten(), theirs.quantize(latents)[2][2].flatten())
    # VQModel passes z + (e - z) to the decoder, which rounds; we pass e.
    torch.testing.assert_close(ours.decode(encoded.tokens).sample, theirs.decode(latents).sample, rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("bad", "error", "message"),
    [
        (torch.zeros(3, 32, 32), ValueError, r"`pixels` must have the shape .*got \(3, 32, 32\)"),
        (torch.zeros(1, 1, 3, 2, 32, 32), ValueError, "`pixels` must have the shape"),
        (torch.zeros(1, 1, 32, 32), ValueError, "`pixels` must have 3 channels on axis 1, .*got 1"),
        (torch.zeros(1, 32, 32, 3), ValueError, r"got 32 .*movedim\(3, 1\)"),
        (torch.zeros(1, 3, 32, 32, dtype=torch.uint8), TypeError, r"got torch.uint8; .*127.5 and subtract 1"),
        (torch.zeros(1, 3, 30, 32), ValueError, "`height` must be a positive multiple of 4 .*got 30; use 28 or 32"),
        (torch.zeros(1, 3, 2, 32, 33), ValueError, "`width` must be a positive multiple of 4 .*got 33; use 32 or 36"),
        (torch.zeros(1, 3, 3, 32), ValueError, r"`height` .*got 3; use 4\."),
    ],
)
def test_pixels_that_do_not_fit_are_refused(vqgan, bad, error, message):
    with pytest.raises(error, match=message):
        vqgan.encode(bad)


@pytest.mark.parametrize("bad", [torch.zeros(3, 32, 32), torch.zeros(1, 3, 30, 32), torch.zeros(1, 4, 32, 32)])
def test_forward_refuses_what_encode_refuses(vqgan, bad):
    with pytest.raises(ValueError, match="must"):
        vqgan(bad)


@pytest.mark.parametrize(
    ("bad", "error", "message"),
    [
        (torch.zeros(1, 8, 8), TypeError, "`tokens` must be whole numbers .*got torch.float32"),
        (torch.zeros(1, 8, 8, dtype=torch.bool), TypeError, "`tokens` must be whole numbers"),
        (torch.zeros(8, 8, dtype=torch.long), ValueError, r"`tokens` must have the shape .*got \(8, 8\)"),
        (torch.zeros(1, 1, 1, 8, 8, dtype=torch.long), ValueError, "`tokens` must have the shape"),
        (torch.zeros(0, 8, 8, dtype=torch.long), ValueError, "`tokens` must not be empty"),
    ],
)
def test_tokens_that_do_not_fit_are_refused(vqgan, bad, error, message):
    with pytest.raises(error, match=message):
        vqgan.decode(bad)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"attention_levels": (3,)}, r"`attention_levels` must lie in \[0, 3\) .*got 3 .*innermost level is 2"),
        ({"attention_levels": (-1,)}, "`attention_levels` .*got -1"),
        ({"norm_num_groups": 3}, "`block_out_channels` must be positive multiples of `norm_num_groups` = 3, got 8"),
        ({"norm_num_groups": 0}, "`norm_num_groups` must be at least 1, got 0"),
        ({"block_out_channels": ()}, "`block_out_channels` must name at least one level"),
        ({"block_out_channels": (8, 0, 8)}, "`block_out_channels` must be positive"),
        ({"layers_per_block": 0}, "`layers_per_block` must be at least 1"),
        ({"codebook_size": 0}, "`codebook_size` must be at least 1"),
        ({"commitment_weight": -1.0}, "`commitment_weight` must be 0 or more"),
        ({"sample_size": 30}, "`sample_size` must be a positive multiple of 4 .*use 28 or 32"),
    ],
)
def test_impossible_configurations_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        NuwaVQGAN(**{**TINY, **changes})


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"tile_sample_min_size": 18}, "`tile_sample_min_size` must be a positive multiple of 4 .*use 16 or 20"),
        ({"tile_sample_min_size": 0}, "`tile_sample_min_size`"),
        ({"tile_overlap_factor": 1.0}, "`tile_overlap_factor` must be at least 0 and below 1"),
        ({"tile_overlap_factor": -0.1}, "`tile_overlap_factor`"),
    ],
)
def test_impossible_tiles_are_refused_and_change_nothing(vqgan, arguments, message):
    with pytest.raises(ValueError, match=message):
        vqgan.enable_tiling(**arguments)
    assert not vqgan.use_tiling
