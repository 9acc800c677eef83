# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""transformers' tester of processors, on ours, as transformers' own tests use it.

Most of it is about image, video and audio processors and about chats; ours has codecs in their place.
"""

import unittest

from tiny import VISUAL_GRID, tiny_codecs, tiny_tokenizer
from transformers_suites import transformers_suite

from nuwa_hf import NuwaProcessor


testers = transformers_suite("test_processing_common")

NO_SAMPLING = "gives settings of a video processor; `num_frames` says how many frames there are to be"
NO_KWARGS = "a call has its arguments in its signature and no others, so a misspelt one is an error"
NOT_APPLICABLE = {
    "test_call_arguments_default_none": NO_KWARGS,
    "test_call_arguments_not_in_processor_kwargs": NO_KWARGS,
    "test_flat_kwarg_applied_when_modality_dict_lacks_it": NO_SAMPLING,
    "test_processor_to_json_string": "wants all parts in one JSON; codecs are models with weights",
    "test_save_load_pretrained_additional_features": "sets tokens of the tokenizer; give one as `tokenizer`",
    "test_tokenizer_decode_defaults": "makes a processor of a tokenizer alone, which has no codec",
    "test_subprocessor_defaults_0_text": "texts are padded to the length that the model reads, as in training",
}


class NuwaProcessorTest(testers.ProcessorTesterMixin, unittest.TestCase):
    processor_class = NuwaProcessor

    @classmethod
    def _setup_tokenizer(cls):
        return tiny_tokenizer()

    @staticmethod
    def prepare_processor_dict():
        return {**tiny_codecs(), "visual_grid": VISUAL_GRID}

    def test_model_input_names(self):
        """Theirs gives the settings of a video processor too."""
        processor = self.get_processor()
        clip = self.prepare_videos_inputs()[:2].transpose(0, 2, 3, 1)
        inputs = processor(text=self.prepare_text_inputs(), videos=clip)
        assert set(inputs) <= set(processor.model_input_names)


def _skip(reason):
    def skipped(self):
        self.skipTest(reason)

    return skipped


for _name, _reason in NOT_APPLICABLE.items():
    setattr(NuwaProcessorTest, _name, _skip(_reason))
