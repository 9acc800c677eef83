# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Compares what nuwa-pytorch computes with what we compute from the same tensors. Needs the package."""

import importlib
import importlib.util
import sys
from collections.abc import Mapping
from types import ModuleType

import torch

from nuwa_hf.grid import Grid
from nuwa_hf.modeling.autoencoder_vqgan import NuwaVQGAN
from nuwa_hf.modeling.modeling_nuwa import NuwaForConditionalGeneration


State = Mapping[str, torch.Tensor]


def import_nuwa_pytorch() -> tuple[ModuleType, ModuleType]:
    """Import the package and that of its quantiser.

    It imports torchvision for losses and data sets that are not needed here; an empty module replaces it.

    Returns:
        `tuple[ModuleType, ModuleType]`: the module of its models, and `vector_quantize_pytorch`.

    Raises:
        ImportError: If one is not installed.
    """
    stand_ins: dict[str, ModuleType] = {}
    if importlib.util.find_spec("torchvision") is None:
        names = ("torchvision", "torchvision.transforms", "torchvision.datasets", "torchvision.utils")
        stand_ins = {name: ModuleType(name) for name in names}
        stand_ins["torchvision"].transforms = stand_ins["torchvision.transforms"]
        stand_ins["torchvision.datasets"].ImageFolder = object
        stand_ins["torchvision.utils"].make_grid = stand_ins["torchvision.utils"].save_image = None
    sys.modules.update(stand_ins)
    try:
        models = importlib.import_module("nuwa_pytorch.nuwa_pytorch")
        return models, importlib.import_module("vector_quantize_pytorch")
    except ImportError as error:
        raise ImportError(
            f"`--verify` needs nuwa-pytorch 0.7.8, but {error}; run `pip install --no-deps nuwa-pytorch==0.7.8 "
            "vector-quantize-pytorch unfoldNd einx torch-einops-utils ftfy loguru frozendict wcwidth`."
        ) from error
    finally:
        for name in stand_ins:  # other libraries check whether torchvision is installed
            del sys.modules[name]


@torch.no_grad()
def compare_transformer(state: State, model: NuwaForConditionalGeneration, dtype: torch.dtype | None) -> str:
    """Compare embeddings of texts and visual tokens, positions and logits.

    Args:
        state (`Mapping[str, torch.Tensor]`): of a `NUWA`.
        model (`NuwaForConditionalGeneration`): what became of it.
        dtype (`torch.dtype`, *optional*): the type that the weights were rounded to.

    Returns:
        `str`: what was found equal.

    Raises:
        ImportError: If the package is missing.
        ValueError: If one bit differs.
    """
    package, _ = import_nuwa_pytorch()
    state = _rounded(state, dtype)

    def load(module: torch.nn.Module, prefix: str) -> torch.nn.Module:
        inside = {name.removeprefix(prefix): t for name, t in state.items() if name.startswith(prefix)}
        module.load_state_dict(inside)
        return module.eval()

    config, embeddings = model.config, model.model.decoder.embeddings
    width, generator = config.hidden_size, torch.Generator().manual_seed(0)
    text = load(package.Embedding(config.vocab_size, width), "text_embedding.")
    image = load(package.Embedding(config.codebook_size, width), "image_embedding.")
    places = load(package.AxialPositionalEmbedding(width, shape=config.visual_grid), "video_pos_emb.")
    ids, tokens = torch.arange(config.vocab_size), torch.arange(config.codebook_size)
    hidden = torch.randn(4, width, generator=generator)
    pairs = {
        "text embeddings": (text(ids), model.model.text_embeddings.token_embedding(ids)),
        "visual embeddings": (image(tokens), embeddings.token_embedding(tokens)),
        "visual positions": (places(), embeddings.positions(Grid(*config.visual_grid))),
        "logits": (hidden @ state["to_logits.weight"].T, model.head(hidden)),
    }
    if "text_abs_pos_emb.embed.weight" in state:
        length = config.max_text_length
        theirs = load(package.Embedding(length, width), "text_abs_pos_emb.")(torch.arange(length))
        pairs["text positions"] = (theirs, model.model.text_embeddings.positions(Grid(length, 1, 1)))
    for what, (theirs, ours) in pairs.items():
        if not torch.allclose(theirs, ours, rtol=0, atol=1e-6 * float(theirs.abs().max())):
            raise ValueError(f"the {what} must be those of nuwa-pytorch, but they differ.")
    return f"{', '.join(pairs)} agree with nuwa-pytorch"


@torch.no_grad()
def compare_codec(state: State, vqgan: NuwaVQGAN, dtype: torch.dtype | None) -> str:
    """Compare the tokens of the same latents, and what is decoded from them.

    Args:
        state (`Mapping[str, torch.Tensor]`): of a `VQGanVAE`.
        vqgan (`NuwaVQGAN`): what became of it.
        dtype (`torch.dtype`, *optional*): the type that the weights were rounded to.

    Returns:
        `str`: what was found equal.

    Raises:
        ImportError: If the package is missing.
        ValueError: If tokens differ, or codes by more than rounding.
    """
    _, package = import_nuwa_pytorch()
    state = _rounded(state, dtype)
    codes = state["vq._codebook.embed"]
    lengths = codes.norm(dim=-1)
    quantizer = package.VectorQuantize(
        dim=vqgan.config.latent_channels,
        codebook_dim=vqgan.config.codebook_dim,
        codebook_size=vqgan.config.codebook_size,
        use_cosine_sim=bool(torch.allclose(lengths, torch.ones_like(lengths), atol=1e-3)),
        accept_image_fmap=True,
        kmeans_init=True,
    ).eval()
    own = quantizer.state_dict()
    inside = {name.removeprefix("vq."): tensor for name, tensor in state.items() if name.startswith("vq.")}
    quantizer.load_state_dict({name: tensor.reshape(own[name].shape) for name, tensor in inside.items()})
    latents = torch.randn(2, vqgan.config.latent_channels, 8, 8, generator=torch.Generator().manual_seed(0))
    quantized, tokens, _ = quantizer(latents)
    ours = vqgan.quantize.nearest(vqgan.quant_conv(latents))
    if not torch.equal(ours, tokens.reshape(ours.shape)):
        raise ValueError("the tokens of latents must be those of nuwa-pytorch, but they differ.")
    decoded = vqgan.post_quant_conv(vqgan.quantize.lookup(ours))
    if not torch.allclose(decoded, quantized, rtol=1e-5, atol=1e-5):
        raise ValueError("the codes of tokens must be those of nuwa-pytorch, but they differ.")
    return f"{tokens.numel()} tokens and their codes agree with nuwa-pytorch"


def _rounded(state: State, dtype: torch.dtype | None) -> dict[str, torch.Tensor]:
    """The floats as they were saved, in float32."""
    return {
        name: tensor.to(dtype or tensor.dtype).float() if tensor.is_floating_point() else tensor
        for name, tensor in state.items()
    }
