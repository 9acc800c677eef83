# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""What contenders are asked for. Nothing is imported here, so that tables need no torch."""

SETS = {  # name to digits of a clip and split
    "1 digit, seen": (1, "val"),
    "1 digit, held out": (1, "zeroshot"),
    "2 digits, seen": (2, "val"),
    "2 digits, held out": (2, "zeroshot"),
}
