# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Seeds torch, many times a test."""

import torch


HAS_ACCELERATOR = torch.accelerator.is_available()


def seed_torch(seed: int) -> None:
    """What `torch.manual_seed` does, which writes down the stack for every kind of accelerator that is not there."""
    if HAS_ACCELERATOR:
        torch.manual_seed(seed)
    else:
        torch.default_generator.manual_seed(seed)
