# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Training of the transformer, from scratch or from a checkpoint."""
