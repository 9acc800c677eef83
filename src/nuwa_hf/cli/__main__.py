# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Makes `python -m nuwa_hf.cli` do what the command `nuwa-hf` does."""

import sys

from nuwa_hf.cli.command_line import main


sys.exit(main())
