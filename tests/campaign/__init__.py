# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Faults by the hundred: what the product loses under each of them. Run as `python -m tests.campaign`; no test."""

import sys
from pathlib import Path


sys.path.insert(0, str(Path(__file__).parents[1]))  # tests import each other by name
