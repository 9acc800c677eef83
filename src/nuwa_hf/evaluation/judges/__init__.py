# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The networks that judge clips, their training, and scores computed from their verdicts."""
