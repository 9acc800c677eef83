# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""transformers' tester of `generate`, on ours, which fills a grid.

Most of it is about sequences that grow to the right of a prompt. A test that cannot apply is replaced by what it is
about, or skipped with the reason.
"""

import unittest

import torch
from test_transformers_models import NuwaModelTester
from transformers_suites import transformers_suite

from nuwa_hf import NuwaForConditionalGeneration


testers = transformers_suite("generation.test_utils")

SEQUENCES = "a grid has a place for every token, so no sequence goes on from a prompt"
BEAMS = "`num_beams` is refused by name: places of a wave are drawn at once, so there are no beams"
DRAFTS = "an assistant, a prompt or heads that propose tokens are refused by name: a wave draws many at once already"
CACHES = "the steps of a grid have rings of keys and values, which are no cache of transformers"
EMBEDS = "theirs looks at decoders alone and at no encoder-decoder; see tests/modeling/test_inputs_embeds.py"
NOT_APPLICABLE = {
    "test_assisted_decoding": DRAFTS,
    "test_prompt_lookup_decoding": DRAFTS,
    "test_generate_with_mtp": DRAFTS,
    "test_beam_": BEAMS,
    "test_generate_from_inputs_embeds": EMBEDS,
    "test_generate_from_random_inputs_embeds": EMBEDS,
    "test_generate_continue_from": SEQUENCES,
    "test_left_padding_compatibility": SEQUENCES,
    "test_generate_with_and_without_position_ids": SEQUENCES,
    "test_prepare_inputs_for_generation_kwargs_forwards": SEQUENCES,
    "test_greedy_generate_dict_outputs_use_cache": CACHES,
    "test_generate_without_input_ids": "a text is given, if only the constant one that stands for none",
    "test_generate_methods_with_logits_to_keep": "a step computes the logits of its places and no others",
}


class NuwaGenerationTest(testers.GenerationTesterMixin, unittest.TestCase):
    all_model_classes = all_generative_model_classes = (NuwaForConditionalGeneration,)
    is_encoder_decoder = True
    has_attentions = True
    test_torch_exportable = False  # test_transformers_exports.py is about that

    def setUp(self):
        self.model_tester = NuwaModelTester()

    def prepare_config_and_inputs_for_generate(self, batch_size=2):
        config, inputs = self.model_tester.prepare_config_and_inputs_for_common()
        return config, {name: inputs[name][:batch_size] for name in ("input_ids", "attention_mask", "sketch_tokens")}

    def _generate(self, **settings):
        config, inputs = self.prepare_config_and_inputs_for_generate()
        model = NuwaForConditionalGeneration(config).eval()
        torch.manual_seed(42)
        return config, model.generate(**inputs, **settings)

    def test_greedy_generate(self):
        config, tokens = self._generate(do_sample=False, return_dict_in_generate=False)
        assert tokens.shape == (2, *config.visual_grid)

    def test_greedy_generate_dict_outputs(self):
        config, output = self._generate(do_sample=False, return_dict_in_generate=True, output_scores=True)
        assert output.scores.shape == (2, *config.visual_grid, config.codebook_size)
        assert torch.equal(output.scores.argmax(-1), output.tokens)

    def test_sample_generate(self):
        drawn = {"do_sample": True, "top_k": 10, "top_p": 0.7, "temperature": 0.7, "return_dict_in_generate": False}
        config, tokens = self._generate(**drawn)
        assert tokens.shape == (2, *config.visual_grid)

    def test_sample_generate_dict_output(self):
        settings = {"do_sample": True, "num_return_sequences": 2, "output_scores": True, "top_k": 10}
        config, output = self._generate(return_dict_in_generate=True, **settings)
        assert output.tokens.shape == (4, *config.visual_grid)
        assert (output.scores.isfinite().sum(-1) == 10).all()
        assert output.scores.gather(-1, output.tokens[..., None]).isfinite().all()

    def test_forward_with_logits_to_keep(self):
        """Theirs expects a logit for every text token, of the text's vocabulary."""
        config, inputs = self.model_tester.prepare_config_and_inputs_for_common()
        model = NuwaForConditionalGeneration(config).eval()
        with torch.no_grad():
            everything = model(**inputs, logits_to_keep=0).logits
            last = model(**inputs, logits_to_keep=1).logits
        assert everything.shape == (3, *config.visual_grid, config.codebook_size)
        torch.testing.assert_close(everything.flatten(1, 3)[:, -1:], last, rtol=1e-5, atol=1e-5)


def _skip(reason):
    def skipped(self):
        self.skipTest(reason)

    return skipped


for _name in dir(NuwaGenerationTest):
    for _start, _reason in NOT_APPLICABLE.items():
        if _name.startswith(_start):
            setattr(NuwaGenerationTest, _name, _skip(_reason))
