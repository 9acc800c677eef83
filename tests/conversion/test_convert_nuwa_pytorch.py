# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
import importlib.util
import json
import math
from pathlib import Path

import pytest
import torch
from torch.nn.functional import normalize

from nuwa_hf import Grid, NuwaForConditionalGeneration, NuwaVQGAN
from nuwa_hf.conversion import nuwa_pytorch_names as names
from nuwa_hf.conversion.nuwa_pytorch import sort_names, window_of
from nuwa_hf.conversion.nuwa_pytorch_reference import import_nuwa_pytorch
from nuwa_hf.conversion.script import run_conversion


PATH = Path(__file__).parents[2] / "conversion_scripts" / "convert_nuwa_pytorch.py"
SPEC = importlib.util.spec_from_file_location("convert_nuwa_pytorch", PATH)
script = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(script)

WIDTH, HEADS, VOCABULARY, CODES, TEXT_LENGTH = 32, 2, 40, 24, 12
GRID = (3, 4, 4)


def tensors(shapes):
    generator = torch.Generator().manual_seed(0)
    return {name: torch.randn(shape, generator=generator) for name, shape in shapes.items()}


def codec_state(*, code_width=8, with_losses=False, is_cosine=True):
    """Of a `VQGanVAE(dim=16, num_layers=2)`, with its own names and shapes."""
    shapes = {"encoders.0.weight": (16, 3, 5, 5), "encoders.0.bias": (16,)}
    for i, (before, after) in enumerate(((16, 16), (16, 32)), start=1):
        shapes |= {f"encoders.{i}.0.weight": (after, before, 4, 4), f"encoders.{i}.0.bias": (after,)}
    attention = {
        "scale": (1, 8, 1, 1),
        "post_norm.g": (1, 32, 1, 1),
        "post_norm.b": (1, 32, 1, 1),
        "cpb.net.0.0.weight": (8, 2),
        "cpb.net.0.0.bias": (8,),
        "cpb.net.1.0.weight": (8, 8),
        "cpb.net.1.0.bias": (8,),
        "cpb.net.2.weight": (8, 8),
        "cpb.net.2.bias": (8,),
        "to_qkv.weight": (1536, 32, 1, 1),
        "to_out.weight": (32, 512, 1, 1),
        "to_out.bias": (32,),
    }
    for block, convolutions, norms, wide in (("encoders.3", (0, 3), (1, 4), 32), ("decoders.0", (0, 3), (2, 5), 64)):
        for i in convolutions:
            shapes |= {f"{block}.net.{i}.weight": (wide, 32, 3, 3), f"{block}.net.{i}.bias": (wide,)}
        for i in norms:
            shapes |= {f"{block}.net.{i}.weight": (32,), f"{block}.net.{i}.bias": (32,)}
        shapes |= {f"{block}.net.6.weight": (32, 32, 1, 1), f"{block}.net.6.bias": (32,)}
    for block in ("encoders.4", "decoders.1"):
        shapes |= {f"{block}.{name}": shape for name, shape in attention.items()}
    for i, (before, after) in ((2, (32, 16)), (3, (16, 16))):
        shapes |= {f"decoders.{i}.1.weight": (after, before, 3, 3), f"decoders.{i}.1.bias": (after,)}
    shapes |= {"decoders.4.weight": (3, 16, 1, 1), "decoders.4.bias": (3,)}
    if code_width != 32:
        shapes |= {"vq.project_in.weight": (code_width, 32), "vq.project_in.bias": (code_width,)}
        shapes |= {"vq.project_out.weight": (32, code_width), "vq.project_out.bias": (32,)}
    shapes |= {"vq._codebook.cluster_size": (1, CODES), "vq._codebook.embed_avg": (1, CODES, code_width)}
    shapes |= {"vq._codebook.embed": (1, CODES, code_width)}
    if with_losses:
        shapes |= {"discr.layers.0.0.weight": (16, 3, 5, 5), "discr.to_logits.0.bias": (32,)}
    state = tensors(shapes) | {"vq._codebook.initted": torch.tensor(True)}
    if is_cosine:
        state["vq._codebook.embed"] = normalize(state["vq._codebook.embed"], dim=-1)
    return state


