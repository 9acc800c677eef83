# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Data sets as tokens: the text tokenizer, token files and how they are made."""
