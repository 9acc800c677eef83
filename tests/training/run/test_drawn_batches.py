# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""A program that ends in an error while other processes make its batches."""

import subprocess
import sys


SCRIPT = """
from nuwa_hf.training.run.drawn_batches import drawn_batches

def fails_at_three(indices):
    if indices == [3]:
        raise TypeError("batch three")
    return indices

def main():
    held = drawn_batches(list, [[number] for number in range(100)], num_workers=2)
    assert next(held) == [0]
    for _ in drawn_batches(fails_at_three, [[number] for number in range(100)], num_workers=2):
        pass

if __name__ == "__main__":
    main()
"""


def test_a_program_ends_with_an_error_that_nothing_expects(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT, encoding="utf-8")
    ended = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=120)
    assert ended.returncode == 1
    assert "TypeError: batch three" in ended.stderr
