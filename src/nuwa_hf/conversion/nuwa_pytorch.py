# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""State dicts of nuwa-pytorch 0.7.8: which tensors map to ours, and why the others do not.

Legend: D width, L text length, T, H, W token grid, V codebook size.
"""

import itertools
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import nn

from nuwa_hf.conversion import nuwa_pytorch_names as names
from nuwa_hf.conversion.key_map import apply_key_map, shapes_of
from nuwa_hf.modeling.autoencoder_vqgan import NuwaVQGAN
from nuwa_hf.modeling.configuration_nuwa import NuwaConfig
from nuwa_hf.modeling.modeling_nuwa import NuwaForConditionalGeneration


Kind = Literal["codec", "transformer"]
State = Mapping[str, torch.Tensor]

CODEC_PREFIX = "vae."  # prefix of the codec within a NUWA
TABLES = {
    "codec": (names.CODEC_MAP, names.CODEC_DROPPED, names.CODEC_REASONS),
    "transformer": (names.TRANSFORMER_MAP, names.TRANSFORMER_DROPPED, names.TRANSFORMER_REASONS),
}
# Parts of its other models, for audio or sketches.
OTHER_MODELS = ("video_audio_transformer.", "sketch_transformer.", "audio_transformer.")


@dataclass
class SortedNames:
    """What happens to every tensor of a state dict.

    Args:
        mapped (`dict[str, str]`): names to ours.
        dropped (`dict[str, str]`): names to why they are not needed.
        unmapped (`dict[str, str]`): names to why they have no place in our model.
    """

    mapped: dict[str, str] = field(default_factory=dict)
    dropped: dict[str, str] = field(default_factory=dict)
    unmapped: dict[str, str] = field(default_factory=dict)


def split_models(state: State) -> dict[Kind, dict[str, torch.Tensor]]:
    """The codec and the transformer in a state dict.

    Args:
        state (`Mapping[str, torch.Tensor]`): of a `VQGanVAE`, or of a `NUWA` with or without its codec.

    Returns:
        `dict[str, dict[str, torch.Tensor]]`: `"codec"` and `"transformer"`, if present.

    Raises:
        ValueError: If it belongs to another model.
    """
    others = sorted({prefix for prefix in OTHER_MODELS for name in state if name.startswith(prefix)})
    if others:
        raise ValueError(f"`INPUT` must be a VQGanVAE or a NUWA, got a model with {others}, which ours has not.")
    if "encoders.0.weight" in state:
        return {"codec": dict(state)}
    if "image_embedding.embed.weight" not in state:
        raise ValueError(f"`INPUT` must be a VQGanVAE or a NUWA of nuwa-pytorch, got {sorted(state)[:5]} and others.")
    codec = {name.removeprefix(CODEC_PREFIX): t for name, t in state.items() if name.startswith(CODEC_PREFIX)}
    transformer = {name: tensor for name, tensor in state.items() if not name.startswith(CODEC_PREFIX)}
    return {"transformer": transformer} | ({"codec": codec} if codec else {})


def sort_names(state: State, kind: Kind) -> SortedNames:
    """Decide for every tensor whether it is mapped, dropped or has no place.

    Args:
        state (`Mapping[str, torch.Tensor]`): of one model.
        kind (`str`): `"codec"` or `"transformer"`.

    Returns:
        `SortedNames`.

    Raises:
        ValueError: If a name is not one of nuwa-pytorch 0.7.8.
    """
    key_map, dropped, reasons = TABLES[kind]
    found, unknown = SortedNames(), []
    reversible = {name.split(".")[0] for name in state if re.match(r"\w+_transformer\.net\.", name)}
    dilations = _dilations(state) if kind == "transformer" else {}
    for name in state:
        if name in key_map:
            found.mapped[name] = key_map[name]
            continue
        why_dropped = [why for pattern, why in dropped.items() if re.fullmatch(pattern, name)]
        why = [why for pattern, why in reasons.items() if re.fullmatch(pattern, name)]
        if why_dropped:
            found.dropped[name] = why_dropped[0]
        elif why:
            found.unmapped[name] = "; ".join(why + _reasons_of_layer(name, reversible, dilations))
        else:
            unknown.append(name)
    if unknown:
        raise ValueError(f"`INPUT` must have the names of nuwa-pytorch 0.7.8, but these are none: {unknown}.")
    return found


def _reasons_of_layer(name: str, reversible: set[str], dilations: Mapping[str, int]) -> list[str]:
    if name.split(".")[0] in reversible and re.match(names.LAYER, name):
        return [names.REVERSIBLE]
    reasons = []
    if re.match(r"video_transformer\.layers\.\d+\.[02]\.fn\.fn\.", name):
        reasons.append(names.TOKEN_SHIFT)
    layer = re.match(r"video_transformer\.layers\.\d+\.0\.fn\.", name)
    if layer and dilations.get(layer[0], 1) > 1:
        reasons.append(names.DILATED.format(dilation=dilations[layer[0]]))
    return reasons


def window_of(mask: torch.Tensor, grid: tuple[int, int, int]) -> tuple[tuple[int, int, int], int] | None:
    """The window and the dilation that a table of windows was made for.

    Args:
        mask (`torch.BoolTensor` of shape `(T H W, 1 + K)`): True where a key lies outside; the first key is <bos>.
        grid (`tuple[int, int, int]`): T, H, W.

    Returns:
        `tuple` or None: the window's odd extents along T, H, W and its dilation; None if no window has this table.
    """
    outside_THWK = mask[:, 1:].reshape(*grid, -1)
    num_keys = outside_THWK.shape[-1]
    odd = [extent for extent in range(1, num_keys + 1, 2) if num_keys % extent == 0]
    for window in itertools.product(odd, repeat=3):
        if math.prod(window) != num_keys:
            continue
        for dilation in range(1, max(grid) + 1):
            back = [dilation * torch.arange(extent - 1, -1, -1) for extent in window]
            t, h, w = (torch.arange(size)[:, None] < steps for size, steps in zip(grid, back, strict=True))
            expected = (
                t[:, None, None, :, None, None] | h[None, :, None, None, :, None] | w[None, None, :, None, None, :]
            )
            if torch.equal(expected.flatten(3), outside_THWK):
                return window, dilation
    return None


def _grid_of(state: State) -> tuple[int, int, int]:
    axes = [state[name].shape[0] for name in state if re.fullmatch(r"video_pos_emb\.axial\d", name)]
    if len(axes) != 3:  # an axis of length 1 has no positions there
        raise ValueError(f"`INPUT` must have positions along time, height and width, got {len(axes)} axes.")
    return tuple(axes)


def _masks(state: State) -> dict[str, torch.Tensor]:
    pattern = r"video_transformer\.layers\..+\.mask"
    return {name: tensor for name, tensor in state.items() if re.fullmatch(pattern, name)}


def _dilations(state: State) -> dict[str, int]:
    grid = _grid_of(state)
    found = {name: window_of(mask, grid) for name, mask in _masks(state).items()}
    return {re.match(r".+?\.fn\.", name)[0]: window[1] for name, window in found.items() if window is not None}


def convert_transformer(
    state: State, *, text_length: int, frame_rate: float, dtype: torch.dtype | None
) -> NuwaForConditionalGeneration:
    """A transformer with what maps of a `NUWA`; the rest of it has fresh weights.

    Its sizes are those of the `NUWA`. The "None" condition is its padding token, which it never sees in a text.

    Args:
        state (`Mapping[str, torch.Tensor]`): of a `NUWA`, without the codec.
        text_length (`int`): positions of texts where the `NUWA` learnt none.
        frame_rate (`float`): frames a second of the clips that it learnt, which the state dict does not tell.
        dtype (`torch.dtype`, *optional*): type of the weights; by default that of the state dict.

    Returns:
        `NuwaForConditionalGeneration`.

    Raises:
        ValueError: If a name is unknown, a tensor is missing or has another shape.
    """
    found, grid = sort_names(state, "transformer"), _grid_of(state)
    vocab_size, width = state["text_embedding.embed.weight"].shape
    positions = state.get("text_abs_pos_emb.embed.weight")
    heads = next(t.shape[0] for name, t in state.items() if name.endswith("talking_heads.weight"))
    masks = list(_masks(state).values())
    window = window_of(masks[0], grid) if masks else None
    config = NuwaConfig(
        vocab_size=vocab_size,
        codebook_size=state["image_embedding.embed.weight"].shape[0],
        hidden_size=width,
        num_attention_heads=math.gcd(heads, width),
        num_encoder_layers=_depth(state, "text_transformer", has_cross_attention=False),
        num_decoder_layers=_depth(state, "video_transformer", has_cross_attention=True),
        max_text_length=text_length if positions is None else positions.shape[0],
        visual_grid=grid,
        frame_rate=frame_rate,
        window=(3, 3, 3) if window is None else window[0],
        pad_token_id=0,
        none_token_id=0,
    )
    model = NuwaForConditionalGeneration(config)
    _fill(model, state, found)
    if positions is not None:  # the two other axes of a text have one place each
        nn.init.zeros_(model.model.text_embeddings.positions.height)
        nn.init.zeros_(model.model.text_embeddings.positions.width)
    return model.to(dtype or state["to_logits.weight"].dtype).eval()


def _depth(state: State, side: str, has_cross_attention: bool) -> int:
    layers = {name.split(".")[2] for name in state if name.startswith(f"{side}.layers.")}
    is_reversible = any(name.startswith(f"{side}.net.") for name in state)
    return len(layers) // 2 if is_reversible and has_cross_attention else len(layers)


def convert_codec(state: State, *, image_size: int, dtype: torch.dtype | None) -> NuwaVQGAN:
    """A codec with what maps of a `VQGanVAE`, its quantiser; encoder and decoder have fresh weights.

    A code of a cosine codebook has length 1, and among such codes the nearest is the one of the largest cosine: the
    quantiser needs no normalisation of the latents to choose the same codes.

    Args:
        state (`Mapping[str, torch.Tensor]`): of a `VQGanVAE`.
        image_size (`int`): pixels of a side, which the state dict does not tell.
        dtype (`torch.dtype`, *optional*): type of the weights; by default that of the state dict.

    Returns:
        `NuwaVQGAN`.

    Raises:
        ValueError: If a name is unknown, a tensor is missing or has another shape, or the codebook was never used.
    """
    found, state = sort_names(state, "codec"), dict(state)
    codes = state["vq._codebook.embed"]
    if codes.ndim == 3 and codes.shape[0] != 1:
        raise ValueError(f"`INPUT` must have one codebook, got {codes.shape[0]}.")
    codes = state["vq._codebook.embed"] = codes.reshape(codes.shape[-2:])
    if not codes.any():
        raise ValueError("`INPUT` must have a codebook that was trained, got one of zeros; its first batch fills it.")
    first = state["encoders.0.weight"]
    strided = [t for name, t in state.items() if re.fullmatch(r"encoders\.\d+\.0\.weight", name)]
    widths = (first.shape[0], *(kernel.shape[0] for kernel in strided))
    has_attention = any(re.fullmatch(r"encoders\.\d+\.to_qkv\.weight", name) for name in state)
    model = NuwaVQGAN(
        in_channels=first.shape[1],
        out_channels=first.shape[1],
        block_out_channels=widths,
        attention_levels=(len(strided),) if has_attention else (),
        latent_channels=widths[-1],
        codebook_dim=codes.shape[1],
        codebook_size=codes.shape[0],
        norm_num_groups=math.gcd(32, *widths),
        mid_block_attention=has_attention,
        sample_size=image_size,
    )
    if "vq.project_in.weight" not in state:  # codes as wide as the latents
        for convolution in (model.quant_conv, model.post_quant_conv):
            nn.init.dirac_(convolution.weight)
            nn.init.zeros_(convolution.bias)
    _fill(model, state, found)
    return model.to(dtype or codes.dtype).eval()


def _fill(model: nn.Module, state: State, found: SortedNames) -> None:
    shapes = shapes_of(model.state_dict())
    expected = {new: shapes[new] for new in found.mapped.values()}
    model.load_state_dict(
        apply_key_map({name: state[name] for name in found.mapped}, found.mapped, expected), strict=False
    )
