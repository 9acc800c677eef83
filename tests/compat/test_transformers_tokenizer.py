# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""transformers' tester of tokenizers, on ours, as transformers' own tests use it."""

import tempfile
import unittest

from transformers_suites import transformers_suite

from nuwa_hf import NuwaTokenizer


testers = transformers_suite("test_tokenization_common")
CAPTIONS = [
    "this is a test",
    "the quick brown fox jumps over the lazy dog",
    "a new low er newer lowest wide",
    "i was born in 92000 , and this is falsé .",
]


class NuwaTokenizationTest(testers.TokenizerTesterMixin, unittest.TestCase):
    tokenizer_class = rust_tokenizer_class = NuwaTokenizer
    test_slow_tokenizer = False
    from_pretrained_id = ()

    @classmethod
    def setUpClass(cls):
        # Theirs reads tokenizers from the Hub, and a sample text that no test uses.
        cls.tmpdirname = tempfile.mkdtemp()
        NuwaTokenizer.train(CAPTIONS * 3, vocab_size=400).save_pretrained(cls.tmpdirname)
        cls.tokenizers_list = [(NuwaTokenizer, cls.tmpdirname, {})]

    @classmethod
    def get_tokenizer(cls, pretrained_name=None, **kwargs):
        return NuwaTokenizer.from_pretrained(pretrained_name or cls.tmpdirname, **kwargs)

    def test_padding_to_multiple_of(self):
        self.skipTest("asks for a multiple of 8 tokens of at most `model_max_length`, which is 77 as in the paper")

    def test_tokenize_special_tokens(self):
        self.skipTest("a text that spells a special token is still text (`split_special_tokens`)")
