# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The models: VQ-GAN, text tokenizer and NUWA transformer."""
