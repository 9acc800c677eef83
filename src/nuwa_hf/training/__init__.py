# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Training of tokenizer, VQ-GAN and transformer on Accelerate."""
