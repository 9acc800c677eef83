# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""`python -m nuwa_hf.cli`, where the command `nuwa-hf` is not on the path."""

import sys

from nuwa_hf.cli.command_line import main


sys.exit(main())
