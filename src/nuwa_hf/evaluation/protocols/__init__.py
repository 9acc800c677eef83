# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Whole evaluations as data: sizes, samples, metrics and published rows."""
