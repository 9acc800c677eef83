# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The command `nuwa-hf`: a sub-command for each task, and for training, evaluation and pushing."""

from nuwa_hf.cli.command_line import build_parser, main
from nuwa_hf.cli.command_table import DELEGATED


__all__ = ["DELEGATED", "build_parser", "main"]
