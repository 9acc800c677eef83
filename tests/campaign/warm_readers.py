# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Everything that reads a file, imported, so that a process of its own for each file costs little."""

from campaign import bad_media, media_readers  # noqa: F401 (bad_media starts the processes)


media_readers.app()
media_readers.saved_checkpoint()
