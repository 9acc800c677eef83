# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""transformers' tester of exported models, on ours; `RUN_SLOW=1` and `-m slow` run it, as in transformers.

Theirs calls the exporters as an earlier release had them, so the tests are ours and the inputs, the tolerance and what
is compared are theirs.
"""

import copy
import tempfile
import unittest

import pytest
import torch
from test_transformers_models import NuwaModelTester
from transformers.exporters.base import ExportedModel
from transformers.exporters.exporter_dynamo import DynamoConfig, DynamoExporter
from transformers.exporters.exporter_onnx import OnnxConfig, OnnxExporter
from transformers.exporters.utils import get_leaf_tensors
from transformers_suites import transformers_suite

from nuwa_hf import NuwaForConditionalGeneration, NuwaModel


exports = transformers_suite("exporters.test_export")


@pytest.mark.slow
class NuwaExportTest(exports.ExportTesterMixin, unittest.TestCase):
    all_model_classes = (NuwaModel, NuwaForConditionalGeneration)
    test_torch_exportable = True

    def setUp(self):
        self.model_tester = NuwaModelTester()

    def _prepare_for_class(self, inputs_dict, model_class):
        return inputs_dict

    def _check_export(self, exporter, config):
        for model_class in self.all_model_classes:
            components = self._prepare_export_model_and_inputs(model_class)
            eager = self._collect_eager_outputs(components)
            for name, (model, inputs) in components.items():
                with tempfile.TemporaryDirectory() as folder:
                    exporter.export(model, inputs, config=config).save_pretrained(folder)
                    exported = ExportedModel.from_pretrained(folder)
                    self._compare(exported, inputs, eager[name])
                    if config.dynamic:
                        fewer = {key: tensor[:2] for key, tensor in inputs.items()}
                        fewer |= {key: fewer[key][:, :5] for key in ("input_ids", "attention_mask")}
                        with torch.no_grad():
                            self._compare(exported, fewer, get_leaf_tensors(model(**fewer)))

    def _compare(self, exported, inputs, expected):
        with torch.no_grad():
            found = get_leaf_tensors(exported(**copy.deepcopy(inputs)))
        self._check_outputs_close(found, expected, atol=1e-4, rtol=1e-4)

    def test_torch_export_static(self):
        self._check_export(DynamoExporter(), DynamoConfig(dynamic=False))

    def test_torch_export_dynamic(self):
        self._check_export(DynamoExporter(), DynamoConfig(dynamic=True))

    def test_onnx_export_static(self):
        pytest.importorskip("onnxscript")
        self._check_export(OnnxExporter(), OnnxConfig(dynamic=False))

    def test_onnx_export_dynamic(self):
        pytest.importorskip("onnxscript")
        self._check_export(OnnxExporter(), OnnxConfig(dynamic=True))
