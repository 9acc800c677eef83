# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Everything that reads a file, imported, so that a process of its own for each file costs little."""

from campaign import bad_media


PIPELINE = bad_media.tiny_pipeline("V2V")
