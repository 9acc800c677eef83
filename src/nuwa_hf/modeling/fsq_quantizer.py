# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""A codebook that nobody has to learn: every channel of a latent is rounded to a few levels.

Shapes: B images or frames, D channels of a latent and of a code, h and w token rows and columns, V codebook size.
"""

from collections.abc import Sequence
from math import prod

import torch
from torch import nn

from nuwa_hf.modeling.quantizer import QuantizerOutput, check_latents


class FiniteScalarQuantizer(nn.Module):
    """Rounds channel i of a latent to one of L_i levels in [-1, 1] (Mentzer et al., "Finite Scalar Quantization").

        d_i = round((L_i - 1) (tanh(z_i) + 1) / 2),    e_i = 2 d_i / (L_i - 1) - 1,    token = sum_i d_i prod_{j<i} L_j

    so a token is a number whose digits are the levels, V = prod_i L_i. Levels stand symmetrically about 0, for even
    L_i too, which the paper's code shifts by half a level. There is no weight, no loss and no code that could die. All
    is computed in float32 whatever the dtype of the latents.

    Args:
        levels (`Sequence[int]`): the number of levels of each channel, L_i, 2 or more; D of them.

    Raises:
        ValueError: If there is no channel, or one has fewer than two levels.

    Example:
        >>> import torch
        >>> from nuwa_hf.modeling.fsq_quantizer import FiniteScalarQuantizer

        >>> quantizer = FiniteScalarQuantizer((3, 2))
        >>> quantizer.codebook().tolist()
        [[-1.0, -1.0], [0.0, -1.0], [1.0, -1.0], [-1.0, 1.0], [0.0, 1.0], [1.0, 1.0]]
    """

    def __init__(self, levels: Sequence[int]):
        super().__init__()
        if not levels or min(levels) < 2:
            raise ValueError(
                f"`fsq_levels` must name 2 or more levels for each of one or more channels, got {tuple(levels)}; "
                "(8, 5, 5, 5) makes 1000 codes."
            )
        self.levels = tuple(levels)
        self.places = tuple(prod(self.levels[:channel]) for channel in range(len(self.levels)))
        self.codebook_size = prod(self.levels)
        self.codebook_dim = len(self.levels)

    def codebook(self, device: torch.device | str | None = None) -> torch.Tensor:
        """All codes.

        Args:
            device (`torch.device`, *optional*): where the codes are wanted.

        Returns:
            `torch.Tensor` of shape `(V, D)`, float32 in [-1, 1].
        """
        return self._codes(torch.arange(self.codebook_size, device=device))

    @torch.no_grad()
    def tokenize(self, latents: torch.Tensor) -> torch.LongTensor:
        """Token of every latent.

        Args:
            latents (`torch.Tensor` of shape `(B, D, h, w)`): latents before quantisation.

        Returns:
            `torch.LongTensor` of shape `(B, h, w)`, in `[0, V)`.

        Raises:
            ValueError: If the latents are not `(B, D, h, w)` with as many channels as there are levels.
        """
        return self._tokens(self._heights(latents).round())

    def lookup(self, tokens: torch.LongTensor) -> torch.Tensor:
        """Codes of tokens.

        Args:
            tokens (`torch.LongTensor` of shape `(B, h, w)`): indices in `[0, V)`.

        Returns:
            `torch.Tensor` of shape `(B, D, h, w)`, float32.
        """
        return self._codes(tokens).permute(0, 3, 1, 2).contiguous()

    def forward(self, latents: torch.Tensor) -> QuantizerOutput:
        """Quantises; the gradient passes the rounding unchanged.

        Args:
            latents (`torch.Tensor` of shape `(B, D, h, w)`): latents before quantisation.

        Returns:
            `QuantizerOutput`: codes, tokens and two losses of 0, for there is nothing that they could teach.

        Raises:
            ValueError: If the latents are not `(B, D, h, w)` with as many channels as there are levels.
        """
        heights = self._heights(latents)
        tokens = self._tokens(heights.detach().round())
        smooth = 2 * heights / self._highest(latents.device) - 1
        # Written so that the value is the code to the bit: what training decodes is what `lookup` gives later.
        quantized = (self.lookup(tokens) + (smooth - smooth.detach())).to(latents.dtype)
        return QuantizerOutput(quantized, tokens, heights.new_zeros(()), heights.new_zeros(()))

    def _heights(self, latents: torch.Tensor) -> torch.Tensor:
        """Where each channel stands between its levels, `(B, D, h, w)` in [0, L_i - 1]."""
        check_latents(latents, self.codebook_dim)
        return self._highest(latents.device) * (latents.float().tanh() + 1) / 2

    def _highest(self, device: torch.device) -> torch.Tensor:
        # Made when needed, not kept as buffers: offloading and casting find nothing to move.
        return torch.tensor([[[level - 1.0]] for level in self.levels], device=device)

    def _tokens(self, digits: torch.Tensor) -> torch.LongTensor:
        places = torch.tensor(self.places, device=digits.device)
        return (digits.long() * places[:, None, None]).sum(1)

    def _codes(self, tokens: torch.LongTensor) -> torch.Tensor:
        """`(...)` to `(..., D)`."""
        levels, places = (torch.tensor(numbers, device=tokens.device) for numbers in (self.levels, self.places))
        digits = tokens[..., None] // places % levels
        return 2 * digits.float() / (levels - 1) - 1
