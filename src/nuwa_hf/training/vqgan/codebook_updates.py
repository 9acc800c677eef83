# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Measures how well a codebook is used, and learns one by exponential moving averages.

Shapes: B batch, t frames, h, w token grid, D width of a code, V codebook size.
"""

from dataclasses import dataclass

import torch
from torch import distributed

from nuwa_hf.modeling.quantizer import VectorQuantizer


@dataclass(frozen=True)
class CodebookUsage:
    """How many codes a window of tokens uses.

    Args:
        usage (`float`): share of the codes seen at least once, in (0, 1].
        perplexity (`float`): `exp(entropy)` of the tokens, from 1 (one code) to V (all equally often).
    """

    usage: float
    perplexity: float


class CodebookStatistics:
    """Counts tokens over a window, over all processes.

    Args:
        codebook_size (`int`): number of codes, V.

    Example:
        >>> import torch
        >>> from nuwa_hf.training.vqgan.codebook_updates import CodebookStatistics

        >>> statistics = CodebookStatistics(codebook_size=8)
        >>> statistics.accumulate(torch.tensor([[[0, 1], [2, 3]]]))
        >>> statistics.compute().usage
        0.5
    """

    def __init__(self, codebook_size: int):
        self.codebook_size = codebook_size
        self.reset()

    def reset(self) -> None:
        """Starts a new window."""
        self._counts_V = torch.zeros(self.codebook_size, dtype=torch.long)

    def accumulate(self, tokens: torch.LongTensor) -> None:
        """Adds tokens to the window.

        Args:
            tokens (`torch.LongTensor` of any shape): indices in `[0, V)`.
        """
        counts_V = torch.bincount(tokens.flatten(), minlength=self.codebook_size)
        self._counts_V = self._counts_V.to(counts_V.device) + counts_V

    @property
    def has_tokens(self) -> bool:
        """Whether the window of this process is not empty."""
        return bool(self._counts_V.any())

    def compute(self) -> CodebookUsage:
        """Usage and perplexity of the window; under `torch.distributed` every process must call it.

        Returns:
            `CodebookUsage`: of the tokens of all processes.

        Raises:
            ValueError: If the window is empty.
        """
        counts_V = self._counts_V.clone()
        _sum_over_processes(counts_V)
        total = counts_V.sum()
        if total == 0:
            raise ValueError("`compute` needs at least one token in the window; call `accumulate` first.")
        entropy = torch.special.entr(counts_V / total).sum()
        return CodebookUsage(
            usage=counts_V.count_nonzero().item() / self.codebook_size, perplexity=entropy.exp().item()
        )


class EmaCodebook:
    """Learns a codebook as moving averages of the latents it stands for, in place of the codebook loss.

        N_j <- decay N_j + (1 - decay) n_j,   m_j <- decay m_j + (1 - decay) sum_{z -> j} z,   e_j <- m_j / N_j

    with n_j the latents of the batch that take code j (van den Oord et al., "Neural Discrete Representation Learning",
    appendix A.1). Counts and sums are added over all processes. A code whose N_j has fallen to `decay**revive_after`
    times the mean of N is dead and is moved to a random latent of the batch: a code with the mean count that is never
    used again is revived at the `revive_after`-th update, and so is one that is in use, but that rarely. Comparing
    with the mean makes this independent of the batch size.

    The codes no longer learn by gradient: the constructor freezes them. Build it before the optimizer.

    Args:
        quantizer (`VectorQuantizer`): holds the codes; they are written in place.
        decay (`float`, defaults to 0.99): decay of the averages, in (0, 1).
        revive_after (`int` or `None`, defaults to 256): updates without use that make an average code
            dead; `None` for never.
        generator (`torch.Generator`, *optional*): draws the latents for initialisation and revival. Its state is the
            caller's to save.

    Raises:
        ValueError: If `decay` is not in (0, 1) or `revive_after` is below 1.
    """

    def __init__(
        self,
        quantizer: VectorQuantizer,
        decay: float = 0.99,
        revive_after: int | None = 256,
        generator: torch.Generator | None = None,
    ):
        if not 0 < decay < 1:
            raise ValueError(f"`decay` must lie between 0 and 1, both excluded, got {decay}.")
        if revive_after is not None and revive_after < 1:
            raise ValueError(f"`revive_after` must be at least 1, or None for never, got {revive_after}.")
        self.quantizer = quantizer.requires_grad_(False)
        self.decay = decay
        self.revive_after = revive_after
        self.generator = generator
        self.counts: torch.Tensor | None = None
        self.sums: torch.Tensor | None = None

    @property
    def is_started(self) -> bool:
        """Whether the averages have a value, from `initialise`, `update` or `load_state_dict`."""
        return self.counts is not None

    @torch.no_grad()
    def initialise(self, latents: torch.Tensor, kept: int = 0) -> None:
        """Sets codes to random latents of the first batch. If there are fewer latents than codes, they are reused.

        Call it before the first batch is quantised. Otherwise the averages start from the existing codes.

        Args:
            latents (`torch.Tensor` of shape `(B, D, h, w)` or `(B, t, D, h, w)`): latents before quantisation.
            kept (`int`, defaults to 0): how many codes, from the first on, stay as they are.
        """
        latents_ND = self._flatten(latents)
        codes_VD = self.quantizer.codebook(latents_ND.device).float()
        codes_VD[kept:] = self._draw(latents_ND, len(codes_VD) - kept)
        self.quantizer.write_codebook(codes_VD)
        self._start(codes_VD, latents_ND)

    @torch.no_grad()
    def update(self, latents: torch.Tensor, tokens: torch.LongTensor) -> torch.BoolTensor:
        """Moves the codes towards the latents of one batch, then revives dead codes.

        Args:
            latents (`torch.Tensor` of shape `(B, D, h, w)` or `(B, t, D, h, w)`): latents before quantisation.
            tokens (`torch.LongTensor` of shape `(B, h, w)` or `(B, t, h, w)`): their tokens.

        Returns:
            `torch.BoolTensor` of shape `(V,)`: the codes that were revived.

        Raises:
            ValueError: If there is not one token for every latent.
        """
        latents_ND, tokens_N = self._flatten(latents), tokens.flatten()
        if len(latents_ND) != len(tokens_N):
            raise ValueError(
                f"`tokens` must hold one token for every latent, got {tuple(tokens.shape)} for {tuple(latents.shape)}."
            )
        codes_VD = self.quantizer.codebook(latents_ND.device).float()
        if not self.is_started:
            self._start(codes_VD, latents_ND)
        counts_V = torch.bincount(tokens_N, minlength=len(codes_VD)).float()
        sums_VD = torch.zeros_like(codes_VD).index_add_(0, tokens_N, latents_ND)
        _sum_over_processes(counts_V)
        _sum_over_processes(sums_VD)
        self.counts = self.decay * self.counts.to(counts_V.device) + (1 - self.decay) * counts_V
        self.sums = self.decay * self.sums.to(sums_VD.device) + (1 - self.decay) * sums_VD
        # An unused code keeps its place exactly: m / N would only add rounding, and 0 / 0 after many updates.
        codes_VD = torch.where(counts_V[:, None] > 0, self.sums / self.counts[:, None], codes_VD)
        dead_V = self._dead()
        if dead_V.any():
            even_use = self.counts.mean()
            codes_VD[dead_V] = self._draw(latents_ND, int(dead_V.sum()))
            self.counts[dead_V] = even_use
            self.sums[dead_V] = even_use * codes_VD[dead_V]
        self.quantizer.write_codebook(codes_VD)
        return dead_V

    def state_dict(self) -> dict[str, torch.Tensor | None]:
        """The averages, for resuming; the codes themselves are in the quantizer's own state.

        Returns:
            `dict`: `counts` of shape `(V,)` and `sums` of shape `(V, D)`, both `None` before the first update.
        """
        return {"counts": self.counts, "sums": self.sums}

    def load_state_dict(self, state_dict: dict[str, torch.Tensor | None]) -> None:
        """Loads what `state_dict` returned.

        Args:
            state_dict (`dict`): what `state_dict` returned.

        Raises:
            ValueError: If the averages belong to a codebook of another size.
        """
        counts, sums = state_dict["counts"], state_dict["sums"]
        expected = (self.quantizer.codebook_size, self.quantizer.codebook_dim)
        if sums is not None and tuple(sums.shape) != expected:
            raise ValueError(f"`state_dict` must hold sums of shape (V, D) = {expected}, got {tuple(sums.shape)}.")
        if (counts is None) != (sums is None) or (counts is not None and tuple(counts.shape) != expected[:1]):
            raise ValueError(f"`state_dict` must hold counts of shape (V,) = {expected[:1]} for its sums, got others.")
        self.counts = None if counts is None else counts.clone()
        self.sums = None if sums is None else sums.clone()

    def _start(self, codes_VD: torch.Tensor, latents_ND: torch.Tensor) -> None:
        """Gives all codes the same count, so that at first none looks dead or is hard to move."""
        num_latents = latents_ND.new_tensor(float(len(latents_ND)))
        _sum_over_processes(num_latents)
        self.counts = (num_latents / len(codes_VD)).expand(len(codes_VD)).clone()
        self.sums = self.counts[:, None] * codes_VD

    def _dead(self) -> torch.BoolTensor:
        if self.revive_after is None:
            return torch.zeros_like(self.counts, dtype=torch.bool)
        # A margin of half an update, so that rounding does not decide the moment.
        return self.counts < self.decay ** (self.revive_after - 0.5) * self.counts.mean()

    def _draw(self, latents_ND: torch.Tensor, number: int) -> torch.Tensor:
        """`(number, D)` random latents, all different if there are enough. All processes get those of process 0."""
        device = None if self.generator is None else self.generator.device
        order = torch.randperm(len(latents_ND), generator=self.generator, device=device).to(latents_ND.device)
        rounds = -(-number // len(order))
        drawn = latents_ND[order.repeat(rounds)[:number]]
        if distributed.is_available() and distributed.is_initialized():
            distributed.broadcast(drawn, src=0)
        return drawn

    def _flatten(self, latents: torch.Tensor) -> torch.Tensor:
        return latents.detach().movedim(-3, -1).flatten(0, -2).float()


def _sum_over_processes(tensor: torch.Tensor) -> None:
    """Sums the tensor over all processes, in place. Does nothing without `torch.distributed`."""
    if distributed.is_available() and distributed.is_initialized():
        distributed.all_reduce(tensor)
