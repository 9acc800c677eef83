# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Frozen classifiers of ImageNet, whose features are compared. The user supplies the weights."""
