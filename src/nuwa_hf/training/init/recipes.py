# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The ways to a model of one's own clips, as one table."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Recipe:
    """A way.

    Args:
        summary (`str`): what is learnt.
        when (`str`): when to take it.
        fine_tune (`str`, *optional*): what of a checkpoint's transformer is learnt, as `nuwa-hf train` calls it; None
            for a transformer from nothing.
    """

    summary: str
    when: str
    fine_tune: Literal["full", "lora"] | None


RECIPES = {
    "from-nothing": Recipe(
        "codec, tokenizer and a transformer of any size", "much data, or another size or length of clips", None
    ),
    "fine-tune": Recipe(
        "all weights of a checkpoint, and its codec where it draws them badly", "some hundred clips or more", "full"
    ),
    "lora": Recipe(
        "a small adapter of a checkpoint, whose codec and words stay", "clips that look like the checkpoint's", "lora"
    ),
}


def recipe_table() -> str:
    """The recipes, a line each.

    Returns:
        `str`: the lines, indented by two.
    """
    return "\n".join(f"  {name:<13} {recipe.summary}: for {recipe.when}" for name, recipe in RECIPES.items())
