# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Pushing to the Hub: one commit for a folder, and the model card of a training run."""
