# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Real, reconstructed and generated samples as sets that can be read again."""
