# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Texts to begin with."""

# Of EmojiMotion, as the embedded checkpoint learnt them.
EXAMPLE_PROMPTS = [
    "a rocket flies upwards over the sea",
    "a cat jumps up and down on the grass",
    "a red apple on the grass",
    "a dog in the snow",
]
