# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Sampling: schedules, the cache, random numbers and the loop."""
