# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""What `import nuwa_hf` does: names that are imported on demand, and our classes in the tables of other libraries."""
