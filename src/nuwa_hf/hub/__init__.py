# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Pushing a folder to the Hub, and what the Hub's errors mean."""
