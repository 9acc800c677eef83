# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""nuwa-pytorch 0.7.8 at the sizes of a `NuwaConfig`: its model, its `generate`, and one step of that.

    pip install --no-deps nuwa-pytorch==0.7.8 vector-quantize-pytorch unfoldNd einx torch-einops-utils ftfy \
        loguru frozendict wcwidth

nuwa-pytorch imports torchvision for its VQ-GAN's perceptual loss and data sets. They are not used here; if torchvision
is missing, an empty module replaces it.
"""

import importlib.metadata
import sys
import types
from collections.abc import Callable
from unittest.mock import patch

import torch

from nuwa_hf import Grid, NuwaConfig
from nuwa_hf.conversion import nuwa_pytorch_reference


VERSION = "0.7.8"


def import_nuwa_pytorch() -> types.ModuleType:
    """The package `nuwa_pytorch`.

    Raises:
        RuntimeError: If it is not installed in the version that is compared with, or cannot be imported.
    """
    try:
        found = importlib.metadata.version("nuwa-pytorch")
        if found == VERSION:
            nuwa_pytorch_reference.import_nuwa_pytorch()  # with a stand-in for torchvision
    except importlib.metadata.PackageNotFoundError:
        found = None
    except ImportError as error:  # of what it needs
        found = error.__cause__
    if found != VERSION:
        raise RuntimeError(
            f"nuwa-pytorch {VERSION} must be installed, with what it needs, got {found}; the head of "
            "benchmarks/models/nuwa_pytorch_model.py says how, and `--cases`, of equal_minutes `--contenders`, leaves "
            "it out."
        )
    return sys.modules["nuwa_pytorch"]


def check_can_compare(grids: list[Grid]) -> None:
    """Require the package, and videos that it can make.

    Args:
        grids (`list[Grid]`): (T, H, W) of the videos.

    Raises:
        RuntimeError: If the package is not installed in the version that is compared with.
        ValueError: If a grid's frames are not square.
    """
    import_nuwa_pytorch()
    for grid in grids:
        if grid.h != grid.w:
            raise ValueError(
                f"frames must be square for nuwa-pytorch, got {grid.h} x {grid.w}; leave it out by `--cases`."
            )


def build_nuwa_pytorch(config: NuwaConfig) -> torch.nn.Module:
    """Its model at these sizes, with its own defaults for everything else.

    Args:
        config (`NuwaConfig`): width, heads, layers, window, codebook and grid; frames are square.

    Returns:
        `torch.nn.Module`: a `nuwa_pytorch.NUWA`.
    """
    package = import_nuwa_pytorch()
    num_frames, height, _ = config.visual_grid
    heads = config.num_attention_heads
    # Only tokens go in and out, so its VQ-GAN merely says how many codes there are and how large a frame is.
    vae = package.VQGanVAE(
        dim=16, image_size=2 * height, num_layers=1, vq_codebook_size=config.codebook_size, use_vgg_and_gan=False
    )
    return package.NUWA(
        vae=vae,
        dim=config.hidden_size,
        max_video_frames=num_frames,
        text_num_tokens=config.vocab_size,
        text_max_seq_len=config.max_text_length,
        text_enc_depth=config.num_encoder_layers,
        enc_reversible=True,  # its plain encoder stops at an argument that only the reversible one takes
        text_enc_heads=heads,
        text_enc_dim_head=config.hidden_size // heads,
        dec_depth=config.num_decoder_layers,
        dec_heads=heads,
        dec_dim_head=config.hidden_size // heads,
        sparse_3dna_kernel_size=tuple(config.window),
    )


def trained_weights(model: torch.nn.Module) -> list[torch.nn.Parameter]:
    """The weights of its transformer, without the VQ-GAN."""
    return [weight for name, weight in model.named_parameters() if not name.startswith("vae.")]


def whole_generation(
    model: torch.nn.Module, text: torch.Tensor, guidance_scale: float, seed: int
) -> Callable[[], torch.Tensor]:
    """What makes one video by its own `generate`, without the decoding to pixels at the end.

    Args:
        model (`torch.nn.Module`): a `nuwa_pytorch.NUWA`.
        text (`torch.Tensor` of shape `(1, L)`): text tokens above 0.
        guidance_scale (`float`): its `cond_scale`; 1 is off.
        seed (`int`): of the sampling.

    Returns:
        `Callable`: gives the codes of the sampled tokens, of shape `(1, T, width of a code, H, W)`.
    """
    module = sys.modules["nuwa_pytorch.nuwa_pytorch"]

    def make() -> torch.Tensor:
        torch.manual_seed(seed)
        # Its progress bar writes at every token; what it decodes at the end stays the codes of the tokens.
        with patch.object(module, "tqdm", iter), patch.object(model.vae, "decode", lambda codes: codes):
            return model.generate(text=text, cond_scale=guidance_scale, filter_thres=0.0)

    return make


def generation_step(
    model: torch.nn.Module, text: torch.Tensor, guidance_scale: float
) -> Callable[[torch.Tensor], torch.Tensor]:
    """One step of its `generate`: the next token, once some are sampled.

    It does what the body of the loop in `NUWA.generate` does, in the same order and on tensors of the same shapes: all
    tokens so far go through the whole decoder again. Its guidance lets the decoder run a second time on what the first
    pass gave, with no text in sight; that is repeated here as it is.

    Args:
        model (`torch.nn.Module`): a `nuwa_pytorch.NUWA` in evaluation mode.
        text (`torch.Tensor` of shape `(1, L)`): text tokens above 0.
        guidance_scale (`float`): its `cond_scale`; 1 is off.

    Returns:
        `Callable`: from tokens of shape `(1, n)` to those of shape `(1, n + 1)`.
    """
    module = sys.modules["nuwa_pytorch.nuwa_pytorch"]
    with torch.no_grad():
        text_mask = text != 0
        text_embeddings = model.embed_text(text, mask=text_mask)
        positions = model.video_pos_emb()
    first = model.video_bos.detach()[None, None]

    @torch.no_grad()
    def step(tokens: torch.Tensor) -> torch.Tensor:
        embeddings = model.image_embedding(tokens)
        embeddings = positions[: embeddings.shape[1]] + embeddings
        hidden_states = model.video_transformer(
            torch.cat((first, embeddings), dim=1), context=text_embeddings, context_mask=text_mask
        )
        logits = model.to_logits(hidden_states)
        if guidance_scale != 1:
            hidden_states = model.video_transformer(
                hidden_states, context=text_embeddings, context_mask=torch.zeros_like(text_mask)
            )
            unconditional = model.to_logits(hidden_states)
            logits = unconditional + (logits - unconditional) * guidance_scale
        logits = module.top_k(logits[:, -1], thres=0.0)
        return torch.cat((tokens, module.gumbel_sample(logits, temperature=1.0, dim=-1)[:, None]), dim=1)

    return step
