# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""What judges candidates: CLIP, the model itself, or a function of the user's.

Legend: B outputs, T frames, D numbers of an embedding, H, W token rows and columns, Y, X pixel rows and columns.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch.nn.functional import normalize

from nuwa_hf.modeling.likelihood import token_log_likelihood
from nuwa_hf.modeling.modeling_nuwa import NuwaForConditionalGeneration
from nuwa_hf.modeling.text_ids import none_text


if TYPE_CHECKING:  # importing it takes long, and only those who pass a CLIP model need it
    from transformers import CLIPModel, CLIPProcessor

# Called as `scorer(frames, prompts)` with one candidate of each of the B outputs: `frames` of shape (B, T, 3, Y, X) in
# [0, 1] and B prompts. Returns (B,) scores, the higher the better.
Scorer = Callable[[torch.Tensor, Sequence[str]], torch.Tensor]


class ClipScorer:
    """Scores candidates with a CLIP model, as the paper picks the best of 60: the cosine of picture and text.

    A video's score is the mean over its frames.

    Args:
        model (`CLIPModel`): the model, on any device.
        processor (`CLIPProcessor`): its processor.

    Example:
        >>> from transformers import CLIPModel, CLIPProcessor

        >>> name = "openai/clip-vit-base-patch32"
        >>> scorer = ClipScorer(CLIPModel.from_pretrained(name), CLIPProcessor.from_pretrained(name))  # doctest: +SKIP
        >>> pipeline(prompt, num_candidates=8, scorer=scorer)  # doctest: +SKIP
    """

    def __init__(self, model: "CLIPModel", processor: "CLIPProcessor"):
        self.model = model.eval()
        self.processor = processor

    @torch.no_grad()
    def __call__(self, frames: torch.Tensor, prompts: Sequence[str]) -> torch.Tensor:
        """Score candidates.

        Args:
            frames (`torch.Tensor` of shape `(B, T, 3, Y, X)`): in [0, 1].
            prompts (`Sequence[str]`): B texts.

        Returns:
            `torch.Tensor` of shape `(B,)`: cosines in [-1, 1].
        """
        return cosines(self.embed_frames(frames), self.embed_texts(prompts)).mean(1)

    @torch.no_grad()
    def embed_frames(self, frames: torch.Tensor) -> torch.Tensor:
        """What CLIP sees in frames.

        Args:
            frames (`torch.Tensor` of shape `(B, T, 3, Y, X)`): in [0, 1].

        Returns:
            `torch.Tensor` of shape `(B, T, D)`: of unit length.
        """
        pictures = [
            frame.permute(1, 2, 0).mul(255).round().byte().numpy() for frame in frames.float().cpu().flatten(0, 1)
        ]
        inputs = self.processor(images=pictures, return_tensors="pt").to(self.model.device)
        embeddings = self.model.get_image_features(**inputs).pooler_output
        return normalize(embeddings, dim=-1).unflatten(0, frames.shape[:2])

    @torch.no_grad()
    def embed_texts(self, prompts: Sequence[str]) -> torch.Tensor:
        """What CLIP reads in texts, of a long one only the beginning.

        Args:
            prompts (`Sequence[str]`): B texts.

        Returns:
            `torch.Tensor` of shape `(B, D)`: of unit length.
        """
        inputs = self.processor(text=list(prompts), return_tensors="pt", padding=True, truncation=True)
        return normalize(self.model.get_text_features(**inputs.to(self.model.device)).pooler_output, dim=-1)


def cosines(frames: torch.Tensor, texts: torch.Tensor) -> torch.Tensor:
    """The cosine of each frame's embedding and its text's.

    Args:
        frames (`torch.Tensor` of shape `(B, T, D)`): of unit length.
        texts (`torch.Tensor` of shape `(B, D)`): of unit length.

    Returns:
        `torch.Tensor` of shape `(B, T)`: in [-1, 1].
    """
    return torch.einsum("btd,bd->bt", frames, texts)


def likelihood_ratio(
    model: NuwaForConditionalGeneration, tokens: torch.Tensor, conditions: dict[str, Any]
) -> torch.Tensor:
    """How much more likely the text makes the tokens: the model's own score of a candidate.

        sum_n log p(y_n | y_(before n), text, ...) - log p(y_n | y_(before n), "None", ...)

    Args:
        model (`NuwaForConditionalGeneration`): the model.
        tokens (`torch.LongTensor` of shape `(B, T, H, W)`): the candidates.
        conditions (`dict[str, Any]`): as `NuwaForConditionalGeneration.generate` takes them; a sketch and a known part
            stand on both sides of the ratio.

    Returns:
        `torch.Tensor` of shape `(B,)`: in nats.
    """
    shared = {name: conditions.get(name) for name in ("sketch_tokens", "known_mask")}
    shared["condition_on_known"] = conditions.get("condition_on_known", True)
    none = none_text(model.config, len(tokens), tokens.device)
    given = {name: conditions.get(name) for name in ("input_ids", "encoder_hidden_states", "attention_mask")}
    text = token_log_likelihood(model, tokens, **given, **shared)
    return (text - token_log_likelihood(model, tokens, none, **shared)).flatten(1).sum(1)


def check_scores(scores: Any, num_outputs: int) -> torch.Tensor:
    """Require a score for each output.

    Args:
        scores (`torch.Tensor` of shape `(B,)`, or what becomes one): what a scorer returned.
        num_outputs (`int`): B.

    Returns:
        `torch.Tensor` of shape `(B,)`: the scores, float64 on the CPU.

    Raises:
        ValueError: If they are anything but one finite number for each output.
    """
    rule = (
        f"`scorer` must return one finite number for each of the {num_outputs} outputs, as a tensor ({num_outputs},)"
    )
    try:
        numbers = torch.as_tensor(scores)
    except (TypeError, ValueError, RuntimeError) as error:  # torch has no number for it
        raise ValueError(f"{rule}, got {type(scores).__name__}; return such a list or tensor.") from error
    if numbers.shape != (num_outputs,) or not torch.isfinite(numbers).all():
        raise ValueError(
            f"{rule}, got {numbers.tolist() if numbers.numel() < 20 else tuple(numbers.shape)}; return such."
        )
    return numbers.cpu().double()
