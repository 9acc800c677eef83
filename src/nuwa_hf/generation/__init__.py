# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Sampling: schedules, cache, random numbers, the loop."""
