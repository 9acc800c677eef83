# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Training of the codecs, VQ-GAN and VQ-GAN-Seg."""
