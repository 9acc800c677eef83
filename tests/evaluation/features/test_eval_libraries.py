# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
import pytest

from nuwa_hf.evaluation.features.eval_libraries import import_library


def test_a_library_that_is_not_there_or_does_not_fit_torch_is_an_error_that_says_what_to_install(
    tmp_path, monkeypatch
):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "library_of_another_torch.py").write_text("raise RuntimeError('operator torchvision::nms is missing')")
    for name, why in (("library_that_is_not_there", "No module"), ("library_of_another_torch", "torchvision::nms")):
        with pytest.raises(ValueError, match=rf"`{name}` must be installed.*{why}.*pip install nuwa_hf\[eval\]"):
            import_library(name)
