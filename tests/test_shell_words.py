# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Commands that are shown can be typed as they stand."""

import shlex
from pathlib import Path

import pytest

from nuwa_hf import shell_words
from nuwa_hf.shell_words import shell_line
from nuwa_hf.training.run.next_commands import after_tokenizer, after_training


@pytest.mark.parametrize("words", [["nuwa-hf", "a b", "it's", "", 'a "b"', "c$d"], ["plain"]])
def test_a_posix_shell_takes_the_words_apart_again(monkeypatch, words):
    monkeypatch.setattr(shell_words, "IS_WINDOWS", False)
    assert shlex.split(shell_line(words)) == words


def test_commands_have_double_quotes_on_windows(monkeypatch):
    """Single ones became part of the names of files."""
    monkeypatch.setattr(shell_words, "IS_WINDOWS", True)
    assert shell_line(["nuwa-hf", "a b", "it's", "", "c"]) == 'nuwa-hf "a b" it\'s "" c'
    (following,) = after_tokenizer(Path("my words"), ["--dataset", "my clips"])
    assert following == (
        'nuwa-hf tokenize --vqgan VQGAN --tokenizer "my words" --dataset "my clips" --output_dir TOKENS'
    )
    use, _ = after_training(Path("my runs"), tasks=["T2V"], caption="it is red", adapter=None)
    assert use == 'nuwa-hf text-to-video "it is red" --checkpoint "my runs" --contact-sheet'
