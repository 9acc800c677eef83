# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""What each command needs besides options; the files are those of the fixture `input_folder`."""

PROMPT = "a red apple rolls to the left"
INPUTS = {
    "text-to-image": [PROMPT],
    "text-to-video": [PROMPT],
    "sketch-to-image": ["sketch-0.png"],
    "sketch-to-video": ["sketch-0.png", "sketch-1.png"],
    "complete": ["image.png", "--mask", "mask.png"],
    "predict": ["image.png"],
    "edit-image": [PROMPT, "image.png", "--mask", "mask.png"],
    "edit-video": [PROMPT, "clip.gif"],
}