def window_table(window, dilation):
    """True where a key of a place lies outside the grid, computed place by place; in front <bos>, which never does."""
    keys = [
        [dilation * (index - extent + 1) for extent, index in zip(window, key, strict=True)]
        for key in torch.cartesian_prod(*(torch.arange(extent) for extent in window)).tolist()
    ]
    places = torch.cartesian_prod(*(torch.arange(extent) for extent in GRID)).tolist()
    outside = [[any(at + step < 0 for at, step in zip(place, key, strict=True)) for key in keys] for place in places]
    return torch.nn.functional.pad(torch.tensor(outside), (1, 0), value=False)


def sub_layer(kind, has_bias=False):
    inner = {
        "ff": {"net.0.weight": (170, WIDTH), "net.3.weight": (WIDTH, 85)},
        "attention": {
            "null_k": (HEADS, 1, 16),
            "null_v": (HEADS, 1, 16),
            "talking_heads.weight": (HEADS, HEADS, 1, 1),
            "to_q.weight": (WIDTH, WIDTH),
            "to_kv.weight": (2 * WIDTH, WIDTH),
            "to_out.weight": (WIDTH, WIDTH),
        },
    }
    inner["window"] = {name: shape for name, shape in inner["attention"].items() if not name.startswith("null")}
    inner["window"] |= {"to_out.bias": (WIDTH,)}
    norms = {f"{norm}.{what}": (WIDTH,) for norm in ("prenorm", "postnorm") for what in ("weight", "bias")}
    return norms, inner[kind]


def layer(prefix, kind, wrappers):
    norms, inner = sub_layer(kind)
    return {f"{prefix}.{n}": s for n, s in norms.items()} | {
        f"{prefix}.{'fn.' * wrappers}{n}": s for n, s in inner.items()
    }


