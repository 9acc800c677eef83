# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The codebook of a VQ-GAN: latents to tokens, tokens to codes.

Shapes: B images or frames, D width of a code, h and w token rows and columns, V codebook size.
"""

from contextlib import AbstractContextManager, nullcontext
from typing import NamedTuple

import torch
from torch import nn


_MAX_DISTANCES = 2**24  # distances held at once: 64 MiB in float32


class QuantizerOutput(NamedTuple):
    """What a `VectorQuantizer` returns.

    Args:
        quantized (`torch.Tensor` of shape `(B, D, h, w)`): the codes; their gradient goes to the latents unchanged.
        tokens (`torch.LongTensor` of shape `(B, h, w)`): indices of the codes.
        codebook_loss (`torch.Tensor`, a scalar): `mean((sg(z) - e)^2)`, which moves the codes.
        commitment_loss (`torch.Tensor`, a scalar): `commitment_weight * mean((z - sg(e))^2)`, which moves the latents.
    """

    quantized: torch.Tensor
    tokens: torch.LongTensor
    codebook_loss: torch.Tensor
    commitment_loss: torch.Tensor


@torch.no_grad()
def nearest_codes(latents: torch.Tensor, codes: torch.Tensor) -> torch.LongTensor:
    """Index of the nearest code of every latent; the lowest index where several are equally near.

    Args:
        latents (`torch.Tensor` of shape `(B, D, h, w)`): latents before quantisation.
        codes (`torch.Tensor` of shape `(V, D)`): the codes, on the same device.

    Returns:
        `torch.LongTensor` of shape `(B, h, w)`, in `[0, V)`.

    Raises:
        ValueError: If the latents are not `(B, D, h, w)` with the codes' D.
    """
    codebook_size, codebook_dim = codes.shape
    check_latents(latents, codebook_dim)
    batch_size, _, height, width = latents.shape
    latents_ND = latents.permute(0, 2, 3, 1).reshape(-1, codebook_dim).float()
    codes_VD = codes.float()
    # ||z||^2 is the same for every code and is left out. Autocast would round the product to its own dtype.
    with _without_autocast(latents.device):
        squares_V = codes_VD.square().sum(1)
        rows = max(1, _MAX_DISTANCES // codebook_size)
        tokens = [
            torch.addmm(squares_V, chunk_ND, codes_VD.t(), alpha=-2).argmin(1) for chunk_ND in latents_ND.split(rows)
        ]
    return torch.cat(tokens).view(batch_size, height, width)


def _without_autocast(device: torch.device) -> AbstractContextManager:
    has_autocast = torch.amp.is_autocast_available(device.type)  # the meta device has none
    return torch.autocast(device.type, enabled=False) if has_autocast else nullcontext()


def check_latents(latents: torch.Tensor, codebook_dim: int) -> None:
    """Require latents of the codes' width.

    Args:
        latents (`torch.Tensor` of shape `(B, D, h, w)`): latents before quantisation.
        codebook_dim (`int`): D.

    Raises:
        ValueError: If the shape is another.
    """
    if latents.ndim != 4 or latents.shape[1] != codebook_dim:
        raise ValueError(
            f"`latents` must have the shape (B, D, h, w) with D = {codebook_dim}, got {tuple(latents.shape)}."
        )


class VectorQuantizer(nn.Module):
    """Replaces every latent by the nearest of V learnt codes.

        token = argmin_j ||z - e_j||^2          (NUWA, section "3D Data Representation")

    Distances are computed in float32 whatever the dtype of the latents, also under autocast: in bfloat16 some tokens
    would change.

    Args:
        codebook_size (`int`): number of codes, V.
        codebook_dim (`int`): width of a code, D.
        commitment_weight (`float`, defaults to 0.25): weight of the commitment loss.

    Raises:
        ValueError: If a size is below 1 or the weight below 0.
    """

    def __init__(self, codebook_size: int, codebook_dim: int, commitment_weight: float = 0.25):
        super().__init__()
        for name, size in (("codebook_size", codebook_size), ("codebook_dim", codebook_dim)):
            if size < 1:
                raise ValueError(f"`{name}` must be at least 1, got {size}.")
        if commitment_weight < 0:
            raise ValueError(f"`commitment_weight` must be 0 or more, got {commitment_weight}.")
        self.codebook_size = codebook_size
        self.codebook_dim = codebook_dim
        self.commitment_weight = commitment_weight
        self.embedding = nn.Embedding(codebook_size, codebook_dim)
        # Follows CompVis/taming-transformers, VectorQuantizer2.__init__
        nn.init.uniform_(self.embedding.weight, -1.0 / codebook_size, 1.0 / codebook_size)

    def codebook(self, device: torch.device | str | None = None) -> torch.Tensor:
        """All codes.

        Args:
            device (`torch.device`, *optional*): where the codes are wanted; by default where they are.

        Returns:
            `torch.Tensor` of shape `(V, D)`.
        """
        device = self.embedding.weight.device if device is None else device
        # A call and not `.weight`: offloading hooks bring the codes only to the forward of their own module.
        return self.embedding(torch.arange(self.codebook_size, device=device))

    @torch.no_grad()
    def write_codebook(self, codes: torch.Tensor) -> None:
        """Replaces all codes in place.

        Args:
            codes (`torch.Tensor` of shape `(V, D)`): the new codes.

        Raises:
            ValueError: If the shape is not `(V, D)`.
        """
        if codes.shape != self.embedding.weight.shape:
            expected = (self.codebook_size, self.codebook_dim)
            raise ValueError(f"`codes` must have the shape (V, D) = {expected}, got {tuple(codes.shape)}.")
        self.embedding.weight.copy_(codes)

    @torch.no_grad()
    def tokenize(self, latents: torch.Tensor) -> torch.LongTensor:
        """Token of every latent: the nearest code.

        Args:
            latents (`torch.Tensor` of shape `(B, D, h, w)`): latents before quantisation.

        Returns:
            `torch.LongTensor` of shape `(B, h, w)`, in `[0, V)`.

        Raises:
            ValueError: If the latents are not `(B, D, h, w)` with the codebook's D.
        """
        return self.nearest(latents)

    @torch.no_grad()
    def nearest(self, latents: torch.Tensor) -> torch.LongTensor:
        """Index of the nearest code of every latent; the lowest index where several are equally near.

        Args:
            latents (`torch.Tensor` of shape `(B, D, h, w)`): latents before quantisation.

        Returns:
            `torch.LongTensor` of shape `(B, h, w)`, in `[0, V)`.

        Raises:
            ValueError: If the latents are not `(B, D, h, w)` with the codebook's D.
        """
        return nearest_codes(latents, self.codebook(latents.device))

    def lookup(self, tokens: torch.LongTensor) -> torch.Tensor:
        """Codes of tokens.

        Args:
            tokens (`torch.LongTensor` of shape `(B, h, w)`): indices in `[0, V)`.

        Returns:
            `torch.Tensor` of shape `(B, D, h, w)`.
        """
        return self.embedding(tokens).permute(0, 3, 1, 2).contiguous()

    def forward(self, latents: torch.Tensor) -> QuantizerOutput:
        """Quantises with the straight-through estimator (van den Oord et al., "Neural Discrete Representation
        Learning").

        Args:
            latents (`torch.Tensor` of shape `(B, D, h, w)`): latents before quantisation.

        Returns:
            `QuantizerOutput`: codes, tokens and the two losses, which are float32.

        Raises:
            ValueError: If the latents are not `(B, D, h, w)` with the codebook's D.
        """
        tokens = self.nearest(latents)
        codes = self.lookup(tokens)
        codebook_loss = nn.functional.mse_loss(codes.float(), latents.detach().float())
        # taming's `legacy` quantiser put the weight on the codebook term by mistake; here it is on the commitment.
        commitment_loss = self.commitment_weight * nn.functional.mse_loss(latents.float(), codes.detach().float())
        # Written so that the value is the code to the bit: what training decodes is what `lookup` gives later.
        quantized = codes.detach().to(latents.dtype) + (latents - latents.detach())
        return QuantizerOutput(quantized, tokens, codebook_loss, commitment_loss)


class Float32Projection(nn.Conv2d):
    """A 1x1 convolution in float32, whatever the dtype of its input and of its weights.

    It is worked out as a product of matrices, for which a GPU does not round to TF32 unless it is told to.
    """

    def forward(self, latents: torch.Tensor) -> torch.Tensor:
        """The scores of latents.

        Args:
            latents (`torch.Tensor` of shape `(B, D, h, w)`): latents before quantisation.

        Returns:
            `torch.Tensor` of shape `(B, V, h, w)`: float32.
        """
        weight_VD = self.weight.flatten(1).float()
        return nn.functional.linear(latents.movedim(1, -1).float(), weight_VD, self.bias.float()).movedim(-1, 1)


class GumbelQuantizer(VectorQuantizer):
    """Gives every latent the most likely of V codes, as a 1x1 convolution scores them.

        token = argmax_j (W z + b)_j,    code = e_token          (taming's `GumbelQuantize` without its noise)

    Scores are computed in float32 whatever the dtype of the latents and the weights, as distances are: in bfloat16
    many of thousands of scores would be equal.

    Latents and codes need not lie near each other. This is how VQ-GANs that were trained with the Gumbel softmax are
    read; new ones are trained with `VectorQuantizer`.

    Args:
        codebook_size (`int`): number of codes, V.
        codebook_dim (`int`): width of a latent and of a code, D.

    Raises:
        ValueError: If a size is below 1.
    """

    def __init__(self, codebook_size: int, codebook_dim: int):
        super().__init__(codebook_size, codebook_dim)
        self.projection = Float32Projection(codebook_dim, codebook_size, 1)

    @torch.no_grad()
    def tokenize(self, latents: torch.Tensor) -> torch.LongTensor:
        """Token of every latent: the most likely code.

        Args:
            latents (`torch.Tensor` of shape `(B, D, h, w)`): latents before quantisation.

        Returns:
            `torch.LongTensor` of shape `(B, h, w)`, in `[0, V)`.

        Raises:
            ValueError: If the latents are not `(B, D, h, w)` with the codebook's D.
        """
        check_latents(latents, self.codebook_dim)
        num_images = max(1, _MAX_DISTANCES // (self.codebook_size * latents.shape[-2] * latents.shape[-1]))
        return torch.cat([self.scores(some).argmax(1) for some in latents.split(num_images)])

    def forward(self, latents: torch.Tensor) -> QuantizerOutput:
        """Quantises with a straight-through estimator: the code of the token, with the gradient of the mean code.

        The mean is over the softmax of the scores. There is no noise and neither loss, so this is for reconstructing
        and for fine-tuning the rest of a codec; a codebook is not trained with it.

        Args:
            latents (`torch.Tensor` of shape `(B, D, h, w)`): latents before quantisation.

        Returns:
            `QuantizerOutput`: codes, tokens and two losses of 0.

        Raises:
            ValueError: If the latents are not `(B, D, h, w)` with the codebook's D.
        """
        check_latents(latents, self.codebook_dim)
        scores = self.scores(latents)
        tokens = scores.argmax(1)
        codes_VD = self.codebook(latents.device).float()
        mean_codes = torch.einsum("bvhw,vd->bdhw", scores.softmax(1), codes_VD)
        quantized = (self.lookup(tokens).float().detach() + (mean_codes - mean_codes.detach())).to(latents.dtype)
        return QuantizerOutput(quantized, tokens, mean_codes.new_zeros(()), mean_codes.new_zeros(()))

    def scores(self, latents: torch.Tensor) -> torch.Tensor:
        """How likely each code is, as a logit; also under autocast.

        Args:
            latents (`torch.Tensor` of shape `(B, D, h, w)`): latents before quantisation.

        Returns:
            `torch.Tensor` of shape `(B, V, h, w)`: float32.
        """
        with _without_autocast(latents.device):  # which would round the scores, and with them the choice
            return self.projection(latents)