def nuwa_state(*, reversible=False, shift=True, dilations=(1, 1), absolute=True, bias=False, codec=True):
    """Of a `NUWA` with one encoder and two decoder layers, with its own names and shapes."""
    shapes = {
        "video_bos": (WIDTH,),
        "text_embedding.embed.weight": (VOCABULARY, WIDTH),
        "image_embedding.embed.weight": (CODES, WIDTH),
        "to_logits.weight": (CODES, WIDTH),
        **{f"video_pos_emb.axial{i}": (size, WIDTH) for i, size in enumerate(GRID, start=1)},
    }
    shapes |= {"text_abs_pos_emb.embed.weight": (TEXT_LENGTH, WIDTH)} if absolute else {}
    shapes |= {} if absolute else {"text_rotary_pos_emb.inv_freq": (8,)}
    for side in ("text", "video"):
        shapes |= {f"{side}_transformer.norm.norm.{what}": (WIDTH,) for what in ("weight", "bias")}
    wrappers = 2 if shift or reversible else 1
    windows = {}
    if reversible:
        blocks = [("text", 0, "attention", 2)]
        blocks += [("video", i, kind, w) for i, (kind, w) in enumerate((("window", 2), ("attention", 1)) * 2)]
        for side, i, kind, wrapped in blocks:
            for prefix, ff in (
                (f"{side}_transformer.layers.{i}.0", f"{side}_transformer.layers.{i}.1"),
                (f"{side}_transformer.net.blocks.{i}.f.net", f"{side}_transformer.net.blocks.{i}.g.net"),
            ):
                shapes |= layer(prefix, kind, wrapped) | layer(ff, "ff", 2)
                if kind == "window":
                    windows[f"{prefix}.fn.fn.mask"] = window_table((3, 3, 3), dilations[i // 2])
    else:
        shapes |= layer("text_transformer.layers.0.0", "attention", 1) | layer("text_transformer.layers.0.2", "ff", 1)
        for i, dilation in enumerate(dilations):
            prefix = f"video_transformer.layers.{i}"
            shapes |= layer(f"{prefix}.0", "window", wrappers) | layer(f"{prefix}.1", "attention", 1)
            shapes |= layer(f"{prefix}.2", "ff", wrappers)
            windows[f"{prefix}.0.{'fn.' * wrappers}mask"] = window_table((3, 3, 3), dilation)
            if bias:
                biases = {f"{prefix}.0.{'fn.' * wrappers}rel_pos_bias.axial{axis}": (3, HEADS) for axis in (1, 2, 3)}
                shapes |= biases
    inside = {f"vae.{name}": tensor for name, tensor in codec_state().items()} if codec else {}
    return tensors(shapes) | windows | inside


def convert(tmp_path, state, *options, name="out"):
    torch.save(state, tmp_path / "source.pt")
    status = run_conversion(script.SCRIPT, [str(tmp_path / "source.pt"), str(tmp_path / name), *options])
    return status, tmp_path / name


VARIANTS = [
    {},
    {"shift": False},
    {"reversible": True},
    {"dilations": (1, 2), "bias": True},
    {"absolute": False, "codec": False},
]


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_tensor_is_mapped_or_dropped_or_left_with_a_reason(variant):
    state = {name: tensor for name, tensor in nuwa_state(**variant).items() if not name.startswith("vae.")}
    found = sort_names(state, "transformer")
    assert found.mapped.keys() | found.dropped.keys() | found.unmapped.keys() == state.keys()
    assert len(found.mapped) + len(found.dropped) + len(found.unmapped) == len(state)
    assert set(found.mapped) == set(names.TRANSFORMER_MAP) & state.keys()
    assert all(len(reason) > 20 for reason in found.unmapped.values())


def test_reasons_name_what_a_transformer_has():
    def reasons(**variant):
        return sort_names(nuwa_state(codec=False, **variant), "transformer").unmapped

    query = "video_transformer.layers.1.0.fn.{}to_q.weight"
    shifted, plain = reasons()[query.format("fn.")], reasons(shift=False)[query.format("")]
    assert "token shift" in shifted
    assert "token shift" not in plain
    dilated = reasons(dilations=(1, 2), bias=True)
    assert "places 2 apart" in dilated[query.format("fn.")]
    assert "dilated" not in dilated[query.format("fn.").replace("layers.1", "layers.0")]
    assert "relative position bias" in dilated["video_transformer.layers.0.0.fn.fn.rel_pos_bias.axial1"]
    reversible = reasons(reversible=True)
    for name, reason in reversible.items():
        assert ("reversible blocks" in reason) == (".layers." in name or ".blocks." in name)
    assert "gated feed-forward" in plain_ff(reasons(shift=False))
    assert "rotary" in reasons(absolute=False)["text_rotary_pos_emb.inv_freq"]


def plain_ff(reasons):
    return reasons["video_transformer.layers.0.2.fn.net.0.weight"]


@pytest.mark.parametrize("window", [(3, 3, 3), (1, 3, 3), (5, 3, 1), (1, 1, 1)])
@pytest.mark.parametrize("dilation", [1, 2])
def test_a_table_of_windows_tells_its_window_and_dilation(window, dilation):
    found = window_of(window_table(window, dilation), GRID)
    table = window_table(*found)
    assert torch.equal(table, window_table(window, dilation))
    if window == (3, 3, 3):
        assert found == (window, dilation)
    assert window_of(~window_table((3, 3, 3), 1), GRID) is None


@pytest.mark.parametrize("make", [nuwa_state, codec_state])
def test_nothing_is_written_unless_partial_and_every_name_is_told(make, tmp_path, caplog):
    caplog.set_level("INFO")
    assert convert(tmp_path, make())[0] == 1
    assert [path.name for path in tmp_path.iterdir()] == ["source.pt"]
    assert "`--partial` writes the others" in caplog.text
    for name in make():
        bare = name.removeprefix("vae.")
        is_mapped = bare in names.TRANSFORMER_MAP or bare in names.CODEC_MAP or bare.startswith("vq._codebook.")
        assert is_mapped or bare in caplog.text


@pytest.mark.parametrize("variant", VARIANTS)
def test_what_maps_of_a_transformer_is_the_same_function(variant, tmp_path):
    state = nuwa_state(**variant)
    status, out = convert(tmp_path, state, "--partial", "--text_length", "9")
    assert status == 0
    model = NuwaForConditionalGeneration.from_pretrained(out / "transformer")
    config, decoder = model.config, model.model.decoder
    assert (config.vocab_size, config.codebook_size, config.hidden_size) == (VOCABULARY, CODES, WIDTH)
    assert (config.num_encoder_layers, config.num_decoder_layers, config.num_attention_heads) == (1, 2, HEADS)
    assert (config.visual_grid, config.window) == (GRID, (3, 3, 3))
    ids = torch.arange(VOCABULARY)
    assert torch.equal(model.model.text_embeddings.token_embedding(ids), state["text_embedding.embed.weight"])
    assert torch.equal(decoder.embeddings.token_embedding.weight, state["image_embedding.embed.weight"])
    assert torch.equal(model.head.weight, state["to_logits.weight"])
    axes = [state[f"video_pos_emb.axial{axis}"] for axis in (1, 2, 3)]
    sums = axes[0][:, None, None] + axes[1][:, None] + axes[2]
    assert torch.equal(decoder.embeddings.positions(Grid(*GRID)), sums.flatten(0, 2))
    text_positions = model.model.text_embeddings.positions(Grid(config.max_text_length, 1, 1))
    if variant.get("absolute", True):
        assert torch.equal(text_positions, state["text_abs_pos_emb.embed.weight"])
    else:
        assert config.max_text_length == 9
    assert (out / "vqgan").is_dir() == variant.get("codec", True)


@pytest.mark.parametrize(("code_width", "is_cosine"), [(8, True), (8, False), (32, True)])
def test_the_quantiser_of_a_codec_is_the_same_function(code_width, is_cosine, tmp_path):
    state = codec_state(code_width=code_width, is_cosine=is_cosine, with_losses=True)
    status, out = convert(tmp_path, state, "--partial", "--image_size", "64")
    assert status == 0
    vqgan = NuwaVQGAN.from_pretrained(out / "vqgan")
    assert (vqgan.spatial_factor, vqgan.config.sample_size) == (4, 64)
    latents = torch.randn(2, 32, 5, 6)
    wide = latents.movedim(1, -1)
    narrow = wide
    if code_width != 32:
        narrow = wide @ state["vq.project_in.weight"].T + state["vq.project_in.bias"]
    codes = state["vq._codebook.embed"][0]
    distances = -(normalize(narrow, dim=-1) @ codes.T) if is_cosine else torch.cdist(narrow, codes)
    tokens = distances.argmin(-1)
    assert torch.equal(vqgan.quantize.nearest(vqgan.quant_conv(latents)), tokens)
    expected = codes[tokens]
    if code_width != 32:
        expected = expected @ state["vq.project_out.weight"].T + state["vq.project_out.bias"]
    found = vqgan.post_quant_conv(vqgan.quantize.lookup(tokens)).movedim(1, -1)
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)
    assert vqgan.decode(tokens).sample.shape == (2, 3, 20, 24)


def test_the_report_tells_of_every_tensor(tmp_path):
    state = nuwa_state()
    _, out = convert(tmp_path, state, "--partial")
    report = json.loads((out / "conversion.json").read_text())
    told = [
        f"{'vae.' if part == 'vqgan' else ''}{name}" for part, v in report.items() for t in v.values() for name in t
    ]
    assert sorted(told) == sorted(state)


def test_fresh_weights_come_from_the_seed_and_floats_have_the_type_asked_for(tmp_path):
    heads = []
    for name, seed in (("a", "1"), ("b", "1"), ("c", "2")):
        _, out = convert(
            tmp_path, nuwa_state(codec=False), "--partial", "--seed", seed, "--dtype", "bfloat16", name=name
        )
        model = NuwaForConditionalGeneration.from_pretrained(out / "transformer")
        assert model.dtype == torch.bfloat16
        heads.append(model.model.decoder.layers[0].self_attn.q_proj.weight)
    assert torch.equal(heads[0], heads[1])
    assert not torch.equal(heads[0], heads[2])


def with_name(state, name):
    return state | {name: torch.zeros(1)}


def without(state, name):
    return {other: tensor for other, tensor in state.items() if other != name}


@pytest.mark.parametrize(
    ("state", "message"),
    [
        (lambda: with_name(nuwa_state(), "video_transformer.layers.0.0.gate"), "video_transformer.layers.0.0.gate"),
        (lambda: with_name(codec_state(), "vq.scale"), "vq.scale"),
        (lambda: with_name(nuwa_state(), "sketch_transformer.norm.norm.bias"), "sketch_transformer"),
        (lambda: {"weight": torch.zeros(3)}, "must be a VQGanVAE or a NUWA"),
        (lambda: codec_state() | {"vq._codebook.embed": torch.zeros(1, CODES, 8)}, "got one of zeros"),
        (lambda: codec_state() | {"vq._codebook.embed": torch.ones(2, CODES, 8)}, "one codebook, got 2"),
        (lambda: nuwa_state() | {"to_logits.weight": torch.zeros(CODES, WIDTH + 1)}, "to_logits.weight"),
        (lambda: without(nuwa_state(), "video_pos_emb.axial3"), "got 2 axes"),
    ],
)
def test_a_state_dict_of_another_kind_is_refused_and_nothing_is_left(state, message, tmp_path, caplog):
    status, _ = convert(tmp_path, state(), "--partial")
    assert status == 1
    assert message in caplog.text
    assert [path.name for path in tmp_path.iterdir()] == ["source.pt"]


@pytest.fixture(scope="module")
def package():
    try:
        return import_nuwa_pytorch()[0]
    except ImportError:
        pytest.skip("nuwa-pytorch is not installed")


@pytest.mark.parametrize("reversible", [False, True])
@pytest.mark.parametrize("cosine", [False, True])
def test_real_models_of_the_package_convert_and_agree(package, reversible, cosine, tmp_path):
    from nuwa_pytorch import VQGanVAE

    vae = VQGanVAE(
        dim=16,
        image_size=16,
        num_layers=2,
        vq_codebook_size=CODES,
        vq_codebook_dim=8,
        vq_use_cosine_sim=cosine,
        use_vgg_and_gan=False,
    )
    vae(torch.rand(4, 3, 16, 16))  # fills the codebook
    nuwa = package.NUWA(
        vae=vae,
        dim=WIDTH,
        max_video_frames=GRID[0],
        text_num_tokens=VOCABULARY,
        text_max_seq_len=TEXT_LENGTH,
        text_enc_depth=1,
        text_enc_heads=HEADS,
        text_enc_dim_head=16,
        text_rotary_pos_emb=cosine,
        enc_reversible=reversible,
        dec_reversible=reversible,
        dec_depth=2,
        dec_heads=HEADS,
        dec_dim_head=16,
        sparse_3dna_dilation=2,
        sparse_3dna_rel_pos_bias=True,
    )
    status, out = convert(tmp_path, nuwa.state_dict(), "--partial", "--verify")
    assert status == 0
    vqgan = NuwaVQGAN.from_pretrained(out / "vqgan")
    pixels = torch.rand(2, 3, 16, 16)
    latents = pixels
    for block in nuwa.vae.eval().encoders:
        latents = block(latents)
    expected = nuwa.vae.get_video_indices(pixels[None])[0]
    assert torch.equal(vqgan.quantize.nearest(vqgan.quant_conv(latents)), expected)
    masks = [
        t for n, t in nuwa.state_dict().items() if n.startswith("video_transformer.layers") and n.endswith("mask")
    ]
    assert [window_of(mask, GRID) for mask in masks] == [((3, 3, 3), 1), ((3, 3, 3), 2)]
    assert math.prod(GRID) == len(masks[0])
